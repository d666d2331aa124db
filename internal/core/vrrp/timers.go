package vrrp

import (
	"time"

	"stead/internal/core/clock"
	"stead/internal/core/reason"
)

// skewTime is Skew_Time (RFC 9568 section 6.1): the lower the priority, the longer.
func skewTime(priority int, interval time.Duration) time.Duration {
	return time.Duration(PriorityOwner+1-priority) * interval / (PriorityOwner + 1)
}

// skew is the Skew_Time of this router: a part of the interval of the active one,
// and in version 2 of a second (RFC 3768 section 6.1).
func (r *Router) skew() time.Duration {
	if r.cfg.Version == 2 {
		return skewTime(r.priority, time.Second)
	}
	return skewTime(r.priority, r.backup.interval)
}

// activeDownInterval is Active_Down_Interval (RFC 9568 section 6.1).
func (r *Router) activeDownInterval() time.Duration {
	return time.Duration(r.cfg.DownAdverts)*r.backup.interval + r.skew()
}

// setActiveDownTimer sets Active_Down_Timer to Active_Down_Interval.
func (r *Router) setActiveDownTimer(now Instant) {
	r.downAt = now.Add(r.activeDownInterval())
}

// mayActAt is when the delay after the start ends.
func (r *Router) mayActAt() Instant { return r.startedAt.Add(r.cfg.StartDelay) }

// activeDownTimer: Active_Down_Timer has fired (RFC 9568 section 6.4.2).
func (r *Router) activeDownTimer(now Instant) {
	if at := r.mayActAt(); now < at {
		r.downAt = at
		return
	}
	r.activate(now, r.backup.cause(now, r.cfg.DownAdverts))
}

// adverTimer: Adver_Timer has fired (RFC 9568 section 6.4.3).
func (r *Router) adverTimer(now Instant) {
	if r.yield.on && now >= r.yield.until {
		r.giveUp(now)
		return
	}
	r.advertise(now)
}

// driftDivisor is the share of a lease that its holder does not use: clocks of
// two machines may differ in rate by one part in 64, far more than any crystal.
const driftDivisor = 64

func usable(lease time.Duration) time.Duration { return lease - lease/driftDivisor }

// lease is for how long a router may answer after an advertisement. It ends
// before others count it as down; where they do so after a single missing
// advertisement, no more than an eighth after that was due.
func (r *Router) lease() time.Duration {
	lease := usable(time.Duration(r.cfg.DownAdverts) * r.cfg.Interval)
	lease = max(lease, r.cfg.Interval+r.cfg.Interval/8)
	if d := &r.cfg.Detector; d.Interval > 0 {
		lease = min(lease, usable(d.Lease))
	}
	return lease
}

// renew moves the slot forward.
func (r *Router) renew(now Instant) {
	r.until = now.Add(r.lease())
	r.renewAt = clock.Never
	switch d := &r.cfg.Detector; {
	case d.Interval == 0:
	case r.beatAt != 0:
		r.until = min(r.until, r.beatAt.Add(usable(d.Lease)))
	default:
		r.renewAt = now.Add(d.Interval)
	}
	r.emitSlot()
}

// Beat tells that heartbeats were sent to every other router, to the last of them
// at a moment: with a Detector the slot runs from there, since the others count from there.
func (r *Router) Beat(now, at Instant) {
	if r.cfg.Detector.Interval == 0 || at == r.beatAt {
		return
	}
	r.beatAt = at
	if r.role == Active {
		r.renew(now)
	}
}

// emitSlot tells the slot if it is not as it was told last.
func (r *Router) emitSlot() {
	s := Slot{Slot: r.cfg.Slot}
	if r.role == Active {
		s.Answer = r.until
		if r.cfg.Accept || r.priority == PriorityOwner {
			s.Serve = r.until
		}
	}
	if s != r.slot {
		r.slot = s
		r.out.Slots = append(r.out.Slots, s)
	}
}

// notice finds out whether this router was late: paused, frozen or starved. An
// active one whose slot has run out serves no longer. Time in which a Backup
// could not listen is no evidence that the active one was silent.
func (r *Router) notice(now Instant) {
	if r.role == Active {
		if now >= r.until {
			r.counters.late++
			r.fallBack(now, reason.Late)
		}
		return
	}
	if r.role != Backup || now <= r.due {
		return
	}
	late := now.Sub(max(r.due, r.noticedAt))
	if late <= r.backup.interval/2 {
		return
	}
	r.counters.late++
	r.noticedAt = now
	r.downAt = r.downAt.Add(late)
}
