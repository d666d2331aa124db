package peer

import (
	"time"

	"stead/internal/core/clock"
	"stead/internal/core/reason"
)

// Instant is the time of the core.
type Instant = clock.Instant

// nobody is the node index that stands for no node.
const nobody = -1

// Nobody is the node index that stands for no node in what callers see.
const Nobody = nobody

// Config is what a Machine has to know. Indices name nodes and groups.
type Config struct {
	Self        int
	Nodes       []Node
	Groups      []Group
	Incarnation uint64 // random, not 0
	Keys        [][]byte
	Store       bool // the last of Nodes is a store that votes: it has no paths
}

// Node is one node of the configuration.
type Node struct {
	Name     string
	Paths    int           // 0: no heartbeats with it
	Interval time.Duration // of the heartbeats between it and this node
}

// Group is the election of one group.
type Group struct {
	Name             string
	Priorities       []int // by node; 0: not a member
	Voters           []int
	Quorum           bool
	Interval         time.Duration
	Lease            time.Duration
	Preempt          bool
	PreemptDelay     time.Duration
	Damping          time.Duration // after a change of the active node, for how long no other preempts it
	StartDelay       time.Duration // 0: one lease
	HoldOnQuorumLoss bool
	Watch            bool   // nothing is decided: Silent tells of voters that are not heard for the lease
	Pledge           bool   // nothing is decided: the nodes promise the group to who says to have it
	Floor            uint64 // epochs up to here may have been used before
}

// driftDivisor is the share of a lease that its holder does not use: clocks of
// two machines may differ in rate by one part in 64, far more than any crystal.
const driftDivisor = 64

// usable is how long a holder counts on a promise.
func usable(lease time.Duration) time.Duration { return lease - lease/driftDivisor }

// Out is what a call asked for. It is valid until the next call of the Machine.
type Out struct {
	Slots   []Slot
	Sends   []Send
	Changes []Change
	Persist []Persist
}

// Slot says until when the lease of a slot runs. Groups that hang on the same
// promises share one.
type Slot struct {
	Slot  int
	Until Instant
}

// Send is a datagram to a node over a path.
type Send struct {
	Node, Path int
	Bytes      []byte
}

// Persist asks to store that epochs up to Ceiling may be used.
type Persist struct {
	Group   int
	Ceiling uint64
}

// Kind is the kind of a Change.
type Kind uint8

// The kinds of Change.
const (
	Activated   Kind = iota + 1 // this node may serve: Slot holds its lease
	Deactivated                 // it may not any more; Linger says whether packets under way may be answered
	SlotMoved                   // the lease is in another slot now
	Prepare                     // get ready to serve behind a closed fence
	Unprepare                   // do not
	Claimed                     // asked the voters for an epoch
	EpochRaised                 // the voters agreed on a higher epoch while this node goes on serving
	SawActive                   // Node serves
	Stalled                     // the lease has run out, Took ago, before it was renewed
	Renewed                     // and is renewed
	DualSeen                    // Node was active at the same time, for Took
	Healed                      // clients may have heard another holder: announce again
	GaveUpOn                    // a hand-over to Node was given up
	PeerUp
	PeerDown
	Silent // Node is not heard any more, in a group with Watch
	Damped // a preemption waits, for Took, because Node took over a short time ago
)

// Change tells what has happened to a group, or to a node when Group is negative.
type Change struct {
	Kind   Kind
	Group  int
	Node   int
	Slot   int
	Epoch  uint64
	Reason reason.Reason
	Linger bool
	Took   time.Duration
}
