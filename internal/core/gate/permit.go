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
	case m.stopping, !m.shows(now):
		return false, reason.None
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
//   - this site has it already, from an earlier run;
//   - nobody has it, and an operator has asked for it here; or
//   - nobody has it, and the other site lives and says that it has none either. The
//     preferred site starts then, and the other one after it could have.
func (m *Machine) allowed(now Instant) bool {
	st := m.right.Status(now)
	switch {
	case !st.Known:
		return false
	case nobody(&st):
		return now < m.summoned || st.Record.State == lease.Free && st.Record.To == m.cfg.Site || now >= m.allowedAt(now)
	}
	return st.Record.Holder == m.cfg.Site
}

// nobody tells whether the register says that nobody has the right.
func nobody(st *lease.Status) bool {
	return !st.Present || st.Record.State == lease.Free || st.Record.State == lease.Made
}

// allowedAt is when this site may have a right that nobody has.
func (m *Machine) allowedAt(now Instant) Instant {
	if m.right == nil {
		return clock.Never
	}
	st := m.right.Status(now)
	if !st.Known || !nobody(&st) || m.found.verdict != Alive || m.otherMayRun(&st) {
		return clock.Never
	}
	since := now.Add(-st.Age)
	if m.cfg.Preferred {
		return since
	}
	return since.Add(m.cfg.Flatline)
}

// otherMayRun tells whether the other site says that it has a right, or says
// nothing of that though nobody has had one yet: its workload may run without any.
func (m *Machine) otherMayRun(st *lease.Status) bool {
	never := !st.Present || st.Record.Epoch == 0
	for i := range m.watches {
		if w := &m.watches[i]; w.known && (w.last.Epoch != 0 || w.last.Mute && never) {
			return true
		}
	}
	return false
}

// shows tells whether this site can show that it lives: one that cannot does not start.
func (m *Machine) shows(now Instant) bool {
	return !m.beats() || m.pen.end() > now && (m.pen.wrong == "" || m.pen.limit == 0)
}

// wants tells whether this site would have the right, or keep it.
func (m *Machine) wants(now Instant) bool {
	switch m.phase {
	case Waiting:
		ok, _ := m.permitted(now)
		return ok
	case Resuming:
		st := m.right.Status(now)
		return !st.Known || m.sameRight(&st)
	case Open, Ending:
		// The workload may still run: as long as the right is this site's it stays so.
		return m.holds(now)
	}
	return false
}

// holds tells whether the right is this site's, or may be so by the register.
func (m *Machine) holds(now Instant) bool {
	st := m.right.Status(now)
	return st.Held || st.Present && st.Record.Holder == m.cfg.Site && st.Record.State == lease.Held
}

// settledAt is when an announced heartbeat can have been noticed by witnesses that
// tell by themselves.
func (m *Machine) settledAt() Instant {
	if m.phase != Announcing {
		return clock.Never
	}
	return m.shown.Add(m.cfg.Flatline / latePart)
}

// settled tells whether the other site has shown nothing after this one's
// heartbeat was there for it to see. Of two sites that announce themselves and look
// then, at least one sees the other.
func (m *Machine) settled(now Instant) bool {
	if m.shown == clock.Never || m.pen.wrong != "" || m.pen.end() <= now {
		return false
	}
	for i := range m.watches {
		w := &m.watches[i]
		switch {
		case !w.polled() && now < m.settledAt():
			return false
		case w.polled() && (w.looking || w.asked < m.shown):
			return false
		case w.polled() && w.span.till < m.shown && m.reports[i].verdict == Flatlined:
			return false
		}
	}
	return true
}
