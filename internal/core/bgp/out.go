package bgp

import "stead/internal/core/reason"

// Out is what a step asked for. It is valid until the next Begin. A driver sends
// Retracts before it does anything else, so that a prefix is withdrawn before its
// address goes, and the rest in this order.
type Out struct {
	Retracts []Write
	Writes   []Write
	Dials    []Conn // open a connection to the peer
	Hangups  []Conn // close, when what was written has been sent, at the latest after a second
	Changes  []Change
}

// Write is bytes for a connection: whole messages. Bytes are valid until the next Begin.
type Write struct {
	Conn  Conn
	Bytes []byte
}

// Kind is the kind of a Change.
type Kind uint8

// The kinds of Change.
const (
	Established Kind = iota + 1
	Down             // an established session has ended; Reason and Detail say why
	Refused          // an attempt failed after the connection was there; Detail says why
	Announced        // paths were announced or withdrawn; Detail says which
	Delivered        // what was announced or withdrawn has been sent
)

// Change tells what has happened to a session.
type Change struct {
	Kind   Kind
	Reason reason.Reason
	Detail string // for people: the NOTIFICATION with its text, or what the connection said
}

// State of the RFC's machine (RFC 4271 section 8.2.2).
type State uint8

// The states. What the RFC calls Active has nothing to do with an active node.
const (
	Idle State = iota
	Connect
	ActiveState
	OpenSent
	OpenConfirm
	EstablishedState
)

// String is the name of the state in the RFC.
func (s State) String() string {
	return [...]string{"Idle", "Connect", "Active", "OpenSent", "OpenConfirm", "Established"}[s]
}

// Status is how a session is, for people and machines.
type Status struct {
	State     State
	Since     Instant // of State
	RouterID  string  // of the peer, while established
	HoldTime  int     // negotiated, in seconds; 0: no keepalives
	FourOctet bool    // the peer knows 4-byte AS numbers
	IPv4      bool    // negotiated
	IPv6      bool
	Refresh   bool   // the peer may ask for everything again
	Attempts  uint64 // connections asked for
	Flaps     uint64 // how often an established session has ended
	In, Out   uint64 // messages
	LastError string // of the session or the attempt before
	Paths     []Sent // what is announced now
	Unsent    bool   // something that was announced or withdrawn has not been sent yet

	Unsendable []string // paths that the peer cannot be told of, each with why
}

// Sent is a path as the peer has it.
type Sent struct {
	Path
	NextHop   string   // that was sent
	ASPath    []uint32 // that was sent
	LocalPref uint32   // that was sent, to an internal peer
}
