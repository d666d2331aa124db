package core

import (
	"net/netip"
	"time"

	"stead/internal/core/bfd"
	"stead/internal/core/bgp"
	"stead/internal/core/health"
	"stead/internal/core/lease"
	"stead/internal/core/peer"
	"stead/internal/core/reason"
	"stead/internal/core/vrrp"
)

// State is how things are on this node.
type State struct {
	At       Instant
	Drained  bool
	Groups   []GroupState
	Nodes    []peer.NodeState // by NodeID; without paths where there are no heartbeats
	Counters peer.Counters
	Due      Instant
	Sessions []SessionState // by place in Config.Peers
	Paths    []PathState    // by place in Config.BFD
	Witness  *WitnessState  // nil: no store votes
}

// SessionState is how a BGP session of this node is.
type SessionState struct {
	Name   string
	BFD    int // place in State.Paths; -1: none
	Status bgp.Status
}

// PathState is how a BFD session of this node is.
type PathState struct {
	Name     string
	Remote   netip.Addr
	Multihop bool
	Status   bfd.Status
}

// RouteRole is as what a node announces a group's paths.
type RouteRole string

// The roles. A node that has just taken over from a silent one prefers its path
// above the one that it has left behind; a damped one serves if nobody else does.
const (
	RouteNone      RouteRole = "" // nothing: the addresses are not in place, or the role announces nothing
	RouteActive    RouteRole = "active"
	RouteTakeover  RouteRole = "takeover"
	RouteDamped    RouteRole = "damped"
	RouteLeaving   RouteRole = "leaving" // has handed over; the path stays for Linger
	RouteStandby   RouteRole = "standby"
	RouteUnhealthy RouteRole = "unhealthy"
	RouteDrain     RouteRole = "drain"
)

// RoutesState is what a group announces.
type RoutesState struct {
	Role    RouteRole
	Prepend int
	Until   Instant // of takeover, damped and leaving; else 0
	Peers   []int   // places in State.Sessions
}

// GroupState is how a group is on this node.
type GroupState struct {
	peer.GroupState
	Router  *vrrp.State   // of a group that VRRP decides
	Lease   *lease.Status // of a group that a lease in a store decides
	Active  bool          // this node has the right to serve
	Open    bool          // and serves: addresses in place, fence open
	Member  bool
	Ready   bool
	Why     reason.Reason // it is not ready
	Detail  string
	Since   Instant // of the role
	Base    int     // configured priority
	Applied bool
	Error   string // why the addresses are not as wanted
	Checks  []health.Status
	Serving time.Duration // left of the lease
	Routes  *RoutesState  // of a group that is announced by BGP
}

// Inspect describes the state at a moment. It allocates: it is not for the
// path of heartbeats.
func (c *Core) Inspect(now Instant) State {
	s := State{At: now, Drained: c.drained, Counters: c.machine.Count(), Due: c.Deadline()}
	for _, g := range c.groups {
		gs := GroupState{
			GroupState: g.state(now), Active: g.active, Open: g.open, Member: g.base > 0,
			Ready: g.ready, Why: g.why, Detail: g.detail, Since: g.since, Base: g.base,
			Applied: g.applied || g.want.Generation == 0, Error: g.applyError,
		}
		gs.Routes = g.routesState()
		if g.router != nil {
			rs := g.router.r.State(now)
			gs.Router = &rs
		}
		if g.lease != nil {
			ls := g.lease.m.Status(now)
			gs.Lease = &ls
		}
		if gs.Ready && gs.Starting {
			gs.Ready, gs.Why = false, reason.Starting
		}
		if gs.Ready && g.blocked() {
			gs.Ready, gs.Why = false, reason.SyncGroup
		}
		if gs.Ready && gs.Drained {
			gs.Ready, gs.Why = false, reason.Drained
		}
		if gs.Ready && gs.Router != nil && gs.Router.Why != reason.None {
			gs.Ready, gs.Why = false, gs.Router.Why
		}
		if gs.Until > now {
			gs.Serving = gs.Until.Sub(now)
		}
		for i := range g.health.Len() {
			gs.Checks = append(gs.Checks, g.health.Status(i))
		}
		s.Groups = append(s.Groups, gs)
	}
	for _, x := range c.sessions {
		s.Sessions = append(s.Sessions, SessionState{Name: x.cfg.Name, BFD: x.cfg.BFD, Status: x.Session.Status(now)})
	}
	for _, x := range c.paths {
		s.Paths = append(s.Paths, PathState{Name: x.cfg.Name, Remote: x.cfg.Remote, Multihop: x.cfg.Multihop, Status: x.Session.Status(now)})
	}
	if c.witness != nil {
		s.Witness = c.witness.state(now)
	}
	for i := range c.cfg.Nodes {
		s.Nodes = append(s.Nodes, c.machine.Node(now, i))
	}
	return s
}
