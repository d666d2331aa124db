package core

import (
	"net/netip"
	"strconv"
	"time"

	"stead/internal/core/bgp"
	"stead/internal/core/clock"
	"stead/internal/core/peer"
	"stead/internal/core/reason"
)

// withdrawPatience is how long addresses wait for their withdrawal to be sent.
const withdrawPatience = time.Second

// lastChoice is how often a path is prepended that is to be taken only where there
// is no other: also more often than this node's own while it is active.
func (r *Routes) lastChoice() int { return max(r.LastChoice, r.Prepend.Active+2, 2) }

// overlap is for how long the path of a node that hands over stays as it was, at
// most: that of its successor has to arrive first. Until then the others lead to nodes
// that drop packets.
const overlap = 200 * time.Millisecond

// routing is what a group announces by BGP, as far as it changes.
type routing struct {
	stale bool // something has happened that the announcement may depend on
	role  RouteRole
	path  int // how often the local AS is prepended, or Withdrawn

	fresh       []netip.Prefix // that a reload has brought, and that are not in place yet
	silent      stalePaths
	overlaps    Instant // until then the path of a node that hands over stays as it was; Never: it has changed
	partlySince Instant // a session is missing; Never: none is
	movedAt     Instant // without an election: when this node was active last; 0: never
	dampedUntil Instant
	releaseBy   Instant // the addresses go by then, whether the withdrawal was sent or not
	settled     bool    // there is a session, and there was time to hear the other members
	settleAt    Instant
}

func newRouting() routing {
	return routing{path: Withdrawn, silent: stalePaths{holder: peer.Nobody}, overlaps: clock.Never, partlySince: clock.Never, dampedUntil: clock.Never, releaseBy: clock.Never, settleAt: clock.Never}
}

// reroute has what a group announces looked at before the step ends.
func (c *Core) reroute(g *group) {
	if g.cfg.Routes != nil {
		g.route.stale, c.rerouted = true, true
	}
}

// standing is what a node announces that is not active and has not just been.
func (g *group) standing() (RouteRole, int) {
	p := &g.cfg.Routes.Prepend
	switch {
	case g.base == 0:
		return RouteNone, Withdrawn
	case g.drained():
		return RouteDrain, p.Drain
	case !g.ready:
		return RouteUnhealthy, p.Unhealthy
	}
	return RouteStandby, p.Standby
}

// routeOf is what a group is to announce now. Nothing is announced before the
// addresses are in place.
func (c *Core) routeOf(now Instant, g *group) (role RouteRole, path int) {
	r := g.cfg.Routes
	serves := g.open || g.lingerUntil != clock.Never
	switch {
	case !g.applied || !g.want.Held:
		role, path = RouteNone, Withdrawn
	case g.lingerUntil != clock.Never && g.route.overlaps == clock.Never:
		role, path = RouteLeaving, r.Prepend.Drain
		if path == Withdrawn {
			path = r.lastChoice()
		}
	case g.active && !g.open:
		role, path = g.standing()
	case g.open && g.route.dampedUntil != clock.Never && r.Prepend.Active != Withdrawn:
		role, path = RouteDamped, r.lastChoice()
	case serves && g.route.silent.depth > 0 && r.Prepend.Active != Withdrawn:
		role, path = RouteTakeover, max(0, r.Prepend.Active-min(g.route.silent.depth, r.Room))
	case serves:
		role, path = RouteActive, r.Prepend.Active
	case c.stopping:
		role, path = RouteNone, Withdrawn
	default:
		role, path = g.standing()
	}
	if path == Withdrawn {
		role = RouteNone
	}
	return role, path
}

// marked tells whether the paths carry GRACEFUL_SHUTDOWN for those who ask for it.
func (r RouteRole) marked() bool { return r == RouteLeaving || r == RouteDrain }

// settleRoutes has the peers told what has changed for them, and lets addresses
// go whose withdrawal has been sent.
func (c *Core) settleRoutes(now Instant) {
	if !c.rerouted {
		return
	}
	c.rerouted, c.releasing = false, true
	for _, g := range c.groups {
		if g.cfg.Routes == nil || !g.route.stale {
			continue
		}
		g.route.stale = false
		c.settleStay(now, g)
		if role, path := c.routeOf(now, g); role != g.route.role || path != g.route.path {
			c.rerouteTo(now, g, role, path)
		}
	}
	for _, s := range c.sessions {
		s.settle(c, now)
	}
	c.settleReleases(now)
}

// settleReleases lets addresses go that have waited for it.
func (c *Core) settleReleases(now Instant) {
	if !c.releasing {
		return
	}
	c.releasing = false
	for _, g := range c.groups {
		if g.cfg.Routes != nil {
			c.settleRelease(now, g)
		}
	}
}

// rerouteTo changes what a group announces.
func (c *Core) rerouteTo(now Instant, g *group, role RouteRole, path int) {
	g.route.role, g.route.path = role, path
	for _, i := range g.cfg.Routes.Peers {
		c.sessions[i].reannounced(g)
	}
	n := Note{At: now, Kind: Routed, Group: g.id, Node: c.cfg.Self, Epoch: g.epoch, Detail: "withdrawn"}
	if path != Withdrawn {
		n.Detail = "as " + string(role) + ", prepended " + strconv.Itoa(path) + " times"
	}
	if role == RouteDamped {
		n.Kind, n.Reason, n.Took = Damped, reason.Damping, g.route.dampedUntil.Sub(now)
	}
	c.note(n)
}

// pathsFor lists what all groups announce to a peer.
func (c *Core) pathsFor(s *session) []bgp.Path {
	s.paths = s.paths[:0]
	for _, g := range c.groups {
		if g.cfg.Routes == nil || g.route.path == Withdrawn {
			continue
		}
		for i, peer := range g.cfg.Routes.Peers {
			if peer == s.index {
				s.add(g, g.route.role.marked() && g.cfg.Routes.Graceful[i])
			}
		}
	}
	s.sort()
	return s.paths
}

// resting tells whether the addresses of a group are nobody's business but that
// of its announcement: the node is not active and does not become so.
func (g *group) resting() bool {
	return !g.active && !g.preparing && g.lingerUntil == clock.Never
}

// stays tells whether a group that this node is not active in goes on being
// announced, and its addresses stay in place for that.
func (c *Core) stays(g *group) bool {
	_, path := g.standing()
	return path != Withdrawn && !c.stopping && !g.gone
}

// settleStay asks for the addresses of a group that is announced by a node that
// is not active.
func (c *Core) settleStay(now Instant, g *group) {
	if !g.resting() || !c.stays(g) {
		return
	}
	g.route.releaseBy = clock.Never
	if !g.want.Held || !g.want.Stay {
		c.wantStay(g, g.cause)
	}
	if g.everyone != nil && g.applied {
		c.bind(g, everyoneSlot)
	}
}

// settleRelease lets the addresses of a group go that is not announced any more.
func (c *Core) settleRelease(now Instant, g *group) {
	if !g.resting() || !g.want.Held || c.stays(g) {
		return
	}
	if g.route.releaseBy == clock.Never {
		g.route.releaseBy = now.Add(withdrawPatience)
	}
	if c.unsent(g) && now < g.route.releaseBy && !c.aborting && !g.gone {
		c.releasing = true
		if !g.want.Stay {
			c.wantStay(g, g.cause)
		}
		c.due = clock.Min(c.due, g.route.releaseBy)
		return
	}
	g.route.releaseBy = clock.Never
	c.bind(g, 0)
	c.wantHeld(g, false, false, g.cause)
}

// unsent tells whether a session over which a group was announced has not sent
// everything yet.
func (c *Core) unsent(g *group) bool {
	for _, i := range g.cfg.Routes.Peers {
		if c.sessions[i].Unsent() {
			return true
		}
	}
	return false
}

// damp notes when a node without an election ceases to be active, and that one
// which becomes so again shortly after is chosen last for a while: routers that
// damp a prefix would not follow anyway.
func (c *Core) damp(now Instant, g *group, active bool) {
	if g.everyone == nil || g.cfg.Damping <= 0 || g.cfg.Routes == nil {
		return
	}
	switch {
	case !active:
		g.route.movedAt, g.route.dampedUntil = now, clock.Never
	case g.route.movedAt != 0 && now.Sub(g.route.movedAt) < g.cfg.Damping:
		g.route.dampedUntil = g.route.movedAt.Add(g.cfg.Damping)
		c.due = clock.Min(c.due, g.route.dampedUntil)
	}
}

// routesDue does what is due of a group's announcement, and returns when the next
// is.
func (c *Core) routesDue(now Instant, g *group) Instant {
	r := &g.route
	if now >= r.silent.until() {
		r.silent.expire(now)
		c.reroute(g)
	}
	if now >= r.overlaps {
		r.overlaps = clock.Never
		c.reroute(g)
	}
	if now >= r.dampedUntil {
		r.dampedUntil = clock.Never
		c.reroute(g)
	}
	if now >= r.settleAt {
		c.assess(now, g)
	}
	if now >= r.releaseBy {
		c.releasing = true
		return min(r.silent.until(), r.overlaps, r.dampedUntil, r.settleAt)
	}
	return min(r.silent.until(), r.overlaps, r.dampedUntil, r.releaseBy, r.settleAt)
}

// routesState is what status shows of a group's announcement.
func (g *group) routesState() *RoutesState {
	if g.cfg.Routes == nil || g.base == 0 {
		return nil
	}
	s := &RoutesState{Role: g.route.role, Prepend: g.route.path, Peers: g.cfg.Routes.Peers}
	switch g.route.role {
	case RouteTakeover:
		s.Until = g.route.silent.last()
	case RouteDamped:
		s.Until = g.route.dampedUntil
	case RouteLeaving:
		s.Until = g.lingerUntil
	}
	return s
}
