package keepalived

import (
	"strconv"
	"strings"
	"time"

	"stead/internal/importer/draft"
)

// The bounds of Stead's checks, and how often it looks where keepalived is told by
// the kernel.
const (
	leastExec    = 100 * time.Millisecond
	mostInterval = time.Hour
	watched      = 100 * time.Millisecond
	mostCount    = 100
)

// weight is what a failed check does.
type weight struct {
	value   int
	reverse bool
}

// weightOf reads `weight N [reverse|noreverse]` from a word on.
func (c *converter) weightOf(d *Directive, word int, def weight) (weight, bool) {
	if word >= len(d.Words) {
		return def, true
	}
	n, err := strconv.Atoi(d.Arg(word))
	if err != nil || n < -254 || n > 254 {
		c.find(d, Changed, strconv.Quote(d.Arg(word))+" is not a weight from -253 to 253: the check was left out", "correct it, and import again")
		return def, false
	}
	d.use(0, word)
	w := weight{value: min(max(n, -253), 253), reverse: def.reverse}
	switch d.Arg(word + 1) {
	case "reverse":
		w.reverse = true
		d.use(word + 1)
	case "noreverse":
		w.reverse = false
		d.use(word + 1)
	case "":
		w.reverse = false
	}
	return w, true
}

// tracked reads a line of a track block: a name, and perhaps a weight of its own.
func (c *converter) tracked(d *Directive, def weight) (weight, bool) {
	d.use(0)
	if len(d.Words) == 1 {
		return def, true
	}
	if d.Arg(1) != "weight" || d.Arg(2) == "" {
		c.find(d, Changed, "keepalived does not track it: "+strings.Join(d.Words[1:], " ")+" is not a weight", "write weight NUMBER")
		return def, false
	}
	d.use(1)
	return c.weightOf(d, 2, def)
}

// effect writes what the check does to the group.
func (w weight) effect(s *draft.Section, note string) {
	if w.value == 0 {
		s.Set("fatal", "true", note)
		return
	}
	s.Set("weight", strconv.Itoa(w.value), note)
}

// applies tells whether the weight can be said here, and lists it when it cannot.
func (c *converter) applies(g *group, d *Directive, w weight) bool {
	switch {
	case w.value != 0 && g.owner():
		c.find(d, Unneeded, "keepalived ignores weights of a router with priority 255", "")
	case w.reverse:
		c.find(d, Lost, "Stead has no reversed weights: the check was left out", "reverse the check, and give it the other sign")
	default:
		return true
	}
	return false
}

// room tells whether the group may have one more check.
func (c *converter) room(g *group, d *Directive) bool {
	if g.checks.Len() < 64 {
		return true
	}
	c.find(d, Lost, "a group has at most 64 checks", "let one script look at several things")
	return false
}

// check makes the section of a check under a name that is free.
func (g *group) check(name string) *draft.Section {
	name = draft.Unique(name, g.checks.Has)
	return g.checks.Headed(name, "")
}

// counts writes how often a check runs and how many results decide.
func counts(s *draft.Section, interval, timeout time.Duration, rise, fall int) {
	s.Set("interval", length(interval), "")
	s.Set("timeout", length(timeout), "")
	s.Set("rise", strconv.Itoa(rise), "")
	s.Set("fall", strconv.Itoa(fall), "")
}

// trackScripts converts track_script: each script becomes a check of the group.
func (c *converter) trackScripts(g *group, block *Directive) {
	block.use(0)
	for _, d := range block.Block {
		script := c.scripts[d.Name()]
		if script == nil {
			d.use(0)
			c.find(d, Unneeded, "there is no such vrrp_script: keepalived ignores the line", "")
			continue
		}
		def := weight{}
		var at scriptParts
		c.scriptParts(script, &at, &def)
		w, ok := c.tracked(d, def)
		switch {
		case !ok, at.script == nil:
			continue
		case g.sync != nil && w.value != 0 && !g.sync.weights:
			c.find(d, Unneeded, "keepalived ignores a script with a weight in a sync group without sync_group_tracking_weight", "")
			continue
		}
		if c.applies(g, d, w) && c.room(g, d) {
			c.scriptCheck(g, d, script, at, w)
		}
	}
}

// scriptParts are the lines of a vrrp_script.
type scriptParts struct {
	script, interval, timeout, rise, fall, user *Directive
}

func (c *converter) scriptParts(block *Directive, at *scriptParts, w *weight) {
	for _, d := range block.Block {
		switch d.Name() {
		case "script":
			c.last(&at.script, d)
		case "interval":
			c.last(&at.interval, d)
		case "timeout":
			c.last(&at.timeout, d)
		case "rise":
			c.last(&at.rise, d)
		case "fall":
			c.last(&at.fall, d)
		case "user":
			c.last(&at.user, d)
			d.use(0, 1)
			if !d.listed {
				c.userGroup(d, 2)
			}
		case "weight":
			d.use(0)
			*w, _ = c.weightOf(d, 1, weight{})
		case "init_fail":
			d.use(0)
			c.note(d, Unneeded, "a node waits for the first result of its checks before it serves", "")
		}
	}
	if at.script == nil && !block.listed {
		c.find(block, Unneeded, "has no script: keepalived removes it", "")
	}
}

func (c *converter) scriptCheck(g *group, d, block *Directive, at scriptParts, w weight) {
	cmd, ok := c.command(at.script, false)
	if !ok {
		return
	}
	if at.user != nil {
		cmd.user = c.scriptUser(at.user, at.user.Arg(1))
	}
	interval, timeout := time.Second, time.Duration(0)
	if at.interval != nil {
		if v, ok := c.seconds(at.interval, 1); ok && v > 0 {
			interval = c.clamp(at.interval, v, leastExec, mostInterval, "the interval of a program")
		}
	}
	if at.timeout != nil {
		if v, ok := c.seconds(at.timeout, 1); ok && v > 0 {
			timeout = c.clamp(at.timeout, v, time.Millisecond, mostInterval, "a timeout")
		}
	}
	if timeout == 0 {
		timeout = interval // keepalived's default
	}
	if timeout > interval {
		c.note(at.timeout, Changed, "a run ends before the next one starts: the interval became "+length(timeout)+", that of the timeout", "lower the timeout to have the interval back")
		interval = timeout
	}
	c.made[block] = true
	s := g.check(block.Arg(1))
	cmd.target(s, from(at.script))
	counts(s, interval, timeout, c.count(at.rise), c.count(at.fall))
	w.effect(s, from(d))
}

// count is a number of results; keepalived's default is 1.
func (c *converter) count(d *Directive) int {
	if d == nil {
		return 1
	}
	n, ok := c.integer(d, 1, 1, 1<<31-1)
	if !ok {
		return 1
	}
	if n > mostCount {
		c.note(d, Changed, "at most "+strconv.Itoa(mostCount)+" results in a row decide", "raise the interval instead")
	}
	return min(n, mostCount)
}
