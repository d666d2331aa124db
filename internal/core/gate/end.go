package gate

import (
	"stead/internal/core/clock"
	"stead/internal/core/reason"
)

// HandOver stops the workload and gives the right up for another site. Where this
// site has none the right is asked for, if it is to come here; one that nobody has
// is claimed whatever is known of the other site.
func (m *Machine) HandOver(now Instant, to string) {
	switch {
	case m.right == nil:
		m.note(reason.NoElection, "there is no right that could be handed over")
	case m.phase != Open && to == m.cfg.Site:
		m.summoned = now.Add(m.cfg.Right.TTL + 2*m.cfg.Flatline)
		m.right.Request(to)
	case m.phase != Open:
		m.note(reason.NotActive, "the right is not here: it cannot be handed over to "+to)
	case to == m.cfg.Site:
	case to != m.cfg.Other:
		m.stranger(to)
	case m.found.verdict == Flatlined && !m.cfg.Mute: // a mute site that waits is silent
		m.note(reason.NoSuccessor, "the right is not handed over: "+to+" shows no sign of life")
	default:
		m.handOver(now, to)
	}
}

// stranger tells that the right is not given up for a site that this one has never
// been told of: nobody there would take it.
func (m *Machine) stranger(to string) {
	m.note(reason.NoSuccessor, "the right is not handed over: "+to+" is no site that this gate knows; the other one is "+m.cfg.Other)
}

func (m *Machine) handOver(now Instant, to string) {
	m.heir = to
	m.mustEnd(now, reason.Switchover, "the right is handed over to "+to)
}

// Stop ends everything: the workload is stopped, and its right is parked for the
// next run of this site, or given up.
func (m *Machine) Stop(now Instant, park bool) {
	m.stopping, m.park, m.summoned = true, park, 0
	switch m.phase {
	case Open, Resuming:
		m.mustEnd(now, reason.Stopping, "")
	case Announcing:
		m.phase = Waiting
	case Waiting, Ending, Giving, Stopped:
	}
}

// Ended says that nothing of the workload runs any more.
func (m *Machine) Ended(now Instant) {
	switch m.phase {
	case Open:
		m.why = reason.None
	case Ending:
	case Waiting, Announcing, Resuming, Giving, Stopped:
		return
	}
	m.phase, m.lapse = Giving, m.until
	if m.right == nil {
		return
	}
	switch {
	case !m.holds(now):
		m.lapse = now
	case m.stopping && m.park:
		m.right.Park()
	default:
		m.right.Release(m.heir)
	}
}

// mustEnd has the workload stopped, and killed when its time is over.
func (m *Machine) mustEnd(now Instant, why reason.Reason, detail string) {
	kill := min(m.kill, m.limitedKill(), now.Add(m.cfg.Grace))
	m.phase, m.why = Ending, why
	m.set(min(m.end, now), max(kill, min(m.kill, now)))
	m.change(Change{Kind: MustEnd, Verdict: m.found.verdict, Epoch: m.epoch, Reason: why, Detail: detail, By: m.kill})
}

func (m *Machine) closed() {
	m.change(Change{Kind: Closed, Verdict: m.found.verdict, Epoch: m.epoch, Reason: m.why})
	m.phase, m.epoch, m.lapse = Waiting, 0, 0
}

// limited is when a workload that runs is to be told to stop.
func (m *Machine) limited() Instant {
	end := m.pen.end()
	if m.right != nil {
		end = min(end, m.until.Add(-m.cfg.Grace))
	}
	return end
}

// limitedKill is when it is to be gone: never later than the end of its right.
func (m *Machine) limitedKill() Instant {
	kill := m.limited().Add(m.cfg.Grace)
	if m.right != nil {
		kill = min(kill, m.until)
	}
	return kill
}

// limit tells the keeper of the workload until when it may run.
func (m *Machine) limit(Instant) {
	switch m.phase {
	case Open, Resuming:
		m.set(m.limited(), m.limitedKill())
	case Ending: // as mustEnd has said
	case Waiting, Announcing, Giving, Stopped:
		m.set(clock.Never, clock.Never)
	}
	m.out.End, m.out.Kill = m.end, m.kill
}

func (m *Machine) set(end, kill Instant) {
	m.out.Moved = m.out.Moved || end != m.end || kill != m.kill
	m.end, m.kill = end, kill
}
