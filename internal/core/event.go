package core

import (
	"net/netip"
	"time"

	"stead/internal/core/bgp"
	"stead/internal/core/lease"
	"stead/internal/core/reason"
)

// Event is one input of the core. Values that arrive at the rate of heartbeats
// are passed by pointer, so that a Step does not allocate.
type Event interface{ event() }

// Packet is a datagram that arrived from a node over a path.
// Bytes belong to the caller again when Step returns.
type Packet struct {
	From  NodeID
	Path  int
	Bytes []byte
}

// Tick says that time has passed; what was due is done.
type Tick struct{}

// CheckResult is the outcome of one run of a check.
type CheckResult struct {
	Group   GroupID
	Check   int
	Outcome Outcome
	Value   int // of a check with Number: what it read
	Detail  string
}

// Advertisement is a VRRP packet that arrived at the virtual router of a group.
// Bytes are what follows the IP header, up to the length that it states; they
// belong to the caller again when Step returns.
type Advertisement struct {
	Group               GroupID
	Source, Destination netip.Addr
	TTL                 int // or hop limit
	Bytes               []byte
}

// SourceAddress tells the primary address of the interface of a group's virtual
// router: what its advertisements come from. The zero Addr says that there is none.
type SourceAddress struct {
	Group   GroupID
	Address netip.Addr
}

// Stream is what a connection of a BGP session does. Bytes belong to the caller
// again when Step returns.
type Stream struct {
	Peer   int // place in Config.Peers
	Conn   bgp.Conn
	Kind   StreamKind
	Local  netip.Addr // StreamOpened: of this node on the connection
	Bytes  []byte     // StreamMessage: one message with its header; only the header where that makes no sense
	Count  int        // StreamUpdates: how many; StreamSent: bytes that the kernel has taken since the last one
	Detail string     // StreamClosed: why
}

// StreamKind is what has happened to a connection.
type StreamKind uint8

// The kinds of Stream.
const (
	StreamOpened  StreamKind = iota + 1 // the connection is there
	StreamClosed                        // it is not any more, or could not be had
	StreamMessage                       // a message other than UPDATE has arrived
	StreamUpdates                       // UPDATEs have arrived; what they say is not looked at
	StreamSent                          // something that was to be written has been taken by the kernel
)

// Control is a BFD Control packet that arrived. Bytes belong to the caller again
// when Step returns.
type Control struct {
	Local, Remote netip.Addr // without zone
	Multihop      bool       // by the port
	TTL           int        // or hop limit
	Bytes         []byte
}

// Stored is the end of an operation on the register of a group's lease. Bytes
// belong to the caller again when Step returns.
type Stored struct {
	Group  GroupID
	Result lease.Result
}

// StoreChanged says that the register of a group's lease may have changed.
type StoreChanged struct {
	Group GroupID
}

// WallClock tells what is to be added to an Instant to have the time since 1970.
type WallClock struct {
	Offset time.Duration
}

// Outcome of one run of a check. A check that could not be run has not failed.
type Outcome uint8

// The outcomes.
const (
	CouldNotRun Outcome = iota
	Passed
	Failed
)

// LinkState tells that an interface has come up or gone down or away.
type LinkState struct {
	Interface string
	Up        bool
}

// Applied tells that the world is as the Want with this Generation says.
type Applied struct {
	Group      GroupID
	Generation uint64
}

// ApplyFailed tells that it could not be made so. The actuator goes on trying.
type ApplyFailed struct {
	Group      GroupID
	Generation uint64
	Detail     string
}

// AddressRepaired tells that a stranger had removed an address and that it is back.
type AddressRepaired struct {
	Group   GroupID
	Address netip.Prefix
}

// HookDone tells that the hook that prepares a target has ended.
type HookDone struct {
	Group      GroupID
	Generation uint64
	OK         bool
}

// Command is what an operator asks for. Its outcome is a Reply with the same ID.
type Command struct {
	ID    uint64
	Verb  Verb
	Group GroupID       // AllGroups for every one
	To    NodeID        // of a Switchover: NoNode leaves the choice to the active node
	Why   reason.Reason // of an Abort, where it is not that the daemon ends
}

// AllGroups in a Command means every group.
const AllGroups GroupID = -1

// Verb is what a Command asks for.
type Verb uint8

// The verbs of a Command.
const (
	Switchover Verb = iota + 1
	Drain
	Resume
	Stop  // release everything, handing over where somebody is ready
	Abort // release everything now
)

func (*Packet) event()         {}
func (*Advertisement) event()  {}
func (SourceAddress) event()   {}
func (WallClock) event()       {}
func (*Stream) event()         {}
func (*Stored) event()         {}
func (StoreChanged) event()    {}
func (*Control) event()        {}
func (Tick) event()            {}
func (CheckResult) event()     {}
func (LinkState) event()       {}
func (Applied) event()         {}
func (ApplyFailed) event()     {}
func (AddressRepaired) event() {}
func (HookDone) event()        {}
func (Command) event()         {}
