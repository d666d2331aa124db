package vrrp

import (
	"net/netip"
	"time"

	"stead/internal/core/reason"
)

// counters are what a Router counts beside its Codec.
type counters struct {
	sent, zeroSent, zeroReceived, own, transitions, late uint64
}

// State is a Router as status and metrics show it.
type State struct {
	Role     Role
	Why      reason.Reason // what keeps it from taking part, or a Backup from taking over
	VRID     uint8
	Version  int
	Priority int        // effective, 1 to 255
	Source   netip.Addr // zero: none
	Interval time.Duration

	ActiveRouter   netip.Addr // zero: none is known; its own source while active
	ActivePriority int
	ActiveInterval time.Duration // Active_Adver_Interval

	Yielding bool // hands over
	Drained  bool // false again when a drain was given up
	Held     bool // does not preempt after a switchover
	Count    uint64
	Lease    Instant // until when it may answer; 0: not active

	Packets              Counters // received, by refusal
	Sent                 uint64   // advertisements, however many routers each went to
	PriorityZeroSent     uint64
	PriorityZeroReceived uint64
	Own                  uint64 // accepted by the codec, from the router's own address
	Transitions          uint64 // changes of role
	Late                 uint64 // times it found itself paused or starved
}

// State returns the state of the router at now.
func (r *Router) State(now Instant) State {
	s := State{
		Role: r.role, VRID: r.cfg.VRID, Version: r.cfg.Version, Priority: r.priority, Source: r.source, Interval: r.cfg.Interval,
		Yielding: r.yield.on, Drained: r.drained, Held: r.held, Count: r.count, Lease: r.until,
		Packets: r.codec.Counters(), Sent: r.counters.sent, PriorityZeroSent: r.counters.zeroSent,
		PriorityZeroReceived: r.counters.zeroReceived, Own: r.counters.own, Transitions: r.counters.transitions, Late: r.counters.late,
	}
	switch {
	case r.role == Initialize:
		s.Why = r.prevented()
	case r.role == Backup && now < r.mayActAt():
		s.Why = reason.Starting
	}
	if r.role == Active {
		s.ActiveRouter, s.ActivePriority, s.ActiveInterval = r.source, r.priority, r.cfg.Interval
	} else if a := &r.backup.active; a.router.IsValid() && now < a.silentAt(r.cfg.DownAdverts) {
		s.ActiveRouter, s.ActivePriority, s.ActiveInterval = a.router, int(a.priority), a.interval
	}
	return s
}
