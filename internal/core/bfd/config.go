package bfd

import (
	"time"

	"stead/internal/core/clock"
)

// Instant is the time of the core.
type Instant = clock.Instant

// The UDP ports of Control packets.
const (
	PortSingleHop = 3784 // RFC 5881 section 4
	PortMultihop  = 4784 // RFC 5883 section 5
)

// Config is all that a Session has to know, already checked.
type Config struct {
	Discriminator uint32        // My Discriminator: not zero, no other session of this node has it
	DesiredMinTX  time.Duration // 5 ms to 60 s, whole microseconds; sent while Up, slower before (RFC 5880 section 6.8.3)
	RequiredMinRX time.Duration // 5 ms to 60 s, whole microseconds
	DetectMult    uint8         // 2 to 255
	MinTTL        int           // a packet with a lower TTL or hop limit is refused: 255 for one hop (RFC 5881 section 5), 256 - hops over several
	Passive       bool          // says nothing before the other system does (RFC 5880 section 6.1)
	Auth          Auth
	Seed          uint64 // of the jitter and of the first sequence number
}

// AuthType is how Control packets are authenticated (RFC 5880 section 4.1).
type AuthType uint8

// The types, with their numbers in the packet.
const (
	AuthNone           AuthType = 0
	AuthSHA1           AuthType = 4 // Keyed SHA1
	AuthMeticulousSHA1 AuthType = 5 // Meticulous Keyed SHA1
)

// Auth is the authentication of a session.
type Auth struct {
	Type AuthType
	Keys []Key // the first signs, all are accepted
}

// Key is a secret with its number.
type Key struct {
	ID     uint8
	Secret []byte // 1 to 20 bytes
}

// State of a session (RFC 5880 section 4.1), with its number in the packet.
type State uint8

// The states.
const (
	AdminDown State = 0
	Down      State = 1
	Init      State = 2
	Up        State = 3
)

// String is the name of the state in the RFC.
func (s State) String() string { return [...]string{"AdminDown", "Down", "Init", "Up"}[s&3] }

// Packet is a Control packet that arrived for a session. Bytes are the payload of
// the datagram; they belong to the caller again when Receive returns.
type Packet struct {
	TTL   int // or hop limit
	Bytes []byte
}

// Out is what a step asked for. It is valid until the next Begin.
type Out struct {
	Sends   [][]byte // Control packets, to be sent with TTL or hop limit 255
	Changes []Change
}

// Change tells that a session has changed its state.
type Change struct {
	From, To  State
	Diag      Diag          // of this system
	PeerAdmin bool          // the other system is AdminDown: it says nothing about the path (RFC 5882 section 3.2)
	Silent    bool          // the Detection Time ran out
	Took      time.Duration // Silent: since the last packet
}

// Status is how a session is, for people and machines.
type Status struct {
	State, RemoteState  State
	Since               Instant // of State
	Diag, RemoteDiag    Diag
	Discriminator       uint32
	RemoteDiscriminator uint32
	TXInterval          time.Duration // negotiated, before jitter
	DetectionTime       time.Duration // 0 while nothing is expected
	RemoteMinRX         time.Duration
	RemoteMinTX         time.Duration
	RemoteMult          uint8
	LastHeard           Instant // 0: never
	Ups, Downs          uint64  // changes to Up, and from Up to Down
	Sent, Received      uint64
	Refused             uint64           // packets that were not accepted
	Refusals            [Refusals]uint64 // the same, by Refusal
	LastRefusal         string           // why the last one was not
	MaxGap              time.Duration    // the longest time between two packets while Up
}

// Diag is why a session went down last (RFC 5880 section 4.1), with its number in
// the packet.
type Diag uint8

// The diagnostics that this system sends.
const (
	DiagNone                 Diag = 0
	DiagDetectionTime        Diag = 1 // Control Detection Time Expired
	DiagNeighborDown         Diag = 3 // Neighbor Signaled Session Down
	DiagPathDown             Diag = 5
	DiagAdministrativelyDown Diag = 7
)

var diagNames = [...]string{
	"No Diagnostic", "Control Detection Time Expired", "Echo Function Failed", "Neighbor Signaled Session Down",
	"Forwarding Plane Reset", "Path Down", "Concatenated Path Down", "Administratively Down",
	"Reverse Concatenated Path Down",
}

// String is the name of the diagnostic in RFC 5880 section 4.1.
func (d Diag) String() string {
	if int(d) < len(diagNames) {
		return diagNames[d]
	}
	return "Reserved"
}
