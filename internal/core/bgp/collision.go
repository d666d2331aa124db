package bgp

// collide is the collision detection of RFC 4271 section 6.8, done when an OPEN
// arrives on a connection. It tells whether that connection stays. Of two that are
// in OpenConfirm, the one stays that was opened by the speaker with the higher BGP
// identifier, or the higher AS number where these are equal (RFC 6286 section 2.3).
// Until its OPEN has come, nobody knows whether the other one leads to the peer at
// all; so it is left alone, but for an attempt that is no connection yet.
func (s *Session) collide(now Instant, f *fsm, o *Open) bool {
	other := &s.ours
	if f == other {
		other = &s.theirs
	}
	switch other.state {
	case Connect:
		s.collided(now, other)
	case OpenConfirm:
		if s.dominates(o) != (f == &s.ours) {
			s.collided(now, f)
			return false
		}
		s.collided(now, other)
	case EstablishedState:
		s.collided(now, f)
		return false
	}
	return true
}

// dominates tells whether connections that this node has opened are kept.
func (s *Session) dominates(o *Open) bool {
	if c := s.cfg.RouterID.Compare(o.RouterID); c != 0 {
		return c > 0
	}
	return s.cfg.LocalAS > o.AS
}

// collided closes a connection because of another one.
func (s *Session) collided(now Instant, f *fsm) {
	if f.state >= OpenSent {
		s.notify(now, f, Cease(CollisionResolution, ""))
	}
	s.hangup(f)
}

// alive refuses the connection that waits: the established session that it might
// have replaced was heard.
func (s *Session) alive(now Instant) {
	if s.parked.state == Idle {
		return
	}
	s.notify(now, &s.parked, Cease(CollisionResolution, ""))
	s.hangup(&s.parked)
}
