package vrrp

import (
	"net/netip"
	"time"
)

// Sizes and constants of the packet (RFC 9568 section 5).
const (
	// Protocol is the IP protocol number of VRRP (section 5.1.1.4).
	Protocol = 112

	// TTL is that of every advertisement sent, and the Hop Limit over IPv6
	// (sections 5.1.1.3 and 5.1.2.3).
	TTL = 255

	headerSize        = 8    // up to the first address (section 5.2)
	passwordSize      = 8    // version 2: what follows the addresses (RFC 2338 section 5.3.10)
	typeAdvertisement = 1    // the one type there is (section 5.2.2)
	maxIntervalField  = 4095 // 12 bits of centiseconds (section 5.2.7)

	centisecond = 10 * time.Millisecond

	// MaxMessage is the length of the longest message that Append makes: 255
	// addresses of IPv6 and the trailer of the authentication.
	MaxMessage = headerSize + 255*16 + trailerSize
)

// Priorities with a meaning (RFC 9568 section 5.2.4).
const (
	PriorityStop    = 0   // the Active Router has stopped taking part
	PriorityDefault = 100 // of a Backup Router that nothing else was said of
	PriorityOwner   = 255 // the addresses are the router's own
)

// Packet is a received IP packet of protocol 112.
type Packet struct {
	Source, Destination netip.Addr
	TTL                 int    // or the Hop Limit
	Bytes               []byte // what follows the IP header, as long as the IP header says
}

// Advertisement is what an accepted packet says.
type Advertisement struct {
	Version   int
	VRID      uint8
	Priority  uint8         // 0: the sender stops; 255: it owns the addresses
	Interval  time.Duration // above 0; up to 40.95 s in version 3, 255 s in version 2
	Addresses []netip.Addr  // valid until the next Decode
}
