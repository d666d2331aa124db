package bgp

import (
	"net/netip"
	"time"

	"stead/internal/core/clock"
)

// Instant is the time of the core.
type Instant = clock.Instant

// Config is all that a Session has to know, already checked.
type Config struct {
	LocalAS, PeerAS uint32        // 1 to 4294967295; equal ones are internal BGP
	RouterID        netip.Addr    // IPv4, not zero (RFC 6286)
	Peer            netip.Addr    // where the peer is
	HoldTime        time.Duration // that is offered: 3 s to 65535 s, whole seconds
	Retry           time.Duration // ConnectRetryTime: the first pause between attempts; it doubles
	MaxRetry        time.Duration // up to this
	Passive         bool          // the peer connects
	IPv4, IPv6      bool          // the address families that are offered
	ExtendedNextHop bool          // IPv4 prefixes may have IPv6 next hops (RFC 8950)

	// NextHop4 and NextHop6 are the next hops of paths that name none where the
	// session's own address is of the other family.
	NextHop4, NextHop6 netip.Addr

	WaitForBFD bool   // a session that BFD took down waits for BFD before it is tried again
	Seed       uint64 // of the jitter of its timers
	After      Conn   // the session's own connections are numbered after this one: that of another session with the same name
}

// Internal tells whether the peer is in this node's AS.
func (c *Config) Internal() bool { return c.LocalAS == c.PeerAS }

// Conn names a TCP connection of a session, once. The session numbers those that
// it asks for, from 1; what a peer opens has FirstIncoming or more.
type Conn uint32

// FirstIncoming is the least number of a connection that a peer has opened.
const FirstIncoming Conn = 1 << 31

// Path is a route as it is announced.
type Path struct {
	Prefix      netip.Prefix
	NextHop     netip.Addr // the zero Addr: the session's own address
	Prepend     int        // how often the local AS stands in AS_PATH beside the once (external), or by how much LOCAL_PREF is less (internal): 0 to 100
	MED         uint32
	HasMED      bool
	LocalPref   uint32           // of internal sessions only
	Communities []Community      // sorted, without repetition
	Large       []LargeCommunity // sorted, without repetition
}

// Community is a BGP community (RFC 1997).
type Community uint32

// GracefulShutdown asks routers to prefer every other path (RFC 8326).
const GracefulShutdown Community = 0xffff0000

// LargeCommunity is a BGP large community (RFC 8092).
type LargeCommunity struct{ Global, Local1, Local2 uint32 }
