package gate

import (
	"fmt"
	"time"

	"stead/internal/core/clock"
	"stead/internal/core/lease"
	"stead/internal/core/reason"
)

// Phase is where a Machine is.
type Phase uint8

// The phases.
const (
	Waiting    Phase = iota // the workload does not run
	Announcing              // there is no right: the heartbeat is written, and looked for the other one's, before the workload starts
	Resuming                // a workload that was started before may run; the right is not confirmed yet
	Open                    // the workload may run
	Ending                  // the workload is being stopped
	Giving                  // it has ended, and the right is being given up
	Stopped                 // the end: nothing is started any more
)

// String returns the word that logs and metrics use.
func (p Phase) String() string {
	return [...]string{"waiting", "announcing", "resuming", "open", "ending", "giving", "stopped"}[p]
}

// Machine is the gate of one site. A step is Begin, any number of inputs, and
// Finish, which tells what is to be done. Its methods say what they mean in words
// for people, so it is not for a path on which nothing may be allocated.
type Machine struct {
	cfg     Config
	watches []watch
	pen     pen
	right   *lease.Machine // nil: there is none
	until   Instant        // of the right; 0: it is not this site's

	phase    Phase
	started  bool
	stopping bool
	park     bool
	heir     string  // for whom the right is given up
	summoned Instant // until then an operator wants the right here

	found    finding // as it was told last
	judged   bool
	blindAt  Instant // since when nothing can be told; Never: something can
	deferAt  Instant // nothing is announced before: the preferred site goes first
	announce Instant // when Announcing began
	shown    Instant // when its first heartbeat was known to be written; Never: it is not

	stall stall

	epoch  uint64
	why    reason.Reason // of Ending
	end    Instant       // as given out last
	kill   Instant
	lapse  Instant // Giving: when the right has ended, whatever becomes of giving it up
	wall   time.Duration
	walled bool
	ahead  bool // that the other site's clock differs was told

	due     Instant
	done    int // changes of the right that were taken in within this step
	out     Out
	reports []finding
}

// New returns the Machine of a checked configuration.
func New(cfg *Config) *Machine {
	m := &Machine{
		cfg: *cfg, watches: make([]watch, len(cfg.Witnesses)), reports: make([]finding, len(cfg.Witnesses)),
		pen:     pen{every: cfg.Beat, limit: cfg.StopAfter},
		blindAt: clock.Never, end: clock.Never, kill: clock.Never, due: clock.Never,
	}
	for i := range m.watches {
		m.watches[i] = watch{
			cfg: &m.cfg.Witnesses[i], flatline: cfg.Flatline,
			never: cfg.Never == NeverFlatlined || cfg.Never == NeverAuto && cfg.Preferred,
		}
	}
	if cfg.Right != nil {
		right := *cfg.Right
		right.Resume = cfg.Resume
		m.right = lease.New(&right)
	}
	return m
}

// Start begins: the workload does not run, or it is the one that Config.Resume tells of.
func (m *Machine) Start(now Instant) {
	m.started = true
	for i := range m.watches {
		m.watches[i].start(now)
	}
	m.pen.next = now
	if m.right == nil {
		if m.cfg.Resume != 0 {
			m.open(now, 0, reason.Resumed)
		}
		return
	}
	m.right.Start(now)
	if m.cfg.Resume != 0 {
		m.pen.begin(now)
		m.phase, m.epoch, m.until = Resuming, m.cfg.Resume, m.cfg.ResumeEnd
		if m.until == 0 {
			m.until = now.Add(m.cfg.Right.Use)
		}
	}
}

// latePart is by which part of Flatline the machine may be called too late before
// it counts as having been away.
const latePart = 4

// Begin starts a step: what the last one asked for is forgotten. Whatever the
// input, a machine that was away finds that out first.
func (m *Machine) Begin(now Instant) {
	o := &m.out
	o.Looks, o.Ops, o.Changes, o.Beat, o.Moved = o.Looks[:0], o.Ops[:0], o.Changes[:0], false, false
	m.done = 0
	if m.right != nil {
		m.right.Begin(now)
	}
	if late := now.Sub(m.due); m.started && m.due != clock.Never && late > m.cfg.Flatline/latePart {
		m.note(reason.Late, "the gate was not run for "+text(late)+": silence is counted from now")
		for i := range m.watches {
			m.watches[i].restart(now)
		}
	}
}

// Saw takes in what a witness has shown. For a look that was asked for there has
// to be one, however it ended.
func (m *Machine) Saw(now Instant, s *Sample) {
	if s.Witness < 0 || s.Witness >= len(m.watches) {
		return
	}
	w := &m.watches[s.Witness]
	before := w.changeAt
	w.saw(now, s)
	if s.Sight == Beaten && m.right != nil {
		m.right.SetFloor(s.Epoch) // a register that is made anew may not remember
	}
	if s.Sight == Beaten && w.changed && w.changeAt == now && before != now {
		m.compareClocks(now, s)
	}
}

// SetWall tells what is to be added to an Instant to have the time since 1970. It
// is used to tell people of clocks that differ, and for nothing else.
func (m *Machine) SetWall(offset time.Duration) { m.wall, m.walled = offset, true }

// compareClocks tells once that the clock of the other site differs.
func (m *Machine) compareClocks(now Instant, s *Sample) {
	if !m.walled || s.At.IsZero() {
		return
	}
	off := s.At.Sub(time.Unix(0, int64(now)+int64(m.wall)))
	differs := off.Abs() > m.cfg.Flatline
	if differs && !m.ahead {
		how := "ahead of"
		if off < 0 {
			how = "behind"
		}
		m.note(reason.None, fmt.Sprintf("the clock of %s is %v %s this one: nothing depends on it", m.cfg.Other, off.Abs().Round(time.Second), how))
	}
	m.ahead = differs
}

// Done takes the end of an operation on the register of the right in.
func (m *Machine) Done(now Instant, r *lease.Result) {
	if m.right != nil {
		m.right.Done(now, r)
	}
}

// Refresh says that the register of the right may have changed.
func (m *Machine) Refresh(Instant) {
	if m.right != nil {
		m.right.Refresh()
	}
}

// Wrote takes in how the heartbeat was written that Out.Beat has asked for. Not ok
// is one of which it is not certain.
func (m *Machine) Wrote(now Instant, ok bool, detail string) {
	was := m.pen.wrong
	m.pen.wrote(now, ok, detail)
	switch {
	case m.pen.wrong != "" && was == "":
		m.note(reason.NotWritten, "the heartbeat cannot be written: "+m.pen.wrong)
	case m.pen.wrong == "" && was != "":
		m.note(reason.None, "the heartbeat can be written again")
	}
	if ok && m.phase == Announcing && m.shown == clock.Never && m.pen.goodAt >= m.announce {
		m.shown = now
		for i := range m.watches {
			if w := &m.watches[i]; w.polled() {
				w.next = now
			}
		}
	}
}

// Tick does what is due: Begin and Finish do it.
func (m *Machine) Tick(Instant) {}

// Deadline is when Tick is to be called next.
func (m *Machine) Deadline() Instant { return m.due }

// Finish says what is to be done.
func (m *Machine) Finish(now Instant) *Out {
	if m.started {
		m.judge(now)
		m.decide(now)
		m.ask(now)
	}
	m.limit(now)
	m.plan(now)
	m.out.Epoch = 0
	if m.phase == Open || m.phase == Ending || m.phase == Resuming {
		m.out.Epoch = m.epoch
	}
	return &m.out
}

// judge joins what the witnesses say.
func (m *Machine) judge(now Instant) {
	for i := range m.watches {
		m.reports[i] = m.watches[i].judge(now)
	}
	f := combine(m.reports, m.cfg.Witnesses, m.cfg.Any)
	switch {
	case f.verdict != CannotTell:
		m.blindAt = clock.Never
	case m.blindAt == clock.Never:
		m.blindAt = now
	}
	tell := !m.judged || f.verdict != m.found.verdict || f.why != m.found.why
	m.found, m.judged = f, true
	if tell {
		m.change(Change{Kind: Judged, Verdict: f.verdict, Reason: f.why, Detail: f.text})
	}
}

// ask asks for looks and for a heartbeat where they are due.
func (m *Machine) ask(now Instant) {
	for i := range m.watches {
		if m.watches[i].look(now) {
			m.out.Looks = append(m.out.Looks, i)
		}
	}
	if m.beats() && m.pen.due(now) {
		m.out.Beat = true
	}
}

// beats tells whether this site writes its heartbeat. Where there is no right, or the
// heartbeat cannot tell of it, it says that the workload runs, as that of the program
// before did; a waiting site that wrote one would keep the other from starting.
func (m *Machine) beats() bool {
	return m.right != nil && !m.cfg.Mute || m.phase == Announcing || m.phase == Resuming || m.phase == Open || m.phase == Ending
}

// plan finds when Tick is to be called next.
func (m *Machine) plan(now Instant) {
	m.due = clock.Never
	if !m.started {
		return
	}
	for i := range m.watches {
		m.due = clock.Min(m.due, m.watches[i].deadline(now))
	}
	if m.beats() {
		m.due = clock.Min(m.due, m.pen.deadline())
	}
	if m.right != nil {
		m.due = clock.Min(m.due, m.right.Deadline())
	}
	for _, at := range []Instant{m.deferAt, m.blindAt.Add(m.cfg.OpenAfter), m.allowedAt(now), m.settledAt(), m.stallAt(), m.lapse, m.end} {
		if at > now {
			m.due = clock.Min(m.due, at)
		}
	}
}

func (m *Machine) change(c Change) { m.out.Changes = append(m.out.Changes, c) }

func (m *Machine) note(why reason.Reason, detail string) {
	m.change(Change{Kind: Noted, Verdict: m.found.verdict, Epoch: m.epoch, Reason: why, Detail: detail})
}
