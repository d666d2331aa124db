package bfd

// poll is the Poll Sequence that this system has begun (RFC 5880 section 6.5).
type poll struct {
	active bool
	sent   bool // a packet with the Poll bit was sent
	after  bool // it has ended, and no packet without the Final bit has come since
	again  bool // something else has changed meanwhile
}

// startPoll begins a Poll Sequence. A Final cannot be told from that of a sequence
// before, so another one has to wait until a packet without it has come (section
// 6.8.3). A system that was not heard cannot answer, and learns all from the first
// packet.
func (s *Session) startPoll() {
	switch {
	case s.remote.discriminator == 0:
	case s.poll.active && s.poll.sent || s.poll.after:
		s.poll.again = true
	default:
		s.poll = poll{active: true}
	}
}

// final takes the Final bit of a packet that came.
func (s *Session) final(set bool) {
	switch {
	case set && s.poll.active && s.poll.sent:
		s.poll = poll{after: true, again: s.poll.again}
		if !s.poll.again {
			s.offer.tx, s.offer.rx = s.offer.desired, s.offer.required
		}
	case !set && s.poll.after:
		s.poll = poll{active: s.poll.again}
	}
}
