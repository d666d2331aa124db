package config

import (
	"fmt"
	"slices"
	"time"
)

// electionTypes are the ways to decide who is active.
var electionTypes = []string{ElectionPeer, ElectionVRRP, ElectionNone}

// peerOnly are the keys of a peer election that a virtual router does not have,
// with what to write there instead.
var peerOnly = []struct{ key, advice string }{
	{"quorum", "VRRP has no votes, and each side of a partition serves: use type: peer where exactly one may"},
	{"on_quorum_loss", "VRRP has no votes: remove it"},
	{"multiplier", "down_adverts says how many advertisements may be missing"},
}

// election is how the group's active node is decided. g has its members and addresses.
func (b *builder) election(group entry, g *Group) Election {
	v := group.value.get("election")
	kind := v.get("type")
	if kind != nil && kind.bad {
		return b.peer(group.value, g.Members)
	}
	switch or(kind, ElectionPeer) {
	case ElectionVRRP:
		b.notPeer(v)
		return b.vrrp(group, g)
	case ElectionNone:
		b.notElected(group.value)
		return Election{Type: ElectionNone}
	}
	b.notVRRP(group.value)
	return b.peer(group.value, g.Members)
}

// notPeer refuses what only the peer election has.
func (b *builder) notPeer(v *value) {
	for _, e := range v.children() {
		for _, only := range peerOnly {
			if e.name == only.key {
				b.at(e.key, v.place(), e.name+" has no meaning with type vrrp", "type: peer", only.advice)
			}
		}
		if detect := v.get("detect"); e.name == "timing" && (detect == nil || detect.ok()) && or(detect, "") != DetectHeartbeat {
			b.at(e.key, v.place(), "timing has no meaning with type vrrp", "detect: heartbeat beside it",
				"interval is that of the advertisements; timing is that of heartbeats, which detect: heartbeat asks for")
		}
	}
}

// notVRRP refuses what only a virtual router has.
func (b *builder) notVRRP(group *value) {
	v := group.get("election")
	shared := []string{"type", "timing", "interval", "multiplier", "quorum", "on_quorum_loss"}
	for _, e := range v.children() {
		if !slices.Contains(shared, e.name) {
			b.at(e.key, v.place(), e.name+" has no meaning with type peer", "type: vrrp", "add type: vrrp, or remove it")
		}
	}
	for _, item := range group.get("addresses").listed() {
		if a := item.get("advertised"); a.ok() {
			b.about(a, "has no meaning with type peer", "type: vrrp", "every address of the group moves: remove it")
		}
	}
	if sync := group.get("sync"); sync.ok() {
		b.about(sync, "has no meaning with type peer", "election: { type: vrrp, … }", "put the addresses into one group: they move together")
	}
}

// notElected refuses what needs an election.
func (b *builder) notElected(group *value) {
	v := group.get("election")
	const advice = "every node that is ready is active: remove it, or use type: peer"
	for _, e := range v.children() {
		if e.name != "type" {
			b.at(e.key, v.place(), e.name+" has no meaning with type none", "type: peer or vrrp", advice)
		}
	}
	for _, e := range group.children() {
		if e.name == "preempt" || e.name == "sync" {
			b.at(e.key, group.place(), e.name+" has no meaning with election type none", "type: peer or vrrp", advice)
		}
	}
	for _, item := range group.get("addresses").listed() {
		if a := item.get("advertised"); a.ok() {
			b.about(a, "has no meaning with type none", "type: vrrp", "every address of the group moves: remove it")
		}
	}
	if prepare := group.get("hooks").get("prepare"); prepare != nil {
		b.whole(prepare, "is never run with type none", "activate", "there is no switchover that it could prepare: use activate")
	}
	for _, e := range group.get("checks").children() {
		if weight := e.value.get("weight"); weight.ok() {
			b.notes.about(weight, "changes nothing with election type none", "", "no node is preferred: fatal decides")
		}
	}
}

// peer is Stead's own election.
func (b *builder) peer(group *value, members []Member) Election {
	v := group.get("election")
	e := Election{Type: ElectionPeer, Timing: or(v.get("timing"), TimingCloud), OnQuorumLoss: or(v.get("on_quorum_loss"), "release")}
	e.Interval, e.Multiplier = preset(e.Timing)
	timing, interval, multiplier := v.get("timing"), v.get("interval"), v.get("multiplier")
	switch {
	case timing != nil && (interval != nil || multiplier != nil):
		b.of(v, "timing stands beside interval or multiplier", "timing, or interval and multiplier", "timing names both: remove one")
	case interval != nil && multiplier == nil:
		b.of(v, "multiplier is missing beside interval", "timing, or interval and multiplier", "add multiplier: 4")
	case interval == nil && multiplier != nil:
		b.of(v, "interval is missing beside multiplier", "timing, or interval and multiplier", "add interval: 50ms")
	case interval != nil:
		e.Timing, e.Interval, e.Multiplier = TimingCustom, or(interval, e.Interval), or(multiplier, e.Multiplier)
	}
	if interval.ok() && e.Interval > mostHeartbeat {
		b.about(interval, "is not in "+length(time.Millisecond)+"–"+length(mostHeartbeat), length(time.Millisecond)+"–"+length(mostHeartbeat), "")
	}
	for _, m := range members {
		e.Voters = append(e.Voters, m.Node)
	}
	e.Voters = append(e.Voters, b.nodeNames(RoleWitness)...)
	slices.Sort(e.Voters)
	e.Voters = slices.Compact(e.Voters)
	b.quorum(group, v, &e)
	return e
}

// quorum checks that an election that wants a majority can have one.
func (b *builder) quorum(group, v *value, e *Election) {
	known := b.top.get("nodes").ok() && group.get("members").ok()
	wish := v.get("quorum")
	e.Quorum = or(wish, len(e.Voters) >= 3)
	if !known || wish != nil && wish.bad || v != nil && v.bad {
		return
	}
	if e.Quorum && len(e.Voters) < 3 {
		b.about(wish, fmt.Sprintf("needs three voters, but there are %d: %s", len(e.Voters), listed(e.Voters)), "three voters or more",
			"add a node with role: witness, or leave quorum off")
	}
	if loss := v.get("on_quorum_loss"); loss.ok() && !e.Quorum {
		b.about(loss, "has no effect without quorum", "quorum", "remove it, or add a node with role: witness")
	}
	if loss := v.get("on_quorum_loss"); loss.ok() && e.OnQuorumLoss == "hold" {
		b.notes.about(loss, "lets two nodes serve at once in a partition", "", "release gives up availability instead")
	}
}
