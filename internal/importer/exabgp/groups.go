package exabgp

import (
	"net/netip"
	"slices"
	"strconv"
	"strings"

	"stead/internal/importer/draft"
)

// share is a group as the nodes that announce it have it.
type share struct {
	name  string
	nodes []*host
	of    []*group // by node
}

// makeShares puts the groups of all nodes together that announce the same prefixes.
func (w *writer) makeShares() (list []*share) {
	for _, h := range w.hosts {
		for _, g := range w.alignedGroups(h) {
			i := slices.IndexFunc(list, func(s *share) bool {
				return slices.Equal(sorted(s.of[0].prefixes), sorted(g.prefixes)) && !slices.Contains(s.nodes, h)
			})
			if i < 0 {
				name := draft.Unique(g.name, func(name string) bool {
					return slices.ContainsFunc(list, func(s *share) bool { return s.name == name })
				})
				list = append(list, &share{name: name})
				i = len(list) - 1
			}
			list[i].nodes = append(list[i].nodes, h)
			list[i].of = append(list[i].of, g)
		}
	}
	return list
}

// alignedGroups are the groups of a node, taken apart where those of another node have
// some of their prefixes and not all.
func (w *writer) alignedGroups(h *host) (list []*group) {
	for _, g := range h.groups {
		if !w.overlaps(h, g) {
			list = append(list, g)
			continue
		}
		for _, p := range g.prefixes {
			one := *g
			one.prefixes = []netip.Prefix{p}
			list = append(list, &one)
		}
	}
	return list
}

func (w *writer) overlaps(h *host, g *group) bool {
	for _, other := range w.hosts {
		for _, o := range other.groups {
			if other == h || slices.Equal(sorted(o.prefixes), sorted(g.prefixes)) {
				continue
			}
			if slices.ContainsFunc(o.prefixes, func(p netip.Prefix) bool { return slices.Contains(g.prefixes, p) }) {
				return true
			}
		}
	}
	return false
}

// to are the peers that the group is announced to by any node.
func (s *share) to() (list []netip.Addr) {
	for i, g := range s.of {
		peers := g.peers
		if peers == nil {
			for _, p := range s.nodes[i].peers {
				peers = append(peers, p.address)
			}
		}
		for _, a := range peers {
			if !slices.Contains(list, a) {
				list = append(list, a)
			}
		}
	}
	return list
}

// speaks tells whether a node has a session with a peer, in Stead: where a group of it
// is announced to the peer.
func (w *writer) speaks(h *host, a netip.Addr) bool {
	return slices.ContainsFunc(w.shares, func(s *share) bool { return slices.Contains(s.nodes, h) && slices.Contains(s.to(), a) })
}

func sorted(list []netip.Prefix) []netip.Prefix {
	list = slices.Clone(list)
	slices.SortFunc(list, func(a, b netip.Prefix) int {
		if c := a.Addr().Compare(b.Addr()); c != 0 {
			return c
		}
		return a.Bits() - b.Bits()
	})
	return list
}

// groups writes what is announced.
func (w *writer) groups(top *draft.Section) {
	held := map[netip.Addr]bool{}
	for _, s := range w.shares {
		g := s.of[0]
		out := top.Headed(s.name, g.head)
		var members []string
		for _, h := range s.nodes {
			members = append(members, h.name)
		}
		out.Set("members", draft.Flow(members), "")
		out.Set("election", "{ type: none }", "every node that is ready announces")
		w.addresses(out, g, held)
		w.announced(out, s)
		w.health(out, s)
	}
}

// addresses writes the addresses of the group: those of its prefixes that are one host.
func (w *writer) addresses(out *draft.Section, g *group, held map[netip.Addr]bool) {
	if g.bare {
		return
	}
	for _, p := range g.prefixes {
		if !p.IsSingleIP() || held[p.Addr()] {
			continue
		}
		held[p.Addr()] = true
		note := from(g.d)
		if len(g.checks) == 0 {
			note += ": on lo while it is announced; exabgp left the address to the network's configuration"
		}
		out.Add("addresses", draft.Item{Text: "{ address: " + quoted(p) + ", interface: lo }", Note: note})
	}
}

func quoted(p netip.Prefix) string {
	if p.Addr().Is4() {
		return p.String()
	}
	return strconv.Quote(p.String())
}

// announced writes how the prefixes are announced, and what single nodes say otherwise.
func (w *writer) announced(out *draft.Section, s *share) {
	g := s.of[0]
	bgp := out.Sub("bgp")
	var list []string
	for _, p := range g.prefixes {
		list = append(list, quoted(p))
	}
	if !out.Has("addresses") || slices.ContainsFunc(g.prefixes, func(p netip.Prefix) bool { return !p.IsSingleIP() }) || len(g.prefixes) > countHeld(g) {
		bgp.Set("prefixes", "["+strings.Join(list, ", ")+"]", from(g.d))
	}
	if to := s.to(); len(to) < len(w.names) {
		var names []string
		for _, a := range to {
			names = append(names, w.names[a])
		}
		bgp.Set("peers", draft.Flow(names), "")
	}
	w.attributes(bgp, s)
}

func countHeld(g *group) int {
	n := 0
	for _, p := range g.prefixes {
		if p.IsSingleIP() {
			n++
		}
	}
	return n
}

// attributes writes those of the paths: what all nodes have in common for the group,
// the rest by node.
func (w *writer) attributes(bgp *draft.Section, s *share) {
	longest := 0
	for _, of := range s.of {
		longest = max(longest, of.path.prepend)
	}
	own := &draft.Section{}
	for _, key := range []string{"prepend", "next_hop", "communities", "med", "local_pref"} {
		first := s.of[0].attribute(key, longest)
		common := !slices.ContainsFunc(s.of, func(g *group) bool { return g.attribute(key, longest) != first })
		for i, of := range s.of {
			switch text := of.attribute(key, longest); {
			case text == "":
			case !common:
				own.Sub(s.nodes[i].name).Set(key, text, from(of.path.d))
			case i == 0:
				bgp.Set(key, text, from(of.path.d))
			}
		}
	}
	if own.Len() > 0 {
		bgp.Take("per_node", own)
	}
	for _, of := range s.of {
		if len(s.of) > 1 && of.unhealthy != withdrawn && of.unhealthy <= longest {
			w.find(of.d, draft.Changed, "a node that does not serve is never preferred to one that does: its path got longer than all of those", "nothing")
		}
	}
}

// attribute is the YAML of an attribute; empty: none. What a node announces that does
// not serve is longer than every path of one that does.
func (g *group) attribute(key string, longest int) string {
	a := g.path.attrs
	switch key {
	case "prepend":
		return g.prepend(longest)
	case "next_hop":
		if len(g.path.nextHop) > 0 {
			return literal(g.path.nextHop[0])
		}
	case "communities":
		if len(a.communities) > 0 {
			return draft.Flow(a.communities)
		}
	case "med":
		return a.med
	case "local_pref":
		return a.localPref
	}
	return ""
}

func (g *group) prepend(longest int) string {
	var roles []string
	if g.path.prepend > 0 || g.unhealthy != withdrawn || g.drain != withdrawn {
		roles = append(roles, "active: "+strconv.Itoa(g.path.prepend))
	}
	if g.unhealthy != withdrawn {
		roles = append(roles, "unhealthy: "+strconv.Itoa(min(max(g.unhealthy, longest+1), mostPrepend)))
	}
	if g.drain != withdrawn {
		roles = append(roles, "drain: "+strconv.Itoa(min(max(g.drain, longest+1), mostPrepend)))
	}
	if roles == nil {
		return ""
	}
	return "{ " + strings.Join(roles, ", ") + " }"
}

// health writes checks and hooks; those of the first node are for all.
func (w *writer) health(out *draft.Section, s *share) {
	g := s.of[0]
	for i, of := range s.of[1:] {
		if !slices.EqualFunc(of.checks, g.checks, check.same) || !slices.EqualFunc(of.hooks, g.hooks, func(a, b hook) bool { return a.kind == b.kind && a.exec == b.exec }) {
			w.find(of.d, draft.Changed, "node "+s.nodes[i+1].name+" checks otherwise than "+s.nodes[0].name+", whose checks and hooks are for all nodes of the configuration",
				"make them the same, or give each node a file of its own")
		}
	}
	for _, k := range g.checks {
		c := out.Sub("checks").Sub(k.name)
		note := from(k.d)
		if k.exec != "" {
			c.Set("exec", draft.Scalar(k.exec), note)
			c.Set("shell", "true", "")
		} else {
			c.Set("exec", draft.Flow(k.command), note)
		}
		if k.user != "" {
			c.Set("user", draft.Scalar(k.user), "")
		}
		c.Set("interval", length(k.interval), k.note)
		c.Set("timeout", length(k.timeout), "")
		c.Set("rise", strconv.Itoa(k.rise), "")
		c.Set("fall", strconv.Itoa(k.fall), "")
	}
	for _, k := range g.hooks {
		out.Sub("hooks").Set(k.kind, "{ exec: "+draft.Scalar(k.exec)+", shell: true }", from(k.d)+"; exabgp waits for it without end, Stead for 5s: see timeout")
	}
}

func (k check) same(o check) bool {
	return k.exec == o.exec && slices.Equal(k.command, o.command) && k.user == o.user && k.interval == o.interval && k.timeout == o.timeout && k.rise == o.rise && k.fall == o.fall
}
