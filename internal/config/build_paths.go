package config

import (
	"fmt"
	"maps"
	"net/netip"
	"reflect"
	"slices"
)

// watched is a BFD session with where it stands in the file.
type watched struct {
	at     *value // whose it is: a peer's bfd, or a check
	remote netip.Addr
	nodes  []string
	bfd    *BFD
}

// pathSessions finds where the sessions of checks are, before those of peers are compared.
func (b *builder) pathSessions(top *value) {
	for i := range b.cfg.Groups {
		g := &b.cfg.Groups[i]
		var names []string
		for _, m := range g.Members {
			names = append(names, m.Node)
		}
		for j := range g.Checks {
			k := &g.Checks[j]
			if k.BFD == nil {
				continue
			}
			remote, err := netip.ParseAddr(k.Target)
			if err != nil {
				continue
			}
			v := top.get("groups").get(g.Name).get("checks").get(k.Name)
			k.BFD.Sources = b.ownAddresses(v.get("source"), names, remote, true)
		}
	}
}

// sharedPaths checks that between two addresses there is one session: what is asked
// for twice has to be the same.
func (b *builder) sharedPaths(top *value) {
	var all []watched
	for i := range b.peersOf() {
		p := &b.cfg.BGP.Peers[i]
		if p.BFD != nil {
			all = append(all, watched{top.get("bgp").get("peers").get(p.Name).get("bfd"), p.Address, b.cfg.Speakers(p.Name), p.BFD})
		}
	}
	for i := range b.cfg.Groups {
		g := &b.cfg.Groups[i]
		for j := range g.Checks {
			k := &g.Checks[j]
			remote, err := netip.ParseAddr(k.Target)
			if k.BFD == nil || err != nil {
				continue
			}
			at := top.get("groups").get(g.Name).get("checks").get(k.Name)
			b.adopt(at, k.BFD, remote)
			var names []string
			for _, m := range g.Members {
				names = append(names, m.Node)
			}
			all = append(all, watched{at, remote, names, k.BFD})
		}
	}
	if len(all) > maxPathSessions {
		b.of(all[maxPathSessions].at, fmt.Sprintf("is the %dth that asks for a BFD session", maxPathSessions+1), fmt.Sprintf("at most %d", maxPathSessions), "watch a path in fewer places")
		return
	}
	for i := range all {
		for j := range i {
			b.compare(&all[j], &all[i])
		}
	}
}

// adopt takes the source of a peer's session for a check of the same path that names none.
func (b *builder) adopt(at *value, d *BFD, remote netip.Addr) {
	if at.get("source") != nil {
		return
	}
	for _, p := range b.peersOf() {
		if p.BFD != nil && p.Address == remote && (p.BFD.Multihop > 1) == (d.Multihop > 1) {
			d.Sources = p.BFD.Sources
		}
	}
}

// compare refuses a second session of one node on a path that is another one.
func (b *builder) compare(first, second *watched) {
	if first.remote != second.remote || (first.bfd.Multihop > 1) != (second.bfd.Multihop > 1) {
		return
	}
	if maps.Equal(first.bfd.Sources, second.bfd.Sources) && sameSession(first.bfd, second.bfd) {
		return
	}
	for _, node := range first.nodes {
		if !slices.Contains(second.nodes, node) {
			continue
		}
		x, y := first.bfd.For(node), second.bfd.For(node)
		if x.Source != y.Source && x.Source.IsValid() && y.Source.IsValid() {
			continue
		}
		if sameSession(x, y) {
			continue
		}
		b.of(second.at, fmt.Sprintf("another session with %s is asked for in line %d with other values", second.remote, first.at.node.Line), "one session on a path",
			"two systems have one BFD session on a path: write the same values, or none here")
		return
	}
}

func sameSession(x, y *BFD) bool {
	a, b := *x, *y
	a.Sources, b.Sources = nil, nil
	return reflect.DeepEqual(stripped(a), stripped(b)) && sameBFDAuth(x.Auth, y.Auth)
}

func stripped(d BFD) BFD { d.Auth = nil; return d }

// sameBFDAuth compares without the keys themselves.
func sameBFDAuth(a, b *BFDAuth) bool {
	if a == nil || b == nil {
		return a == b
	}
	return a.Type == b.Type && a.KeyID == b.KeyID && maps.Equal(a.KeyFiles, b.KeyFiles)
}
