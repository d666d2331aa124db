package keepalived

import (
	"fmt"
	"strconv"
	"strings"

	"stead/internal/importer/draft"
)

// converter turns the tree into sections of YAML.
type converter struct {
	o        Options
	tree     []*Directive
	findings []Finding
	secrets  []Secret

	node      string
	global    *globals
	scripts   map[string]*Directive
	processes map[string]*Directive
	files     map[string]*Directive
	delays    map[string]*Directive // of interfaces
	groups    []*group
	syncs     []*syncGroup
	names     map[string]string   // names of groups, by that of the instance
	alerts    []string            // groups whose changes are mailed
	alertFrom *Directive          // where that is said first
	made      map[*Directive]bool // what a check was made of
	top       draft.Section
}

func newConverter(o Options, tree []*Directive, notes []Finding) *converter {
	return &converter{o: o, tree: tree, findings: notes, names: map[string]string{}, made: map[*Directive]bool{},
		scripts: map[string]*Directive{}, processes: map[string]*Directive{}, files: map[string]*Directive{}, delays: map[string]*Directive{}}
}

// convert walks the tree: first what others refer to, then the instances, then
// what refers to them.
func (c *converter) convert() {
	c.readGlobals()
	for _, d := range c.tree {
		c.index(d)
	}
	c.readSyncs()
	c.nodeName()
	for _, d := range c.tree {
		if d.Name() == "vrrp_instance" {
			c.readInstance(d)
		}
	}
	c.finishSyncs()
	c.nodeAddress()
	c.finishGlobals()
	c.unused()
	for _, d := range c.tree {
		c.sweep(d)
	}
}

// index notes what is referred to by name, and lists blocks without counterpart.
func (c *converter) index(d *Directive) {
	switch d.Name() {
	case "vrrp_script":
		c.keep(c.scripts, d)
	case "vrrp_track_process":
		c.keep(c.processes, d)
	case "track_file", "vrrp_track_file":
		c.keep(c.files, d)
	case "interface_up_down_delays":
		d.use(0)
		for _, in := range d.Block {
			c.delays[in.Name()] = in
		}
	case "global_defs", "vrrp_instance", "vrrp_sync_group":
	default:
		c.verdict(d, rootVerdicts)
	}
}

// keep notes a block under its name; a second one of the same name is not looked at.
func (c *converter) keep(in map[string]*Directive, d *Directive) {
	name := d.Arg(1)
	switch {
	case name == "":
		c.find(d, Lost, "has no name: keepalived ignores it", "give it one")
	case in[name] != nil:
		c.find(d, Unneeded, "is there already: keepalived uses one of them", "")
	default:
		in[name] = d
		d.use(0, 1)
	}
}

// unused lists what no instance refers to.
func (c *converter) unused() {
	for _, d := range c.tree {
		switch d.Name() {
		case "vrrp_script", "vrrp_track_process", "track_file", "vrrp_track_file":
			switch {
			case d.listed || c.made[d]:
			case touched(d):
				c.find(d, Unneeded, "no check was made of it: what tracks it says why", "")
			default:
				c.find(d, Unneeded, "no instance tracks it, so keepalived does not run it", "")
			}
		}
	}
	for _, d := range c.tree {
		if d.Name() != "interface_up_down_delays" {
			continue
		}
		for _, in := range d.Block {
			if !in.used[0] {
				c.find(in, Changed, "delays on the interface of an instance have no counterpart: Stead releases as soon as it is down",
					"track the interface as a check of the group, with fall and rise")
			}
		}
	}
}

// touched tells whether anything in the block was looked at.
func touched(d *Directive) bool {
	for _, in := range d.Block {
		if in.listed || len(in.used) > 0 && in.used[0] {
			return true
		}
	}
	return false
}

// use marks words as converted.
func (d *Directive) use(words ...int) {
	for _, i := range words {
		if i < len(d.used) {
			d.used[i] = true
		}
	}
}

// useAll marks every word of the directive.
func (d *Directive) useAll() *Directive {
	for i := range d.used {
		d.used[i] = true
	}
	return d
}

// find lists the directive, and with it all that is in its block.
func (c *converter) find(d *Directive, kind Kind, why, do string) {
	text := strings.Join(d.Words, " ")
	if secret(d) {
		text = d.Name()
		if d.Arg(2) != "" {
			text += " " + d.Arg(1) // the number of a key
		}
	}
	if n := d.Count(); n > 0 {
		why = fmt.Sprintf("%s (with the %s in it)", why, plural(n, "directive"))
	}
	d.listed = true
	c.findings = append(c.findings, Finding{File: d.File, Line: d.Line, Directive: draft.Printable(text), Kind: kind, Why: draft.Printable(why), Do: draft.Printable(do)})
}

// note lists something about a directive that was converted.
func (c *converter) note(d *Directive, kind Kind, why, do string) {
	listed, used := d.listed, append([]bool(nil), d.used...)
	block := d.Block
	d.Block = nil
	c.find(d, kind, why, do)
	d.Block, d.listed, d.used = block, listed, used
}

// last keeps the later of two directives that say the same thing.
func (c *converter) last(slot **Directive, d *Directive) {
	if before := *slot; before != nil && before != d && !before.listed {
		c.find(before, Unneeded, "is said again in line "+strconv.Itoa(d.Line), "")
	}
	*slot = d
}

func plural(n int, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return fmt.Sprintf("%d %ss", n, noun)
}

// secret tells whether the words of a directive must not be printed.
func secret(d *Directive) bool { return d.Name() == "auth_pass" || d.Name() == "key" }

// verdict lists a directive by what the table says of it.
func (c *converter) verdict(d *Directive, table map[string]verdict) {
	if v, ok := table[d.Name()]; ok {
		c.find(d, v.kind, v.why, v.do)
	}
}

// sweep lists what nobody has looked at.
func (c *converter) sweep(d *Directive) {
	if d.listed {
		return
	}
	if !d.used[0] {
		c.find(d, Lost, "is not a directive that is known here", "look it up in keepalived.conf(5)")
		return
	}
	var left []string
	for i, used := range d.used {
		if !used {
			left = append(left, d.Words[i])
		}
	}
	if len(left) > 0 {
		if secret(d) {
			left = []string{plural(len(left), "word")}
		}
		c.note(d, Lost, "nothing was made of "+strings.Join(left, " "), "look it up in keepalived.conf(5)")
	}
	for _, in := range d.Block {
		c.sweep(in)
	}
}

func (c *converter) list() []Finding { return draft.Sort(c.findings) }

// write renders the configuration.
func (c *converter) write(path string) []byte {
	var b strings.Builder
	fmt.Fprintf(&b, "# Made from %s by stead import keepalived.\n", draft.Printable(path))
	c.top.Write(&b, 0)
	return []byte(b.String())
}
