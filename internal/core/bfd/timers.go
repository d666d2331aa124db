package bfd

import (
	"time"

	"stead/internal/core/clock"
)

// slowInterval is the least bfd.DesiredMinTxInterval of a session that is not Up
// (RFC 5880 section 6.8.3).
const slowInterval = time.Second

// offer is what the packets say of this system's intervals, and what it goes by.
// The two differ while the other system has to learn of a change first.
type offer struct {
	desired  time.Duration // bfd.DesiredMinTxInterval
	required time.Duration // bfd.RequiredMinRxInterval
	tx, rx   time.Duration // in use
}

// propose brings the intervals in line with configuration and state (RFC 5880
// section 6.8.3). While Up, packets are sent less often, and expected more often,
// only when a Poll Sequence has shown that the other system knows.
func (s *Session) propose(now Instant) {
	desired, required := s.cfg.DesiredMinTX, s.cfg.RequiredMinRX
	if s.state != Up {
		desired = max(desired, slowInterval)
	}
	o := &s.offer
	changed := desired != o.desired || required != o.required
	o.desired, o.required = desired, required
	if s.state != Up || desired < o.tx {
		o.tx = desired
	}
	if s.state != Up || required > o.rx {
		o.rx = required
	}
	if changed {
		s.startPoll()
	}
	s.pace(now)
}

// detectionTime is how long the other system may be silent (section 6.8.4).
func (s *Session) detectionTime() time.Duration {
	return time.Duration(s.remote.mult) * max(s.offer.rx, s.remote.minTX)
}

// interval is the time between periodic packets, before jitter; 0 where none may be
// sent (section 6.8.7).
func (s *Session) interval(now Instant) time.Duration {
	switch {
	case !s.started,
		s.waits(),
		s.remote.minRX == 0,
		s.quiet() && !s.poll.active:
		return 0
	}
	return s.parted.interval(now, max(s.offer.tx, s.remote.minRX))
}

// waits tells whether this system is passive and the other one has not spoken
// (section 6.1).
func (s *Session) waits() bool { return s.cfg.Passive && s.remote.discriminator == 0 }

// quiet tells whether Demand mode is active on the other system (section 6.6).
func (s *Session) quiet() bool {
	return s.remote.demand && s.state == Up && s.remote.state == Up
}

// pace brings the timers in line with the intervals. A shorter interval counts from
// the packet before; one that is over by then is due now.
func (s *Session) pace(now Instant) {
	s.detectAt = clock.Never
	if s.expect {
		d := s.detectionTime()
		s.detectAt, s.auth.knownUntil = s.heard.Add(d), s.heard.Add(2*d)
	}
	every := s.interval(now)
	if every == s.every {
		return
	}
	s.every, s.txAt = every, clock.Never
	if every > 0 {
		s.txAt = now
		if s.count.sent > 0 {
			s.txAt = max(now, s.sentAt.Add(s.jitter(every)))
		}
	}
}

// jitter shortens an interval by a random part of up to a quarter, and by a tenth
// at least where a single lost packet ends the session (section 6.8.7).
func (s *Session) jitter(interval time.Duration) time.Duration {
	least, most := time.Duration(0), interval/4
	if s.cfg.DetectMult == 1 {
		least = (interval + 9) / 10
	}
	return interval - least - s.rand.below(most-least+1)
}

// send sends a Control packet, now. One that answers a Poll does not move the
// timer: else a system that polls all the time would never be polled.
func (s *Session) send(now Instant, final bool) {
	c := control{
		diag: s.diag, state: s.state, poll: s.poll.active && !final, final: final,
		auth: s.auth.kind != AuthNone, mult: s.cfg.DetectMult, length: headSize + s.auth.size(),
		mine: s.cfg.Discriminator, yours: s.remote.discriminator,
		desiredMinTX: s.offer.desired, requiredMinRX: s.offer.required,
	}
	start := len(s.buf)
	s.buf = s.auth.sign(c.append(s.buf), start)
	s.out.Sends = append(s.out.Sends, s.buf[start:len(s.buf):len(s.buf)])
	s.count.sent++
	s.urgent = false
	s.poll.sent = s.poll.sent || c.poll
	if final {
		return
	}
	s.sentAt, s.every, s.txAt = now, s.interval(now), clock.Never
	if s.every > 0 {
		s.txAt = now.Add(s.jitter(s.every))
	}
}
