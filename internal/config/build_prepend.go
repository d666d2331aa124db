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
	_, external := b.kinds(r)
	room := v.get("room")
	switch {
	case room.ok():
		r.Room = or(room, 0)
	case c.active != nil:
		r.Room = max(or(c.active, 0), 0)
	case external:
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
	internal, external := b.kinds(r)
	if internal {
		b.internalPrepend(v, r, common, counts)
	}
	if !external {
		if internal && g.Election.Type != ElectionNone && len(g.Members) > 1 && !b.allWatched(r) {
			b.notes.whole(v, "has internal peers only", "",
				"AS_PATH does not count with them: after a silent fault traffic also goes to the silent node until its session ends: give them bfd")
		}
		return
	}
	shared := false
	for _, a := range g.Members {
		for _, o := range g.Members {
			if a.Node == o.Node {
				continue
			}
			serving, other := r.For(a.Node).Prepend.Active, r.For(o.Node)
			at := common
			if of, ok := counts[o.Node]; ok {
				at = of
			}
			b.longer(at.standby, other.Prepend.Standby, serving)
			b.longer(at.unhealthy, other.Prepend.Unhealthy, serving)
			b.longer(at.drain, other.Prepend.Drain, serving)
			// The silent node's path is that of an active one, and stays for the hold time.
			shared = shared || other.Prepend.Active-min(other.Room, 1) >= serving
		}
	}
	if shared && g.Election.Type != ElectionNone && !b.allWatched(r) {
		at := v
		for _, x := range []*value{common.active, v.get("prepend"), v.get("room")} {
			if x.ok() {
				at = x
			}
		}
		b.notes.whole(at, "leaves no room for a node that takes over from a silent one", "",
			"routers keep the silent node's path until its hold time is over, and share traffic with it or prefer it: write prepend: { active: 2, … } on all nodes, so that room is 2, or give the peers bfd")
	}
}

// allWatched tells whether BFD ends each session of a silent node.
func (b *builder) allWatched(r *Routes) bool {
	return !slices.ContainsFunc(b.cfg.BGP.Peers, func(p BGPPeer) bool { return p.BFD == nil && slices.Contains(r.Peers, p.Name) })
}

// longer refuses a path of a node that does not serve which is not longer than that
// of one that does.
func (b *builder) longer(v *value, count, serving int) {
	if !v.ok() || count == Withdrawn || count > serving {
		return
	}
	advice := "routers would share traffic with a node that does not serve"
	if count < serving {
		advice = "routers would prefer the node that does not serve"
	}
	b.about(v, fmt.Sprintf("is not more than an active node prepends, %d", serving), fmt.Sprintf("%d or more, or none", serving+1), advice)
}

// internalPrepend notes what has no effect on internal peers.
func (b *builder) internalPrepend(v *value, r *Routes, common roleCounts, counts map[string]roleCounts) {
	at := v.get("prepend")
	if at == nil {
		at = v.get("room")
	}
	for _, e := range v.get("per_node").children() {
		if _, ok := counts[e.name]; ok && at == nil {
			at = e.value.get("prepend")
		}
	}
	if !at.ok() || common.onlyNone() && len(counts) == 0 {
		return
	}
	for _, p := range b.cfg.BGP.Peers {
		if slices.Contains(r.Peers, p.Name) && p.AS == b.cfg.BGP.LocalAS {
			b.notes.whole(at, fmt.Sprintf("does not count with the internal peer %q", p.Name), "",
				"the local AS is not in the AS_PATH that routers of the same AS get: use local_pref, in per_node")
			return
		}
	}
}

// onlyNone tells that the file says of no role how long its path is.
func (c *roleCounts) onlyNone() bool {
	for _, v := range []*value{c.active, c.standby, c.unhealthy, c.drain} {
		if v != nil && or(v, Withdrawn) != Withdrawn {
			return false
		}
	}
	return true
}
