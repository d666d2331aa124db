package bgp

import (
	"time"

	"stead/internal/core/clock"
	"stead/internal/core/reason"
)

const (
	// connectTime is how long an attempt to connect lasts. The kernel asks again
	// after 1, 3 and 7 s; a new attempt asks sooner than the last of these.
	connectTime = 5 * time.Second
	// openTime is how long an OPEN, and the KEEPALIVE after it where no hold time was
	// agreed on, is waited for. RFC 4271 section 8.2.2 suggests 4 minutes. A router
	// that takes 30 s to answer is not going to, and while it is waited for no other
	// attempt is made.
	openTime = 30 * time.Second
	// parkTime is how long a connection of the peer waits to be answered. Peers wait
	// 4 minutes for an OPEN.
	parkTime = 90 * time.Second
	// bfdTime is how long BFD is waited for. A peer whose BFD was turned off says
	// nothing any more, and is not to stay without a session for that.
	bfdTime = time.Minute
	// stableTime is how long a session has to last before the back-off starts again.
	stableTime = 30 * time.Second
	// soon is when the first attempt is made after the loss of a session that lasted:
	// a peer that is there is not to wait, one that has closed the session is to have
	// cleaned up.
	soon = 100 * time.Millisecond
	// lateness of this node from which on it does not take its own absence for the
	// peer's silence, and graceTime what the peer has then.
	lateness  = 500 * time.Millisecond
	graceTime = time.Second
	// leaveTime is how long a connection that is closed may go on sending.
	leaveTime = time.Second
	// sendHoldTime is how long a peer may take nothing, at the least (RFC 9687 section 5).
	sendHoldTime = 8 * time.Minute
	// slowDial is how old an attempt to connect has to be to be made anew when BFD says
	// that the path is back.
	slowDial = time.Second
)

// Tick does what is due.
func (s *Session) Tick(now Instant) {
	s.tick(now, &s.ours)
	s.tick(now, &s.theirs)
	if now >= s.parked.holdAt {
		s.hangup(&s.parked)
	}
	if now >= s.rib.leaving.until {
		s.rib.leaving, s.rib.unsent = noLeaving, false
	}
	if now >= s.pathAt {
		s.pathAt = clock.Never
		s.retry(now)
	}
	if now >= s.retryAt {
		s.try(now)
	}
}

func (s *Session) tick(now Instant, f *fsm) {
	if now >= f.holdAt {
		s.holdTimer(now, f)
	}
	if now >= f.stuckAt() {
		// The peer may hear of it if it takes something in the next second.
		s.refuse(now, f, &Notification{Code: CodeSendHoldTimer}, ending{why: reason.Notified})
	}
	if now >= f.keepaliveAt {
		s.keepalive(now, f)
	}
}

// due is when something is to be done for a connection.
func (f *fsm) due() Instant { return min(f.holdAt, f.keepaliveAt, f.stuckAt()) }

// stuckAt is the SendHoldTimer of RFC 9687: when a peer that takes nothing is given up.
func (f *fsm) stuckAt() Instant {
	if f.state < OpenSent || f.taken == f.written {
		return clock.Never
	}
	return f.movedAt.Add(max(sendHoldTime, 2*f.hold))
}

// holdTimer ends a connection on which nothing was heard for too long.
func (s *Session) holdTimer(now Instant, f *fsm) {
	switch {
	case f.state == Connect:
		s.end(now, f, ending{why: reason.Disconnected, detail: "no answer within " + connectTime.String()})
	case f.state >= OpenConfirm && !f.grace && now.Sub(f.holdAt) >= lateness:
		f.grace, f.holdAt = true, now.Add(graceTime)
	default:
		s.refuse(now, f, HoldTimerExpired(), ending{why: reason.HoldTimeExpired, damp: f.state < EstablishedState})
	}
}

// heard restarts the HoldTimer.
func (f *fsm) heard(now Instant) {
	f.grace = false
	if f.hold > 0 {
		f.holdAt = now.Add(f.hold)
	}
}

// pause sets when the next attempt is made. One soon follows a session that has
// lasted; else the pause doubles (ConnectRetryTime, and DampPeerOscillations of
// RFC 4271 section 8.1.1). When damped, the peer's own attempts have to wait too.
func (s *Session) pause(now Instant, lasted, damp bool) {
	if lasted {
		s.failures, s.damped = 0, false
		s.retryAt = now.Add(s.jitter(soon))
	} else {
		s.retryAt = now.Add(s.jitter(s.backOff()))
		s.failures++
		s.damped = damp
	}
}

// backOff is the pause after an attempt that was not the first to fail.
func (s *Session) backOff() time.Duration {
	d := s.cfg.Retry
	for i := 0; i < s.failures && d < s.cfg.MaxRetry; i++ {
		d *= 2
	}
	return min(d, max(s.cfg.Retry, s.cfg.MaxRetry))
}

// jitter is 75 to 100 % of a time (RFC 4271 section 10).
func (s *Session) jitter(d time.Duration) time.Duration {
	s.random += 0x9e3779b97f4a7c15 // the generator is splitmix64
	z := s.random
	z = (z ^ z>>30) * 0xbf58476d1ce4e5b9
	z = (z ^ z>>27) * 0x94d049bb133111eb
	z ^= z >> 31
	const steps = 1024
	return d - d/4*time.Duration(z%(steps+1))/steps
}

// keepalive sends a KEEPALIVE, which sets the timer of the next one.
func (s *Session) keepalive(now Instant, f *fsm) {
	start := len(s.buf)
	s.buf = AppendKeepalive(s.buf)
	s.send(now, f, start)
}

// send writes what has been appended to buf from start on.
func (s *Session) send(now Instant, f *fsm, start int) {
	b := s.buf[start:len(s.buf):len(s.buf)]
	s.out.Writes = append(s.out.Writes, Write{Conn: f.conn, Bytes: b})
	s.wrote(now, f, b)
}

// wrote accounts for messages. Any but an OPEN or a NOTIFICATION, which end up here
// before and after there is a hold time, restart the KeepaliveTimer.
func (s *Session) wrote(now Instant, f *fsm, b []byte) {
	if f.taken == f.written {
		f.movedAt = now
	}
	f.written += uint64(len(b))
	if f.hold > 0 {
		f.keepaliveAt = now.Add(s.jitter(f.hold / 3))
	}
	for len(b) >= HeaderLen {
		s.sent++
		b = b[int(b[markerLen])<<8|int(b[markerLen+1]):]
	}
}

// Sent says that the kernel has taken n more bytes of what was written.
func (s *Session) Sent(now Instant, conn Conn, n int) {
	if s.rib.leaving.took(s, conn, n) {
		return
	}
	f := s.find(conn)
	if f == nil {
		return
	}
	f.taken, f.movedAt = min(f.taken+uint64(n), f.written), now
	if f.state == EstablishedState && s.rib.unsent && f.taken >= s.rib.mark {
		s.rib.unsent = false
		s.change(Change{Kind: Delivered})
	}
}
