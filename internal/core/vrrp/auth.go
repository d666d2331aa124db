package vrrp

import (
	"crypto/hmac"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/binary"
	"hash"
	"net/netip"
)

// The trailer of an authenticated advertisement: it follows the message and is
// no part of it (draft-cassen-vrrp-auth-hmac; keepalived from 2.4.2).
//
//	type 1 byte, key 1, reserved 2, seconds 4, 1/65536 s 2, counter 2, HMAC 16
const (
	trailerSize = trailerHead + tagSize
	trailerHead = 12
	tagSize     = 16 // HMAC-SHA-256, its first 128 bits
	trailerType = 1

	pseudoSize     = 20 // family, version, VRID, 0, source address
	checksumOffset = 6  // of the checksum in the message (RFC 9568 section 5.2)
)

// The types of authentication in version 2 (RFC 2338 section 5.3.6).
const (
	v2NoAuth   = 0
	v2Password = 1
)

// signer is a key with the state of its HMAC.
type signer struct {
	id  uint8
	mac hash.Hash
}

// authenticator signs and verifies the messages of one virtual router.
type authenticator struct {
	password [passwordSize]byte
	signers  []signer // the first signs
	pseudo   [pseudoSize]byte
	zero     [tagSize]byte
	digest   [sha256.Size]byte
}

func newAuthenticator(cfg *Config) authenticator {
	a := authenticator{}
	a.pseudo[0], a.pseudo[1], a.pseudo[2] = byte(cfg.Family()), byte(cfg.Version), cfg.VRID
	switch cfg.Auth.Type {
	case AuthPassword:
		if len(cfg.Auth.Keys) > 0 {
			copy(a.password[:], cfg.Auth.Keys[0].Secret)
		}
	case AuthHMAC:
		for _, key := range cfg.Auth.Keys {
			a.signers = append(a.signers, signer{id: key.ID, mac: hmac.New(sha256.New, key.Secret)})
		}
	}
	return a
}

// signer returns the key with a number, or nil.
func (a *authenticator) signer(id uint8) *signer {
	for i := range a.signers {
		if a.signers[i].id == id {
			return &a.signers[i]
		}
	}
	return nil
}

// tag returns the authentication of what from sends: the message and the head
// of its trailer. It is valid until the next call. The checksum is left out, for a
// kernel may write it afterwards.
func (a *authenticator) tag(s *signer, from netip.Addr, signed []byte) []byte {
	if from.Is4() {
		b := from.As4()
		copy(a.pseudo[4:], b[:])
	} else {
		b := from.As16()
		copy(a.pseudo[4:], b[:])
	}
	s.mac.Reset()
	s.mac.Write(a.pseudo[:])
	s.mac.Write(signed[:checksumOffset])
	s.mac.Write(a.zero[:2])
	s.mac.Write(signed[checksumOffset+2:])
	s.mac.Write(a.zero[:])
	return s.mac.Sum(a.digest[:0])[:tagSize]
}

// sign appends the trailer to the message that starts at b[start].
func (a *authenticator) sign(b []byte, start int, from netip.Addr, seq sequence) []byte {
	if len(a.signers) == 0 {
		return b
	}
	s := &a.signers[0]
	b = append(b, trailerType, s.id, 0, 0)
	b = binary.BigEndian.AppendUint64(b, uint64(seq))
	return append(b, a.tag(s, from, b[start:])...)
}

// verify examines the trailer that ends a packet, but for its time.
func (a *authenticator) verify(from netip.Addr, packet []byte) Refusal {
	head := len(packet) - trailerSize
	s := a.signer(packet[head+1])
	if s == nil {
		return UnknownKey
	}
	signed, tag := packet[:len(packet)-tagSize], packet[len(packet)-tagSize:]
	if subtle.ConstantTimeCompare(tag, a.tag(s, from, signed)) != 1 {
		return BadAuth
	}
	return Accepted
}

// v2 examines the authentication of a version 2 message (RFC 2338 section 5.3.6).
// Without a password the authentication data is ignored on reception (RFC 3768
// section 5.3.10).
func (a *authenticator) v2(configured AuthType, kind byte, data []byte) Refusal {
	switch {
	case configured == AuthPassword && kind == v2NoAuth:
		return NoAuth
	case configured == AuthPassword && kind == v2Password:
		if subtle.ConstantTimeCompare(data, a.password[:]) != 1 {
			return BadAuth
		}
	case kind != v2NoAuth:
		return OtherAuth
	}
	return Accepted
}
