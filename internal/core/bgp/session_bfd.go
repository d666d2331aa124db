package bgp

import (
	"stead/internal/core/clock"
	"stead/internal/core/reason"
)

// BFD says what BFD finds of the path to the peer: that it is up, or why not: admin
// is a peer that has turned BFD off, which says nothing of the path. A path that was
// up and is down ends the session at once (RFC 5882 section 4.3, RFC 9384). One that
// never was up changes nothing.
func (s *Session) BFD(now Instant, up, admin bool) {
	was := s.pathUp
	s.pathUp = up
	if was && !up && !admin {
		s.pathDown(now)
		return
	}
	if s.awaitsBFD() && (up || admin) {
		s.pathAt = clock.Never
		s.retry(now)
	} else if s.pathUp && !was {
		s.pathBack(now)
	}
}

// awaitsBFD tells whether no attempt is made because of BFD.
func (s *Session) awaitsBFD() bool { return s.pathAt != clock.Never }

func (s *Session) pathDown(now Instant) {
	if !s.started {
		return
	}
	if s.cfg.WaitForBFD {
		s.pathAt = now.Add(bfdTime)
	}
	for _, f := range [...]*fsm{&s.ours, &s.theirs} {
		switch {
		case f.state >= OpenSent:
			s.refuse(now, f, Cease(BFDDown, ""), ending{why: reason.BFDDown})
		case f.state == Connect && s.cfg.WaitForBFD:
			s.end(now, f, ending{why: reason.BFDDown, detail: "BFD down"})
		}
	}
}

// pathBack makes an attempt at once that would be made later, and one anew whose
// first packet was lost.
func (s *Session) pathBack(now Instant) {
	if s.ours.state == Connect && now.Sub(s.ours.movedAt) >= slowDial {
		s.hangup(&s.ours)
		s.retry(now)
	} else if s.retryAt != clock.Never && s.ours.state == Idle && s.theirs.state == Idle {
		s.retry(now)
	}
}

// retry makes an attempt now, unless they are paced because the peer refuses them.
func (s *Session) retry(now Instant) {
	if s.started && !s.damped {
		s.try(now)
	}
}
