package keepalived

import "stead/internal/importer/draft"

// hookOf are the directives that run a program on a change, and the hook of Stead.
var hookOf = map[string]string{
	"notify": "change", "notify_master": "activate", "notify_backup": "standby", "notify_fault": "fault", "notify_stop": "stop",
}

// hookTimeout is given to hooks: keepalived sets no limit but for notify_stop.
const hookTimeout = "1m"

// notify converts one notify directive of an instance.
func (c *converter) notify(g *group, d *Directive) {
	c.hook(g, d, "keepalived", "")
}

// hook writes the hook of a directive. In keepalived only `notify` adds arguments.
func (c *converter) hook(g *group, d *Directive, arguments, whose string) {
	kind := hookOf[d.Name()]
	cmd, ok := c.command(d, true)
	if !ok {
		return
	}
	s := g.hooks.Sub(kind)
	s.Set("exec", draft.Flow(cmd.args), from(d)+whose+behindNote(cmd.note))
	if d.Name() == "notify" {
		s.Set("arguments", arguments, "")
	}
	limit, note := hookTimeout, "keepalived sets no limit"
	if d.Name() == "notify_stop" {
		limit, note = "1s", "keepalived's limit"
	}
	s.Set("timeout", limit, note)
	if cmd.user != "" {
		s.Set("user", draft.Scalar(cmd.user), "")
	}
}
