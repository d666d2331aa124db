package exabgp

import (
	"net/netip"
	"slices"

	"stead/internal/importer/draft"
)

// converter notes what the tree of one host says.
type converter struct {
	o        Options
	tree     []*Directive
	host     host
	findings []draft.Finding
	err      error

	templates map[string]*Directive
	processes []*Directive
}

// convert walks the tree: first what others refer to, then the neighbors, then the
// processes that announce to them.
func (c *converter) convert(path string) error {
	c.templates = map[string]*Directive{}
	for _, d := range c.tree {
		switch {
		case d.Name() == "template" && d.Open:
			d.use(0)
			c.indexTemplates(d)
		case d.Name() == "process" && d.Open:
			d.use(0, 1)
			c.processes = append(c.processes, d)
		}
	}
	for _, d := range c.tree {
		if d.Name() == "neighbor" && d.Open {
			c.neighbor(d)
		}
	}
	c.unusedTemplates()
	c.static()
	for _, d := range c.processes {
		c.process(d)
	}
	c.whereOthersReach(path)
	for _, d := range c.tree {
		c.sweep(d)
	}
	if c.err == nil && len(c.host.peers) == 0 {
		return &noNeighbor{path}
	}
	return c.err
}

// noNeighbor is the error of a file that announces nothing to anybody.
type noNeighbor struct{ path string }

func (e *noNeighbor) Error() string {
	return e.path + ": has no neighbor: name the exabgp.conf that says to whom is announced"
}

func (c *converter) indexTemplates(d *Directive) {
	for _, t := range d.Block {
		if t.Name() != "neighbor" || !t.Open || t.Arg(1) == "" {
			continue
		}
		if c.templates[t.Arg(1)] != nil {
			c.refuse(t, "give one of them another name", "the template %q is there already", t.Arg(1))
		}
		t.use(0, 1)
		c.templates[t.Arg(1)] = t
	}
}

// unusedTemplates lists what no neighbor inherits.
func (c *converter) unusedTemplates() {
	for _, d := range c.tree {
		if d.Name() != "template" {
			continue
		}
		for _, t := range d.Block {
			if t.Open && !slices.ContainsFunc(t.Block, func(in *Directive) bool { return in.used[0] || in.listed }) && len(t.Block) > 0 {
				c.find(t, draft.Unneeded, "no neighbor inherits it", "")
			}
		}
	}
}

// whereOthersReach finds the address of this node.
func (c *converter) whereOthersReach(path string) {
	h := &c.host
	if c.o.Address.IsValid() {
		h.address, h.addrFrom = c.o.Address, "as asked for"
		return
	}
	for _, p := range h.peers {
		if p.source.IsValid() && !p.source.IsLinkLocalUnicast() && !p.source.IsLoopback() {
			h.address, h.addrFrom = p.source, from(p.sourceFrom)
			return
		}
	}
	for _, p := range h.peers {
		if p.source.IsValid() {
			h.address, h.addrFrom = p.source, from(p.sourceFrom)
			return
		}
	}
	if len(h.peers) > 0 {
		c.refuse(h.peers[0].d, "name one with --address", "no local-address tells where others reach this node")
	}
}

// static makes groups of the paths that are announced from the start: those with the
// same attributes to the same peers are one.
func (c *converter) static() {
	type wide struct {
		*route
		peers []netip.Addr
	}
	var list []*wide
	for _, p := range c.host.peers {
		for _, one := range p.paths {
			i := slices.IndexFunc(list, func(w *wide) bool {
				return w.prefix == one.prefix && w.same(one) && !slices.Contains(w.peers, p.address)
			})
			if i < 0 {
				list = append(list, &wide{one, []netip.Addr{p.address}})
				continue
			}
			list[i].peers = append(list[i].peers, p.address)
		}
	}
	var peers [][]netip.Addr
	for _, w := range list {
		i := slices.IndexFunc(c.host.groups, func(g *group) bool { return g.path.same(w.route) })
		for i >= 0 && (!slices.Equal(peers[i], w.peers) || slices.Contains(c.host.groups[i].prefixes, w.prefix)) {
			next := slices.IndexFunc(c.host.groups[i+1:], func(g *group) bool { return g.path.same(w.route) })
			if next < 0 {
				i = -1
				break
			}
			i += 1 + next
		}
		if i >= 0 {
			c.host.groups[i].prefixes = append(c.host.groups[i].prefixes, w.prefix)
			continue
		}
		g := &group{name: c.groupName(w.name, "static"), head: "announced from the start (" + from(w.d) + ")", d: w.d,
			prefixes: []netip.Prefix{w.prefix}, path: *w.route, unhealthy: withdrawn, drain: withdrawn}
		if len(w.peers) < len(c.host.peers) {
			g.peers = w.peers
		}
		peers = append(peers, w.peers)
		c.host.groups = append(c.host.groups, g)
	}
}

// groupName is a name for a group that no other has.
func (c *converter) groupName(name, otherwise string) string {
	if name == "" {
		name = otherwise
	}
	return draft.Unique(name, func(s string) bool {
		return slices.ContainsFunc(c.host.groups, func(g *group) bool { return g.name == s })
	})
}
