package bfd

import "time"

// enter changes the state. The other system is to hear of it at once, not with the
// next periodic packet (RFC 5880 section 6.8.7).
func (s *Session) enter(now Instant, c Change) {
	c.From, c.Diag = s.state, s.diag
	s.state, s.since, s.urgent = c.To, now, true
	if c.To == Up {
		s.count.ups++
	}
	if c.From == Up {
		s.count.downs++
	}
	s.out.Changes = append(s.out.Changes, c)
	s.propose(now)
}

// fail makes the session Down, for the reason in c.
func (s *Session) fail(now Instant, c Change) {
	s.diag, c.To = c.Diag, Down
	s.enter(now, c)
}

// tellMost is how many changes of state are told at once in a second; a session that
// comes up, goes down and comes up again has six. On a network that repeats packets
// each one could be answered by another change, and the packets would multiply.
const tellMost = 8

// told bounds the packets that tell of a change.
type told struct {
	since Instant
	count int
}

// tell sends the new state, now, or leaves that to the next periodic packet. A
// passive system that knows no other says nothing at all.
func (s *Session) tell(now Instant) {
	if !s.started || s.waits() {
		return
	}
	if now >= s.told.since.Add(slowInterval) {
		s.told = told{since: now}
	}
	if s.told.count++; s.told.count <= tellMost {
		s.send(now, false)
	}
}

// parted is a session that left Up for AdminDown. Should the packet that says so be
// lost, the other system would take the end of its Detection Time for a failure of
// the path: so packets go on at the old rate for that long (RFC 5880 section
// 6.8.16), or until one comes which shows that it knows.
type parted struct {
	until Instant
	every time.Duration
}

func (p *parted) interval(now Instant, otherwise time.Duration) time.Duration {
	if now < p.until {
		return min(p.every, otherwise)
	}
	return otherwise
}

// SetAdminDown takes the session administratively down, or allows it to come up
// again (RFC 5880 section 6.8.16).
func (s *Session) SetAdminDown(now Instant, down bool) {
	if down == (s.state == AdminDown) {
		return
	}
	s.parted = parted{}
	if down {
		if s.state == Up && s.every > 0 {
			s.parted = parted{now.Add(time.Duration(s.cfg.DetectMult) * s.every), s.every}
		}
		s.diag = DiagAdministrativelyDown
		s.enter(now, Change{To: AdminDown})
	} else {
		s.enter(now, Change{To: Down})
	}
	s.tell(now)
}

// Parting tells whether the session is AdminDown and the other system may not know
// yet: whoever ends the session sends on until then, or it would be taken for a
// failure of the path.
func (s *Session) Parting(now Instant) bool { return s.state == AdminDown && now < s.parted.until }

// Reconfigure takes another configuration without a change of state: intervals by
// a Poll Sequence (RFC 5880 section 6.8.3), keys at once. Discriminator and Seed
// stay as they are.
func (s *Session) Reconfigure(now Instant, cfg Config) {
	cfg.Discriminator, cfg.Seed = s.cfg.Discriminator, s.cfg.Seed
	mult := cfg.DetectMult != s.cfg.DetectMult
	s.cfg = cfg
	s.auth.set(cfg.Auth)
	if mult && s.quiet() {
		s.startPoll() // section 6.6: nothing periodic would tell it
	}
	s.propose(now)
}
