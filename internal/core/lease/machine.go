package lease

import (
	"time"

	"stead/internal/core/clock"
	"stead/internal/core/reason"
)

// Machine is one right as one node sees it. A step is Begin, any number of
// inputs, and Finish, which tells what is to be done.
type Machine struct {
	cfg      Config
	willing  bool
	priority int
	bideTill Instant

	known   bool   // the register was read or written
	stale   bool   // and has changed since, or may have
	version string // empty: there is none
	rec     Record
	bad     bool    // what is there is no record
	since   Instant // when this version was first seen
	top     uint64  // the highest epoch that was seen

	held    bool
	epoch   uint64
	until   Instant // of the right, by the last renewal
	vouched Instant // and by those who vouch for it

	giving  State  // Free or Parked: the right is to be given up; 0: it is not
	heir    string // Free: for whom
	request string // whom the holder is to be asked for
	sought  bool   // the holder was asked for this node
	back    bool   // what this run has given up may be its own again at once

	op       operation
	turn     uint64  // of the last write that was tried: each has another one
	swapAt   Instant // when it was
	cause    reason.Reason
	lastID   uint64
	doubtful []attempt
	pause    Instant // nothing is tried before
	refresh  bool    // the store says that something has changed
	lost     string  // what is wrong with the store; empty: nothing
	shown    string  // whom SawHolder has named
	asked    string  // whom Asked has named
	heeding  bool    // in this step: who uses the Machine is about to decide

	told Instant // Out.Until as told last
	due  Instant
	out  Out
	buf  []byte
}

// operation is what is under way.
type operation struct {
	id   uint64 // 0: nothing is
	swap bool
	at   Instant
	use  time.Duration // Config.Use as of then
	rec  Record
}

// attempt is a write whose outcome is not known.
type attempt struct {
	turn, epoch uint64
	until       Instant // of the right, if it has taken effect
}

// New returns the Machine of a checked configuration.
func New(cfg *Config) *Machine {
	return &Machine{cfg: *cfg, top: cfg.Floor, due: clock.Never, shown: noHolder}
}

// noHolder is not the name of any holder: nobody has been named yet.
const noHolder = "?"

// Start begins: the register is read.
func (m *Machine) Start(now Instant) { m.pause = now }

// Begin starts a step: what the last one asked for is forgotten.
func (m *Machine) Begin(now Instant) {
	m.out.Ops, m.out.Changes, m.out.Moved = m.out.Ops[:0], m.out.Changes[:0], false
	m.heeding = false
	m.expire(now)
}

// Finish says what is to be done.
func (m *Machine) Finish(now Instant) *Out {
	m.due = clock.Never
	m.next(now)
	m.out.Until = 0
	if m.held {
		m.out.Until = m.end()
		m.wake(m.end())
	}
	m.out.Moved = m.out.Moved || m.out.Until != m.told
	m.told = m.out.Until
	return &m.out
}

// Deadline is when the next step is to be made, if no input comes before.
func (m *Machine) Deadline() Instant { return m.due }

func (m *Machine) wake(at Instant) { m.due = clock.Min(m.due, at) }

// SetWilling tells whether this node would claim the right when it can. A holder
// that is not willing any more has to Release or Park.
func (m *Machine) SetWilling(willing bool) { m.willing = willing }

// SetPriority is what the holder tells the others of itself, 0 to 255.
func (m *Machine) SetPriority(priority int) { m.priority = min(max(priority, 0), 255) }

// Bide has this node claim nothing before a moment.
func (m *Machine) Bide(until Instant) { m.bideTill = max(m.bideTill, until) }

// Vouch lets the right go on until a moment though the store cannot be reached:
// all who could claim it have promised not to until then.
func (m *Machine) Vouch(until Instant) {
	if m.held && m.lost != "" && until > m.vouched {
		if m.vouched <= m.until && until > m.until {
			m.change(Change{Kind: Stretched, Epoch: m.epoch, Detail: m.lost})
		}
		m.vouched = until
	}
}

// SetFloor tells up to which number epochs may have been used.
func (m *Machine) SetFloor(epoch uint64) { m.cfg.Floor = max(m.cfg.Floor, epoch) }

// Refresh says that the register may have changed.
func (m *Machine) Refresh() { m.refresh = true }

// Release gives the right up, for somebody or, with "", for anybody. It has ended
// when the call returns: the caller has stopped before what hangs on it.
func (m *Machine) Release(to string) { m.give(Free, to) }

// Park gives the right back to another run of this holder.
func (m *Machine) Park() { m.give(Parked, "") }

func (m *Machine) give(state State, to string) {
	m.giving, m.heir, m.sought, m.back = state, to, false, false
	m.held, m.until, m.vouched = false, 0, 0
}

// TakeBack lets this run claim at once what it has given up and nobody has taken.
func (m *Machine) TakeBack() { m.back = true }

// Request asks the holder to hand the right over to somebody.
func (m *Machine) Request(to string) {
	m.request, m.sought = to, m.sought || to == m.cfg.Self
}

// Requested tells whether this node has asked for the right since it had it last.
func (m *Machine) Requested() bool { return m.sought }

// Reconfigure changes times and ranks. Self and Session stay.
func (m *Machine) Reconfigure(cfg *Config) {
	self, session, floor := m.cfg.Self, m.cfg.Session, m.cfg.Floor
	m.cfg = *cfg
	m.cfg.Self, m.cfg.Session, m.cfg.Floor = self, session, max(floor, cfg.Floor)
}

// Quiet tells whether nothing is under way, or may still be, by which this node
// could get the right, and it does not have it.
func (m *Machine) Quiet() bool {
	return !m.ours() && len(m.doubtful) == 0 && (m.op.id == 0 || !m.op.swap)
}

// Held tells whether this node has the right at a moment.
func (m *Machine) Held(now Instant) bool { return m.held && now < m.end() }

// Given tells whether what Release or Park have asked for is known to the store,
// or is not needed any more.
func (m *Machine) Given() bool { return m.giving == 0 && m.op.id == 0 }

// end is when the right ends unless something renews it.
func (m *Machine) end() Instant {
	return max(m.until, m.vouched)
}

// expire ends a right that nothing has renewed.
func (m *Machine) expire(now Instant) {
	if !m.held || now < m.end() {
		return
	}
	why := reason.LeaseExpired
	if m.lost != "" {
		why = reason.StoreLost
	}
	m.lose(why, m.lost)
}

func (m *Machine) lose(why reason.Reason, detail string) {
	m.held, m.until, m.vouched, m.sought = false, 0, 0, false
	m.change(Change{Kind: Lost, Epoch: m.epoch, Holder: m.rec.Holder, Reason: why, Detail: detail})
}

func (m *Machine) change(c Change) { m.out.Changes = append(m.out.Changes, c) }

// ours tells whether the register, as seen last, says that this run has the right.
func (m *Machine) ours() bool {
	return m.readable() && m.rec.State == Held && m.rec.Holder == m.cfg.Self && m.rec.Session == m.cfg.Session
}

// readable tells whether there is a record, as seen last.
func (m *Machine) readable() bool { return m.known && m.version != "" && !m.bad }

// Status is what people are shown.
type Status struct {
	Known   bool
	Record  Record // where there is one
	Present bool
	Bad     bool          // what is there is no record
	Age     time.Duration // since the register was seen to change
	Held    bool
	Epoch   uint64 // of the right that this node has, or had last
	Until   Instant
	Store   string // what is wrong with it; empty: nothing
	Claims  Instant
}

// Status returns how things are.
func (m *Machine) Status(now Instant) Status {
	s := Status{Known: m.known, Record: m.rec, Present: m.readable(), Bad: m.known && m.version != "" && m.bad, Held: m.Held(now), Epoch: m.epoch, Store: m.lost, Claims: clock.Never}
	if m.known {
		s.Age = now.Sub(m.since)
	}
	if s.Held {
		s.Until = m.end()
	} else if m.willing && m.known {
		s.Claims = m.claimableAt()
	}
	return s
}
