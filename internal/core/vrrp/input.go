package vrrp

import (
	"net/netip"

	"stead/internal/core/reason"
)

// SetSource tells the primary address of the interface, from which this router
// advertises. The zero Addr is none: without one it cannot run. An active router
// goes on from a new one.
func (r *Router) SetSource(now Instant, addr netip.Addr) {
	r.source = bare(addr)
	r.settle(now)
}

// Sourced tells whether the router has an address to advertise from.
func (r *Router) Sourced() bool { return r.source.IsValid() }

// SetReady tells whether this router could serve, why not, and with which
// priority (1 to 255; 255 for the owner of the addresses). To cease to be ready
// is the Shutdown event of the RFC, to become it the Startup event.
func (r *Router) SetReady(now Instant, ready bool, why reason.Reason, priority int) {
	before, wasActive := r.priority, r.role == Active
	r.ready, r.why = ready, why
	if priority > PriorityStop && priority <= PriorityOwner {
		r.priority = priority
	}
	r.settle(now)
	if r.role != Active || !wasActive || r.priority == before {
		return
	}
	if r.priority < before && !r.yield.on {
		r.advertise(now) // a better one is not to wait for the next advertisement
	}
	r.emitSlot() // an owner serves whatever Accept_Mode says
}

// SetSync tells that a group of the same sync set is not ready: then neither is
// this one.
func (r *Router) SetSync(now Instant, blocked bool) {
	r.blocked = blocked
	r.settle(now)
}

// Drained tells whether the router is kept out of service.
func (r *Router) Drained() bool { return r.drained }

// SetDrained takes the router out of service or brings it back. One that is
// active first hands over.
func (r *Router) SetDrained(now Instant, drained bool, why reason.Reason) {
	if r.drained == drained {
		return
	}
	r.drained = drained
	if drained && r.role == Active {
		r.beginYield(now, why)
		return
	}
	r.settle(now)
}

// Switchover hands over to whoever takes over. The router stays a Backup and does
// not preempt until it was active again or Resume was called. It returns why this
// is not possible.
func (r *Router) Switchover(now Instant) reason.Reason {
	if r.role != Active {
		return reason.NotActive
	}
	if !r.yield.on {
		r.held = true
		r.beginYield(now, reason.Switchover)
	}
	return reason.None
}

// Resume ends what Switchover began.
func (r *Router) Resume(now Instant) {
	r.held = false
	r.settle(now)
}

// Stop ends the router for good: at once when hard, otherwise after it has
// handed over or found that nobody takes over.
func (r *Router) Stop(now Instant, hard bool, why reason.Reason) {
	r.stopping, r.stopWhy = true, why
	switch {
	case r.role == Active && !hard:
		r.beginYield(now, why)
	case r.role == Active:
		r.release(now, why, Initialize)
	default:
		r.settle(now)
	}
}

// Force makes the router active or a Backup together with a group of the same
// sync set. One that takes no part or is not ready stays as it is.
func (r *Router) Force(now Instant, active bool, why reason.Reason) {
	switch {
	case active && r.role == Backup:
		r.activate(now, why)
	case !active && r.role == Active:
		r.release(now, why, Backup)
		r.settle(now)
	}
}

// Silent tells that the detector lost the router that advertises from an
// address; the zero Addr stands for the only other router. Its advertisements
// are not waited for any longer.
func (r *Router) Silent(now Instant, router netip.Addr) {
	b := &r.backup
	if r.role != Backup || r.cfg.Detector.Interval <= 0 || !b.active.router.IsValid() {
		return
	}
	if router.IsValid() && bare(router) != b.active.router {
		return
	}
	r.downAt = min(r.downAt, now.Add(skewTime(r.priority, r.cfg.Detector.Interval)))
}

// prevented returns why the router cannot take part; None when it can.
func (r *Router) prevented() reason.Reason {
	switch {
	case r.stopping:
		return r.stopWhy
	case !r.started:
		return reason.Starting
	case !r.source.IsValid():
		return reason.NoSource
	case !r.ready:
		return r.why
	case r.drained:
		return reason.Drained
	case r.blocked:
		return reason.SyncGroup
	}
	return reason.None
}

// able tells whether the router can take part.
func (r *Router) able() bool {
	return r.started && !r.stopping && r.source.IsValid() && r.ready && !r.drained && !r.blocked
}

// settle makes the role follow from what is known of this router. Who hands over
// goes on as long as nothing but that keeps it from taking part.
func (r *Router) settle(now Instant) {
	able := r.able()
	switch {
	case r.role == Initialize && able:
		r.startup(now)
	case r.role == Backup && !able:
		r.enter(Initialize)
	case r.role == Active && (!r.source.IsValid() || !r.ready || r.blocked):
		r.release(now, r.failure(), Initialize)
	case r.role == Active && r.yield.on && able && !r.held:
		r.endYield(now) // called off
	}
}

// failure is what keeps an active router from serving.
func (r *Router) failure() reason.Reason {
	switch {
	case !r.source.IsValid():
		return reason.NoSource
	case !r.ready:
		return r.why
	}
	return reason.SyncGroup
}
