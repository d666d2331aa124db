package vrrp

// Refusal is why a packet was not accepted. The zero Refusal is Accepted.
type Refusal uint8

// The refusals, in the order in which a packet is examined (RFC 9568 section 7.1).
const (
	Accepted        Refusal = iota
	BadFamily               // addresses of the IP header are not of the virtual router's family
	BadTTL                  // below the configured least; 255 by section 5.1.1.3
	BadLength               // shorter than its fixed part and its addresses, or with bytes that belong to nothing
	BadVersion              // not the configured one
	BadType                 // not an ADVERTISEMENT
	BadVRID                 // of another virtual router
	OwnPacket               // sent by this router
	NotAPeer                // unicast, and the sender is no configured router; or multicast where unicast is configured
	BadDestination          // not the group, or not the address of a router
	BadAddressCount         // none at all (errata 8299)
	BadChecksum             // neither form of it
	ZeroInterval            // errata 8298 and 8301
	OtherInterval           // version 2: differs from the configured one (RFC 3768 section 7.1)
	NoAuth                  // the authentication that is configured is missing
	OtherAuth               // authenticated in a way that is not configured
	BadAuth                 // a wrong password or a wrong HMAC
	UnknownKey              // an HMAC by a key that is not configured
	OutsideWindow           // its time is too far from that of this router
	Replayed                // not newer than one that was accepted
	refusals
)

var refusalNames = [refusals]string{
	Accepted: "accepted", BadFamily: "bad-family", BadTTL: "bad-ttl", BadLength: "bad-length", BadVersion: "bad-version",
	BadType: "bad-type", BadVRID: "bad-vrid", OwnPacket: "own-packet", NotAPeer: "not-a-peer", BadDestination: "bad-destination",
	BadAddressCount: "address-count", BadChecksum: "bad-checksum", ZeroInterval: "zero-interval", OtherInterval: "other-interval",
	NoAuth: "no-auth", OtherAuth: "other-auth", BadAuth: "bad-auth", UnknownKey: "unknown-key", OutsideWindow: "outside-window",
	Replayed: "replayed",
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
	Packets         [Refusals]uint64 // by Refusal
	OtherChecksum   uint64           // accepted, with the form of the checksum that this router does not send
	OtherAddresses  uint64           // accepted, with other addresses than those configured
	OtherIntervals  uint64           // accepted, with another interval than the configured one (version 3)
	OtherTrailing   uint64           // accepted, with bytes after the addresses that mean nothing here
	SignerRefreshes uint64           // the time of day was behind the last packet signed: the counter went on
}
