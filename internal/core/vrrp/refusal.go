package vrrp

// Refusal is why a packet was not accepted. The zero Refusal is Accepted.
type Refusal uint8

// The refusals, in the order in which a packet is examined (RFC 9568 section 7.1).
const (
	Accepted        Refusal = iota
	BadFamily               // the IP header is not of the virtual router's family (section 5.2.9)
	BadLength               // not as long as the fixed part and the addresses make it (section 7.1)
	BadVRID                 // of another virtual router (section 7.1)
	OwnPacket               // from the address that this router sends from
	BadTTL                  // below the configured least: 255 by sections 5.1.1.3 and 5.1.2.3
	BadVersion              // not the configured one (section 7.1)
	BadType                 // not an ADVERTISEMENT (section 5.2.2)
	BadDestination          // not the group that is configured; unicast: a group
	NotAPeer                // unicast, from a router that is not configured
	BadAddressCount         // no address at all (section 5.2.5, erratum 8299)
	BadChecksum             // in no form (section 5.2.8)
	ZeroInterval            // errata 8298 and 8301
	NoAuth                  // the authentication that is configured is missing
	OtherAuth               // authenticated in a way that is not configured
	BadTrailer              // a trailer of another kind
	UnknownKey              // signed with a key that is not configured
	BadAuth                 // a wrong password or a wrong HMAC
	OutsideWindow           // signed at a time too far from that of this router
	Replayed                // not newer than one that was accepted
	OtherInterval           // version 2: not the configured one (RFC 3768 section 7.1)
	refusals
)

var refusalNames = [refusals]string{
	Accepted: "accepted", BadFamily: "bad-family", BadLength: "bad-length", BadVRID: "bad-vrid", OwnPacket: "own-packet",
	BadTTL: "bad-ttl", BadVersion: "bad-version", BadType: "bad-type", BadDestination: "bad-destination", NotAPeer: "not-a-peer",
	BadAddressCount: "address-count", BadChecksum: "bad-checksum", ZeroInterval: "zero-interval", NoAuth: "no-auth",
	OtherAuth: "other-auth", BadTrailer: "bad-trailer", UnknownKey: "unknown-key", BadAuth: "bad-auth",
	OutsideWindow: "outside-window", Replayed: "replayed", OtherInterval: "other-interval",
}

// String is the name of the refusal in metrics and in status.
func (r Refusal) String() string {
	if r < refusals {
		return refusalNames[r]
	}
	return "unknown"
}

// Refusals is the number of values of Refusal, Accepted among them.
const Refusals = int(refusals)

// Counters is what a Codec has counted since it, or the one it inherited from,
// was made.
type Counters struct {
	Packets        [Refusals]uint64 // by Refusal
	OtherChecksum  uint64           // accepted, with the form of the checksum that this router does not send
	OtherAddresses uint64           // accepted, with other addresses than those configured
	OtherIntervals uint64           // accepted, with another interval than the configured one (version 3)
	OtherClocks    uint64           // accepted, with a time of day more than half the window from that of this router
}
