package core

import (
	"slices"

	"stead/internal/core/clock"
	"stead/internal/core/peer"
	"stead/internal/core/reason"
)

// stalePaths tells how short the path of the active node has to be: shorter than
// those of nodes that fell silent, which stay with the peers until the hold times
// of their sessions are over. Every node keeps count of them, by what it hears of
// changes, and not only those that it replaces itself: it may be the next to
// replace one that had to have a short path already.
type stalePaths struct {
	left   []stalePath
	holder int    // who is active, or was last
	depth  int    // by how much fewer that node prepends: more than any in left
	epoch  uint64 // of that, where nodes agree on one
}

// stalePath is the path of a node that fell silent.
type stalePath struct {
	node, depth int
	until       Instant
}

// until is when the first of the paths has gone; Never: there is none.
func (s *stalePaths) until() Instant {
	first := clock.Never
	for i := range s.left {
		first = clock.Min(first, s.left[i].until)
	}
	return first
}

// last is when all of them have gone.
func (s *stalePaths) last() (last Instant) {
	for i := range s.left {
		last = max(last, s.left[i].until)
	}
	return last
}

// expire drops the paths that have gone by now.
func (s *stalePaths) expire(now Instant) {
	s.left = slices.DeleteFunc(s.left, func(p stalePath) bool { return p.until <= now })
	s.measure()
}

// replace drops the path of a node: its next one takes the place of it.
func (s *stalePaths) replace(node int) {
	s.left = slices.DeleteFunc(s.left, func(p stalePath) bool { return p.node == node })
	s.measure()
}

func (s *stalePaths) measure() {
	s.depth = 0
	for i := range s.left {
		s.depth = max(s.depth, s.left[i].depth+1)
	}
}

// succeeds notes that a node has become active. The path of the one before stays
// where that fell silent, or had no session left to withdraw it; one that hands over
// withdraws it.
func (c *Core) succeeds(now Instant, g *group, node int, why reason.Reason, epoch uint64) {
	s := &g.route.silent
	if g.cfg.Routes == nil || g.cfg.Routes.Stale <= 0 || g.cfg.Router == nil && epoch < s.epoch {
		return // old news, of a node that was away
	}
	s.epoch = epoch
	if node == s.holder {
		return
	}
	before := stalePath{node: g.before(s.holder, node), depth: s.depth, until: now.Add(g.cfg.Routes.Stale)}
	s.holder = node
	s.expire(now)
	s.replace(node)
	switch why {
	case reason.PeerSilent, reason.PeerDeaf, reason.NoSession, reason.LeaseExpired:
		s.left = append(s.left, before)
		s.measure()
	}
	c.due = clock.Min(c.due, s.until())
	c.reroute(g)
}

// before is who was active before a node. One that has just started does not
// know, and was it itself perhaps: of a pair it can only have been the other one.
func (g *group) before(holder, node int) int {
	if holder != peer.Nobody || len(g.cfg.Members) != 2 {
		return holder
	}
	for _, m := range g.cfg.Members {
		if int(m.Node) != node {
			return int(m.Node)
		}
	}
	return holder
}
