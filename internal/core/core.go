package core

import (
	"net/netip"
	"time"

	"stead/internal/core/bfd"
	"stead/internal/core/bgp"
	"stead/internal/core/clock"
	"stead/internal/core/lease"
	"stead/internal/core/vrrp"
)

// Instant is the time of the core; see package clock.
type Instant = clock.Instant

// NodeID is a node's place in Config.Nodes. It never leaves the node:
// packets carry a hash of the name, so that a rolling change of the
// configuration does not renumber anything.
type NodeID uint8

// NoNode stands for "nobody".
const NoNode NodeID = 255

// MaxNodes is the largest number of nodes in one configuration.
const MaxNodes = 64

// GroupID is a group's place in Config.Groups.
type GroupID int32

// Config is all that the core has to know, already checked.
type Config struct {
	Self        NodeID
	Nodes       []Node
	Groups      []Group
	Incarnation uint64        // random, of this run of the daemon
	Keys        [][]byte      // the first signs; all are accepted
	Interval    time.Duration // of heartbeats to every node: the shortest of the groups'
	Unfenced    bool          // the fence cannot silence an address that is in place
	HeldOff     bool          // drained before a restart
	Peers       []Peer        // BGP sessions
	BFD         []Path        // BFD sessions
	// Witness is the vote of a store in the elections among nodes; nil: none votes.
	Witness      *lease.Config
	WitnessStore string
}

// Peer is a BGP session of this node.
type Peer struct {
	Name    string
	Session bgp.Config
	BFD     int // place in Config.BFD of what watches the path to it; -1: nothing does
}

// Path is a BFD session of this node.
type Path struct {
	Name          string     // for people: the peer's, or the address
	Local, Remote netip.Addr // Local: the zero Addr when any address of this node will do
	Multihop      bool
	Session       bfd.Config
}

// Withdrawn in Prepend says that a node announces nothing in a role.
const Withdrawn = -1

// Routes is what a group announces to BGP peers.
type Routes struct {
	Peers   []int      // places in Config.Peers
	Paths   []bgp.Path // without Prepend
	Prepend Prepend
	// Room is by how much fewer a node prepends that has taken over from one that
	// fell silent: the path of that one stays with the peers until its sessions' hold
	// times are over.
	Room int
	// LastChoice is how often a path is prepended at least that is to be taken only
	// where there is no other: more often than that of any node while it is active.
	LastChoice int
	Stale      time.Duration // how long such a path may stay: after that the node prepends as always
	// Graceful marks the path of a node that hands over or is drained with
	// GRACEFUL_SHUTDOWN, for the peers that ask for it: parallel to Peers.
	Graceful []bool
	// Needed tells that this node is ready only while a session is established.
	Needed bool
}

// Prepend is how often the local AS is prepended in each role, or Withdrawn.
type Prepend struct {
	Active    int
	Standby   int
	Unhealthy int // not ready
	Drain     int // drained, or handing over: the path that is left for Linger
}

// Node is one machine that runs stead and takes part in elections.
type Node struct {
	Name    string
	Witness bool             // votes in every group, never holds
	Client  bool             // in the overlays only: no vote, no heartbeat
	Paths   []netip.AddrPort // one an address; path i of two nodes joins their i-th addresses
}

// Group is a set of addresses that move together.
type Group struct {
	Name       string
	Members    []Member
	Voters     []NodeID // the members and the witnesses
	Quorum     bool     // an active node needs a majority of the voters
	Interval   time.Duration
	Multiplier int

	Preempt          bool
	PreemptDelay     time.Duration
	StartDelay       time.Duration
	Refresh          time.Duration // of announcements while nothing happens; 0 never
	PrepareHook      bool          // a hook has to end before this node is ready as a target
	Linger           time.Duration // how long the old node answers packets under way after a switchover
	HoldOnQuorumLoss bool
	EpochFloor       uint64 // epochs up to here may have been used before a restart
	Checks           []Check
	Router           *vrrp.Config  // decides by VRRP; nil: by the peer election
	RouterLink       string        // the interface of the virtual router
	StoreVotes       bool          // Config.Witness is one more voter
	Sync             string        // groups with the same name change together; only with Router
	Interfaces       []string      // their carrier is part of readiness
	Everyone         bool          // every node that is ready is active: no election
	Damping          time.Duration // after a change of the active node, for how long the next one that nothing forces waits
	Right            *lease.Config // decides by a record in a store; nil: it does not
	Store            string        // which store: another one is another election
	Pledged          bool          // it goes on while every other member hears this node and has promised not to take it
	HoldWithoutStore bool          // a lease that cannot be renewed because the store is not reached is held on to
	Routes           *Routes       // nil: nothing is announced by BGP
}

// Lease is the detection time and the length of a promise.
func (g *Group) Lease() time.Duration { return g.Interval * time.Duration(g.Multiplier) }

// Member is a node that may hold the group.
type Member struct {
	Node     NodeID
	Priority int        // 1 to 254, or 255 for one that never yields to another priority
	Router   netip.Addr // where its VRRP advertisements come from, if the configuration tells
}

// Check is what the core has to know of a health check.
type Check struct {
	Name   string
	Rise   int  // successes in a row that bring it up
	Fall   int  // failures in a row that take it down
	Weight int  // added to the priority: while down when negative, while up when positive
	Fatal  bool // not ready while down
	Number bool // the weight counts as often as the number that the check reads
	BFD    int  // with IsBFD: place in Config.BFD of the session that is the check
	IsBFD  bool
}
