package vrrp

import (
	"net/netip"
	"time"

	"stead/internal/core/clock"
	"stead/internal/core/reason"
)

// heard is a router whose advertisement was heard.
type heard struct {
	router   netip.Addr // its primary address; zero: none
	priority uint8
	interval time.Duration
	at       Instant
}

// silentAt is when the router is missed.
func (h *heard) silentAt(adverts int) Instant {
	return h.at.Add(time.Duration(adverts+1) * h.interval)
}

// backup is what a Backup Router knows.
type backup struct {
	interval time.Duration // Active_Adver_Interval
	active   heard         // the Active Router
	resigned bool          // it gave up, and Active_Down_Timer is Skew_Time
	lower    heard         // a router that this one may preempt
	lowerAt  Instant       // when it was heard first
}

// cause is why a Backup becomes active when its timer has run out.
func (b *backup) cause(now Instant, adverts int) reason.Reason {
	switch {
	case b.resigned:
		return reason.PeerResigned
	case b.lower.router.IsValid() && now < b.lower.silentAt(adverts):
		return reason.Preempted
	case b.active.router.IsValid() || b.lower.router.IsValid():
		return reason.PeerSilent
	}
	return reason.NobodyActive
}

// startup is the Startup event (RFC 9568 section 6.4.1).
func (r *Router) startup(now Instant) {
	known := r.backup.active
	if !known.router.IsValid() || now >= known.silentAt(r.cfg.DownAdverts) {
		known = heard{}
	}
	owner := r.priority == PriorityOwner && !r.held
	if owner && now >= r.mayActAt() {
		why := reason.NobodyActive
		if known.router.IsValid() {
			why = reason.Preempted
		}
		r.activate(now, why)
		return
	}
	r.enter(Backup)
	r.listen(now)
	r.backup.active = known
	if owner {
		r.downAt = r.mayActAt()
	}
}

// enter changes the role. Timers do not outlive it.
func (r *Router) enter(role Role) {
	r.role = role
	r.adverAt, r.downAt, r.renewAt = clock.Never, clock.Never, clock.Never
	r.yield, r.dual = yield{}, dual{}
	r.counters.transitions++
	if role != Active {
		r.until = 0
	}
}

// activate makes the router active.
func (r *Router) activate(now Instant, why reason.Reason) {
	r.enter(Active)
	r.held, r.activeAt = false, now
	r.backup.active, r.backup.lower, r.backup.resigned, r.backup.lowerAt = heard{}, heard{}, false, clock.Never
	r.count++
	r.reserve()
	r.change(Change{Kind: Activated, Router: r.source, Count: r.count, Reason: why})
	r.advertise(now)
}

// countReserve is how many activations are reserved on disk ahead of use.
const countReserve = 64

// reserve has a ceiling of activations stored before any is used.
func (r *Router) reserve() {
	if r.count+countReserve/4 < r.ceiling {
		return
	}
	r.ceiling = r.count + countReserve
	r.out.Persist = append(r.out.Persist, r.ceiling)
}

// leave ends the active role. Linger: router, which is active by now, was heard.
func (r *Router) leave(role Role, router netip.Addr, why reason.Reason, linger bool) {
	r.enter(role)
	r.emitSlot()
	r.change(Change{Kind: Deactivated, Router: router, Count: r.count, Reason: why, Linger: linger})
}

// release gives up at once: the slot is closed before others are told.
func (r *Router) release(now Instant, why reason.Reason, role Role) {
	r.leave(role, netip.Addr{}, why, false)
	if r.source.IsValid() {
		r.send(now, PriorityStop)
	}
	if role == Backup {
		r.listen(now)
	}
}

// fallBack makes an active router whose slot has run out a Backup, which says
// nothing before it has listened.
func (r *Router) fallBack(now Instant, why reason.Reason) {
	r.leave(Backup, netip.Addr{}, why, false)
	r.listen(now)
	if d := &r.cfg.Detector; d.Interval > 0 {
		// Whoever has missed its heartbeats advertises by then; nobody else will.
		r.downAt = now.Add(d.Lease + skewTime(r.priority, d.Interval))
	}
	r.settle(now)
}

// listen waits for another router.
func (r *Router) listen(now Instant) {
	r.backup = backup{interval: r.cfg.Interval, lowerAt: clock.Never}
	r.setActiveDownTimer(now)
}

// advertise sends what is due to all others, and with it moves the slot.
func (r *Router) advertise(now Instant) {
	priority := uint8(r.priority)
	if r.yield.on {
		priority = PriorityStop
	}
	r.adverAt = now.Add(r.cfg.Interval)
	r.renew(now)
	r.send(now, priority)
}

func (r *Router) send(now Instant, priority uint8) {
	if priority == PriorityStop {
		r.counters.zeroSent++
	}
	r.counters.sent++
	for _, to := range r.cfg.To {
		start := len(r.buf)
		r.buf = r.codec.Append(r.buf, now, r.source, to, priority, r.cfg.Interval)
		r.out.Sends = append(r.out.Sends, Send{From: r.source, To: to, Bytes: r.buf[start:len(r.buf):len(r.buf)]})
	}
}
