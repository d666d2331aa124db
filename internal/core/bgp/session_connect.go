package bgp

import (
	"net/netip"

	"stead/internal/core/clock"
	"stead/internal/core/reason"
)

// Opened says that a connection is there: one that was asked for, or one of the
// peer. local is the address of this node on it.
func (s *Session) Opened(now Instant, conn Conn, local netip.Addr) {
	switch {
	case conn < FirstIncoming:
		if s.ours.state == Connect && s.ours.conn == conn { // else it was given up, and hung up, in the meantime
			s.ours.local = local
			s.sendOpen(now, &s.ours)
		}
	case !s.started:
		s.out.Hangups = append(s.out.Hangups, conn)
	case s.answers():
		s.accept(now, &fsm{conn: conn, local: local, movedAt: now})
	default:
		s.park(now, conn, local)
	}
}

// Closed says that a connection has ended, or could not be had.
func (s *Session) Closed(now Instant, conn Conn, detail string) {
	s.rib.leaving.gone(s, conn)
	f := s.find(conn)
	if f == nil {
		return
	}
	if f == &s.parked {
		s.parked = none
		return
	}
	e := ending{why: reason.Disconnected, detail: detail, gone: true}
	if f.state >= OpenSent && f.state < EstablishedState {
		e.detail, e.damp = "closed by the peer in answer to OPEN", true
		if detail != "" {
			e.detail += ": " + detail
		}
	}
	s.end(now, f, e)
}

// answers tells whether a new connection of the peer is answered at once.
func (s *Session) answers() bool {
	return s.started && !s.damped && !s.awaitsBFD() && s.established() == nil
}

// try makes an attempt, and lets a connection of the peer that waits be it.
func (s *Session) try(now Instant) {
	s.retryAt, s.damped = clock.Never, false
	switch {
	case !s.answers():
	case s.parked.state != Idle:
		s.unpark(now)
		s.retryAt = now.Add(s.jitter(s.cfg.Retry)) // in case nothing comes of it
	case !s.cfg.Passive && s.ours.state == Idle && s.theirs.state <= OpenSent:
		s.dial(now)
	}
}

func (s *Session) dial(now Instant) {
	s.attempts++
	s.last++
	if s.last >= FirstIncoming {
		s.last = 1
	}
	s.ours = none
	s.ours.conn, s.ours.state, s.ours.movedAt = s.last, Connect, now
	s.ours.holdAt = now.Add(connectTime)
	s.out.Dials = append(s.out.Dials, s.last)
}

// accept answers a connection of the peer. One that it opened before is dead, or it
// would not have opened this one; FRR does the same.
func (s *Session) accept(now Instant, f *fsm) {
	if s.theirs.state != Idle {
		s.collided(now, &s.theirs)
	}
	early := f.early
	s.theirs = *f
	s.theirs.early = nil
	s.sendOpen(now, &s.theirs)
	if early != nil {
		s.Receive(now, f.conn, early)
	}
}

// park lets a connection of the peer wait. Beside an established session it is
// either a mistake or the sign that the peer has started anew and knows nothing of
// that session. A KEEPALIVE brings that to light: a host that does not know the
// connection resets it. RFC 4271 section 6.8 would have the new one closed, and
// the peer wait until the hold time of the old one is over.
func (s *Session) park(now Instant, conn Conn, local netip.Addr) {
	f := s.established()
	if s.parked.state != Idle {
		s.hangup(&s.parked)
	} else if f != nil {
		s.keepalive(now, f)
	}
	s.parked = none
	s.parked.conn, s.parked.state, s.parked.local = conn, ActiveState, local
	s.parked.movedAt, s.parked.holdAt = now, now.Add(parkTime)
}

// unpark answers the connection that waits.
func (s *Session) unpark(now Instant) {
	f := s.parked
	s.parked = none
	s.accept(now, &f)
}

// sendOpen is what becomes of a connection that is there.
func (s *Session) sendOpen(now Instant, f *fsm) {
	f.state = OpenSent
	f.holdAt, f.keepaliveAt = now.Add(openTime), clock.Never
	start := len(s.buf)
	s.buf = AppendOpen(s.buf, s.offer())
	s.send(now, f, start)
}

// offer is the OPEN of this node.
func (s *Session) offer() *Open {
	o := &Open{AS: s.cfg.LocalAS, HoldTime: uint16(s.cfg.HoldTime.Seconds()), RouterID: s.cfg.RouterID, IPv4: true}
	if !s.plain {
		o.IPv4, o.IPv6, o.ExtendedNextHop = s.cfg.IPv4, s.cfg.IPv6, s.cfg.ExtendedNextHop
		o.FourOctet, o.Refresh = true, true
	}
	return o
}

// hangup closes a connection of which nothing has to be told.
func (s *Session) hangup(f *fsm) {
	s.out.Hangups = append(s.out.Hangups, f.conn)
	*f = none
}
