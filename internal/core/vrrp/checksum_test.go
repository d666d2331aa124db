package vrrp

import (
	"net/netip"
	"testing"
)

// The example of RFC 1071 section 3: the sum is ddf2.
func TestChecksumOfRFC1071(t *testing.T) {
	b := []byte{0x00, 0x01, 0xf2, 0x03, 0xf4, 0xf5, 0xf6, 0xf7}
	if got := sum(0).add(b).fold(); got != ^uint16(0xddf2) {
		t.Errorf("%04x", got)
	}
	if got := sum(0).add(b[4:]).add(b[:4]).fold(); got != ^uint16(0xddf2) {
		t.Errorf("in another order: %04x", got)
	}
}

// Carries are folded until none is left.
func TestChecksumFoldsCarries(t *testing.T) {
	for s, want := range map[sum]uint16{0: 0xffff, 0xffff: 0, 0x10000: 0xfffe, 0xffffffff: 0, 0x1fffe: 0, 0xffff0001: 0xfffe} {
		if got := s.fold(); got != want {
			t.Errorf("%x: %04x, want %04x", uint64(s), got, want)
		}
	}
	longest := make([]byte, MaxMessage)
	for i := range longest {
		longest[i] = 0xff
	}
	if got := sum(0).add(longest).fold(); got != 0 {
		t.Errorf("the longest message, all ones: %04x", got)
	}
}

// A router that hears the form of keepalived up to 1.3.6, with the group in the
// pseudo-header of a unicast packet, answers in it; over multicast it is the usual one.
func TestChecksumOfEarlyKeepalived(t *testing.T) {
	cfg := v3unicast()
	cfg.Checksum = ChecksumAuto
	p := sent(cfg)
	old := NewCodec(&cfg)
	old.form = formGroup
	p.Bytes = old.Append(nil, 0, p.Source, p.Destination, 100, cfg.Interval)
	codec := NewCodec(&cfg)
	if _, refusal := codec.Decode(0, p); refusal != Accepted || codec.form != formGroup {
		t.Errorf("%v, sends form %d", refusal, codec.form)
	}
	fixed := cfg
	fixed.Checksum = ChecksumPseudoHeader
	codec = NewCodec(&fixed)
	if _, refusal := codec.Decode(0, p); refusal != Accepted || codec.form != formHeader || codec.Counters().OtherChecksum != 1 {
		t.Errorf("configured: %v, sends form %d", refusal, codec.form)
	}
	if formGroup.extra(other4, group4, 16) != formHeader.extra(other4, group4, 16) {
		t.Error("differs over multicast")
	}
	if formHeader.extra(other4, netip.MustParseAddr("192.0.2.2"), 16) == formGroup.extra(other4, this4, 16) {
		t.Error("does not differ over unicast")
	}
}

// A reload keeps the form that was learned, unless one is configured now.
func TestReloadKeepsTheChecksum(t *testing.T) {
	cfg := v3()
	cfg.Checksum = ChecksumAuto
	codec := NewCodec(&cfg)
	p := &Packet{Source: other4, Destination: group4, TTL: TTL, Bytes: unhex(t, hand4)}
	if _, refusal := codec.Decode(0, p); refusal != Accepted {
		t.Fatal(refusal)
	}
	for checksum, want := range map[Checksum]form{ChecksumAuto: formMessage, ChecksumMessage: formMessage, ChecksumPseudoHeader: formHeader} {
		next := v3()
		next.Checksum = checksum
		after := NewCodec(&next)
		after.Inherit(codec)
		if after.form != want || after.Counters() != codec.Counters() {
			t.Errorf("checksum %d: sends form %d, want %d", checksum, after.form, want)
		}
	}
}
