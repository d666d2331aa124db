package vrrp

import (
	"net/netip"
	"time"

	"stead/internal/core/clock"
	"stead/internal/core/reason"
)

// Instant is the time of the core.
type Instant = clock.Instant

// Config is all that a Router has to know, already checked.
type Config struct {
	VRID        uint8         // 1 to 255
	Version     int           // 2 or 3
	Interval    time.Duration // Advertisement_Interval; version 3: 10 ms to 40.95 s in steps of 10 ms; version 2: 1 to 255 s in whole seconds
	Addresses   []netip.Addr  // what is advertised: one family, in the order of the packet; 1 to 255
	To          []netip.Addr  // a multicast group, or every other router
	Unicast     bool          // To are routers
	Peers       []netip.Addr  // unicast: who is listened to, the same as To; others are refused and counted
	MinTTL      int           // a packet with a lower TTL or hop limit is refused: 255 (RFC 9568 section 5.1.1.3)
	Checksum    Checksum      // of version 3 over IPv4
	Auth        Auth
	DownAdverts int // missing advertisements after which the Active Router is down: 3 by the RFC

	Preempt      bool
	PreemptDelay time.Duration
	StartDelay   time.Duration // after Start, before this router may become active
	Accept       bool          // Accept_Mode
	Detector     Detector

	Slot  int    // of the fence
	Floor uint64 // activations that may have been counted before a restart
}

// Family is 4 or 6.
func (c *Config) Family() int {
	if len(c.Addresses) > 0 && c.Addresses[0].Is6() {
		return 6
	}
	return 4
}

// Checksum is which form of the checksum is sent in version 3 over IPv4. Both
// are accepted.
type Checksum uint8

// The forms. RFC 9568 section 5.2.8 counts the message alone; RFC 5798 and most
// of what is deployed count a pseudo-header too.
const (
	ChecksumAuto Checksum = iota // as the others send it; with the pseudo-header until one is heard, because keepalived and FRR take nothing else by default
	ChecksumMessage
	ChecksumPseudoHeader
)

// AuthType is how advertisements are authenticated.
type AuthType uint8

// The types of authentication.
const (
	AuthNone     AuthType = iota
	AuthPassword          // version 2: RFC 2338 type 1, in the clear
	AuthHMAC              // version 3: the trailer of keepalived 2.4.2
)

// Auth is the authentication of advertisements.
type Auth struct {
	Type      AuthType
	Keys      []Key // the first signs, all are accepted; a password is the only one
	Monotonic bool  // replay protection by a counter that grows, not by the time of day
}

// Key is a secret with its number.
type Key struct {
	ID     uint8
	Secret []byte
}

// Detector is heartbeats that find a silent router sooner than its missing
// advertisements do. The zero Detector is none.
type Detector struct {
	Interval time.Duration
	Lease    time.Duration // a router is lost after this long without a heartbeat
}

// Out is what a step asked for. It is valid until the next Begin.
type Out struct {
	Slots   []Slot
	Sends   []Send
	Changes []Change
	Persist []uint64 // that activations up to this number may be counted
}

// Slot says until when this router may answer for the addresses. Both are 0 when
// it may not.
type Slot struct {
	Slot   int
	Answer Instant // ARP requests and neighbour solicitations
	Serve  Instant // packets to the addresses: never, when Accept is false and the router is not their owner
}

// Send is an advertisement from an address of this router.
type Send struct {
	From, To netip.Addr
	Bytes    []byte
}

// Kind is the kind of a Change.
type Kind uint8

// The kinds of Change.
const (
	Activated   Kind = iota + 1 // Initialize or Backup to Active; Count is that of the activation
	Deactivated                 // not active any more; Linger: another one is, and packets under way may be answered
	SawActive                   // Router advertises, and did not before
	Stalled                     // the slot ran out, Took ago, before the next advertisement was sent
	Renewed                     // and is open again
	DualSeen                    // Router was active at the same time
	Healed                      // clients may have heard another router: announce again
	GaveUp                      // nobody took over from this router, which goes on
)

// Change tells what has happened.
type Change struct {
	Kind   Kind
	Router netip.Addr // its primary address
	Count  uint64
	Reason reason.Reason
	Linger bool
	Took   time.Duration
}
