package vrrp

import (
	"encoding/binary"
	"net/netip"
	"time"
)

// sequence orders the authenticated messages of a sender: seconds since 1970 in
// the upper 32 bits, then 16 bits of a fraction of a second and 16 of a counter.
// It is compared as a serial number (RFC 1982), for the seconds wrap in 2106.
type sequence uint64

func (s sequence) after(t sequence) bool { return int64(s-t) > 0 }

// seconds returns the whole seconds from t to s.
func (s sequence) seconds(t sequence) int64 {
	return int64(int32(uint32(s>>32) - uint32(t>>32)))
}

// sequenceAt is the sequence of a time since 1970.
func sequenceAt(wall time.Duration) sequence {
	fraction := uint64(wall%time.Second) << 16 / uint64(time.Second)
	return sequence(uint64(wall/time.Second)<<32 | fraction&0xffff<<16)
}

// trailerSequence reads the sequence of a trailer.
func trailerSequence(trailer []byte) sequence { return sequence(binary.BigEndian.Uint64(trailer[4:])) }

// leastWindow is the window of keepalived for all intervals below a third of it.
const leastWindow = 5 * time.Second

// window is how many seconds the time in a message may differ from that of its
// receiver, as keepalived has it when nothing is configured.
func window(interval time.Duration) int64 { return int64(max(3*interval, leastWindow) / time.Second) }

// senders is how many routers are remembered beyond those configured. More than
// one at a time is seen only while an election goes on.
const senders = 16

// sender is what is remembered of a router that has sent an authentic message.
// The state is kept by its address alone: its sequence grows whichever key signs,
// so that a message recorded under an earlier key is refused too.
type sender struct {
	addr   netip.Addr
	last   sequence // of the newest accepted message
	fresh  sequence // of the newest one whose time agreed with that of this router...
	heard  Instant  // ...and when that was
	synced bool     // one did
	used   uint64   // rank of the last use; 0: free
}

// replay keeps messages from being used twice, and makes the sequence of those
// sent.
type replay struct {
	monotonic bool
	window    int64 // seconds
	sent      sequence
	rank      uint64
	senders   []sender
}

func newReplay(cfg *Config) replay {
	if cfg.Auth.Type != AuthHMAC {
		return replay{}
	}
	return replay{
		monotonic: cfg.Auth.Monotonic,
		window:    window(cfg.Interval),
		senders:   make([]sender, max(senders, len(cfg.Peers))),
	}
}

// next is the sequence of the next message: the time, or one more than the last
// when the time has not advanced. After the clock was set back by more than the
// window, receivers would refuse the old sequence for that long: it starts again
// from the clock, except where growth is all that is checked (keepalived 2.4.3).
func (r *replay) next(wall time.Duration) sequence {
	clock := sequenceAt(wall)
	if clock.after(r.sent) || r.sent == 0 || !r.monotonic && r.sent.seconds(clock) > r.window {
		r.sent = clock
	} else {
		r.sent++
	}
	return r.sent
}

// timely reports whether a message is of this time. It is cheap, and says
// nothing that an unauthentic message could change.
//
// A clock that is set while routers listen would make each of them deaf to all
// others, and active. So a sender whose time has agreed before is also measured
// by the time that has passed since then on a clock that nobody sets.
func (r *replay) timely(now Instant, wall time.Duration, from netip.Addr, seq sequence) bool {
	if r.monotonic || r.near(seq, sequenceAt(wall)) {
		return true
	}
	s := r.find(from)
	return s != nil && s.synced && r.near(seq, s.expected(now))
}

func (r *replay) near(a, b sequence) bool {
	d := a.seconds(b)
	return d <= r.window && d >= -r.window
}

// expected is the sequence that a sender reaches now.
func (s *sender) expected(now Instant) sequence {
	passed := now.Sub(s.heard)
	if passed < 0 {
		return s.fresh
	}
	return s.fresh + sequenceAt(passed)
}

// accept takes the sequence of an authentic and timely message. It reports
// whether the message is new.
func (r *replay) accept(now Instant, wall time.Duration, from netip.Addr, seq sequence) bool {
	s := r.find(from)
	if s == nil {
		s = r.oldest()
		*s = sender{addr: from}
	} else if !seq.after(s.last) && !r.expired(s, now, wall) {
		return false
	}
	r.rank++
	s.used, s.last = r.rank, seq
	if r.near(seq, sequenceAt(wall)) {
		s.fresh, s.heard, s.synced = seq, now, true
	}
	return true
}

// expired reports whether every message up to the last one would be refused for
// its time alone: the sender's clock was wrong and is right again.
func (r *replay) expired(s *sender, now Instant, wall time.Duration) bool {
	return !r.monotonic && !r.near(s.last, sequenceAt(wall)) && !(s.synced && r.near(s.last, s.expected(now)))
}

func (r *replay) find(from netip.Addr) *sender {
	for i := range r.senders {
		if r.senders[i].used != 0 && r.senders[i].addr == from {
			return &r.senders[i]
		}
	}
	return nil
}

// oldest is a free place, or that of the sender heard longest ago. Only authentic
// messages come this far, so strangers cannot displace anybody.
func (r *replay) oldest() *sender {
	least := &r.senders[0]
	for i := range r.senders {
		if r.senders[i].used < least.used {
			least = &r.senders[i]
		}
	}
	return least
}

// inherit takes over what was seen and sent before a reload.
func (r *replay) inherit(old *replay) {
	if r.senders == nil {
		return
	}
	r.sent = old.sent
	for i := range old.senders {
		if s := &old.senders[i]; s.used != 0 {
			r.rank = max(r.rank, s.used)
			if place := r.oldest(); place.used < s.used {
				*place = *s
			}
		}
	}
}
