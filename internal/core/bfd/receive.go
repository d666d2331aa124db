package bfd

import "time"

// Receive takes a packet that was found to be for this session (RFC 5880 section
// 6.8.6).
func (s *Session) Receive(now Instant, p *Packet) {
	if !s.started {
		return
	}
	c, why := s.examine(now, p)
	if why != Accepted {
		s.count.refused[why]++
		s.count.lastRefusal = why
		return
	}
	s.take(now, &c)
	if s.state == AdminDown {
		return
	}
	s.obey(now, c.state)
	switch {
	case c.poll:
		s.send(now, true)
	case s.urgent:
		s.tell(now)
	}
}

// examine does the checks of section 6.8.6, in their order. The one of the TTL comes
// before authentication, which costs more (RFC 5881 section 5).
func (s *Session) examine(now Instant, p *Packet) (control, Refusal) {
	c, why := parse(p.Bytes)
	switch {
	case why != Accepted:
	case c.yours != 0 && c.yours != s.cfg.Discriminator:
		why = UnknownDiscriminator
	case c.yours == 0 && c.state != Down && c.state != AdminDown:
		why = NoDiscriminator
	case p.TTL < s.cfg.MinTTL:
		why = BadTTL
	case c.auth && s.auth.kind == AuthNone:
		why = UnexpectedAuth
	case !c.auth && s.auth.kind != AuthNone:
		why = NoAuth
	case c.auth:
		why = s.auth.verify(now, p.Bytes[:c.length], c.mult)
	}
	return c, why
}

// take remembers what a packet says.
func (s *Session) take(now Instant, c *control) {
	s.count.received++
	if s.state == Up {
		s.count.maxGap = max(s.count.maxGap, now.Sub(s.heard))
	}
	s.remote = remote{
		discriminator: c.mine, state: c.state, demand: c.demand, diag: c.diag, mult: c.mult,
		minRX: c.requiredMinRX, minTX: c.desiredMinTX,
	}
	s.heard, s.expect = now, true
	if c.state != Up {
		s.parted = parted{}
	}
	s.final(c.final)
	s.pace(now)
}

// obey is the state machine (sections 6.2 and 6.8.6).
func (s *Session) obey(now Instant, received State) {
	switch {
	case received == AdminDown:
		if s.state != Down {
			s.fail(now, Change{Diag: DiagNeighborDown, PeerAdmin: true})
		}
	case s.state == Down && received == Down:
		s.enter(now, Change{To: Init})
	case s.state == Down && received == Init,
		s.state == Init && (received == Init || received == Up):
		s.enter(now, Change{To: Up})
	case s.state == Up && received == Down:
		s.fail(now, Change{Diag: DiagNeighborDown})
	}
}

// silence is the end of the Detection Time (sections 6.8.1 and 6.8.4). What the
// other system said is forgotten, but for that it is down on purpose.
func (s *Session) silence(now Instant) {
	took := now.Sub(s.heard)
	last := s.remote
	s.remote = remote{state: Down, minRX: time.Microsecond, diag: last.diag}
	if last.state == AdminDown {
		s.remote.state = AdminDown
	}
	s.expect, s.poll = false, poll{}
	if s.state == Init || s.state == Up {
		s.fail(now, Change{Diag: DiagDetectionTime, Silent: true, Took: took})
	}
	s.pace(now)
	if s.urgent {
		s.tell(now)
	}
}
