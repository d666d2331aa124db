package core

import (
	"net/netip"
	"time"

	"stead/internal/core/bgp"
	"stead/internal/core/lease"
	"stead/internal/core/reason"
)

// Actions is what one Step asks for. A driver carries the fields out in the
// order in which they stand here: the fence first, so that a node never says
// that it has let go before it has. Only the slots that close come after Bind:
// addresses that move to another slot are not without an open one in between.
// The slices belong to the core and are valid until the next Step.
//
// Retract comes before the fence: routers are told not to send packets here any
// more before packets are dropped, and no other node hears of it. Write comes
// after the fence for the same reason.
type Actions struct {
	Retract   []StreamWrite
	Fence     []FenceSlot
	Bind      []FenceBind
	Send      []Send
	Advertise []Advertise
	Control   []ControlSend
	Write     []StreamWrite
	Hangup    []StreamConn
	Dial      []StreamConn
	Store     []StoreOp
	Want      []Want
	Announce  []Announce
	Persist   []Persist
	Reply     []Reply
	Note      []Note
}

// FenceSlot moves the deadlines of a fence slot. Until Answer the host answers
// ARP requests and neighbour solicitations for the addresses bound to the slot;
// until Serve it accepts packets to them.
type FenceSlot struct {
	Slot   int
	Answer Instant
	Serve  Instant
}

// Closes tells whether the slot is to be closed now.
func (s *FenceSlot) Closes() bool { return s.Answer == 0 && s.Serve == 0 }

// FenceBind puts a group's addresses under a slot. Slot 0 is never open.
type FenceBind struct {
	Group GroupID
	Slot  int
}

// FenceSlots is how many slots a fence has.
const FenceSlots = 1024

// Send is a datagram to a node, now, once. Bytes are valid until the next Step.
type Send struct {
	To    NodeID
	Path  int
	Bytes []byte
}

// Advertise is a VRRP packet from an address of this node to a multicast group or
// to another router, now, once. Bytes are valid until the next Step.
type Advertise struct {
	Group    GroupID
	From, To netip.Addr
	Bytes    []byte
}

// StreamWrite is bytes for a connection of a BGP session, after those before.
// Bytes are valid until the next Step.
type StreamWrite struct {
	StreamConn
	Bytes []byte
}

// StreamConn names a connection of a BGP session: one to open, or one to close
// when what was written to it has been sent, at the latest after a second.
type StreamConn struct {
	Peer int
	Conn bgp.Conn
}

// ControlSend is a BFD Control packet, now, once. Bytes are valid until the next Step.
type ControlSend struct {
	Session int // place in Config.BFD
	Bytes   []byte
}

// StoreOp is an operation on the register of a group's lease, whose end comes as
// Stored. Its bytes are valid until the next Step.
type StoreOp struct {
	Group GroupID
	Op    lease.Op
}

// Want is the state of a group's holds that is to be true from now on.
// The latest Want of a group replaces those before it.
type Want struct {
	Group      GroupID
	Generation uint64 // names this Want in Applied and ApplyFailed
	Held       bool   // the addresses are on their interfaces
	Stay       bool   // Held, but only because the path to the addresses is or was announced: this node is not active and does not become so
	Active     bool   // hooks: the node is active (a target that prepares holds, but is not active)
	Epoch      uint64
	Reason     reason.Reason
	Detail     string // of a release by a node that is not ready: what was seen
	Priority   int    // effective, of this node in the group
}

// Announce asks for gratuitous ARP and unsolicited NA for all addresses of a group.
type Announce struct {
	Group GroupID
}

// Persist asks to store what must outlive this run. It is never waited for.
type Persist struct {
	Group        GroupID
	EpochCeiling uint64 // no epoch above this one is used before a higher ceiling was asked for
	HeldOff      bool   // the node was drained
}

// Reply is the outcome of a Command.
type Reply struct {
	ID    uint64
	OK    bool
	Group GroupID
	To    NodeID
	Why   reason.Reason // of a refusal
}

// Note tells what changed, and why.
type Note struct {
	At     Instant
	Kind   NoteKind
	Group  GroupID // NoGroup where it is about a node
	Node   NodeID  // whom it is about
	Epoch  uint64
	Reason reason.Reason
	Detail string
	Took   time.Duration // of the change, where it has a length

	Priority int // of Ready and NotReady: effective, of this node in the group
}

// NoGroup in a Note means that it is about no group.
const NoGroup GroupID = -1

// NoteKind is the kind of a change.
type NoteKind uint8

// The kinds of change.
const (
	BecameActive  NoteKind = iota + 1 // this node serves: the fence is open
	BecameStandby                     // this node serves no longer
	Claiming                          // this node asks for the right to serve
	Preparing                         // this node is the target of a switchover
	SawActive                         // another node became active
	Ready                             // this node could serve from now on
	NotReady
	PeerUp
	PeerDown
	CheckUp
	CheckDown
	CheckUnrun // a check could not be run
	Stalled    // the fence closed: no renewal in time
	Unstalled  // and opened again
	Raised     // the voters agreed on a higher epoch; the role did not change
	DualSeen   // two active nodes met; Took is for how long both can have served
	Repaired   // an address was put back
	HoldFailed // an actuator reports a failure
	InPlace    // the addresses are on their interfaces
	Announcing // they are announced, the first time after a change
	Refused    // a command was refused

	SessionUp      // a BGP session is established; Node is NoNode, Detail names the peer
	SessionDown    // and has ended
	SessionRefused // an attempt was refused
	Routed         // paths of a group are announced to peers, or not any more; Detail says how
	PathUp         // a BFD session is Up; Detail names it
	PathDown       // and is Down
	Damped         // a change waits because another one was a short time ago

	StoreDown // the store of a group's lease cannot be reached, or holds what is no lease; Detail says why
	StoreUp   // and can be again
	GotVote   // the vote of the store is this node's
	LostVote  // and is not any more
	Stretched // the lease goes on without the store
)
