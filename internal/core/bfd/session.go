package bfd

import (
	"time"

	"stead/internal/core/clock"
)

// Session is one BFD session (RFC 5880 section 6.8). A step is Begin, any number
// of inputs (Start, Receive, Tick, SetAdminDown, Reconfigure), and Finish, which
// tells what is to be done.
type Session struct {
	cfg     Config
	auth    authenticator
	rand    rand
	started bool

	state State // bfd.SessionState
	since Instant
	diag  Diag // bfd.LocalDiag

	remote remote
	heard  Instant // when the last packet came; 0: never
	expect bool    // one came within the last Detection Time
	offer  offer
	poll   poll
	parted parted
	told   told

	every    time.Duration // between periodic packets, before jitter; 0: none are sent
	sentAt   Instant       // the last packet that was no answer to a Poll
	txAt     Instant       // the next periodic one is due; Never: none is
	detectAt Instant       // the Detection Time ends; Never: nothing is expected
	urgent   bool          // the state has changed, and the other system does not know

	count counters
	out   Out
	buf   []byte
}

// remote is what the other system said last.
type remote struct {
	discriminator uint32 // bfd.RemoteDiscr
	state         State  // bfd.RemoteSessionState
	demand        bool   // bfd.RemoteDemandMode
	diag          Diag
	mult          uint8
	minRX         time.Duration // bfd.RemoteMinRxInterval
	minTX         time.Duration
}

// counters is what a session has counted since it was made.
type counters struct {
	ups, downs     uint64
	sent, received uint64
	refused        [Refusals]uint64
	lastRefusal    Refusal
	maxGap         time.Duration
}

// New returns the Session of a checked configuration. It is Down (RFC 5880 section
// 6.8.1), and sends nothing before Start.
func New(cfg Config) *Session {
	s := &Session{
		cfg: cfg, rand: rand(cfg.Seed), state: Down, txAt: clock.Never, detectAt: clock.Never,
		remote: remote{state: Down, minRX: time.Microsecond},
	}
	s.auth = newAuthenticator(cfg.Auth, uint32(s.rand.next()>>32))
	s.propose(0)
	return s
}

// Begin starts a step: what the last one asked for is forgotten.
func (s *Session) Begin(Instant) {
	s.out.Sends = s.out.Sends[:0]
	s.out.Changes = s.out.Changes[:0]
	s.buf = s.buf[:0]
}

// Start begins. The first packet is sent at once, unless the session is passive.
func (s *Session) Start(now Instant) {
	if s.started {
		return
	}
	s.started, s.since = true, now
	s.pace(now)
	s.Tick(now)
}

// Tick does what is due.
func (s *Session) Tick(now Instant) {
	if now >= s.detectAt {
		s.silence(now)
	}
	if now >= s.txAt {
		s.send(now, false)
	}
}

// Finish returns what the step asks for. Within a step it may be called again after
// further inputs; Out grows then.
func (s *Session) Finish(Instant) *Out { return &s.out }

// Deadline is when Tick is to be called next.
func (s *Session) Deadline() Instant { return min(s.txAt, s.detectAt) }

// Status is how the session is.
func (s *Session) Status(Instant) Status {
	st := Status{
		State: s.state, RemoteState: s.remote.state, Since: s.since, Diag: s.diag, RemoteDiag: s.remote.diag,
		Discriminator: s.cfg.Discriminator, RemoteDiscriminator: s.remote.discriminator,
		TXInterval: s.every, RemoteMinRX: s.remote.minRX, RemoteMinTX: s.remote.minTX, RemoteMult: s.remote.mult,
		LastHeard: s.heard, Ups: s.count.ups, Downs: s.count.downs, Sent: s.count.sent, Received: s.count.received,
		Refusals: s.count.refused, MaxGap: s.count.maxGap,
	}
	if s.expect {
		st.DetectionTime = s.detectionTime()
	}
	for _, n := range s.count.refused {
		st.Refused += n
	}
	if st.Refused > 0 {
		st.LastRefusal = s.count.lastRefusal.String()
	}
	return st
}
