package workload

import (
	"bytes"
	"encoding/hex"
	"net"
	"net/netip"
	"strings"
	"testing"
)

func TestWire(t *testing.T) {
	request := appendRequest(nil, 0x0102030405060708)
	answer, err := appendAnswer(nil, append(request, "padding"...), "PRI")
	if err != nil {
		t.Fatal(err)
	}
	if got, want := hex.EncodeToString(answer), "0102030405060708"+hex.EncodeToString([]byte("PRI")); got != want {
		t.Errorf("answer %s, want %s", got, want)
	}
	if _, err := appendAnswer(nil, request[:7], "PRI"); err == nil {
		t.Error("a request of 7 bytes was answered")
	}
	if _, _, err := parseAnswer(answer[:7]); err == nil {
		t.Error("an answer of 7 bytes was taken")
	}
	if _, id, err := parseAnswer(append(request, strings.Repeat("x", 500)...)); err != nil || len(id) != maxIDSize {
		t.Errorf("a long ID: %d bytes, %v; want %d", len(id), err, maxIDSize)
	}
}

func FuzzParseAnswer(f *testing.F) {
	f.Add([]byte("\x00\x00\x00\x00\x00\x00\x00\x07PRI"))
	f.Add([]byte{})
	f.Fuzz(func(t *testing.T, packet []byte) {
		seq, id, err := parseAnswer(packet)
		if err != nil {
			return
		}
		again, err := appendAnswer(nil, appendRequest(nil, seq), string(id))
		if err != nil || !bytes.HasPrefix(packet, again) {
			t.Errorf("%x: parsed as %d %q, which is %x", packet, seq, id, again)
		}
	})
}

var source = net.HardwareAddr{0x0a, 0, 0, 0, 0, 1}

func TestARPQuestionIsAProbe(t *testing.T) {
	// RFC 5227, section 2.1.1: sender protocol address all zeroes, target hardware address all zeroes.
	want := "ffffffffffff" + "0a0000000001" + "0806" +
		"0001" + "0800" + "06" + "04" + "0001" +
		"025d00000102" + "00000000" + "000000000000" + "c0a800c8"
	got := arpFrames{source, netip.MustParseAddr("192.168.0.200")}.question(nil, 0x102)
	if hex.EncodeToString(got) != want {
		t.Errorf("frame %x\n want %s", got, want)
	}
}

func TestARPAnswer(t *testing.T) {
	a := arpFrames{source, netip.MustParseAddr("192.168.0.200")}
	frame := func(target, sender string) []byte {
		b, err := hex.DecodeString("025d00000102" + "0a0000000002" + "0806" + "00010800" + "0604" + "0002" +
			"0a0000000002" + sender + target + "00000000" + strings.Repeat("00", 18))
		if err != nil {
			t.Fatal(err)
		}
		return b
	}
	round, mac, ok := a.answer(frame("025d00000102", "c0a800c8"), 0)
	if !ok || round != 0x102 || mac.String() != "0a:00:00:00:00:02" {
		t.Errorf("answer read as round %d from %v, %v", round, mac, ok)
	}
	if _, _, ok := a.answer(frame("0a0000000001", "c0a800c8"), 0); ok {
		t.Error("an answer to somebody else was taken")
	}
	if _, _, ok := a.answer(frame("025d00000102", "c0a800c9"), 0); ok {
		t.Error("an answer for another address was taken")
	}
	for n := range 42 {
		if _, _, ok := a.answer(frame("025d00000102", "c0a800c8")[:n], 0); ok {
			t.Errorf("an answer of %d bytes was taken", n)
		}
	}
}

func TestNDPAnswerTellsTheNewestRoundOfItsSource(t *testing.T) {
	n := ndpFrames{source, netip.MustParseAddr("fd00::200")}
	advert := func(low uint32) []byte {
		b := append([]byte{}, 0x02, 0x5d, 0, 0, 0, byte(low), 0x0a, 0, 0, 0, 0, 2, 0x86, 0xdd)
		b = append(b, 0x60, 0, 0, 0, 0, 32, 58, 255)
		b = append(b, netip.MustParseAddr("fd00::200").AsSlice()...)
		b = askerIP(b, low)
		b = append(b, 136, 0, 0, 0, 0x60, 0, 0, 0)
		return append(b, netip.MustParseAddr("fd00::200").AsSlice()...)
	}
	for _, test := range []struct{ low, newest, round uint32 }{{5, 5, 5}, {5, 6, 5}, {5, 69, 69}, {5, 68, 5}, {63, 64, 63}} {
		round, mac, ok := n.answer(advert(test.low), test.newest)
		if !ok || round != test.round || mac.String() != "0a:00:00:00:00:02" {
			t.Errorf("source %d, newest %d: round %d from %v, %v; want %d", test.low, test.newest, round, mac, ok, test.round)
		}
	}
	if _, _, ok := n.answer(advert(7), 3); ok {
		t.Error("an answer to a round that was not asked was taken")
	}
}

func FuzzHolderAnswer(f *testing.F) {
	f.Add([]byte("\x02\x5d"), uint32(9))
	f.Fuzz(func(t *testing.T, frame []byte, newest uint32) {
		for _, kind := range []frames{
			arpFrames{source, netip.MustParseAddr("192.168.0.200")},
			ndpFrames{source, netip.MustParseAddr("fd00::200")},
		} {
			if _, mac, ok := kind.answer(frame, newest); ok && len(mac) != 6 {
				t.Errorf("hardware address %v", mac)
			}
		}
	})
}
