package config

import (
	"fmt"
	"slices"
)

// sync checks the groups that change together.
func (b *builder) sync(v *value) {
	first := map[string]*Group{}
	count := map[string]int{}
	for i := range b.cfg.Groups {
		g := &b.cfg.Groups[i]
		at := v.get(g.Name).get("sync")
		if g.Sync == "" || g.Election.VRRP == nil {
			continue
		}
		count[g.Sync]++
		if first[g.Sync] == nil {
			first[g.Sync] = g
			continue
		}
		b.sameMembers(at, first[g.Sync], g)
	}
	if len(b.list) > 0 && v != nil && len(b.cfg.Groups) != len(v.node.Content)/2 {
		return // a group that was refused may have been the other one
	}
	for i := range b.cfg.Groups {
		if g := &b.cfg.Groups[i]; count[g.Sync] == 1 && first[g.Sync] == g {
			b.about(v.get(g.Name).get("sync"), "names no other group", "two groups or more with the same name",
				"write it into each group that is to change together, or remove it")
		}
	}
}

// sameMembers notes what lets one group of a sync pull the other to a node that is
// not its own choice.
func (b *builder) sameMembers(at *value, first, g *Group) {
	if slices.Equal(first.Members, g.Members) {
		return
	}
	what := "priorities"
	for _, m := range g.Members {
		if !slices.ContainsFunc(first.Members, func(o Member) bool { return o.Node == m.Node }) {
			what = "members"
		}
	}
	if len(first.Members) != len(g.Members) {
		what = "members"
	}
	b.notes.about(at, fmt.Sprintf("joins groups with other %s: those of %q are not those of %q", what, g.Name, first.Name), "",
		"groups that change together usually prefer the same node")
}
