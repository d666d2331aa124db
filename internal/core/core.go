package core

import (
	"net/netip"
	"time"

	"stead/internal/core/clock"
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
	Router           *vrrp.Config // decides by VRRP; nil: by the peer election
	RouterLink       string       // the interface of the virtual router
	Sync             string       // groups with the same name change together; only with Router
	Interfaces       []string     // their carrier is part of readiness
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
}
