package bgp

import (
	"net/netip"
	"time"

	"stead/internal/core/clock"
)

// Session is the BGP session with one peer (RFC 4271 section 8). A step is Begin,
// any number of inputs (Start, Opened, Receive, Tick, Announce...), and Finish,
// once, which tells what is to be done.
//
// The RFC has a machine for each connection; two may live at once, one that this
// node has opened and one that the peer has, until collision detection ends one of
// them. A third one, of the peer, may wait to be answered: while an established
// session is asked whether it still lives, while attempts are paced, and while BFD
// finds the path down.
type Session struct {
	cfg     Config
	started bool

	ours, theirs fsm
	parked       fsm
	last         Conn // that was asked for
	plain        bool // the next OPEN has no capabilities, because the peer refuses them

	retryAt  Instant // ConnectRetryTimer: an attempt is made
	failures int     // attempts in a row, for the back-off
	damped   bool    // until then connections of the peer wait
	pathUp   bool    // by BFD
	pathAt   Instant // BFD is waited for until then; Never: it is not

	rib     rib
	speaker Speaker // of the established session

	state     State // as of the last Finish
	since     Instant
	upAt      Instant // of the established session
	attempts  uint64
	flaps     uint64
	in, sent  uint64
	lastError string

	random uint64
	due    Instant
	out    Out
	buf    []byte
}

// fsm is the RFC's machine of one connection. In state Idle there is no
// connection, in Connect it is being opened, in ActiveState it waits to be answered.
type fsm struct {
	conn  Conn
	state State
	local netip.Addr // of this node
	open  Open       // of the peer, from OpenConfirm on
	early []byte     // the OPEN that came while the connection waited

	hold        time.Duration // negotiated; 0: none
	holdAt      Instant       // HoldTimer, or the end of waiting for what comes before it
	keepaliveAt Instant       // KeepaliveTimer
	grace       bool          // the HoldTimer ran out when this node was late itself, and runs a little longer

	written, taken uint64  // bytes, and those of them that the kernel has taken
	movedAt        Instant // it took some, or had nothing to take
}

// none is the machine without a connection.
var none = fsm{holdAt: clock.Never, keepaliveAt: clock.Never}

// New returns the Session of a checked configuration. It is Idle before Start.
func New(cfg Config) *Session {
	return &Session{
		cfg: cfg, last: cfg.After, ours: none, theirs: none, parked: none,
		retryAt: clock.Never, pathAt: clock.Never, due: clock.Never, random: cfg.Seed,
		rib: rib{leaving: noLeaving},
	}
}

// Start begins: a connection is asked for, unless the peer is to connect.
func (s *Session) Start(now Instant) {
	if s.started {
		return
	}
	s.started, s.failures = true, 0
	s.try(now)
}

// Begin starts a step: what the last one asked for is forgotten.
func (s *Session) Begin(Instant) {
	s.out.Retracts = s.out.Retracts[:0]
	s.out.Writes = s.out.Writes[:0]
	s.out.Dials = s.out.Dials[:0]
	s.out.Hangups = s.out.Hangups[:0]
	s.out.Changes = s.out.Changes[:0]
	s.buf = s.buf[:0]
	s.rib.flushed = false
}

// Finish sends what is to be announced, computes the next deadline and returns
// what the step asks for.
func (s *Session) Finish(now Instant) *Out {
	s.flush(now)
	if state := s.current(); state != s.state {
		s.state, s.since = state, now
	}
	s.due = min(s.ours.due(), s.theirs.due(), s.parked.due(), s.retryAt, s.pathAt, s.rib.leaving.until)
	return &s.out
}

// Deadline is when Tick is to be called next.
func (s *Session) Deadline() Instant { return s.due }

// current is the state of the session: that of the connection that is furthest.
func (s *Session) current() State {
	furthest := max(s.ours.state, s.theirs.state)
	switch {
	case furthest >= OpenSent:
		return furthest
	case s.ours.state == Connect:
		return Connect
	case !s.started || s.damped || s.awaitsBFD():
		return Idle
	}
	return ActiveState
}

// find returns the machine of a connection; nil when it has ended.
func (s *Session) find(conn Conn) *fsm {
	for _, f := range [...]*fsm{&s.ours, &s.theirs, &s.parked} {
		if f.state != Idle && f.conn == conn {
			return f
		}
	}
	return nil
}

// established returns the connection of the established session, or nil.
func (s *Session) established() *fsm {
	switch EstablishedState {
	case s.ours.state:
		return &s.ours
	case s.theirs.state:
		return &s.theirs
	}
	return nil
}

func (s *Session) change(c Change) { s.out.Changes = append(s.out.Changes, c) }
