package bfd

import (
	"crypto/sha1"
	"crypto/subtle"
	"encoding/binary"
	"hash"

	"stead/internal/core/clock"
)

// The authentication section of both types (RFC 5880 section 4.4).
//
//	type 1 byte, length 1, key 1, reserved 1, sequence 4, hash 20
const (
	authSize = authHead + sha1.Size
	authHead = 8
	hashAt   = headSize + authHead
)

// signer is a key, its secret padded with zero bytes.
type signer struct {
	id     uint8
	secret [sha1.Size]byte
}

// authenticator signs and verifies the packets of one session (RFC 5880 section
// 6.7.4).
type authenticator struct {
	kind    AuthType
	signers []signer // the first signs
	hash    hash.Hash
	digest  [sha1.Size]byte

	next   uint32         // bfd.XmitAuthSeq
	signed [headSize]byte // what was signed last

	last       uint32  // bfd.RcvAuthSeq
	known      bool    // bfd.AuthSeqKnown...
	knownUntil Instant // ...which ends then
}

func newAuthenticator(auth Auth, sequence uint32) authenticator {
	a := authenticator{next: sequence, knownUntil: clock.Never, hash: sha1.New()}
	a.set(auth)
	return a
}

// set exchanges type and keys. Sequence numbers go on: what was recorded under an
// earlier key stays used.
func (a *authenticator) set(auth Auth) {
	if auth.Type == AuthNone {
		a.known = false
	}
	a.kind, a.signers = auth.Type, nil
	for _, key := range auth.Keys {
		s := signer{id: key.ID}
		copy(s.secret[:], key.Secret)
		a.signers = append(a.signers, s)
	}
}

// size is what authentication adds to a packet.
func (a *authenticator) size() int {
	if a.kind == AuthNone {
		return 0
	}
	return authSize
}

// sum returns the hash of a packet, with the secret in the place of the hash. It is
// valid until the next call.
func (a *authenticator) sum(s *signer, packet []byte) []byte {
	a.hash.Reset()
	a.hash.Write(packet[:hashAt])
	a.hash.Write(s.secret[:])
	a.hash.Write(packet[hashAt+sha1.Size:])
	return a.hash.Sum(a.digest[:0])
}

// sign appends the section to the packet that starts at b[start].
func (a *authenticator) sign(b []byte, start int) []byte {
	if a.kind == AuthNone {
		return b
	}
	s := &a.signers[0]
	a.advance(b[start:])
	b = append(b, byte(a.kind), authSize, s.id, 0)
	b = binary.BigEndian.AppendUint32(b, a.next)
	b = append(b, s.secret[:]...)
	copy(b[start+hashAt:], a.sum(s, b[start:]))
	return b
}

// advance moves the sequence number: for every packet when meticulous, else when
// the contents differ from those of the packet before.
func (a *authenticator) advance(head []byte) {
	if a.kind == AuthMeticulousSHA1 || string(head) != string(a.signed[:]) {
		a.next++
	}
	copy(a.signed[:], head)
}

// verify examines the section of a packet whose A bit is set.
func (a *authenticator) verify(now Instant, packet []byte, mult uint8) Refusal {
	if AuthType(packet[headSize]) != a.kind {
		return OtherAuth
	}
	if int(packet[headSize+1]) != authSize || len(packet) < headSize+authSize {
		return BadAuthLength
	}
	s := a.signer(packet[headSize+2])
	if s == nil {
		return UnknownKey
	}
	sequence := binary.BigEndian.Uint32(packet[headSize+4:])
	if !a.fresh(now, sequence, mult) {
		return OutsideWindow
	}
	if subtle.ConstantTimeCompare(packet[hashAt:hashAt+sha1.Size], a.sum(s, packet)) != 1 {
		return BadHash
	}
	// Later than section 6.7.4 has it for the first packet: what a stranger sends
	// must not decide which numbers are accepted.
	a.known, a.last = true, sequence
	return Accepted
}

func (a *authenticator) signer(id uint8) *signer {
	for i := range a.signers {
		if a.signers[i].id == id {
			return &a.signers[i]
		}
	}
	return nil
}

// fresh tells whether a sequence number is in the window. Nothing is known of the
// sequence after twice the Detection Time without a packet (section 6.8.1).
func (a *authenticator) fresh(now Instant, sequence uint32, mult uint8) bool {
	if !a.known || now >= a.knownUntil {
		return true
	}
	ahead := sequence - a.last
	if a.kind == AuthMeticulousSHA1 && ahead == 0 {
		return false
	}
	return ahead <= 3*uint32(mult)
}
