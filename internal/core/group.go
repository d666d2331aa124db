package core

import (
	"time"

	"stead/internal/core/clock"
	"stead/internal/core/health"
	"stead/internal/core/peer"
	"stead/internal/core/reason"
)

// failureRest is how long a node that could not put the addresses in place
// leaves the group to others.
const failureRest = 5 * time.Second

// group joins the role of this node in a group with what it holds.
type group struct {
	id   GroupID
	cfg  *Group
	base int // the configured priority; 0: not a member
	election
	router   *byRouter // the election, where it is VRRP
	everyone *byItself // the election, where there is none
	lease    *byLease  // the election, where it is a lease
	peered   int       // its place among those with heartbeats
	sync     []*group  // groups that change together, this one included; nil: none
	alone    [1]*group
	health   *health.Set
	links    []int

	ready   bool
	why     reason.Reason
	detail  string
	weighed int // the priority with the weights of the checks

	active  bool // has the right to serve
	open    bool // serves: the addresses are bound to the slot of the lease
	stalled bool
	slot    int // of the lease, or of the linger
	epoch   uint64
	cause   reason.Reason
	since   Instant // of the role
	claimed Instant // when the change began that made this node active

	route routing
	gone  bool // left the configuration

	want      Want
	applied   bool // the world is as want says
	settled   bool // nothing of an earlier Want is left to be done
	hooked    bool // the prepare hook has ended
	preparing bool // target of a switchover
	stallsAt  Instant

	said         bool // in the announcements of this step already
	announceAt   Instant
	announceStep int
	lingerUntil  Instant
	failedUntil  Instant
	retryAt      Instant // somebody who could do better is looked for then
	applyError   string
}

// assess tells the election whether this node could serve the group.
func (c *Core) assess(now Instant, g *group) {
	if g.base == 0 {
		g.settled = true
		return
	}
	priority, ready, why, detail := g.health.Standing(g.base)
	for _, i := range g.links {
		if !c.links[i].up {
			ready, why, detail = false, reason.LinkDown, c.links[i].name
			break
		}
	}
	if ready && g.router != nil && !g.router.r.Sourced() {
		ready, why, detail = false, g.router.unsourced(), ""
	}
	if g.failedUntil != clock.Never && now < g.failedUntil {
		ready, why, detail = false, reason.AddressFailed, g.applyError
	}
	if unheard := c.unheard(now, g); ready && unheard {
		ready, why, detail = false, reason.NoSession, ""
	}
	g.bide(c.partlyHeard(now, g))
	g.weighed = priority
	if (ready != g.ready || why != g.why) && why != reason.Starting {
		kind := NotReady
		if ready {
			kind = Ready
		}
		c.note(Note{At: now, Kind: kind, Group: g.id, Node: c.cfg.Self, Reason: why, Detail: detail, Priority: priority})
	}
	if g.want.Generation == 0 {
		g.settled = true
	}
	if ready != g.ready {
		c.reroute(g)
	}
	g.ready, g.why, g.detail = ready, why, detail
	g.setReady(now, ready, why, priority)
}

func (c *Core) checked(now Instant, e CheckResult) {
	g := c.groups[e.Group]
	change, changed := g.health.Result(e.Check, health.Outcome(e.Outcome))
	if e.Outcome == CouldNotRun {
		if s := g.health.Status(e.Check); s.UnrunInRow == 1 {
			c.note(Note{At: now, Kind: CheckUnrun, Group: g.id, Node: c.cfg.Self, Detail: told(s.Name, e.Detail)})
		}
		return
	}
	read := e.Outcome == Passed && g.health.Read(e.Check, e.Value)
	if changed {
		kind := CheckDown
		if change.To == health.Up {
			kind = CheckUp
		}
		c.note(Note{At: now, Kind: kind, Group: g.id, Node: c.cfg.Self, Detail: told(g.cfg.Checks[e.Check].Name, e.Detail)})
	}
	if changed || read {
		c.assess(now, g)
	}
}

// told is what a check said, behind its name.
func told(check, detail string) string {
	if detail == "" {
		return check
	}
	return check + ": " + detail
}

// linkChanged also hears of a link that is up and was so: its carrier was away for
// a moment, in which clients may have found the addresses elsewhere.
func (c *Core) linkChanged(now Instant, e LinkState) {
	for i := range c.links {
		changed := c.links[i].up != e.Up
		if c.links[i].name != e.Interface || !changed && !e.Up {
			continue
		}
		c.links[i].up = e.Up
		for _, g := range c.groups {
			if !g.dependsOn(i) {
				continue
			}
			if changed {
				c.assess(now, g)
			}
			if e.Up {
				c.reannounce(now, g)
			}
		}
	}
}

func (g *group) dependsOn(link int) bool {
	for _, l := range g.links {
		if l == link {
			return true
		}
	}
	return false
}

// changed takes a change of the election in.
func (c *Core) changed(now Instant, ch *peer.Change) {
	if ch.Group < 0 {
		kind, why := PeerUp, reason.PeerHeard
		if ch.Kind == peer.PeerDown {
			kind, why = PeerDown, reason.PeerLost
		}
		c.note(Note{At: now, Kind: kind, Group: NoGroup, Node: NodeID(ch.Node), Reason: why, Took: ch.Took})
		return
	}
	g := c.peered[ch.Group]
	n := Note{At: now, Group: g.id, Node: nodeID(ch.Node), Epoch: ch.Epoch, Reason: ch.Reason, Took: ch.Took}
	switch ch.Kind {
	case peer.Activated:
		c.activated(now, g, ch)
	case peer.Deactivated:
		c.deactivated(now, g, ch)
	case peer.SlotMoved:
		g.slot = ch.Slot
		if g.open {
			c.bind(g, g.slot)
		}
	case peer.EpochRaised:
		g.epoch = ch.Epoch
		c.wantHeld(g, true, true, g.cause)
		if g.open { // else the change of role tells the epoch
			n.Kind = Raised
			c.note(n)
		}
	case peer.Prepare:
		g.claimed, g.hooked, g.preparing = now, !g.cfg.PrepareHook || c.cfg.Unfenced, true
		n.Kind = Preparing
		c.note(n)
		c.prepare(g, ch.Reason)
	case peer.Unprepare:
		g.preparing = false
		if !g.active && g.lingerUntil == clock.Never && g.want.Held {
			c.release(g, reason.SwitchoverLate)
		}
	case peer.Claimed:
		g.claimed = now
		n.Kind = Claiming
		c.note(n)
	case peer.SawActive:
		n.Kind = SawActive
		c.note(n)
		c.succeeds(now, g, ch.Node, ch.Reason, ch.Epoch)
	case peer.Damped:
		n.Kind = Damped
		c.note(n)
	case peer.Stalled:
		g.stalled, g.stallsAt = true, now.Add(-ch.Took)
		n.Kind, n.Took = Stalled, 0
		c.note(n)
	case peer.Renewed:
		c.renewed(now, g, n)
	case peer.DualSeen:
		n.Kind = DualSeen
		c.note(n)
	case peer.Healed:
		c.reannounce(now, g)
	case peer.GaveUpOn:
		n.Kind = Refused
		c.note(n)
	case peer.Silent:
		c.silent(now, g, n.Node)
	}
}

func nodeID(i int) NodeID {
	if i < 0 {
		return NoNode
	}
	return NodeID(i)
}

func (c *Core) renewed(now Instant, g *group, n Note) {
	if !g.stalled {
		c.reannounce(now, g) // it became active behind a fence that was closed already
		return
	}
	g.stalled = false
	n.Kind, n.Reason, n.Took = Unstalled, reason.LeaseRenewed, now.Sub(g.stallsAt)
	c.note(n)
	c.reannounce(now, g)
}

// activated begins to take the group: the addresses first, unless they are
// already there, and the fence opens only then.
func (c *Core) activated(now Instant, g *group, ch *peer.Change) {
	g.active, g.slot, g.epoch, g.cause, g.preparing = true, ch.Slot, ch.Epoch, ch.Reason, false
	g.stalled = false
	if g.claimed == 0 {
		g.claimed = now
	}
	g.lingerUntil = clock.Never
	g.route.releaseBy, g.route.overlaps = clock.Never, clock.Never
	c.succeeds(now, g, int(c.cfg.Self), ch.Reason, ch.Epoch)
	c.damp(now, g, true)
	c.wantHeld(g, true, true, ch.Reason)
	if g.applied {
		c.openFence(now, g)
	}
}

// openFence lets the host answer. Its addresses are in place by now.
func (c *Core) openFence(now Instant, g *group) {
	g.open, g.since = true, now
	c.reroute(g)
	c.bind(g, g.slot)
	g.look(now) // the addresses may have taken longer than the lease
	c.note(Note{At: now, Kind: BecameActive, Group: g.id, Node: c.cfg.Self, Epoch: g.epoch, Reason: g.cause, Took: now.Sub(g.claimed)})
	g.claimed = 0
	c.note(Note{At: now, Kind: Announcing, Group: g.id, Node: c.cfg.Self, Epoch: g.epoch})
	c.reannounce(now, g)
}

// deactivated lets go: the fence closes before anybody is told.
func (c *Core) deactivated(now Instant, g *group, ch *peer.Change) {
	wasOpen := g.open
	g.active, g.open, g.stalled, g.claimed = false, false, false, 0
	g.announceAt = clock.Never
	g.cause, g.since = ch.Reason, now
	c.damp(now, g, false)
	c.reroute(g)
	if wasOpen && ch.Linger && g.cfg.Linger > 0 && (!c.cfg.Unfenced || g.cfg.Routes != nil) && !c.aborting && !g.gone {
		c.linger(now, g)
	} else {
		c.letGo(g)
	}
	c.note(Note{At: now, Kind: BecameStandby, Group: g.id, Node: nodeID(ch.Node), Epoch: ch.Epoch, Reason: ch.Reason})
}

func (c *Core) bind(g *group, slot int) {
	c.acts.Bind = append(c.acts.Bind, FenceBind{Group: g.id, Slot: slot})
}

// wantHeld says what is to be true of the group's holds. The addresses are as
// they were when only the role behind them changes.
func (c *Core) wantHeld(g *group, held, active bool, why reason.Reason) {
	if g.want.Held != held {
		g.applied, g.settled = false, false
		c.reroute(g)
	}
	c.wants++
	g.want = Want{Group: g.id, Generation: c.wants, Held: held, Active: active, Epoch: g.epoch, Reason: why, Priority: g.weighed}
	if !held && !g.ready {
		g.want.Detail = g.detail
	}
	c.acts.Want = append(c.acts.Want, g.want)
}

func (c *Core) applied(now Instant, e Applied) {
	g := c.groups[e.Group]
	if e.Generation != g.want.Generation {
		return
	}
	c.inPlace(g)
	if g.applied {
		return
	}
	g.applied, g.settled, g.applyError, g.retryAt = true, true, "", clock.Never
	c.reroute(g)
	if g.want.Held {
		c.note(Note{At: now, Kind: InPlace, Group: g.id, Node: c.cfg.Self, Epoch: g.epoch})
	}
	switch {
	case g.active && !g.open:
		c.openFence(now, g)
	case g.want.Held:
		c.prepared(g)
	}
}

// wantStay asks for the addresses of a group whose path this node announces, or
// has withdrawn this moment, without being active.
func (c *Core) wantStay(g *group, why reason.Reason) {
	c.wantHeld(g, true, false, why)
	g.want.Stay = true
	if !g.ready {
		g.want.Detail = g.detail
	}
	c.acts.Want[len(c.acts.Want)-1] = g.want
}

// release lets the addresses of a group go: at once, or when the peers to whom
// they were announced have been told.
func (c *Core) release(g *group, why reason.Reason) {
	if g.cfg.Routes == nil || !g.want.Held {
		c.wantHeld(g, false, false, why)
		return
	}
	g.cause = why
	c.reroute(g)
}

// prepare gets a target ready: the addresses wait behind the closed fence. Where
// the fence cannot silence them they have to come later, and the switchover is
// not seamless.
func (c *Core) prepare(g *group, why reason.Reason) {
	if !c.cfg.Unfenced || g.cfg.Routes != nil {
		c.wantHeld(g, true, false, why)
	}
	c.prepared(g)
}

// prepared tells the election that a target is ready to take over.
func (c *Core) prepared(g *group) {
	if (g.applied && g.want.Held || c.cfg.Unfenced) && g.hooked && !g.active {
		g.setPrepared()
	}
}

func (c *Core) hookDone(now Instant, e HookDone) {
	g := c.groups[e.Group]
	if e.Generation != g.want.Generation {
		return
	}
	if !e.OK {
		g.refusePrepare(now.Add(failureRest))
		return
	}
	g.hooked = true
	c.prepared(g)
}

// retryPause is how long a node that nobody can replace goes on trying to put
// addresses in place before it looks for somebody again.
const retryPause = 100 * time.Millisecond

// applyFailed hears that the addresses could not be put in place.
func (c *Core) applyFailed(now Instant, e ApplyFailed) {
	g := c.groups[e.Group]
	if e.Generation != g.want.Generation {
		return
	}
	if g.applyError != e.Detail {
		c.note(Note{At: now, Kind: HoldFailed, Group: g.id, Node: c.cfg.Self, Epoch: g.epoch, Reason: reason.AddressFailed, Detail: e.Detail})
	}
	g.applyError = e.Detail
	c.leaveToOthers(now, g)
}

// leaveToOthers leaves a group that this node cannot hold to others for a while.
// Without others the node goes on trying: a late holder is better than none.
func (c *Core) leaveToOthers(now Instant, g *group) {
	g.retryAt = clock.Never
	if !g.want.Held || g.applyError == "" {
		return
	}
	if !g.hasSuccessor() {
		g.retryAt = now.Add(retryPause)
		c.due = clock.Min(c.due, g.retryAt)
		return
	}
	g.failedUntil = now.Add(failureRest)
	c.due = clock.Min(c.due, g.failedUntil)
	c.assess(now, g)
}

func (c *Core) repaired(now Instant, e AddressRepaired) {
	g := c.groups[e.Group]
	c.note(Note{At: now, Kind: Repaired, Group: g.id, Node: c.cfg.Self, Epoch: g.epoch, Reason: reason.AddressTaken, Detail: e.Address.String()})
	c.reannounce(now, g)
}
