package core

import (
	"cmp"
	"time"

	"stead/internal/core/clock"
	"stead/internal/core/health"
	"stead/internal/core/peer"
	"stead/internal/core/reason"
	"stead/internal/core/vrrp"
)

// Core is the decisions of one node.
type Core struct {
	cfg            Config
	machine        *peer.Machine
	groups         []*group
	peered         []*group // by index of the machine
	routers        []*byRouter
	leases         []*byLease
	witness        *witness // the vote of a store; nil: none votes
	sessions       []*session
	paths          []*path
	releasing      bool // addresses wait for their withdrawal to be sent
	rerouted       bool // what a group announces has to be looked at
	prefixesShared bool // several paths are to one prefix
	beaten         int  // how many packets of this step the virtual routers know of
	touched        bool // a virtual router has had an input since it was finished
	links          []link
	lingers        []lingering
	acts           Actions
	seen           seen
	due            Instant // of the groups' own timers: announcements, linger
	stop           uint64  // the Command that ends the daemon
	partedAt       Instant
	parted         bool // the peers have been taken leave of
	stopped        bool // a command ends the daemon, and has not been answered
	stopping       bool // for good: nothing is taken any more
	aborting       bool // and nothing is waited for
	stopWhy        reason.Reason
	drained        bool
	wall           time.Duration // from an Instant to the time since 1970
	wants          uint64        // the generation given out last
}

// seen is how much of the machine's Out is already dealt with in this step.
type seen struct{ slots, sends, changes, persist int }

// link is an interface that groups depend on.
type link struct {
	name string
	up   bool
}

// New returns the core of a checked configuration.
func New(cfg Config) *Core {
	c := &Core{cfg: cfg, machine: peer.New(peerConfig(&cfg)), due: clock.Never, drained: cfg.HeldOff}
	for i := range cfg.Groups {
		c.groups = append(c.groups, c.newGroup(GroupID(i), &c.cfg.Groups[i]))
	}
	for i := range cfg.Peers {
		c.sessions = append(c.sessions, c.newSession(i))
	}
	for i := range cfg.BFD {
		c.paths = append(c.paths, c.newPath(i))
	}
	c.elect()
	c.newWitness()
	c.wirePaths()
	c.sharePrefixes()
	return c
}

func (c *Core) newGroup(id GroupID, cfg *Group) *group {
	g := &group{id: id, cfg: cfg, health: healthOf(cfg), announceAt: clock.Never, lingerUntil: clock.Never, failedUntil: clock.Never, retryAt: clock.Never, route: newRouting()}
	for _, m := range cfg.Members {
		if m.Node == c.cfg.Self {
			g.base = m.Priority
		}
	}
	for _, name := range cfg.Interfaces {
		g.links = append(g.links, c.linkIndex(name))
	}
	return g
}

// elect gives every group that has none its election, and joins those that
// change together.
func (c *Core) elect() {
	c.peered = c.peered[:0]
	for _, g := range c.groups {
		if g.cfg.hasHeartbeats() {
			g.peered = len(c.peered)
			c.peered = append(c.peered, g)
		}
		switch {
		case g.cfg.byPeers():
			g.election = byPeers{c.machine, len(c.peered) - 1}
		case g.cfg.Everyone:
			if g.everyone == nil {
				c.newItself(g)
			}
		case g.cfg.Right != nil:
			if g.lease == nil {
				c.newLease(g)
			}
		case g.router == nil:
			c.newRouter(g)
		}
	}
	c.sync()
}

func (c *Core) linkIndex(name string) int {
	for i := range c.links {
		if c.links[i].name == name {
			return i
		}
	}
	c.links = append(c.links, link{name: name, up: true})
	return len(c.links) - 1
}

func healthOf(cfg *Group) *health.Set {
	out := make([]health.Check, len(cfg.Checks))
	for i, c := range cfg.Checks {
		out[i] = health.Check{Name: c.Name, Rise: c.Rise, Fall: c.Fall, Weight: c.Weight, Fatal: c.Fatal, Number: c.Number}
	}
	set := health.New(out)
	if cfg.Router != nil {
		set.AtLeast(1) // 0 in an advertisement says that a router gives up
	}
	return set
}

// Start begins. The caller has closed the fence and removed what an earlier run
// may have left before.
func (c *Core) Start(now Instant) *Actions {
	c.begin(now)
	c.machine.Start(now)
	for _, e := range c.routers {
		e.r.Start(now)
	}
	for _, g := range c.groups {
		if g.everyone != nil {
			g.everyone.start(now)
		}
	}
	for _, e := range c.leases {
		e.start(now)
	}
	if c.witness != nil {
		c.witness.m.Start(now)
	}
	for _, p := range c.paths {
		p.Session.Start(now)
	}
	for _, s := range c.sessions {
		s.Session.Start(now)
	}
	if c.drained {
		c.keepAway(now, true)
	}
	for _, g := range c.groups {
		c.assess(now, g)
	}
	return c.finish(now)
}

// Deadline is when Step is to be called with a Tick, if no event comes before.
func (c *Core) Deadline() Instant {
	own := clock.Min(clock.Min(c.routersDue(), c.sessionsDue()), c.leasesDue())
	if c.witness != nil {
		own = clock.Min(own, c.witness.due())
	}
	return clock.Min(clock.Min(c.due, c.machine.Deadline()), own)
}

// Step takes one event in. What it returns belongs to the core and is valid
// until the next Step.
func (c *Core) Step(now Instant, e Event) *Actions {
	c.begin(now)
	if !c.knows(e) {
		return c.finish(now)
	}
	switch e := e.(type) {
	case *Packet:
		c.machine.Receive(now, int(e.From), e.Path, e.Bytes)
	case *Advertisement:
		p := vrrp.Packet{Source: e.Source, Destination: e.Destination, TTL: e.TTL, Bytes: e.Bytes}
		c.groups[e.Group].router.r.Receive(now, &p)
	case *Stream:
		c.streamed(now, e)
	case *Control:
		c.controlled(now, e)
	case *Stored:
		c.stored(now, e)
	case StoreChanged:
		c.registerOf(e.Group).Refresh()
	case Tick:
		c.tick(now)
	case SourceAddress:
		g := c.groups[e.Group]
		g.router.looked = true
		g.router.r.SetSource(now, e.Address)
		c.assess(now, g)
	case WallClock:
		c.wall = e.Offset
		for _, r := range c.routers {
			r.r.SetWall(e.Offset)
		}
	case CheckResult:
		c.checked(now, e)
	case LinkState:
		c.linkChanged(now, e)
	case Applied:
		c.applied(now, e)
	case ApplyFailed:
		c.applyFailed(now, e)
	case HookDone:
		c.hookDone(now, e)
	case AddressRepaired:
		c.repaired(now, e)
	case Command:
		c.command(now, e)
	}
	return c.finish(now)
}

// tick does what is due.
func (c *Core) tick(now Instant) {
	c.machine.Tick(now)
	for _, r := range c.routers {
		r.r.Tick(now)
	}
	for _, p := range c.paths {
		p.Tick(now)
	}
	for _, s := range c.sessions {
		s.Tick(now)
	}
}

// knows tells whether an event is about a group that there is. One that was on
// its way when the configuration changed may not be, and is refused.
func (c *Core) knows(e Event) bool {
	var g GroupID
	switch e := e.(type) {
	case *Packet, *Control, Tick, LinkState, WallClock:
		return true
	case *Stream:
		return e.Peer >= 0 && e.Peer < len(c.sessions)
	case *Advertisement:
		return c.has(e.Group) && c.groups[e.Group].router != nil
	case SourceAddress:
		return c.has(e.Group) && c.groups[e.Group].router != nil
	case *Stored:
		return c.registerOf(e.Group) != nil
	case StoreChanged:
		return c.registerOf(e.Group) != nil
	case CheckResult:
		return c.has(e.Group) && e.Check < c.groups[e.Group].health.Len()
	case Applied:
		g = e.Group
	case ApplyFailed:
		g = e.Group
	case AddressRepaired:
		g = e.Group
	case HookDone:
		g = e.Group
	case Command:
		if e.Group == AllGroups && e.Verb != Switchover || c.has(e.Group) {
			return true
		}
		c.acts.Reply = append(c.acts.Reply, Reply{ID: e.ID, Group: NoGroup, To: e.To, Why: reason.Reconfigured})
		return false
	}
	return c.has(g)
}

func (c *Core) has(g GroupID) bool { return g >= 0 && int(g) < len(c.groups) }

func (c *Core) begin(now Instant) {
	a := &c.acts
	a.Fence, a.Bind, a.Send, a.Want = a.Fence[:0], a.Bind[:0], a.Send[:0], a.Want[:0]
	a.Announce, a.Persist, a.Reply, a.Note = a.Announce[:0], a.Persist[:0], a.Reply[:0], a.Note[:0]
	a.Advertise, c.beaten = a.Advertise[:0], 0
	a.Retract, a.Write, a.Hangup, a.Dial, a.Control = a.Retract[:0], a.Write[:0], a.Hangup[:0], a.Dial[:0], a.Control[:0]
	a.Store = a.Store[:0]
	c.machine.Begin(now)
	c.seen = seen{}
	for _, e := range c.routers {
		e.r.Begin(now)
		e.seen = seen{}
	}
	for _, e := range c.leases {
		e.m.Begin(now)
		e.seen = seen{}
	}
	if c.witness != nil {
		c.witness.m.Begin(now)
		c.witness.seen = seen{}
	}
	for _, p := range c.paths {
		p.Begin(now)
		p.seen.sends, p.seen.changes = 0, 0
	}
	for _, s := range c.sessions {
		s.Begin(now)
		s.seen.retracts, s.seen.writes, s.seen.dials, s.seen.hangups, s.seen.changes = 0, 0, 0, 0, 0
	}
}

// finish lets the machine settle and turns what it says into actions. A change
// may be an input again: a target whose addresses are already in place.
func (c *Core) finish(now Instant) *Actions {
	for pass := 0; pass < 8; pass++ {
		c.touched = false
		c.absorb(now, c.machine.Finish(now))
		if c.witness != nil {
			c.witness.absorb(now)
		}
		c.beat(now)
		for _, e := range c.routers {
			c.absorbRouter(now, e)
		}
		for _, e := range c.leases {
			c.absorbLease(now, e)
		}
		// After the machine: a holder whose lease has run out announces nothing.
		if now >= c.due {
			c.runTimers(now)
		}
		c.absorbPaths(now)
		c.hearSessions(now)
		c.settleRoutes(now)
		if !c.machine.Pending() && !c.touched {
			break
		}
	}
	c.dropStaleAnnouncements(now)
	c.flushSessions(now)
	c.settleReleases(now)
	c.checkStopped(now)
	return &c.acts
}

func (c *Core) absorb(now Instant, out *peer.Out) {
	for ; c.seen.slots < len(out.Slots); c.seen.slots++ {
		s := &out.Slots[c.seen.slots]
		c.acts.Fence = append(c.acts.Fence, FenceSlot{Slot: s.Slot, Answer: s.Until, Serve: s.Until})
	}
	for ; c.seen.changes < len(out.Changes); c.seen.changes++ {
		c.changed(now, &out.Changes[c.seen.changes])
	}
	for ; c.seen.sends < len(out.Sends); c.seen.sends++ {
		s := &out.Sends[c.seen.sends]
		c.acts.Send = append(c.acts.Send, Send{To: NodeID(s.Node), Path: s.Path, Bytes: s.Bytes})
	}
	for ; c.seen.persist < len(out.Persist); c.seen.persist++ {
		p := &out.Persist[c.seen.persist]
		c.acts.Persist = append(c.acts.Persist, Persist{Group: c.peered[p.Group].id, EpochCeiling: p.Ceiling, HeldOff: c.drained})
	}
}

func (c *Core) note(n Note) { c.acts.Note = append(c.acts.Note, n) }

// command takes what an operator asks for.
func (c *Core) command(now Instant, e Command) {
	reply := Reply{ID: e.ID, OK: true, Group: e.Group, To: e.To}
	switch e.Verb {
	case Switchover:
		reply.Why = c.groups[e.Group].switchover(now, e.To)
	case Drain:
		if reply.Why = c.refusesDrain(e.Group); reply.Why == reason.None {
			c.setDrained(now, e.Group, true)
		}
	case Resume:
		c.setDrained(now, e.Group, false)
	case Stop, Abort:
		c.stopAll(now, e)
		return
	}
	if reply.Why != reason.None {
		reply.OK = false
		c.note(Note{At: now, Kind: Refused, Group: e.Group, Node: e.To, Reason: reply.Why})
	}
	c.acts.Reply = append(c.acts.Reply, reply)
}

// stopAll begins to end: what is held is handed over or let go of.
func (c *Core) stopAll(now Instant, e Command) {
	hard, why := e.Verb == Abort, cmp.Or(e.Why, reason.Stopping)
	c.stop, c.stopped, c.stopping, c.aborting, c.stopWhy = e.ID, true, true, hard, why
	c.machine.Stop(now, hard, why)
	for _, r := range c.routers {
		r.r.Stop(now, hard, why)
	}
	for _, g := range c.groups {
		if g.everyone != nil {
			g.everyone.stop(now, why)
		}
		if g.lease != nil {
			g.lease.stop(now, why)
		}
		if hard {
			c.endLinger(g)
		}
		c.reroute(g)
	}
}

// setDrained keeps this node away from a group or from all, or lets it take part
// again. What is true of all outlives a restart.
func (c *Core) setDrained(now Instant, group GroupID, drained bool) {
	if group != AllGroups {
		g := c.groups[group]
		g.setDrained(now, drained)
		for _, s := range c.synced(g) {
			c.reroute(s)
		}
		return
	}
	c.drained = drained
	c.keepAway(now, drained)
	c.acts.Persist = append(c.acts.Persist, Persist{Group: AllGroups, HeldOff: drained})
}

// keepAway keeps this node away from all groups, or lets it take part again.
func (c *Core) keepAway(now Instant, drained bool) {
	c.machine.SetDrained(now, -1, drained)
	for _, e := range c.routers {
		e.setDrained(now, drained)
	}
	for _, g := range c.groups {
		if g.everyone != nil {
			g.everyone.setDrained(now, drained)
		}
		if g.lease != nil {
			g.lease.setDrained(now, drained)
		}
		c.reroute(g)
	}
}

// refusesDrain says why this node cannot be kept away from a group, or from all.
func (c *Core) refusesDrain(group GroupID) reason.Reason {
	if group != AllGroups {
		return c.groups[group].refusesDrain()
	}
	return c.machine.RefusesDrain(-1)
}

// checkStopped takes leave of the peers when nothing is to be held any more, and
// answers the command that ends the daemon when nothing is.
func (c *Core) checkStopped(now Instant) {
	if !c.stopped {
		return
	}
	settled := true
	for _, g := range c.groups {
		if g.active || g.want.Held {
			return
		}
		settled = settled && g.settled && (g.lease == nil || g.lease.gaveUp(now))
	}
	if !c.parted {
		c.parted, c.partedAt = true, now
		c.stopSessions(now, c.stopWhy)
	}
	if c.witness != nil {
		settled = settled && c.witness.gone(now, c.partedAt)
	}
	if settled {
		c.stopped = false
		c.acts.Reply = append(c.acts.Reply, Reply{ID: c.stop, OK: true, Group: AllGroups, To: NoNode})
	}
}
