package bfd

import (
	"encoding/hex"
	"testing"
)

// plain is a packet that a Session in Up accepts.
func plain(g *rig) []byte { return g.packet(g.peer) }

// RFC 5880 section 4.1.
func TestRFC5880_4_1_WhatIsSent(t *testing.T) {
	g := newRig(t)
	g.hear(says(Down))
	g.hear(says(Up), fast)
	g.once(func(c *control) { c.poll = true })
	for i, want := range []string{
		"20400318" + "11223344" + "00000000" + "000f4240" + "0000ea60" + "00000000",
		"20800318" + "11223344" + "55667788" + "000f4240" + "0000ea60" + "00000000",
		"20e00318" + "11223344" + "55667788" + "0000c350" + "0000ea60" + "00000000",
		"20d00318" + "11223344" + "55667788" + "0000c350" + "0000ea60" + "00000000",
	} {
		if got := hex.EncodeToString(g.raw[i]); got != want {
			t.Errorf("packet %d is %s, want %s", i, got, want)
		}
	}
}

// RFC 5880 section 6.8.6: each check, and no other.
func TestRFC5880_6_8_6_Checks(t *testing.T) {
	for _, c := range []struct {
		why   Refusal
		adapt func(b []byte) []byte
	}{
		{Accepted, func(b []byte) []byte { return b }},
		{Accepted, func(b []byte) []byte { return append(b, 1, 2, 3) }},     // what follows is no part of it
		{Accepted, func(b []byte) []byte { b[0] |= 31; return b }},          // a diagnostic that nobody knows
		{Accepted, func(b []byte) []byte { b[1] |= 1 << 3; return b }},      // control plane independent
		{Accepted, func(b []byte) []byte { b[1] |= 3 << 4; return b }},      // Poll and Final
		{Accepted, func(b []byte) []byte { b[23] = 1; return b }},           // echo is offered
		{Accepted, func(b []byte) []byte { copy(b[12:], zero); return b }},  // Desired Min TX 0 is reserved
		{Accepted, func(b []byte) []byte { copy(b[4:], "abcd"); return b }}, // another discriminator
		{BadVersion, func(b []byte) []byte { b[0] = 0; return b }},
		{BadVersion, func(b []byte) []byte { b[0] = 2 << 5; return b }},
		{TooShort, func(b []byte) []byte { return b[:23] }},
		{TooShort, func([]byte) []byte { return nil }},
		{TooShort, func(b []byte) []byte { b[3] = 23; return b }},
		{TooShort, func(b []byte) []byte { b[1] |= bitAuth; b[3] = 25; return append(b, 0, 0) }},
		{TooLong, func(b []byte) []byte { b[3] = 25; return b }},
		{ZeroMult, func(b []byte) []byte { b[2] = 0; return b }},
		{Multipoint, func(b []byte) []byte { b[1] |= bitMultipoint; return b }},
		{ZeroDiscriminator, func(b []byte) []byte { copy(b[4:], zero); return b }},
		{UnknownDiscriminator, func(b []byte) []byte { b[8]++; return b }},
		{NoDiscriminator, func(b []byte) []byte { copy(b[8:], zero); return b }},
		{NoDiscriminator, func(b []byte) []byte { copy(b[8:], zero); b[1] = byte(Init) << 6; return b }},
		{UnexpectedAuth, func(b []byte) []byte { b[1] |= bitAuth; b[3] = 52; return append(b, make([]byte, 28)...) }},
	} {
		g := up(t)
		b := c.adapt(plain(g))
		if got := g.refused(b); got != c.why {
			t.Errorf("%x: %v, want %v", b, got, c.why)
		}
		g.state(Up)
	}
}

var zero = string(make([]byte, 4))

// RFC 5880 section 6.8.6: without Your Discriminator a packet may say Down.
func TestRFC5880_6_8_6_NoDiscriminator(t *testing.T) {
	for _, state := range []State{Down, AdminDown} {
		g := up(t)
		g.hear(says(state), func(c *control) { c.yours = 0 })
		g.state(Down)
	}
}

// RFC 5880 section 6.8.6: of several faults, the one that is checked first counts.
func TestRFC5880_6_8_6_Order(t *testing.T) {
	faults := []struct {
		why    Refusal
		damage func(b []byte)
	}{
		{NoAuth, func(b []byte) { b[1] &^= bitAuth }},
		{NoDiscriminator, func(b []byte) { copy(b[8:], zero) }},
		{ZeroDiscriminator, func(b []byte) { copy(b[4:], zero) }},
		{Multipoint, func(b []byte) { b[1] |= bitMultipoint }},
		{ZeroMult, func(b []byte) { b[2] = 0 }},
		{TooLong, func(b []byte) { b[3] = 255 }},
		{TooShort, func(b []byte) { b[3] = 1 }},
		{BadVersion, func(b []byte) { b[0] = 0 }},
	}
	g := up(t, signed(AuthSHA1))
	b := plain(g)
	for _, f := range faults {
		f.damage(b)
		if got := g.refused(b); got != f.why {
			t.Errorf("%v, want %v", got, f.why)
		}
	}
}

// RFC 5880 section 6.8.6: a packet that is refused does not prove that the other
// system lives.
func TestRFC5880_6_8_6_RefusedIsNotReceived(t *testing.T) {
	g := up(t)
	g.ttl = 254
	g.keep(300*ms, 20*ms, false)
	g.state(Down)
}

// RFC 5880 section 6.8.6: AdminDown takes no part in the state machine.
func TestRFC5880_6_8_6_AdminDownDiscards(t *testing.T) {
	g := in(t, AdminDown)
	g.once(func(c *control) { c.poll = true })
	if len(g.sent) != 0 {
		t.Errorf("sends %+v", g.sent)
	}
	g.hear(says(Init))
	g.state(AdminDown)
}

// RFC 5881 section 5.
func TestRFC5881_5_TTL(t *testing.T) {
	for _, kind := range []AuthType{AuthNone, AuthSHA1} {
		g := up(t, signed(kind))
		for ttl, want := range map[int]Refusal{255: Accepted, 254: BadTTL, 1: BadTTL, 0: BadTTL} {
			g.ttl = ttl
			if got := g.refused(plain(g)); got != want {
				t.Errorf("TTL %d: %v", ttl, got)
			}
		}
	}
}

// RFC 5883 section 5: over several hops the least TTL is what is configured.
func TestRFC5883_5_TTL(t *testing.T) {
	g := up(t, func(c *Config) { c.MinTTL = 250 })
	for ttl, want := range map[int]Refusal{255: Accepted, 250: Accepted, 249: BadTTL} {
		g.ttl = ttl
		if got := g.refused(plain(g)); got != want {
			t.Errorf("TTL %d: %v", ttl, got)
		}
	}
}

// Discriminators reads what the core finds a session by.
func TestDiscriminators(t *testing.T) {
	g := up(t)
	b := plain(g)
	if mine, yours, ok := Discriminators(b); !ok || mine != remoteNumber || yours != mineNumber {
		t.Errorf("%d, %d, %v", mine, yours, ok)
	}
	if _, _, ok := Discriminators(b[:23]); ok {
		t.Error("23 bytes are a Control packet")
	}
	b[0] = 0
	if _, _, ok := Discriminators(b); ok {
		t.Error("version 0 is a Control packet")
	}
}

// FuzzControl: no payload makes a session fail, and what is read and written
// again is the same.
func FuzzControl(f *testing.F) {
	for _, kind := range []AuthType{AuthNone, AuthSHA1, AuthMeticulousSHA1} {
		f.Add(plain(up(f, signed(kind))), uint8(kind))
	}
	for _, c := range readCaptures(f) {
		for _, p := range c.packets {
			f.Add(p.bytes, uint8(c.auth.Type))
		}
	}
	f.Fuzz(func(t *testing.T, b []byte, kind uint8) {
		g := up(t, signed([...]AuthType{AuthNone, AuthSHA1, AuthMeticulousSHA1}[kind%3]))
		why := g.refused(b)
		c, parsed := parse(b)
		if parsed != Accepted {
			if why != parsed {
				t.Fatalf("the session says %v, the decoder %v", why, parsed)
			}
			return
		}
		again := c.append(nil)
		for i, x := range again {
			want := b[i]
			if i == 1 {
				want &^= 1 << 3 // control plane independent
			}
			if i < 20 && x != want {
				t.Fatalf("byte %d of %x is %x when written again", i, b, x)
			}
		}
	})
}
