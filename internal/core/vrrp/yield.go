package vrrp

import (
	"time"

	"stead/internal/core/reason"
)

// yield is a handover. The router says that it gives up and serves on until
// another one has taken over.
type yield struct {
	on    bool
	until Instant // nobody has taken over by then
	why   reason.Reason
}

// beginYield begins to hand over, or goes on for another reason.
func (r *Router) beginYield(now Instant, why reason.Reason) {
	r.yield.why = why
	if r.yield.on {
		return
	}
	r.yield.on = true
	r.yield.until = now.Add(time.Duration(r.cfg.DownAdverts+1) * r.cfg.Interval)
	r.advertise(now)
}

// receiveAsYielding hears whether somebody has taken over. Whoever hands over at
// the same time is not answered: the two would never stop.
func (r *Router) receiveAsYielding(now Instant, h heard) {
	if h.priority == PriorityStop {
		return
	}
	r.yieldTo(now, h, r.yield.why)
	r.settle(now)
}

// endYield takes part again as if nothing had been.
func (r *Router) endYield(now Instant) {
	r.yield = yield{}
	r.advertise(now)
}

// giveUp ends a handover that nobody has answered.
func (r *Router) giveUp(now Instant) {
	if r.stopping {
		r.release(now, r.yield.why, Initialize)
		return
	}
	r.drained, r.held = false, false
	r.change(Change{Kind: GaveUp, Reason: reason.NoSuccessor})
	r.endYield(now)
}
