package lease

import (
	"slices"
	"time"

	"stead/internal/core/clock"
	"stead/internal/core/reason"
)

// retries is how often within Renew a holder tries again when the store does not answer.
const retries = 4

// next begins the operation that is due, if none is under way.
func (m *Machine) next(now Instant) {
	switch {
	case m.op.id != 0:
		return
	case now < m.pause:
		m.wake(m.pause)
		return
	case !m.known || m.stale || m.refresh:
		m.read(now)
		return
	}
	if m.giving != 0 && !m.ours() {
		m.given() // another has it, or it is given up already
	}
	switch {
	case m.giving != 0:
		r := m.rec
		r.State, r.To = m.giving, m.heir
		m.swap(now, r)
	case m.ours() && !m.willing && !m.held:
		r := m.rec // a claim that came too late for this node
		r.State, r.To, m.back = Free, "", true
		m.swap(now, r)
	case m.ours() && m.held:
		m.renew(now)
	case m.ours() && m.epoch == 0 && m.rec.Epoch == m.cfg.Resume:
		m.cause = reason.Resumed
		m.prolong(now)
	case m.ours():
		m.claim(now)
	default:
		m.wait(now)
	}
}

// renew renews the right of this node when it is time. Whoever is asked for it in this
// step may give it up: a renewal would be in the way, and take the request away.
func (m *Machine) renew(now Instant) {
	if m.heeding {
		m.wake(now)
		return
	}
	if at := m.swapAt.Add(m.cfg.Renew); now < at {
		m.wake(at)
		return
	}
	m.prolong(now)
}

// prolong writes the right of this run once more.
func (m *Machine) prolong(now Instant) {
	r := m.rec
	r.TTL, r.Priority, r.To = m.cfg.TTL, m.priority, "" // whoever asked for it has been heard
	m.swap(now, r)
}

// wait looks at the right of another, asks for it, and claims it when it may.
func (m *Machine) wait(now Instant) {
	if m.request != "" && m.ask(now) {
		return
	}
	if m.willing {
		at := m.claimableAt()
		if now >= at {
			m.claim(now)
			return
		}
		m.wake(at)
	}
	if m.cfg.Ready && m.prepare(now) {
		return
	}
	at := m.op.at.Add(m.lookPause())
	if now >= at {
		m.read(now)
		return
	}
	m.wake(at)
}

// prepare makes a register that anybody can claim at once.
func (m *Machine) prepare(now Instant) bool {
	switch {
	case m.version == "":
		m.claim(now)
		return true
	case !m.readable() || m.rec.State != Made:
		return false
	case now < m.since.Add(m.rec.TTL):
		m.wake(m.since.Add(m.rec.TTL))
		return false
	}
	r := m.rec
	r.State, m.back = Free, true // nobody has had it: this run need not wait for others
	m.swap(now, r)
	return true
}

// ask writes into the record for whom the holder is asked to give the right up. It is
// no sign that the holder lives, but others cannot tell and wait again: so one asks at a
// time, until the holder renews the right or gives it up, and none where it may be dead.
func (m *Machine) ask(now Instant) bool {
	to := m.request
	switch {
	case !m.readable() || m.rec.State != Held || m.rec.Holder == to || m.rec.To == to:
		m.request = ""
		return false
	case m.rec.To != "" || now >= m.since.Add(m.rec.TTL/2):
		return false
	}
	r := m.rec
	r.To = to
	m.swap(now, r)
	return true
}

// eagerness is by how much more often a node looks that expects the right.
const eagerness = 4

func (m *Machine) lookPause() time.Duration {
	if m.readable() && m.rec.To == m.cfg.Self {
		return m.cfg.Look / eagerness
	}
	return m.cfg.Look
}

// claimableAt is when this node may claim what the register holds, Never where
// that depends on a change.
func (m *Machine) claimableAt() Instant {
	at := m.since
	mine := m.rec.Holder == m.cfg.Self
	switch {
	case m.version == "":
	case m.bad:
		return clock.Never
	case m.rec.State == Free && m.rec.To == m.cfg.Self, m.rec.State == Free && mine && m.back && m.rec.Session == m.cfg.Session, m.rec.State == Parked && mine, m.rec.State == Held && mine && m.cfg.Inherit:
	case m.rec.State == Free && m.rec.To == "" && !(mine && m.rec.Session == m.cfg.Session):
		at = at.Add(m.turnOf())
	default:
		at = at.Add(m.rec.TTL + m.turnOf())
	}
	return max(at, m.bideTill)
}

// turnOf is for how long this node leaves the right to better ones.
func (m *Machine) turnOf() time.Duration {
	rank := m.cfg.Rank
	if slices.Contains(m.cfg.Before, m.rec.Holder) && m.rec.State != Made {
		rank--
	}
	return time.Duration(rank) * 2 * m.cfg.Look
}

// claim asks for the right with the next epoch. Where there is no register it
// makes one first, and claims that after its TTL: a register that was deleted may
// have had a holder who does not know yet.
func (m *Machine) claim(now Instant) {
	if m.version == "" {
		m.swap(now, Record{
			Epoch: max(m.top, m.cfg.Floor), Holder: m.cfg.Self, Session: m.cfg.Session,
			TTL: m.cfg.TTL, State: Made, Priority: m.priority,
		})
		return
	}
	m.cause = m.vacancy()
	m.swap(now, Record{
		Epoch: max(m.top, m.cfg.Floor) + 1, Holder: m.cfg.Self, Session: m.cfg.Session,
		TTL: m.cfg.TTL, State: Held, Priority: m.priority,
	})
}

// vacancy is why this node claims.
func (m *Machine) vacancy() reason.Reason {
	switch {
	case m.rec.State == Free && m.rec.To == m.cfg.Self:
		return reason.Switchover
	case m.rec.State == Free:
		return reason.PeerResigned
	case m.rec.State == Made:
		return reason.NobodyActive
	case m.rec.Holder == m.cfg.Self:
		return reason.NobodyActive
	}
	return reason.LeaseExpired
}

func (m *Machine) read(now Instant) {
	m.refresh = false
	m.begin(now, operation{})
	m.out.Ops = append(m.out.Ops, Op{ID: m.op.id})
}

func (m *Machine) swap(now Instant, r Record) {
	m.turn = max(m.turn, m.rec.Turn) + 1
	m.swapAt, r.Turn = now, m.turn
	m.begin(now, operation{swap: true, rec: r})
	m.buf = r.Append(m.buf[:0])
	m.out.Ops = append(m.out.Ops, Op{ID: m.op.id, Swap: true, Version: m.version, Bytes: m.buf})
}

func (m *Machine) begin(now Instant, op operation) {
	m.lastID++
	op.id, op.at, op.use = m.lastID, now, m.cfg.Use
	m.op = op
}
