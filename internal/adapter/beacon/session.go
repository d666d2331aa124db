package beacon

import (
	"time"

	"stead/internal/core/clock"
)

// In periods: for how long a nonce may be given back, and for how long a heartbeat
// is sent again.
const (
	freshPeriods  = 3
	repeatPeriods = 2
)

// session is what one site knows of the talk with the other. It has no socket, no
// clock and no randomness of its own, and belongs to one caller at a time.
type session struct {
	self, other uint64
	every       time.Duration
	random      func() uint64 // never 0

	run, seq uint64
	nonces   [freshPeriods + 2]nonce // the newest first
	runs     [maxEchoes]run

	beat    uint64
	payload []byte
	made    clock.Instant // when beat was
	acked   uint64

	ackRun, ack uint64
	greeted     clock.Instant
	hasGreeted  bool
	counters    Counters
}

type nonce struct {
	value uint64 // 0: none
	born  clock.Instant
}

// run is a process of the other site that was heard. More than one is when it was
// started again, or somebody sends again what an earlier one has said.
type run struct {
	id      uint64 // 0: none
	seq     uint64 // of the newest datagram
	nonce   uint64 // of that
	counted uint64 // the newest heartbeat that has counted
	heard   clock.Instant
	fresh   clock.Instant // when it has given back a nonce of ours
	known   bool          // it has done so
}

// outcome is what a datagram has led to.
type outcome struct {
	heard bool // a heartbeat counts
	greet bool // the other site should hear from us at once
	acked bool // a heartbeat of ours has counted there
}

func newSession(self, other string, every time.Duration, random func() uint64) *session {
	return &session{self: siteHash(self), other: siteHash(other), every: every, random: random, run: random()}
}

// tell makes the payload the heartbeat of this site.
func (s *session) tell(now clock.Instant, payload []byte) {
	s.beat++
	s.payload = append(s.payload[:0], payload...)
	s.made = now
}

// compose appends the next datagram without its tag.
func (s *session) compose(now clock.Instant, b []byte) []byte {
	if s.nonces[0].value == 0 || now.Sub(s.nonces[0].born) >= s.every {
		copy(s.nonces[1:], s.nonces[:])
		s.nonces[0] = nonce{s.random(), now}
	}
	s.seq++
	d := datagram{
		Sender: s.self, Receiver: s.other, Run: s.run, Seq: s.seq, Nonce: s.nonces[0].value, AckRun: s.ackRun, Ack: s.ack,
	}
	for i := range s.runs {
		if s.runs[i].id != 0 {
			d.Echoes[d.Echoed] = s.runs[i].nonce
			d.Echoed++
		}
	}
	if s.beat > 0 && now.Sub(s.made) <= repeatPeriods*s.every {
		d.Beat, d.Payload = s.beat, s.payload
	}
	return d.append(b)
}

// receive takes in an authentic datagram from the other site to this one.
func (s *session) receive(now clock.Instant, d *datagram) (o outcome) {
	r := s.find(now, d.Run)
	if r == nil {
		s.counters.Stale++
		return o
	}
	// An older one tells nothing new, and would have us give back an old nonce.
	if d.Seq > r.seq {
		r.seq, r.nonce, r.heard = d.Seq, d.Nonce, now
	}
	if d.AckRun == s.run && d.Ack > s.acked && d.Ack <= s.beat {
		s.acked, o.acked = d.Ack, true
	}
	if !s.givenBack(now, d.Echoes[:d.Echoed]) {
		if d.Beat != 0 {
			s.counters.Stale++
		}
		o.greet = s.mayGreet(now)
		return o
	}
	if !r.known {
		o.greet = s.mayGreet(now)
	}
	r.known, r.fresh = true, now
	switch {
	case d.Beat == 0:
	case d.Beat <= r.counted:
		s.counters.Repeated++
	default:
		r.counted, s.ackRun, s.ack = d.Beat, d.Run, d.Beat
		s.counters.Heard++
		o.heard = true
		o.greet = o.greet || s.mayGreet(now) // somebody may be waiting to learn that
	}
	return o
}

// find returns what is known of a run, or room for it. One that was fresh a moment
// ago keeps its place, or what it has said could count twice.
func (s *session) find(now clock.Instant, id uint64) *run {
	var room *run
	for i := range s.runs {
		r := &s.runs[i]
		switch {
		case r.id == id:
			return r
		case r.known && now.Sub(r.fresh) <= freshPeriods*s.every:
		case room == nil || r.id == 0 || room.id != 0 && r.heard < room.heard:
			room = r
		}
	}
	if room != nil {
		*room = run{id: id}
	}
	return room
}

func (s *session) givenBack(now clock.Instant, echoes []uint64) bool {
	for _, n := range s.nonces {
		if n.value == 0 || now.Sub(n.born) > freshPeriods*s.every {
			continue
		}
		for _, e := range echoes {
			if e == n.value {
				return true
			}
		}
	}
	return false
}

// mayGreet limits how often datagrams make us send some.
func (s *session) mayGreet(now clock.Instant) bool {
	if s.hasGreeted && now.Sub(s.greeted) < s.every/4 {
		return false
	}
	s.hasGreeted, s.greeted = true, now
	return true
}
