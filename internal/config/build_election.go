package config

import (
	"fmt"
	"slices"
	"time"
)

// electionTypes are the ways to decide who is active.
var electionTypes = []string{ElectionPeer, ElectionVRRP, ElectionNone, ElectionLease}

// peerOnly are the keys of a peer election that a virtual router does not have,
// with what to write there instead.
var peerOnly = []struct{ key, advice string }{
	{"quorum", "VRRP has no votes, and each side of a partition serves: use type: peer where exactly one may"},
	{"on_quorum_loss", "VRRP has no votes: remove it"},
	{"multiplier", "down_adverts says how many advertisements may be missing"},
	{"witness", "VRRP has no votes: remove it"},
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
	case ElectionLease:
		return b.lease(group, g)
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
		if ttl, isTime := e.value.scalar.(time.Duration); e.name == "ttl" && isTime {
			b.about(e.value, "is a time", "1–255", "with type vrrp it is that of packets, "+length(ttl)+" would be that of a lease: write a number, or leave it off")
		}
		if slices.Contains(leaseOnly, e.name) {
			b.at(e.key, v.place(), e.name+" has no meaning with type vrrp", typeOf(e.name), "remove it")
		}
		if detect := v.get("detect"); e.name == "timing" && (detect == nil || detect.ok()) && or(detect, "") != DetectHeartbeat {
			b.at(e.key, v.place(), "timing has no meaning with type vrrp", "detect: heartbeat beside it",
				"interval is that of the advertisements; timing is that of heartbeats, which detect: heartbeat asks for")
		}
	}
}

// notVRRP refuses what only a virtual router or a lease has.
func (b *builder) notVRRP(group *value) {
	v := group.get("election")
	own := []string{"type", "timing", "interval", "multiplier", "quorum", "on_quorum_loss", "witness"}
	for _, e := range v.children() {
		if !slices.Contains(own, e.name) {
			advice := "add type: vrrp, or remove it"
			if slices.Contains(leaseOnly, e.name) {
				advice = "add type: lease, or remove it"
			}
			b.at(e.key, v.place(), e.name+" has no meaning with type peer", typeOf(e.name), advice)
		}
	}
	b.onlyVRRP(group, ElectionPeer)
}

// onlyVRRP refuses keys of the group that only a virtual router has.
func (b *builder) onlyVRRP(group *value, kind string) {
	for _, item := range group.get("addresses").listed() {
		if a := item.get("advertised"); a.ok() {
			b.about(a, "has no meaning with type "+kind, "type: vrrp", "every address of the group moves: remove it")
		}
	}
	if sync := group.get("sync"); sync.ok() {
		b.about(sync, "has no meaning with type "+kind, "election: { type: vrrp, … }", "put the addresses into one group: they move together")
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
	e := Election{Type: ElectionPeer, OnQuorumLoss: or(v.get("on_quorum_loss"), "release")}
	b.heartbeatTimes(v, &e)
	for _, m := range members {
		e.Voters = append(e.Voters, m.Node)
	}
	e.Voters = append(e.Voters, b.nodeNames(RoleWitness)...)
	slices.Sort(e.Voters)
	e.Voters = slices.Compact(e.Voters)
	e.Witness = b.namesStore(v.get("witness").get("store"))
	b.oneStoreVotes(group, v.get("witness").get("store"), e.Witness, members)
	b.quorum(group, v, &e)
	return e
}

// heartbeatTimes takes timing, or interval and multiplier.
func (b *builder) heartbeatTimes(v *value, e *Election) {
	e.Timing = or(v.get("timing"), TimingCloud)
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
}

// quorum checks that an election that wants a majority can have one.
func (b *builder) quorum(group, v *value, e *Election) {
	known := b.top.get("nodes").ok() && group.get("members").ok()
	wish := v.get("quorum")
	witness := v.get("witness")
	e.Quorum = or(wish, e.Votes() >= 3)
	if !known || wish != nil && wish.bad || v != nil && v.bad {
		return
	}
	if e.Quorum && e.Votes() < 3 {
		b.about(wish, fmt.Sprintf("needs three voters, but there are %d: %s", e.Votes(), e.voterWords()), "three voters or more",
			"add a node with role: witness or a witness: { store: … }, or leave quorum off")
	}
	if witness.ok() && e.Witness != "" {
		b.votesOfStore(witness, e)
	}
	if loss := v.get("on_quorum_loss"); loss.ok() && !e.Quorum {
		b.about(loss, "has no effect without quorum", "quorum", "remove it, or add a node with role: witness")
	}
	if loss := v.get("on_quorum_loss"); loss.ok() && e.OnQuorumLoss == "hold" {
		b.notes.about(loss, "lets two nodes serve at once in a partition", "", "release gives up availability instead")
	}
}

// oneStoreVotes refuses a second store: there is one vote for all groups, which a
// node has or has not.
func (b *builder) oneStoreVotes(group, v *value, name string, members []Member) {
	if name == "" {
		return
	}
	b.holderNames(group.get("members"), members)
	switch {
	case b.votes.store == "":
		b.votes.store, b.votes.where = name, group.place()
	case b.votes.store != name:
		b.about(v, fmt.Sprintf("is the second store that votes: in %s it is %q", b.votes.where, b.votes.store), "one store in all groups",
			"a node has the vote of the store for all of its groups: name the same one")
	}
}

// votesOfStore checks that the vote of a store counts, and decides.
func (b *builder) votesOfStore(witness *value, e *Election) {
	switch {
	case !e.Quorum:
		b.whole(witness, "has no effect without quorum", "quorum", "two members and a store are three voters: add a member or leave quorum on, or remove it")
	case e.Votes()%2 == 0:
		b.notes.whole(witness, fmt.Sprintf("makes the number of voters even: %s", e.voterWords()), "",
			"a partition into halves leaves no majority: take the store or a node with role: witness, not both")
	}
}

// voterWords names who votes.
func (e *Election) voterWords() string {
	names := slices.Clone(e.Voters)
	if e.Witness != "" {
		names = append(names, "store "+e.Witness)
	}
	return listed(names)
}
