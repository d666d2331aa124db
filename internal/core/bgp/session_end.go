package bgp

import (
	"stead/internal/core/clock"
	"stead/internal/core/reason"
)

// ending is how a connection ends.
type ending struct {
	why    reason.Reason
	detail string
	gone   bool // the connection has been closed already
	damp   bool // connections of the peer have to wait for the next attempt, too
}

// end takes leave of a connection. Where no other one is left that could become
// the session, the attempt has failed: that is told, and the next one is set.
func (s *Session) end(now Instant, f *fsm, e ending) {
	was := *f
	*f = none
	if !e.gone {
		s.out.Hangups = append(s.out.Hangups, was.conn)
	}
	failed := max(s.ours.state, s.theirs.state) < OpenSent
	switch {
	case was.state == EstablishedState:
		s.down(now, &was, e)
	case failed:
		s.lastError = e.detail
		if was.state >= OpenSent {
			s.change(Change{Kind: Refused, Reason: e.why, Detail: e.detail})
		}
	}
	if s.started && failed {
		up := was.state == EstablishedState
		s.pause(now, up && now.Sub(s.upAt) >= stableTime, e.damp || up)
	}
	if s.parked.state != Idle && s.theirs.state == Idle && s.answers() {
		s.unpark(now)
	}
}

// down takes leave of an established session.
func (s *Session) down(now Instant, was *fsm, e ending) {
	s.flaps++
	s.lastError = e.detail
	s.plain = false
	s.rib.lost(now, was, e.gone)
	s.change(Change{Kind: Down, Reason: e.why, Detail: e.detail})
}

// refuse ends a connection with a NOTIFICATION of this node. The detail explains it.
func (s *Session) refuse(now Instant, f *fsm, n *Notification, e ending) {
	s.notify(now, f, n)
	explained := "sent " + n.String()
	if e.detail != "" {
		explained += ": " + e.detail
	}
	e.detail = explained
	s.end(now, f, e)
}

// unexpected refuses a message that does not belong in the state of the connection.
func (s *Session) unexpected(now Instant, f *fsm, kind MessageType) {
	s.refuse(now, f, UnexpectedMessage(f.state, kind), ending{why: reason.Notified, damp: true})
}

// notified ends a connection that the peer has ended.
func (s *Session) notified(now Instant, f *fsm, n *Notification) {
	collision := n.Code == CodeCease && n.Subcode == CollisionResolution
	if n.Code == CodeOpen && n.Subcode == UnsupportedOptionalParameter && f.state == OpenSent {
		s.plain = s.cfg.IPv4 && !s.plain // RFC 5492 section 3: try again without capabilities
	}
	s.end(now, f, ending{why: reason.Notified, detail: "received " + n.String(), damp: !collision})
}

// notify writes a NOTIFICATION.
func (s *Session) notify(now Instant, f *fsm, n *Notification) {
	start := len(s.buf)
	s.buf = AppendNotification(s.buf, n)
	s.send(now, f, start)
}

// Stop ends the session and does not start it again. The peer is told why: Cease
// with a text (RFC 9003), mostly. What was announced is to be withdrawn before
// with Announce, so that it goes out at once, before the session does.
func (s *Session) Stop(now Instant, n *Notification) {
	s.flush(now)
	s.shut(now, n)
}

// Reset ends the session and starts it again.
func (s *Session) Reset(now Instant, n *Notification) {
	if !s.started {
		return
	}
	pathAt := s.pathAt
	s.Stop(now, n)
	s.started, s.failures, s.pathAt = true, 0, pathAt
	s.retryAt = now.Add(s.jitter(soon))
}

// shut ends every connection.
func (s *Session) shut(now Instant, n *Notification) {
	s.started = false
	for _, f := range [...]*fsm{&s.ours, &s.theirs} {
		switch {
		case f.state == EstablishedState:
			s.refuse(now, f, n, ending{why: reasonOf(n)})
		case f.state >= OpenSent:
			s.notify(now, f, n)
			fallthrough
		case f.state == Connect:
			s.hangup(f)
		}
	}
	if s.parked.state != Idle {
		s.hangup(&s.parked)
	}
	s.retryAt, s.damped = clock.Never, false
	s.pathAt = clock.Never
}

// reasonOf is why this node ends a session, by what it tells the peer.
func reasonOf(n *Notification) reason.Reason {
	if n.Code == CodeCease {
		switch n.Subcode {
		case AdministrativeShutdown:
			return reason.Stopping
		case PeerDeconfigured, OtherConfigurationChange:
			return reason.Reconfigured
		}
	}
	return reason.Notified
}

// Reconfigure takes over a changed configuration. Where the peer has agreed to
// something else, or is another one, an established session ends with Cease (other
// configuration change) and starts again; kept is false then.
func (s *Session) Reconfigure(now Instant, cfg Config) (kept bool) {
	old := s.cfg
	s.cfg = cfg
	if agreed(&old) != agreed(&cfg) {
		kept = s.established() == nil
		s.plain = false
		s.Reset(now, Cease(OtherConfigurationChange, ""))
		return kept
	}
	if old.NextHop4 != cfg.NextHop4 || old.NextHop6 != cfg.NextHop6 {
		s.speaker.NextHop4, s.speaker.NextHop6 = cfg.NextHop4, cfg.NextHop6
		s.rib.changed = true
	}
	if !cfg.WaitForBFD && s.awaitsBFD() {
		s.pathAt = clock.Never
		s.retry(now)
	}
	if cfg.Passive && s.ours.state == Connect {
		s.hangup(&s.ours)
	}
	if s.started && s.ours.state == Idle && s.theirs.state == Idle && !s.awaitsBFD() {
		s.retryAt = min(s.retryAt, now.Add(s.jitter(s.backOff())))
	}
	return true
}

// agreed is the part of a configuration by which a session was negotiated.
func agreed(c *Config) Config {
	part := *c
	part.Retry, part.MaxRetry, part.Passive, part.WaitForBFD, part.Seed, part.After = 0, 0, false, false, 0, 0
	part.NextHop4, part.NextHop6 = none.local, none.local
	return part
}
