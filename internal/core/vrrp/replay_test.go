package vrrp

import (
	"encoding/binary"
	"net/netip"
	"testing"
	"time"
)

// second is a moment of this router's clock, n seconds after it booted.
func second(n int) Instant { return Instant(time.Duration(n) * time.Second) }

// talk is a sender and a receiver that share a key, each with its clock.
type talk struct {
	t                *testing.T
	sender, receiver *Codec
}

func newTalk(t *testing.T, monotonic bool) *talk {
	cfg := v3hmac(key(1, 0))
	cfg.Auth.Monotonic = monotonic
	other := cfg
	k := &talk{t: t, sender: NewCodec(&cfg), receiver: NewCodec(&other)}
	k.sender.SetWall(vectorWall)
	k.receiver.SetWall(vectorWall)
	return k
}

// packet is what the sender sends now.
func (k *talk) packet(now Instant) *Packet {
	return &Packet{
		Source: other4, Destination: group4, TTL: TTL,
		Bytes: k.sender.Append(nil, now, other4, group4, 100, time.Second),
	}
}

// receive expects the receiver to say want.
func (k *talk) receive(now Instant, p *Packet, want Refusal) {
	k.t.Helper()
	if _, got := k.receiver.Decode(now, p); got != want {
		k.t.Errorf("at %v: %v, want %v", time.Duration(now), got, want)
	}
}

// trailerOf reads the sequence of a packet of v3.
func trailerOf(p *Packet) sequence { return trailerSequence(p.Bytes[len(p.Bytes)-trailerSize:]) }

func TestSequenceIsTheTime(t *testing.T) {
	for _, test := range []struct {
		wall time.Duration
		want sequence
	}{
		{0, 0},
		{vectorWall, 0x6800000080000000},
		{time.Second, 1 << 32},
		{250 * time.Millisecond, 0x40000000},
		{time.Second - 1, 0xffff0000},
		{(1<<32 - 1) * time.Second, 0xffffffff00000000},
	} {
		if got := sequenceAt(test.wall); got != test.want {
			t.Errorf("%v: %016x, want %016x", test.wall, uint64(got), uint64(test.want))
		}
	}
}

// Sequences are serial numbers: they go on when the seconds wrap in 2106.
func TestSequenceWraps(t *testing.T) {
	before, after := sequenceAt((1<<32-1)*time.Second), sequence(1)
	if !after.after(before) || before.after(after) || after.seconds(before) != 1 || before.seconds(after) != -1 {
		t.Errorf("%016x and %016x", uint64(before), uint64(after))
	}
	if after.after(after) {
		t.Error("after itself")
	}
}

// Two messages of one moment differ in the counter.
func TestSequenceGrowsWithinAMoment(t *testing.T) {
	k := newTalk(t, false)
	last := trailerOf(k.packet(0))
	for i := range 70000 { // more than the counter has room for
		next := trailerOf(k.packet(0))
		if next != last+1 {
			t.Fatalf("message %d: %016x after %016x", i, uint64(next), uint64(last))
		}
		last = next
	}
	k.receive(0, k.packet(0), Accepted)
}

func TestReplayIsRefused(t *testing.T) {
	for _, monotonic := range []bool{false, true} {
		k := newTalk(t, monotonic)
		first := k.packet(second(0))
		later := k.packet(second(1))
		k.receive(second(1), first, Accepted)
		k.receive(second(1), first, Replayed)
		k.receive(second(1), later, Accepted)
		k.receive(second(1), first, Replayed)
		k.receive(second(1), later, Replayed)
		k.receive(second(2), k.packet(second(2)), Accepted)
		if got := k.receiver.Counters().Packets[Replayed]; got != 3 {
			t.Errorf("counted %d", got)
		}
	}
}

// Routers do not share a sequence.
func TestReplayIsPerSource(t *testing.T) {
	k := newTalk(t, false)
	k.receive(second(3), k.packet(second(3)), Accepted)
	third := netip.MustParseAddr("192.0.2.3")
	p := &Packet{Source: third, Destination: group4, TTL: TTL}
	p.Bytes = k.sender.Append(nil, second(3), third, group4, 100, time.Second)
	k.sender.replay.sent = 0
	q := &Packet{Source: third, Destination: group4, TTL: TTL}
	q.Bytes = k.sender.Append(nil, second(2), third, group4, 100, time.Second)
	k.receive(second(3), q, Accepted)
	k.receive(second(3), p, Accepted)
	k.receive(second(3), q, Replayed)
}

// The window is three intervals, and at least five seconds, to both sides.
func TestWindow(t *testing.T) {
	for interval, want := range map[time.Duration]int64{10 * time.Millisecond: 5, time.Second: 5, 2 * time.Second: 6, 40950 * time.Millisecond: 122} {
		if got := window(interval); got != want {
			t.Errorf("%v: %d s, want %d", interval, got, want)
		}
	}
	for off, want := range map[int]Refusal{-6: OutsideWindow, -5: Accepted, 5: Accepted, 6: OutsideWindow} {
		k := newTalk(t, false)
		k.receiver.SetWall(vectorWall + time.Duration(off)*time.Second)
		k.receive(0, k.packet(0), want)
		if got := k.receiver.Counters().OtherClocks; (got == 1) != (want == Accepted) {
			t.Errorf("%d s off: counted %d", off, got)
		}
	}
	k := newTalk(t, true)
	k.receiver.SetWall(0)
	k.receive(0, k.packet(0), Accepted)
}

// A packet that was taken from the queue late is judged by when it arrived.
func TestPacketFromBeforeTheLast(t *testing.T) {
	k := newTalk(t, false)
	first, next := k.packet(second(1)), k.packet(second(2))
	k.receive(second(2), first, Accepted)
	k.receiver.SetWall(vectorWall + time.Hour)
	k.receive(second(1), next, Accepted)
}

// When a receiver's clock is set while it listens, it goes on to hear the
// sender; the sender's time is measured by the time that has passed.
func TestReceiversClockIsSet(t *testing.T) {
	for _, step := range []time.Duration{time.Hour, -time.Hour} {
		k := newTalk(t, false)
		k.receive(second(1), k.packet(second(1)), Accepted)
		recorded := k.packet(second(2))
		k.receive(second(2), recorded, Accepted)
		k.receiver.SetWall(vectorWall + step)
		for n := 3; n < 100; n++ {
			k.receive(second(n), k.packet(second(n)), Accepted)
			stale := OutsideWindow
			if n <= 7 { // five seconds after it was sent
				stale = Replayed
			}
			k.receive(second(n), recorded, stale)
		}
		late := k.packet(second(100))
		k.receive(second(110), late, OutsideWindow)
		k.receiver.SetWall(vectorWall)
		k.receive(second(111), k.packet(second(111)), Accepted)
	}
}

// Messages that are held back, each longer than the one before, do not stretch the
// window while the receiver's clock is wrong.
func TestDelaysDoNotAddUp(t *testing.T) {
	k := newTalk(t, false)
	k.receive(second(1), k.packet(second(1)), Accepted)
	k.receiver.SetWall(vectorWall + time.Hour)
	held, longer := k.packet(second(2)), k.packet(second(3))
	k.receive(second(6), held, Accepted)
	k.receive(second(12), longer, OutsideWindow)
}

// A receiver whose clock is set to a time at which messages were recorded does
// not take them again.
func TestReceiversClockIsSetBackToARecording(t *testing.T) {
	k := newTalk(t, false)
	recorded := k.packet(second(1))
	k.receive(second(1), recorded, Accepted)
	for n := 2; n < 4000; n += 5 {
		k.receive(second(n), k.packet(second(n)), Accepted)
	}
	k.receiver.SetWall(vectorWall - 4000*time.Second)
	k.receive(second(4001), recorded, Replayed)
	k.receive(second(4001), k.packet(second(4001)), Accepted)
}

// A sender whose clock was wrong and is set right starts again from its clock,
// and is heard as soon as its time is right, unless growth is all that counts.
func TestSendersClockIsSetRight(t *testing.T) {
	k := newTalk(t, false)
	k.receive(second(1), k.packet(second(1)), Accepted)
	k.sender.SetWall(vectorWall + time.Hour)
	k.receive(second(2), k.packet(second(2)), OutsideWindow)
	k.sender.SetWall(vectorWall)
	k.receive(second(3), k.packet(second(3)), Accepted)

	k = newTalk(t, true)
	k.receive(second(1), k.packet(second(1)), Accepted)
	k.sender.SetWall(vectorWall + time.Hour)
	ahead := k.packet(second(2))
	k.receive(second(2), ahead, Accepted)
	k.sender.SetWall(vectorWall)
	next := k.packet(second(3))
	if trailerOf(next) != trailerOf(ahead)+1 {
		t.Errorf("%016x after %016x", uint64(trailerOf(next)), uint64(trailerOf(ahead)))
	}
	k.receive(second(3), next, Accepted)
}

// A sender and a receiver whose clocks were wrong alike forget that time when both
// are right.
func TestBothClocksAreSetRight(t *testing.T) {
	k := newTalk(t, false)
	k.sender.SetWall(vectorWall + time.Hour)
	k.receiver.SetWall(vectorWall + time.Hour)
	k.receive(second(1), k.packet(second(1)), Accepted)
	k.sender.SetWall(vectorWall)
	k.receiver.SetWall(vectorWall)
	k.receive(second(2), k.packet(second(2)), Replayed)
	k.receive(second(8), k.packet(second(8)), Accepted)
}

// A clock set back by less than the window is no reason to start again.
func TestSendersClockIsSetBackALittle(t *testing.T) {
	k := newTalk(t, false)
	first := k.packet(second(1))
	k.sender.SetWall(vectorWall - 4*time.Second)
	next := k.packet(second(1))
	if trailerOf(next) != trailerOf(first)+1 {
		t.Errorf("%016x after %016x", uint64(trailerOf(next)), uint64(trailerOf(first)))
	}
	k.receive(second(1), first, Accepted)
	k.receive(second(1), next, Accepted)
}

// What is not authentic is not remembered: neither a time in the future...
func TestForgedSequenceIsNotRemembered(t *testing.T) {
	k := newTalk(t, false)
	forged := k.packet(second(0))
	binary.BigEndian.PutUint32(forged.Bytes[20:], uint32(vectorWall/time.Second)+4)
	k.receive(second(0), forged, BadAuth)
	k.receive(second(1), k.packet(second(1)), Accepted)
}

// ...nor a source.
func TestForgedSourcesDisplaceNobody(t *testing.T) {
	k := newTalk(t, false)
	first := k.packet(second(0))
	k.receive(second(0), first, Accepted)
	forged := k.packet(second(0))
	for i := range byte(200) {
		forged.Source = netip.AddrFrom4([4]byte{203, 0, 113, i})
		k.receive(second(0), forged, BadAuth)
	}
	k.receive(second(0), first, Replayed)
}

// Of more routers than are remembered, the one heard longest ago is forgotten.
func TestOldestSenderIsForgotten(t *testing.T) {
	k := newTalk(t, false)
	packets := make([]*Packet, senders+1)
	for i := range packets {
		from := netip.AddrFrom4([4]byte{192, 0, 2, byte(10 + i)})
		packets[i] = &Packet{Source: from, Destination: group4, TTL: TTL}
		packets[i].Bytes = k.sender.Append(nil, 0, from, group4, 100, time.Second)
		k.receive(0, packets[i], Accepted)
	}
	for _, p := range packets[1:] {
		k.receive(0, p, Replayed)
	}
	k.receive(0, packets[0], Accepted)
}

// A reload keeps what was seen, so that it is no occasion for a replay, and what
// was sent, so that the next message is newer.
func TestReloadKeepsSequences(t *testing.T) {
	k := newTalk(t, false)
	p := k.packet(0)
	k.receive(0, p, Accepted)
	reload := func(c *Codec) *Codec {
		cfg := v3hmac(key(2, 9), key(1, 0))
		next := NewCodec(&cfg)
		next.Inherit(c)
		return next
	}
	k.receiver = reload(k.receiver)
	k.receive(0, p, Replayed)
	k.sender = reload(k.sender)
	next := k.packet(0)
	if trailerOf(next) != trailerOf(p)+1 {
		t.Errorf("%016x after %016x", uint64(trailerOf(next)), uint64(trailerOf(p)))
	}
	k.receive(0, next, Accepted)
	k.receive(0, p, Replayed)
	if got := k.receiver.Counters().Packets; got[Accepted] != 2 || got[Replayed] != 2 {
		t.Errorf("counted %v", got)
	}
}

// A reload without authentication, and another with it, starts anew.
func TestReloadWithoutAuthentication(t *testing.T) {
	k := newTalk(t, false)
	first := k.packet(0)
	k.receive(0, first, Accepted)
	without, with := v3(), v3hmac(key(1, 0))
	plain, again := NewCodec(&without), NewCodec(&with)
	plain.Inherit(k.receiver)
	if _, refusal := plain.Decode(0, sent(without)); refusal != Accepted {
		t.Errorf("without: %v", refusal)
	}
	again.Inherit(plain)
	k.receiver = again
	k.receive(second(1), k.packet(second(1)), Accepted)
	k.receive(second(1), first, Replayed)
}

// Keys change in three steps, none of which makes a router deaf: the new key is
// accepted everywhere, then it signs, then the old one goes.
func TestKeysRotate(t *testing.T) {
	old, next := key(1, 0), key(2, 50)
	stages := []Config{v3hmac(old), v3hmac(old, next), v3hmac(next, old), v3hmac(next)}
	sender, receiver := NewCodec(&stages[0]), NewCodec(&stages[0])
	now := second(1)
	say := func(stage string) {
		t.Helper()
		now = now.Add(time.Second)
		p := &Packet{Source: other4, Destination: group4, TTL: TTL}
		p.Bytes = sender.Append(nil, now, other4, group4, 100, time.Second)
		if _, refusal := receiver.Decode(now, p); refusal != Accepted {
			t.Errorf("%s: %v", stage, refusal)
		}
	}
	for i := range stages[1:] {
		after := NewCodec(&stages[i+1])
		after.Inherit(receiver)
		receiver = after
		say("receiver first")
		after = NewCodec(&stages[i+1])
		after.Inherit(sender)
		sender = after
		say("then the sender")
	}
}
