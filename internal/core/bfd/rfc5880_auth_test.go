package bfd

import (
	"bytes"
	"crypto/sha1"
	"encoding/binary"
	"testing"
	"time"
)

var kinds = []AuthType{AuthSHA1, AuthMeticulousSHA1}

func sequenceOf(b []byte) uint32 { return binary.BigEndian.Uint32(b[headSize+4:]) }

// resign gives a packet another sequence number, and signs it.
func (g *rig) resign(b []byte, sequence uint32) []byte {
	b = append([]byte(nil), b...)
	binary.BigEndian.PutUint32(b[headSize+4:], sequence)
	copy(b[hashAt:], g.peerKey.sum(&g.peerKey.signers[0], b))
	return b
}

// RFC 5880 sections 4.4 and 6.7.4, with a hash that is computed another way.
func TestRFC5880_6_7_4_WhatIsSent(t *testing.T) {
	for _, kind := range kinds {
		g := up(t, signed(kind))
		g.keep(time.Second, 20*ms, true)
		secret := append([]byte("first-secret"), make([]byte, 8)...)
		for _, b := range g.raw {
			if len(b) != 52 || b[3] != 52 || b[1]&bitAuth == 0 || b[24] != byte(kind) || b[25] != 28 || b[26] != 7 || b[27] != 0 {
				t.Fatalf("%v: %x", kind, b)
			}
			hashed := sha1.Sum(append(append([]byte(nil), b[:32]...), secret...))
			if !bytes.Equal(hashed[:], b[32:]) {
				t.Fatalf("%v: hash %x, want %x", kind, b[32:], hashed)
			}
			if bytes.Contains(b, []byte("secret")) {
				t.Fatalf("%v: the key is in the packet", kind)
			}
		}
	}
}

// RFC 5880 section 6.7.4.
func TestRFC5880_6_7_4_MeticulousSequence(t *testing.T) {
	g := up(t, signed(AuthMeticulousSHA1))
	g.s.auth.next = 0xfffffff0
	g.keep(2*time.Second, 20*ms, true)
	for i := 1; i < len(g.raw); i++ {
		if sequenceOf(g.raw[i]) != sequenceOf(g.raw[i-1])+1 {
			t.Fatalf("%d follows %d", sequenceOf(g.raw[i]), sequenceOf(g.raw[i-1]))
		}
	}
	if sequenceOf(g.raw[len(g.raw)-1]) > 1000 {
		t.Error("the number has not wrapped")
	}
}

// RFC 5880 section 6.7.4.
func TestRFC5880_6_7_4_KeyedSequence(t *testing.T) {
	g := up(t, signed(AuthSHA1))
	g.keep(2*time.Second, 20*ms, true)
	for i := 1; i < len(g.raw); i++ {
		if sequenceOf(g.raw[i]) != sequenceOf(g.raw[0]) {
			t.Fatal("the number changes while the contents do not")
		}
	}
	before := g.raw[len(g.raw)-1]
	g.hear(says(Down))
	if sequenceOf(g.raw[len(g.raw)-1]) != sequenceOf(before)+1 {
		t.Error("the number stays when the state changes")
	}
}

// RFC 5880 section 6.8.1: the first number is random.
func TestRFC5880_6_8_1_FirstSequence(t *testing.T) {
	seen := map[uint32]bool{}
	for seed := range uint64(64) {
		g := newRig(t, signed(AuthSHA1), func(c *Config) { c.Seed = seed })
		seen[sequenceOf(g.raw[0])>>24] = true
	}
	if len(seen) < 40 {
		t.Errorf("64 seeds give %d first bytes", len(seen))
	}
}

// RFC 5880 section 6.7.4: each check.
func TestRFC5880_6_7_4_Checks(t *testing.T) {
	for _, kind := range kinds {
		for _, c := range []struct {
			why   Refusal
			adapt func(g *rig, b []byte) []byte
		}{
			{Accepted, func(_ *rig, b []byte) []byte { return b }},
			{NoAuth, func(g *rig, _ []byte) []byte { c := g.peer; c.length = headSize; return c.append(nil) }},
			{OtherAuth, func(_ *rig, b []byte) []byte { b[24] = 1; return b }},
			{OtherAuth, func(_ *rig, b []byte) []byte { b[24] ^= 1; return b }}, // the other one of the two
			{UnknownKey, func(_ *rig, b []byte) []byte { b[26] = 9; return b }},
			{BadAuthLength, func(_ *rig, b []byte) []byte { b[25] = 27; return b }},
			{BadAuthLength, func(_ *rig, b []byte) []byte { b[3] = 51; return b[:51] }},
			{BadHash, func(_ *rig, b []byte) []byte { b[51] ^= 1; return b }},
			{BadHash, func(_ *rig, b []byte) []byte { b[2] ^= 1; return b }},
			{BadHash, func(_ *rig, b []byte) []byte { b[26] = 8; return b }}, // the second key has not signed it
		} {
			g := up(t, signed(kind))
			b := c.adapt(g, plain(g))
			if got := g.refused(b); got != c.why {
				t.Errorf("type %d: %x: %v, want %v", kind, b, got, c.why)
			}
		}
	}
}

// RFC 5880 section 6.7.4: the window of sequence numbers.
func TestRFC5880_6_7_4_Window(t *testing.T) {
	for _, last := range []uint32{5000, 0xfffffffa} {
		for _, kind := range kinds {
			for ahead, want := range map[uint32]Refusal{
				0: Accepted, 1: Accepted, 15: Accepted, 16: OutsideWindow, 1 << 30: OutsideWindow, 0xffffffff: OutsideWindow,
			} {
				if kind == AuthMeticulousSHA1 && ahead == 0 {
					want = OutsideWindow
				}
				g := up(t, signed(kind))
				g.s.auth.last = last
				if got := g.refused(g.resign(plain(g), last+ahead)); got != want { // Detect Mult is 5
					t.Errorf("type %d, %d after %d: %v, want %v", kind, ahead, last, got, want)
				}
				if want == Accepted && g.s.auth.last != last+ahead {
					t.Errorf("type %d: the last number is %d", kind, g.s.auth.last)
				}
			}
		}
	}
}

// RFC 5880 section 6.7.4: the first number is taken as it is, but from a packet
// that is authentic.
func TestRFC5880_6_7_4_FirstPacket(t *testing.T) {
	g := newRig(t, signed(AuthMeticulousSHA1))
	b := g.resign(plain(g), 77)
	b[51] ^= 1
	if got := g.refused(b); got != BadHash || g.s.auth.known {
		t.Errorf("%v, known: %v", got, g.s.auth.known)
	}
	if got := g.refused(g.resign(plain(g), 0x80000000)); got != Accepted || g.s.auth.last != 0x80000000 {
		t.Errorf("%v, %x", got, g.s.auth.last)
	}
}

// RFC 5880 section 6.8.1: a system that has started anew is heard again after twice
// the Detection Time.
func TestRFC5880_6_8_1_SequenceIsForgotten(t *testing.T) {
	g := up(t, signed(AuthMeticulousSHA1))
	g.hear()
	old := plain(g)
	far := g.resign(old, sequenceOf(old)+1<<30)
	g.run(600*ms - 1)
	if got := g.refused(far); got != OutsideWindow {
		t.Errorf("before twice the Detection Time: %v", got)
	}
	g.run(1)
	if got := g.refused(far); got != Accepted {
		t.Errorf("after twice the Detection Time: %v", got)
	}
}

// RFC 5880 section 6.7.1: what is received does not turn authentication on or off.
func TestRFC5880_6_7_1_PacketsDoNotChangeAuthentication(t *testing.T) {
	g := up(t, signed(AuthSHA1))
	g.peerKey = nil
	g.keep(100*ms, 20*ms, false)
	if g.s.auth.kind != AuthSHA1 || g.s.count.refused[NoAuth] == 0 {
		t.Error("a plain packet was accepted")
	}
}

// RFC 5880 section 4.4: several keys are active at once, and change while the
// session is Up.
func TestRFC5880_4_4_SeveralKeys(t *testing.T) {
	g := up(t, signed(AuthMeticulousSHA1))
	second := Key{ID: 8, Secret: []byte("second")}
	third := Key{ID: 9, Secret: []byte("12345678901234567890")}
	for _, step := range []struct{ own, theirs []Key }{
		{[]Key{second, third}, []Key{second}},
		{[]Key{second, third}, []Key{third}},
		{[]Key{third}, []Key{third}},
	} {
		reconfigured(g, func(c *Config) { c.Auth.Keys = step.own })
		g.peerKey.set(Auth{AuthMeticulousSHA1, step.theirs})
		g.keep(time.Second, 20*ms, true)
		g.state(Up)
		if b := g.raw[len(g.raw)-1]; b[26] != step.own[0].ID {
			t.Errorf("signs with key %d", b[26])
		}
	}
	if n := g.s.Status(g.now).Refused; n != 0 {
		t.Errorf("%d packets were refused", n)
	}
}
