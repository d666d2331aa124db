package gate

import (
	"time"

	"stead/internal/core/lease"
	"stead/internal/core/reason"
)

// Report is what one witness says, as people are shown it.
type Report struct {
	Name    string
	Verdict Verdict
	Reason  reason.Reason
	Detail  string
	Seen    bool // a heartbeat was
	Epoch   uint64
}

// State is how things are with a Machine.
type State struct {
	Phase     Phase
	Verdict   Verdict
	Reason    reason.Reason
	Detail    string
	Epoch     uint64 // of the right with which the workload runs
	End, Kill Instant
	Written   time.Duration // since the last heartbeat that was written was begun; negative: none was
	Unwritten string        // why the last one could not be; empty: it could
	Right     lease.Status  // where there is one
	Witnesses []Report
}

// Phase is where the Machine is.
func (m *Machine) Phase() Phase { return m.phase }

// Verdict is what was found of the other site last.
func (m *Machine) Verdict() Verdict { return m.found.verdict }

// State returns the state at now.
func (m *Machine) State(now Instant) State {
	s := State{
		Phase: m.phase, Verdict: m.found.verdict, Reason: m.found.why, Detail: m.found.text,
		Epoch: m.epoch, End: m.end, Kill: m.kill, Written: -1, Unwritten: m.pen.wrong,
		Witnesses: make([]Report, len(m.watches)),
	}
	if m.pen.good {
		s.Written = now.Sub(m.pen.goodAt)
	}
	if m.right != nil {
		s.Right = m.right.Status(now)
	}
	for i := range m.watches {
		w := &m.watches[i]
		f := w.judge(now)
		s.Witnesses[i] = Report{Name: w.cfg.Name, Verdict: f.verdict, Reason: f.why, Detail: f.text, Seen: w.known, Epoch: w.last.Epoch}
	}
	return s
}
