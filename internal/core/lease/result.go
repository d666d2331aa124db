package lease

import (
	"time"

	"stead/internal/core/reason"
)

// maxDoubtful is how many writes whose outcome is not known are remembered. One
// that is forgotten renews nothing.
const maxDoubtful = 16

// Done takes the end of an operation in. One that is not under way changes nothing.
func (m *Machine) Done(now Instant, r *Result) {
	if r.ID == 0 || r.ID != m.op.id {
		return
	}
	op := m.op
	m.op.id = 0
	m.reach(r)
	switch r.Outcome {
	case Failed:
		if op.swap {
			m.doubt(&op)
			m.stale = true
		}
		m.pause = max(now, op.at.Add(m.retryPause()))
	case Got:
		m.stale = false
		m.saw(now, r.Version, r.Bytes)
	case Absent:
		m.stale = false
		m.sawNothing(now)
	case Written:
		m.wrote(now, &op, r.Version)
	case Conflict:
		m.stale = true // what is there now has to be known before anything else
		if op.rec.Holder != m.cfg.Self {
			// Who asks a holder must not keep step with its renewals, to be refused each time.
			m.pause = max(m.pause, now.Add(m.cfg.Look/4*time.Duration(op.rec.Turn%3)))
		}
	}
	m.tellHolder()
}

// retryPause is how long after the begin of an operation that has failed the next
// one begins.
func (m *Machine) retryPause() time.Duration {
	if m.held || m.giving != 0 {
		return min(m.cfg.Renew/retries, m.cfg.Look)
	}
	return m.cfg.Look
}

func (m *Machine) reach(r *Result) {
	if r.Outcome == Failed {
		if m.lost == "" {
			m.change(Change{Kind: Unreachable, Detail: r.Detail})
		}
		m.lost = r.Detail
		if m.lost == "" {
			m.lost = "no answer"
		}
		return
	}
	if m.lost != "" {
		m.lost = "" // who has vouched has promised, and the next renewal is a moment away
		m.change(Change{Kind: Reachable})
	}
}

func (m *Machine) doubt(op *operation) {
	if len(m.doubtful) == maxDoubtful {
		m.doubtful = append(m.doubtful[:0], m.doubtful[1:]...)
	}
	m.doubtful = append(m.doubtful, attempt{turn: op.rec.Turn, epoch: op.rec.Epoch, until: op.at.Add(op.use)})
}

// saw takes in what the register holds.
func (m *Machine) saw(now Instant, version string, b []byte) {
	if m.known && version == m.version && version != "" {
		return
	}
	m.known, m.version, m.since = true, version, now
	rec, err := Parse(b)
	was := m.bad
	m.bad = err != nil
	if was && !m.bad {
		m.change(Change{Kind: Reachable})
	}
	if m.bad {
		m.rec, m.doubtful = Record{}, m.doubtful[:0]
		m.change(Change{Kind: Unreadable, Detail: err.Error()})
		m.supersede(reason.Superseded)
		return
	}
	m.rec = rec
	m.top = max(m.top, rec.Epoch)
	if m.ours() && rec.To == "" { // with a name in it, somebody who asks has written it
		for _, a := range m.doubtful {
			if a.turn == rec.Turn && a.epoch == rec.Epoch {
				m.grant(now, a.until)
			}
		}
	}
	// Each of them was to replace a version that is no more.
	m.doubtful = m.doubtful[:0]
	if !m.ours() {
		m.supersede(reason.Superseded)
	}
	m.heed()
}

// sawNothing takes in that there is no register.
func (m *Machine) sawNothing(now Instant) {
	if m.known && m.version == "" {
		return
	}
	if m.bad {
		m.change(Change{Kind: Reachable})
	}
	m.known, m.version, m.since, m.bad, m.rec = true, "", now, false, Record{}
	m.supersede(reason.Superseded)
}

func (m *Machine) supersede(why reason.Reason) {
	if m.held {
		m.lose(why, "")
	}
}

// wrote takes in that the register holds what this node has written.
func (m *Machine) wrote(now Instant, op *operation, version string) {
	m.known, m.stale, m.bad, m.version, m.since, m.rec = true, false, false, version, now, op.rec
	m.top, m.doubtful = max(m.top, op.rec.Epoch), m.doubtful[:0]
	switch {
	case m.giving != 0 && op.rec.State == m.giving && op.rec.Holder == m.cfg.Self:
		m.given()
	case m.ours():
		m.grant(now, op.at.Add(op.use))
	case op.rec.To == m.request:
		m.request = ""
	}
	m.heed()
}

// grant takes in that the right has been renewed, until a moment that counts from
// when the write was asked for.
func (m *Machine) grant(now, until Instant) {
	if m.giving != 0 {
		return
	}
	if m.held {
		m.until, m.vouched = max(m.until, until), 0
		return
	}
	if !m.willing || now >= until || m.rec.Epoch <= m.epoch {
		return // not wanted, too late to rely on, or of a right that has ended: next asks again, or gives it up
	}
	m.held, m.until, m.epoch, m.asked = true, until, m.rec.Epoch, ""
	m.change(Change{Kind: Acquired, Epoch: m.epoch, Holder: m.cfg.Self, Reason: m.cause})
}

// given ends the giving up of the right.
func (m *Machine) given() {
	m.giving = 0
	if m.readable() && m.rec.State != Held && m.rec.Holder == m.cfg.Self && m.rec.Session == m.cfg.Session {
		m.change(Change{Kind: Released, Epoch: m.rec.Epoch, Holder: m.rec.To})
	}
}

// heed tells a holder that somebody asks for the right.
func (m *Machine) heed() {
	if !m.held || m.rec.To == m.asked {
		return
	}
	m.asked = m.rec.To
	if m.heeding = m.asked != ""; m.heeding {
		m.change(Change{Kind: Asked, Epoch: m.epoch, Holder: m.asked})
	}
}

// tellHolder names the holder where it is another one than before.
func (m *Machine) tellHolder() {
	holder := ""
	if m.readable() && m.rec.State != Free && m.rec.State != Made {
		holder = m.rec.Holder
	}
	if m.known && holder != m.shown {
		m.shown = holder
		m.change(Change{Kind: SawHolder, Epoch: m.rec.Epoch, Holder: holder})
	}
}
