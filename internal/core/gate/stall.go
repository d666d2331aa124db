package gate

import (
	"stead/internal/core/clock"
	"stead/internal/core/reason"
)

// stall is what is known of the work that the workload does.
type stall struct {
	failed bool
	detail string
	told   staying // what was told of this stall last
	after  Instant // nothing is given up because of a stall before
}

// staying is why a workload stays though its work stands still.
type staying uint8

const (
	untold  staying = iota
	paused          // the right was handed over not long ago
	alone           // the other site is not known to live
	unowned         // there is no right
)

// Progress takes in how the work of this site goes while the workload runs: failed
// says that it stands still though there is some left. The other site then gets the
// right, if it lives; if that is not known the workload stays.
//
// A right that came here by being handed over, and one that this site has handed over
// for a stall, is not given up for a stall for Config.StallPause: where both sites are
// stalled by the same cause, each has that long to get over it.
//
// Without a right the stall is told, and nothing more: nobody would know that this
// site has made room.
func (m *Machine) Progress(now Instant, failed bool, detail string) {
	if m.phase != Open {
		return
	}
	if !failed {
		m.recovered()
		return
	}
	m.stall.failed, m.stall.detail = true, detail
	if m.right == nil {
		m.tellStall(unowned, "there is no right that could be handed over")
	}
}

// recovered ends a stall.
func (m *Machine) recovered() {
	if m.stall.told != untold {
		m.note(reason.None, "the work moves on again, or there is none left")
	}
	m.stall.failed, m.stall.detail, m.stall.told = false, "", untold
}

// giveWay hands the right over where the work stands still.
func (m *Machine) giveWay(now Instant) {
	switch {
	case !m.stall.failed || m.phase != Open:
	case now < m.stall.after:
		m.tellStall(paused, "the right was handed over less than "+text(m.cfg.StallPause)+" ago")
	case m.found.verdict != Alive:
		m.tellStall(alone, m.cfg.Other+" is not known to live")
	default:
		m.heir, m.stall.after = m.cfg.Other, now.Add(m.cfg.StallPause)
		m.mustEnd(now, reason.CheckFailed, "the right is handed over to "+m.cfg.Other+": "+m.stall.detail)
	}
}

// tellStall tells people once why a workload stays.
func (m *Machine) tellStall(why staying, what string) {
	if m.stall.told != why {
		m.stall.told = why
		m.note(reason.CheckFailed, m.stall.detail+": the workload stays: "+what)
	}
}

// stallAt is when a stall is to be looked at again.
func (m *Machine) stallAt() Instant {
	if m.stall.failed && m.phase == Open {
		return m.stall.after
	}
	return clock.Never
}
