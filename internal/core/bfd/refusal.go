package bfd

// Refusal is why a packet was not accepted. The zero Refusal is Accepted.
type Refusal uint8

// The refusals, in the order in which a packet is examined (RFC 5880 sections
// 6.8.6 and 6.7.4).
const (
	Accepted             Refusal = iota
	BadVersion                   // not version 1
	TooShort                     // shorter than a Control packet, or Length is
	TooLong                      // Length is more than the payload
	ZeroMult                     // Detect Mult is 0
	Multipoint                   // the M bit is set
	ZeroDiscriminator            // My Discriminator is 0
	UnknownDiscriminator         // Your Discriminator is of no session, or of another one
	NoDiscriminator              // Your Discriminator is 0, but the state is Init or Up
	BadTTL                       // below the configured least (RFC 5881 section 5, RFC 5883 section 5)
	UnexpectedAuth               // authenticated, but that is not configured
	NoAuth                       // not authenticated, but that is configured
	OtherAuth                    // authenticated in a way that is not configured
	UnknownKey                   // by a key that is not configured
	BadAuthLength                // the section is not as long as its type makes it
	OutsideWindow                // the sequence number was used, or is too far ahead
	BadHash                      // by another secret, or altered
	refusals
)

var refusalNames = [refusals]string{
	Accepted: "accepted", BadVersion: "bad-version", TooShort: "too-short", TooLong: "too-long", ZeroMult: "zero-mult",
	Multipoint: "multipoint", ZeroDiscriminator: "zero-discriminator", UnknownDiscriminator: "unknown-discriminator",
	NoDiscriminator: "no-discriminator", BadTTL: "bad-ttl", UnexpectedAuth: "unexpected-auth", NoAuth: "no-auth",
	OtherAuth: "other-auth", UnknownKey: "unknown-key", BadAuthLength: "bad-auth-length", OutsideWindow: "outside-window",
	BadHash: "bad-hash",
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
