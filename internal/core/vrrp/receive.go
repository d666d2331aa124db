package vrrp

import (
	"net/netip"
	"time"

	"stead/internal/core/clock"
	"stead/internal/core/reason"
)

// Receive takes a packet that arrived.
func (r *Router) Receive(now Instant, p *Packet) {
	ad, refusal := r.codec.Decode(now, p)
	if refusal != Accepted {
		return
	}
	from := bare(p.Source)
	if from == r.source {
		r.counters.own++
		return
	}
	if ad.Priority == PriorityStop {
		r.counters.zeroReceived++
	}
	h := heard{router: from, priority: ad.Priority, interval: ad.Interval, at: now}
	switch r.role {
	case Initialize:
		r.watch(h)
	case Backup:
		r.receiveAsBackup(now, h)
	case Active:
		r.receiveAsActive(now, h)
	}
}

// bare is an address as it is compared: of its own family, without a zone.
func bare(a netip.Addr) netip.Addr { return a.Unmap().WithZone("") }

// watch remembers who is active without taking part.
func (r *Router) watch(h heard) {
	if h.priority == PriorityStop {
		if h.router == r.backup.active.router {
			r.backup.active = heard{}
		}
		return
	}
	r.saw(h)
}

// saw remembers the Active Router.
func (r *Router) saw(h heard) {
	if r.backup.active.router != h.router {
		r.change(Change{Kind: SawActive, Router: h.router})
	}
	r.backup.active = h
}

// receiveAsBackup is RFC 9568 section 6.4.2.
func (r *Router) receiveAsBackup(now Instant, h heard) {
	b := &r.backup
	if h.priority == PriorityStop {
		r.resigned(now)
		return
	}
	if r.preempts(now, h) {
		return
	}
	b.resigned = false
	r.saw(h)
	r.follow(now, h)
}

// follow adopts the interval of the Active Router and waits for it.
func (r *Router) follow(now Instant, h heard) {
	if r.cfg.Version != 2 {
		r.backup.interval = h.interval
	}
	r.setActiveDownTimer(now)
}

// resigned: the Active Router gave up. One that hands over says so again until
// somebody has taken over, which must not make anybody wait longer.
func (r *Router) resigned(now Instant) {
	at := now.Add(r.skew())
	if r.backup.resigned {
		at = min(at, r.downAt)
	}
	r.backup.resigned = true
	r.backup.active = heard{}
	r.downAt = at
}

// preempts tells whether an advertisement is discarded, so that
// Active_Down_Timer runs on and this router preempts.
func (r *Router) preempts(now Instant, h heard) bool {
	b := &r.backup
	if int(h.priority) >= r.priority {
		b.lower, b.lowerAt = heard{}, clock.Never
		return false
	}
	if b.lowerAt == clock.Never {
		b.lowerAt = now
	}
	// The owner of the addresses always preempts (RFC 9568 section 6.1, Preempt_Mode).
	if r.held || !r.cfg.Preempt && r.priority != PriorityOwner {
		return false
	}
	if now < b.lowerAt.Add(r.cfg.PreemptDelay) || now < r.mayActAt() {
		return false
	}
	if b.active.router != h.router {
		r.change(Change{Kind: SawActive, Router: h.router})
		b.active = h
	}
	b.resigned = false
	b.lower = h
	return true
}

// dual is another router that advertises beside this one while it is active.
type dual struct {
	router   netip.Addr
	told     bool
	until    Instant // it counts as the same event up to then
	healedAt Instant
	overAt   Instant // clients are told once more then, unless it is heard again; 0: they have been
}

// announceAgain is how often clients are told again where the addresses are
// while another router goes on claiming them.
const announceAgain = time.Second

// receiveAsActive is RFC 9568 section 6.4.3.
func (r *Router) receiveAsActive(now Instant, h heard) {
	if r.yield.on {
		r.receiveAsYielding(now, h)
		return
	}
	if h.priority == PriorityStop {
		if r.dual.router == h.router {
			r.change(Change{Kind: Healed, Router: h.router, Reason: reason.PeerResigned})
		}
		r.dual = dual{}
		r.advertise(now)
		return
	}
	equal := int(h.priority) == r.priority
	switch {
	case equal && r.source.Less(h.router):
		r.change(Change{Kind: DualSeen, Router: h.router, Reason: reason.DualActive})
		r.giveWay(now, h, reason.DualActive)
	case int(h.priority) > r.priority:
		r.giveWay(now, h, reason.HigherPriority)
	default:
		r.assert(now, h)
	}
}

// giveWay makes the router the Backup of one that it meets while both are active.
//
// It says so by a last advertisement, sent behind the closed fence: the other one,
// which may not have known of it, announces the addresses again when it hears a
// lower priority. Without, clients that have learned this router's MAC address
// while both were active would keep it, for minutes.
func (r *Router) giveWay(now Instant, h heard, why reason.Reason) {
	r.yieldTo(now, h, why)
	r.send(now, uint8(r.priority))
}

// yieldTo makes the router the Backup of one that is active by now.
func (r *Router) yieldTo(now Instant, h heard, why reason.Reason) {
	r.leave(Backup, h.router, why, true)
	r.backup = backup{interval: r.cfg.Interval, active: h, lowerAt: clock.Never}
	r.follow(now, h)
}

// assert answers a router that advertises though this one is active: at once, to
// it and to bridges that learn. Clients may have heard it too.
func (r *Router) assert(now Instant, h heard) {
	d := &r.dual
	if d.router != h.router || now >= d.until {
		d.told, d.healedAt = false, now.Add(-announceAgain)
	}
	// What is heard right after a take-over is the last word of the one before.
	if !d.told && now >= r.activeAt.Add(r.cfg.Interval) {
		d.told = true
		r.change(Change{Kind: DualSeen, Router: h.router, Reason: reason.DualActive})
	}
	d.router, d.until = h.router, h.silentAt(r.cfg.DownAdverts)
	d.overAt = now.Add(h.interval + h.interval/4)
	if now.Sub(d.healedAt) >= announceAgain {
		d.overAt, d.healedAt = 0, now
		r.change(Change{Kind: Healed, Router: h.router, Reason: reason.DualActive})
	}
	regular := r.adverAt
	r.advertise(now)
	r.adverAt = regular
}

// outlived announces once more when the other router has given way: it may have
// been the last one that clients heard, where it did not hear this one before.
func (r *Router) outlived(now Instant) {
	d := &r.dual
	d.overAt, d.healedAt = 0, now
	r.change(Change{Kind: Healed, Router: d.router, Reason: reason.DualActive})
}

// overAt is when that is the case; clock.Never where no other router is active.
func (r *Router) overAt() Instant {
	if r.role != Active || r.dual.overAt == 0 {
		return clock.Never
	}
	return r.dual.overAt
}
