package config

import (
	"fmt"
	"slices"
)

// roleCounts are what the file says of each role, and where.
type roleCounts struct {
	active, standby, unhealthy, drain *value
}

// read takes a mapping by role, or the number of an active node.
func (c *roleCounts) read(v *value) {
	if !v.ok() {
		return
	}
	if v.scalar != nil {
		c.active = v
		return
	}
	for key, of := range map[string]**value{"active": &c.active, "standby": &c.standby, "unhealthy": &c.unhealthy, "drain": &c.drain} {
		if x := v.get(key); x.ok() {
			*of = x
		}
	}
}

// perNode finds how paths are prepended, and what single nodes announce.
func (b *builder) perNode(v *value, g *Group, r *Routes) {
	var common roleCounts
	common.read(v.get("prepend"))
	b.settle(v, g, r, common)
	counts := map[string]roleCounts{}
	if own := v.get("per_node"); own.ok() {
		r.PerNode = map[string]Routes{}
		for _, e := range sorted(own) {
			b.namesNode(e, own)
			if _, ok := b.cfg.Node(e.name); ok && !g.hasMember(e.name) && g.Members != nil {
				b.at(e.key, own.place(), fmt.Sprintf("node %q is not a member of the group", e.name), "a member", "remove it, or add the node to members")
			}
			if !e.value.ok() || !g.hasMember(e.name) {
				continue
			}
			mine := *r
			mine.PerNode = nil
			b.attributes(e.value, &mine)
			of := common
			of.read(e.value.get("prepend"))
			b.settle(v, g, &mine, of)
			r.PerNode[e.name], counts[e.name] = mine, of
		}
		for _, m := range g.Members {
			if _, ok := r.PerNode[m.Node]; !ok {
				mine := *r
				mine.PerNode = nil
				r.PerNode[m.Node] = mine
			}
		}
	}
	if len(b.broken(v)) == 0 {
		b.preferences(v, g, r, common, counts)
	}
}

// broken are the places of what a group announces that were refused, and on which
// the preference depends.
func (b *builder) broken(v *value) []*value {
	places := []*value{v.get("prepend"), v.get("room"), v.get("per_node")}
	for _, e := range v.get("prepend").children() {
		places = append(places, e.value)
	}
	for _, e := range v.get("per_node").children() {
		places = append(places, e.value, e.value.get("prepend"))
		for _, role := range e.value.get("prepend").children() {
			places = append(places, role.value)
		}
	}
	return slices.DeleteFunc(places, func(v *value) bool { return v == nil || v.ok() })
}

// settle fills in what the file leaves out.
func (b *builder) settle(v *value, g *Group, r *Routes, c roleCounts) {
	room := v.get("room")
	switch {
	case room.ok():
		r.Room = or(room, 0)
	case c.active != nil:
		r.Room = max(or(c.active, 0), 0)
	default:
		r.Room = defaultRoom
	}
	if g.Election.Type == ElectionNone {
		r.Room = 0
	}
	r.Prepend = Prepend{Active: or(c.active, r.Room), Standby: or(c.standby, Withdrawn), Unhealthy: or(c.unhealthy, Withdrawn), Drain: or(c.drain, Withdrawn)}
	if r.Prepend.Active == Withdrawn {
		b.about(c.active, "announces nothing while active", "integer, 0–100", "leave bgp off where nothing is to be announced")
		r.Prepend.Active = 0
	}
	none := g.Election.Type == ElectionNone
	if none && room != nil {
		b.whole(room, "has no meaning with election type none", "type: peer or vrrp", "nobody takes over: every node that is ready announces: remove it")
	}
	if none && c.standby != nil {
		b.about(c.standby, "has no meaning with election type none", "type: peer or vrrp", "nobody stands by: remove it")
	}
	if room.ok() && r.Room > r.Prepend.Active {
		b.about(room, fmt.Sprintf("is more than an active node prepends, %d", r.Prepend.Active), "0 to prepend.active",
			fmt.Sprintf("the path of a node that takes over has so many fewer: write prepend: { active: %d, … }, or a smaller room", r.Room))
	}
}

// preferences checks that no node that does not serve is preferred by routers to one
// that does, nor liked as much.
func (b *builder) preferences(v *value, g *Group, r *Routes, common roleCounts, counts map[string]roleCounts) {
	kinds := b.kinds(r)
	if len(kinds) == 0 {
		kinds = []bool{false} // the peers were refused
	}
	room := true
	for _, a := range g.Members {
		for _, o := range g.Members {
			if a.Node == o.Node {
				continue
			}
			serving, other := r.For(a.Node), r.For(o.Node)
			at := common
			if of, ok := counts[o.Node]; ok {
				at = of
			}
			for _, internal := range kinds {
				b.worse(at.standby, internal, other, other.Prepend.Standby, serving)
				b.worse(at.unhealthy, internal, other, other.Prepend.Unhealthy, serving)
				b.worse(at.drain, internal, other, other.Prepend.Drain, serving)
			}
		}
	}
	for _, internal := range kinds {
		room = room && r.room(g.Members, internal)
	}
	if !room && g.Election.Type != ElectionNone && !b.allWatched(r) {
		at := v
		for _, x := range []*value{common.active, v.get("prepend"), v.get("room")} {
			if x.ok() {
				at = x
			}
		}
		b.notes.whole(at, "leaves no room for a node that takes over from a silent one", "",
			"routers keep the silent node's path until its hold time is over, and share traffic with it or prefer it: write prepend: { active: 2, … } and the same local_pref on all nodes, so that room is 2, or give the peers bfd")
	}
}

// badness orders paths as routers do, the preferred one first: external ones count the
// AS_PATH, internal ones have a LOCAL_PREF that is as much lower.
func (r *Routes) badness(internal bool, count int) int64 {
	if !internal {
		return int64(count)
	}
	return -int64(r.preference(count))
}

// preference is the LOCAL_PREF of a path that would be prepended count times.
func (r *Routes) preference(count int) uint32 {
	pref := uint32(defaultLocalPref)
	if r.LocalPref != nil {
		pref = *r.LocalPref
	}
	return pref - min(pref, uint32(max(count, 0)))
}

// room tells whether the path of a node that takes over is preferred to that of any
// that fell silent, which stays for the hold time.
func (r *Routes) room(members []Member, internal bool) bool {
	for _, a := range members {
		for _, o := range members {
			serving, other := r.For(a.Node), r.For(o.Node)
			if a.Node != o.Node && other.badness(internal, other.Prepend.Active-min(other.Room, 1)) >= serving.badness(internal, serving.Prepend.Active) {
				return false
			}
		}
	}
	return true
}

// allWatched tells whether BFD ends each session of a silent node.
func (b *builder) allWatched(r *Routes) bool {
	return !slices.ContainsFunc(b.cfg.BGP.Peers, func(p BGPPeer) bool { return p.BFD == nil && slices.Contains(r.Peers, p.Name) })
}

// worse refuses a path of a node that does not serve which routers like as much as
// that of one that does, or more.
func (b *builder) worse(v *value, internal bool, other *Routes, count int, serving *Routes) {
	have, want := other.badness(internal, count), serving.badness(internal, serving.Prepend.Active)
	if !v.ok() || count == Withdrawn || have > want {
		return
	}
	advice := "routers would share traffic with a node that does not serve"
	if have < want {
		advice = "routers would prefer the node that does not serve"
	}
	if internal {
		b.about(v, fmt.Sprintf("leaves internal peers a LOCAL_PREF of %d, and an active node has %d", -have, -want), "a larger number, or none", advice+": compare prepend and local_pref of the nodes")
		return
	}
	b.about(v, fmt.Sprintf("is not more than an active node prepends, %d", want), fmt.Sprintf("%d or more, or none", want+1), advice)
}
