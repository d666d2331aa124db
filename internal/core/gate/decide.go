package gate

import (
	"stead/internal/core/clock"
	"stead/internal/core/lease"
	"stead/internal/core/reason"
)

// rounds bounds how often changes of the right lead to others within one step.
const rounds = 4

// decide does what follows from the verdict, the right and the time.
func (m *Machine) decide(now Instant) {
	if m.right == nil {
		m.decideByTime(now)
	} else {
		for range rounds {
			m.right.SetWilling(m.wants(now))
			o := m.right.Finish(now)
			if m.phase != Resuming || o.Until != 0 {
				m.until = o.Until
			}
			if !m.heed(now, o) && !m.proceed(now) {
				break
			}
		}
		o := m.right.Finish(now)
		m.out.Ops = append(m.out.Ops, o.Ops...)
	}
	if m.stopping && m.phase == Waiting && (m.right == nil || m.right.Given()) {
		m.phase = Stopped
	}
}

// heed takes the changes of the right in, and tells whether there were any.
func (m *Machine) heed(now Instant, o *lease.Out) bool {
	from := m.done
	m.done = len(o.Changes)
	for _, c := range o.Changes[from:] {
		switch c.Kind {
		case lease.Acquired:
			m.acquired(now, &c)
		case lease.Lost:
			if m.phase == Open {
				m.mustEnd(now, c.Reason, c.Detail)
			}
		case lease.Asked:
			switch {
			case m.phase != Open:
			case c.Holder != m.cfg.Other:
				m.stranger(c.Holder)
			default:
				m.handOver(now, c.Holder) // whoever has asked lives
			}
		case lease.Unreachable:
			m.note(reason.StoreLost, "the right cannot be read or written: "+c.Detail)
		case lease.Reachable:
			m.note(reason.None, "the right can be read and written again")
		case lease.Unreadable:
			m.note(reason.Garbled, "what is kept as the right is none: "+c.Detail)
		case lease.SawHolder:
			m.holder(c.Holder)
		case lease.Released, lease.Stretched:
		}
	}
	return len(o.Changes) > from
}

func (m *Machine) holder(name string) {
	switch name {
	case m.cfg.Site:
	case "":
		m.note(reason.None, "nobody has the right")
	default:
		m.note(reason.None, name+" has the right")
	}
}

// acquired opens the gate, or the right is given back.
func (m *Machine) acquired(now Instant, c *lease.Change) {
	switch m.phase {
	case Waiting, Resuming:
		why := c.Reason
		ok, known := m.permitted(now)
		switch {
		case m.phase == Resuming:
			why = reason.Resumed
		case m.stopping, !m.shows(now), m.cfg.Grace >= m.right.Finish(now).Until.Sub(now):
			m.heir = ""
			m.right.Release("")
			return
		case ok && known != reason.None && why != reason.Switchover:
			why = known
		}
		m.open(now, c.Epoch, why)
	case Ending:
		m.epoch = c.Epoch // the same workload, until it has ended
	case Announcing, Open, Giving, Stopped:
	}
}

func (m *Machine) open(now Instant, epoch uint64, why reason.Reason) {
	if !m.beats() { // the first one is due
		m.pen.begin(now)
	}
	m.phase, m.epoch, m.heir, m.summoned = Open, epoch, "", 0
	m.stall = stall{after: m.stall.after}
	if why == reason.Switchover {
		m.stall.after = now.Add(m.cfg.StallPause)
	}
	if m.right != nil {
		m.until = m.right.Finish(now).Until
	}
	if why == reason.OpenedBlind {
		m.note(why, "nothing could be told of "+m.cfg.Other+" for "+text(now.Sub(m.blindAt))+": the workload starts all the same")
	}
	m.change(Change{Kind: Opened, Verdict: m.found.verdict, Epoch: epoch, Reason: why, Detail: m.found.text})
}

// proceed goes from phase to phase with the right, and tells whether it has.
func (m *Machine) proceed(now Instant) bool {
	was := m.phase
	switch m.phase {
	case Resuming:
		m.resume(now)
	case Open:
		m.outlast(now)
		m.giveWay(now)
	case Giving:
		if m.right.Given() || now >= m.lapse {
			m.closed()
		}
	case Waiting, Announcing, Ending, Stopped:
	}
	return m.phase != was
}

// resume finds out that a workload that was started before may not run.
func (m *Machine) resume(now Instant) {
	st := m.right.Status(now)
	switch {
	case st.Known && !m.sameRight(&st):
		m.until = now // another site may have it: there is no time for grace
		m.mustEnd(now, reason.Superseded, "the right with which the workload was started is not this site's any more")
	case m.limited() <= now:
		m.mustEnd(now, reason.StoreLost, "the right could not be confirmed in time")
	case m.stopping:
		m.mustEnd(now, reason.Stopping, "")
	}
}

// sameRight tells whether the register has the right that Config.Resume names.
func (m *Machine) sameRight(st *lease.Status) bool {
	r := &st.Record
	return st.Present && r.State == lease.Held && r.Holder == m.cfg.Site && r.Epoch >= m.cfg.Resume &&
		(r.Session == m.cfg.Right.Session || m.cfg.Right.Inherit)
}

// outlast ends a workload whose time is over.
func (m *Machine) outlast(now Instant) {
	switch {
	case m.pen.end() <= now:
		m.mustEnd(now, reason.NotWritten, "the last heartbeat was written "+text(now.Sub(m.pen.goodAt))+" ago: "+m.pen.wrong)
	case m.limited() <= now:
		m.mustEnd(now, reason.StoreLost, "the right was not renewed in time")
	}
}

// decideByTime goes from phase to phase where there is no right. Two sites are
// kept apart by their heartbeats: one that runs writes them, and stops before the
// other one can find a flatline. When both live after all the preferred one stays.
func (m *Machine) decideByTime(now Instant) {
	ok, why := m.mayAnnounce(now)
	switch m.phase {
	case Waiting:
		switch {
		case !ok || now < m.deferAt:
		case m.pen.every == 0:
			m.open(now, 0, why)
		default:
			m.phase, m.announce, m.shown, m.pen.next = Announcing, now, clock.Never, now
		}
	case Announcing:
		switch {
		case !ok:
			m.phase = Waiting
			if m.found.verdict == Alive && !m.cfg.Preferred {
				m.deferAt = now.Add(2 * m.cfg.Flatline)
			}
		case m.settled(now):
			m.open(now, 0, why)
		}
	case Open:
		if m.found.verdict == Alive && !m.cfg.Preferred {
			m.mustEnd(now, reason.OtherAlive, m.found.text)
			return
		}
		m.outlast(now)
	case Giving:
		m.closed()
	case Resuming, Ending, Stopped:
	}
}

// mayAnnounce is permitted, but for the heartbeat: it is only written from then on.
func (m *Machine) mayAnnounce(now Instant) (bool, reason.Reason) {
	switch {
	case m.stopping:
		return false, reason.None
	case m.found.verdict == Flatlined:
		return true, reason.Flatlined
	}
	blind := m.cfg.OpenAfter > 0 && m.blindAt != clock.Never && now >= m.blindAt.Add(m.cfg.OpenAfter)
	return blind, reason.OpenedBlind
}
