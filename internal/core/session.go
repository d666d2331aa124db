package core

import (
	"cmp"
	"net/netip"
	"slices"
	"time"

	"stead/internal/core/bgp"
	"stead/internal/core/clock"
	"stead/internal/core/reason"
)

// session is a BGP session with what is around it.
type session struct {
	*bgp.Session
	index int
	cfg   *Peer
	stale bool     // what is announced has changed
	moved []*group // where not more has: for these groups
	paths []bgp.Path

	seen struct{ retracts, writes, dials, hangups, changes int } // of Out in this step
}

func (c *Core) newSession(i int) *session {
	cfg := &c.cfg.Peers[i]
	return &session{Session: bgp.New(cfg.Session), index: i, cfg: cfg}
}

// add puts a group's paths among those for this peer. Of a prefix that several
// groups have the first one counts.
func (s *session) add(g *group, graceful bool) {
	for _, p := range g.cfg.Routes.Paths {
		if !slices.Contains(g.route.fresh, p.Prefix) {
			s.paths = append(s.paths, s.pathOf(g, p, graceful))
		}
	}
}

// pathOf is how a group's path is announced to this peer.
func (s *session) pathOf(g *group, p bgp.Path, graceful bool) bgp.Path {
	p.Prepend = g.route.path
	if graceful {
		p = gracefully(p)
	}
	return p
}

// mostMoved is for how many groups a session is told of what has changed one by one.
const mostMoved = 16

// reannounced notes that another path of a group is to be announced.
func (s *session) reannounced(g *group) {
	if s.stale = s.stale || len(s.moved) == mostMoved; !s.stale {
		s.moved = append(s.moved, g)
	}
}

// settle has the peer told what has changed. It does not look at every group for each
// that has moved: a thousand that move together are put in place one after the other.
func (s *session) settle(c *Core, now Instant) {
	if s.stale || c.prefixesShared {
		if s.stale || len(s.moved) > 0 {
			s.Announce(now, c.pathsFor(s))
		}
	} else {
		for _, g := range s.moved {
			s.settleGroup(g)
		}
	}
	s.stale, s.moved = false, s.moved[:0]
}

// freshIn are the prefixes of another configuration that this one has not got.
func (r *Routes) freshIn(next *Routes) (fresh []netip.Prefix) {
	for _, p := range next.Paths {
		if !slices.ContainsFunc(r.Paths, func(q bgp.Path) bool { return q.Prefix == p.Prefix }) {
			fresh = append(fresh, p.Prefix)
		}
	}
	return fresh
}

// inPlace has the prefixes announced whose addresses a reload has brought.
func (c *Core) inPlace(g *group) {
	if len(g.route.fresh) == 0 {
		return
	}
	g.route.fresh, c.rerouted = nil, true
	for _, i := range g.cfg.Routes.Peers {
		c.sessions[i].reannounced(g)
	}
}

func (s *session) settleGroup(g *group) {
	marked := g.route.role.marked() && g.cfg.Routes.Graceful[slices.Index(g.cfg.Routes.Peers, s.index)]
	for _, p := range g.cfg.Routes.Paths {
		if g.route.path == Withdrawn || slices.Contains(g.route.fresh, p.Prefix) {
			s.Drop(p.Prefix)
		} else {
			s.Put(s.pathOf(g, p, marked))
		}
	}
}

// sharePrefixes finds out whether several paths of the configuration are to one prefix.
func (c *Core) sharePrefixes() {
	seen := map[netip.Prefix]bool{}
	c.prefixesShared = false
	for _, g := range c.groups {
		if g.cfg.Routes == nil {
			continue
		}
		for _, p := range g.cfg.Routes.Paths {
			c.prefixesShared = c.prefixesShared || seen[p.Prefix.Masked()]
			seen[p.Prefix.Masked()] = true
		}
	}
}

// gracefully marks a path that is about to go (RFC 8326 section 4).
func gracefully(p bgp.Path) bgp.Path {
	p.LocalPref = 0
	at, found := slices.BinarySearch(p.Communities, bgp.GracefulShutdown)
	if !found {
		p.Communities = slices.Insert(slices.Clone(p.Communities), at, bgp.GracefulShutdown)
	}
	return p
}

func (s *session) sort() {
	slices.SortStableFunc(s.paths, func(a, b bgp.Path) int {
		return cmp.Or(a.Prefix.Addr().Compare(b.Prefix.Addr()), cmp.Compare(a.Prefix.Bits(), b.Prefix.Bits()))
	})
	s.paths = slices.CompactFunc(s.paths, func(a, b bgp.Path) bool { return a.Prefix == b.Prefix })
}

// streamed takes what a connection of a session has done.
func (c *Core) streamed(now Instant, e *Stream) {
	s := c.sessions[e.Peer]
	switch e.Kind {
	case StreamOpened:
		s.Opened(now, e.Conn, e.Local)
	case StreamClosed:
		s.Closed(now, e.Conn, e.Detail)
	case StreamMessage:
		s.Receive(now, e.Conn, e.Bytes)
	case StreamUpdates:
		s.Updates(now, e.Conn, e.Count)
	case StreamSent:
		s.Sent(now, e.Conn, e.Count)
	}
}

// hearSessions takes in what has happened to the sessions, before they are told
// what follows from it.
func (c *Core) hearSessions(now Instant) {
	for _, s := range c.sessions {
		for ; s.seen.changes < len(s.Told()); s.seen.changes++ {
			c.sessionChanged(now, s, &s.Told()[s.seen.changes])
		}
	}
}

// flushSessions has the sessions announce what is to be announced at the end of a
// step, and not more than once: withdrawals overtake announcements.
func (c *Core) flushSessions(now Instant) {
	for _, s := range c.sessions {
		out := s.Finish(now)
		for ; s.seen.changes < len(out.Changes); s.seen.changes++ {
			c.sessionChanged(now, s, &out.Changes[s.seen.changes])
		}
		c.acts.Retract = appendWrites(c.acts.Retract, s.index, out.Retracts, &s.seen.retracts)
		c.acts.Write = appendWrites(c.acts.Write, s.index, out.Writes, &s.seen.writes)
		c.acts.Hangup = appendConns(c.acts.Hangup, s.index, out.Hangups, &s.seen.hangups)
		c.acts.Dial = appendConns(c.acts.Dial, s.index, out.Dials, &s.seen.dials)
	}
}

func appendWrites(to []StreamWrite, peer int, from []bgp.Write, seen *int) []StreamWrite {
	for ; *seen < len(from); *seen++ {
		w := &from[*seen]
		to = append(to, StreamWrite{StreamConn: StreamConn{Peer: peer, Conn: w.Conn}, Bytes: w.Bytes})
	}
	return to
}

func appendConns(to []StreamConn, peer int, from []bgp.Conn, seen *int) []StreamConn {
	for ; *seen < len(from); *seen++ {
		to = append(to, StreamConn{Peer: peer, Conn: from[*seen]})
	}
	return to
}

// sessionChanged takes a change of a session in.
func (c *Core) sessionChanged(now Instant, s *session, ch *bgp.Change) {
	n := Note{At: now, Group: NoGroup, Node: NoNode, Reason: ch.Reason, Detail: told(s.cfg.Name, ch.Detail)}
	switch ch.Kind {
	case bgp.Established:
		n.Kind = SessionUp
		c.note(n)
		c.assessAnnounced(now, s)
	case bgp.Down:
		n.Kind = SessionDown
		c.note(n)
		c.assessAnnounced(now, s)
	case bgp.Refused:
		n.Kind = SessionRefused
		c.note(n)
	case bgp.Delivered:
		c.releasing = true
	case bgp.Announced:
		n.Kind = Routed
		c.note(n)
	}
}

// assessAnnounced looks at the groups again that are announced over a session
// that has come or gone.
func (c *Core) assessAnnounced(now Instant, s *session) {
	for _, g := range c.groups {
		if g.announcedTo(s.index) {
			c.assess(now, g)
			c.reroute(g)
		}
	}
	c.touched = true
}

func (g *group) announcedTo(peer int) bool {
	return g.cfg.Routes != nil && slices.Contains(g.cfg.Routes.Peers, peer)
}

// settling is for how long a node whose first session has come listens for the
// other members before it may serve: what let the session come lets their
// heartbeats come, but the kernel may ask for 100 ms where they are.
const settling = 250 * time.Millisecond

// firstSession is for how long a node that serves a group goes on without a session
// when a reload has the group announced: it has served without one until then.
const firstSession = 10 * time.Second

// unheard tells whether a group needs a session to be of use, and has none, or has
// one so lately that an active node may not have been heard yet.
func (c *Core) unheard(now Instant, g *group) bool {
	r := g.cfg.Routes
	if r == nil || !r.Needed {
		return false
	}
	if !slices.ContainsFunc(r.Peers, func(i int) bool { return c.sessions[i].Established() }) {
		if g.active && g.route.settled && now < g.route.settleAt && g.route.settleAt != clock.Never {
			c.due = clock.Min(c.due, g.route.settleAt)
			return false
		}
		g.route.settled, g.route.settleAt = false, clock.Never
		return true
	}
	if g.route.settleAt == clock.Never && !g.route.settled {
		g.route.settleAt = now.Add(settling)
		c.due = clock.Min(c.due, g.route.settleAt)
	}
	if now >= g.route.settleAt || g.active || c.hearsMembers(g) {
		g.route.settled, g.route.settleAt = true, clock.Never
	}
	return !g.route.settled
}

// partialPatience is for how long a node that has some of its sessions preempts
// nobody: routers that do not hear it yet would have no path.
const partialPatience = time.Minute

// partlyHeard is until when a node that does not have all sessions of a group
// preempts nobody; 0 when it has them, or does not need any.
func (c *Core) partlyHeard(now Instant, g *group) Instant {
	r := g.cfg.Routes
	if r == nil || !r.Needed || !slices.ContainsFunc(r.Peers, func(i int) bool { return !c.sessions[i].Established() }) {
		g.route.partlySince = clock.Never
		return 0
	}
	if g.route.partlySince == clock.Never {
		g.route.partlySince = now
	}
	return g.route.partlySince.Add(partialPatience)
}

// hearsMembers tells whether every other member of a group is heard.
func (c *Core) hearsMembers(g *group) bool {
	for _, m := range g.cfg.Members {
		if m.Node != c.cfg.Self && !c.machine.Hears(int(m.Node)) {
			return false
		}
	}
	return true
}

// stopSessions tells every peer that this node ends, and why. BFD follows: that
// its packets stop is no failure.
func (c *Core) stopSessions(now Instant, why reason.Reason) {
	for _, s := range c.sessions {
		s.Stop(now, bgp.Cease(bgp.AdministrativeShutdown, "stead: "+string(why)))
	}
	for _, p := range c.paths {
		p.SetAdminDown(now, true)
	}
	c.absorbPaths(now)
	c.flushSessions(now)
}

// sessionsDue is when the first session waits for something.
func (c *Core) sessionsDue() Instant {
	due := clock.Never
	for _, s := range c.sessions {
		due = clock.Min(due, s.Deadline())
	}
	for _, p := range c.paths {
		due = clock.Min(due, p.Deadline())
	}
	return due
}

// retireSessions ends the sessions that a configuration does not have.
func (c *Core) retireSessions(now Instant, cfg *Config) {
	for _, s := range c.sessions {
		if cfg.peer(s.cfg) == nil {
			s.Stop(now, bgp.Cease(bgp.PeerDeconfigured, ""))
		}
	}
	for _, p := range c.paths {
		if !slices.ContainsFunc(cfg.BFD, func(next Path) bool { return p.same(&next) }) {
			p.SetAdminDown(now, true)
		}
	}
}

// peer finds a session by its name and where its peer is.
func (cfg *Config) peer(like *Peer) *Peer {
	for i := range cfg.Peers {
		if p := &cfg.Peers[i]; p.Name == like.Name && p.Session.Peer == like.Session.Peer {
			return p
		}
	}
	return nil
}

// reconfigureSessions keeps the sessions that are left and starts new ones.
func (c *Core) reconfigureSessions(now Instant) {
	old := c.sessions
	c.sessions = nil
	for i := range c.cfg.Peers {
		cfg := &c.cfg.Peers[i]
		var s *session
		for _, was := range old {
			if was.cfg.Name != cfg.Name {
				continue
			}
			if was.cfg.Session.Peer == cfg.Session.Peer {
				s = was
			}
			cfg.Session.After = was.Last() // what is told of it late is not taken for the new one's
		}
		if s != nil {
			s.index, s.cfg = i, cfg
			s.Reconfigure(now, cfg.Session)
		} else {
			s = c.newSession(i)
			s.Begin(now)
			if !c.parted {
				s.Session.Start(now)
			}
		}
		if cfg.BFD >= 0 {
			c.paths[cfg.BFD].tell(now, s)
		}
		s.stale, s.moved = true, nil
		c.sessions = append(c.sessions, s)
	}
	c.sharePrefixes()
	c.rerouted = true
}
