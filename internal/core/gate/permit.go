package gate

import (
	"stead/internal/core/clock"
	"stead/internal/core/lease"
	"stead/internal/core/reason"
)

// permitted tells whether what is known of the other site lets this one start its
// workload, and why. A right, where there is one, has to be had besides.
func (m *Machine) permitted(now Instant) (bool, reason.Reason) {
	switch {
	case m.stopping, m.pen.end() <= now, m.pen.wrong != "" && m.pen.limit > 0:
		return false, reason.None // whoever cannot show that it lives does not start
	case m.found.verdict == Flatlined:
		return true, reason.Flatlined
	case m.cfg.OpenAfter > 0 && m.blindAt != clock.Never && now >= m.blindAt.Add(m.cfg.OpenAfter):
		return true, reason.OpenedBlind
	case m.right == nil:
		return false, reason.None
	}
	return m.allowed(now), reason.None
}

// allowed tells whether the right itself says that this site may have it, whatever
// the heartbeat of the other one shows:
//
//   - the other site has given it up for this one;
//   - this site has it already, from an earlier run; or
//   - nobody has it, and the other site lives and says that it has none either. The
//     preferred site starts then, and the other one after it could have.
func (m *Machine) allowed(now Instant) bool {
	st := m.right.Status(now)
	switch r := &st.Record; {
	case !st.Known, st.Present && r.State != lease.Free && r.Holder != m.cfg.Site:
		return false
	case st.Present && r.State == lease.Free && r.To == m.cfg.Site:
		return true
	case st.Present && r.State != lease.Free:
		return true
	}
	return now >= m.allowedAt(now)
}

// allowedAt is when this site may have a right that nobody has.
func (m *Machine) allowedAt(now Instant) Instant {
	if m.right == nil || m.found.verdict != Alive || m.otherEpoch() != 0 {
		return clock.Never
	}
	st := m.right.Status(now)
	if !st.Known || st.Present && st.Record.State != lease.Free {
		return clock.Never
	}
	since := now.Add(-st.Age)
	if m.cfg.Preferred {
		return since
	}
	return since.Add(m.cfg.Flatline)
}

// otherEpoch is the epoch of the right that the other site says it has.
func (m *Machine) otherEpoch() (epoch uint64) {
	for i := range m.watches {
		if w := &m.watches[i]; w.known {
			epoch = max(epoch, w.last.Epoch)
		}
	}
	return epoch
}

// wants tells whether this site would have the right, or keep it.
func (m *Machine) wants(now Instant) bool {
	switch m.phase {
	case Waiting:
		ok, _ := m.permitted(now)
		return ok
	case Resuming, Open:
		return true
	case Ending:
		// The workload may still run: as long as the right is this site's it stays so.
		st := m.right.Status(now)
		return st.Held || st.Present && st.Record.Holder == m.cfg.Site && st.Record.State == lease.Held
	}
	return false
}

// settledAt is when an announced heartbeat can have been noticed by witnesses that
// tell by themselves.
func (m *Machine) settledAt() Instant {
	if m.phase != Announcing || m.pen.goodAt < m.announce {
		return clock.Never
	}
	return m.pen.endedAt.Add(m.cfg.Flatline / latePart)
}

// settled tells whether the other site has shown nothing after this one's
// heartbeat was there for it to see. Of two sites that announce themselves and look
// then, at least one sees the other.
func (m *Machine) settled(now Instant) bool {
	if m.pen.goodAt < m.announce || m.pen.wrong != "" {
		return false
	}
	for i := range m.watches {
		w := &m.watches[i]
		switch {
		case !w.polled() && now < m.settledAt():
			return false
		case w.polled() && m.found.verdict == Flatlined && w.span.till < m.pen.endedAt && (!m.cfg.Any || m.reports[i].verdict == Flatlined):
			return false
		}
	}
	return true
}
