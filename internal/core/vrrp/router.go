package vrrp

import (
	"net/netip"
	"time"

	"stead/internal/core/clock"
	"stead/internal/core/reason"
)

// Role is the state of RFC 9568 section 6.4 in which a Router is.
type Role uint8

// The states.
const (
	Initialize Role = iota // takes no part: not started, not ready, drained or stopped
	Backup
	Active
)

// String returns the state's name in lower case.
func (r Role) String() string {
	return [...]string{"initialize", "backup", "active"}[r]
}

// Router is a virtual router (RFC 9568 section 6). A step is Begin, any number of
// inputs (Start, Receive, Tick, SetReady...), and Finish, which tells what is to
// be done. Before its first source address and its first SetReady it cannot run.
type Router struct {
	cfg   *Config
	codec *Codec

	role      Role
	started   bool
	startedAt Instant
	activeAt  Instant // when it became active last
	beatAt    Instant // the others have had a heartbeat since; 0: nobody tells
	source    netip.Addr
	priority  int // 1 to 255

	ready    bool
	why      reason.Reason // not ready
	blocked  bool          // by another group of the same sync set
	drained  bool
	stopping bool
	stopWhy  reason.Reason
	held     bool // handed over: does not preempt before it was active again

	// Timers; Never while they do not run.
	adverAt Instant // Adver_Timer
	downAt  Instant // Active_Down_Timer
	renewAt Instant // the slot's, between two advertisements
	lookAt  Instant // a Backup looks whether it can still listen

	backup backup
	yield  yield
	dual   dual

	slot     Slot // as it was emitted last
	until    Instant
	count    uint64 // activations
	ceiling  uint64 // that are asked to be stored
	counters counters

	due       Instant // the deadline that was given out last
	noticedAt Instant // lateness up to then is accounted for
	out       Out
	buf       []byte
}

// New returns the Router of a checked configuration.
func New(cfg *Config) *Router {
	return &Router{
		cfg: cfg, codec: NewCodec(cfg), priority: PriorityDefault, why: reason.Starting,
		adverAt: clock.Never, downAt: clock.Never, renewAt: clock.Never, lookAt: clock.Never, due: clock.Never,
		slot: Slot{Slot: cfg.Slot}, count: cfg.Floor, ceiling: cfg.Floor,
		backup: backup{interval: cfg.Interval, lowerAt: clock.Never},
	}
}

// Begin starts a step: what the last one asked for is forgotten. Whatever the
// input, a router that is late finds that out before it does or says anything.
func (r *Router) Begin(now Instant) {
	r.out.Slots = r.out.Slots[:0]
	r.out.Sends = r.out.Sends[:0]
	r.out.Changes = r.out.Changes[:0]
	r.out.Persist = r.out.Persist[:0]
	r.buf = r.buf[:0]
	r.notice(now)
}

// Start begins. Nothing may be held by then: leftovers of an earlier run are gone.
func (r *Router) Start(now Instant) {
	r.started, r.startedAt = true, now
	r.reserve()
	r.settle(now)
}

// Tick does what is due.
func (r *Router) Tick(now Instant) {
	if now >= r.adverAt {
		r.adverTimer(now)
	}
	if now >= r.renewAt {
		r.renew(now)
	}
	if now >= r.downAt {
		r.activeDownTimer(now)
	}
	if now >= r.overAt() {
		r.outlived(now)
	}
}

// Finish computes the next deadline and returns what the step asks for. Within a
// step it may be called again after further inputs; Out grows then.
func (r *Router) Finish(now Instant) *Out {
	r.lookAt = clock.Never
	if r.role == Backup {
		r.lookAt = now.Add(r.backup.interval + r.backup.interval/4)
	}
	r.due = min(r.adverAt, r.downAt, r.renewAt, r.lookAt, r.overAt())
	return &r.out
}

// Deadline is when Tick is to be called next.
func (r *Router) Deadline() Instant { return r.due }

// Leased tells whether the router is active and may answer for its addresses.
func (r *Router) Leased(now Instant) bool { return r.role == Active && now < r.until }

// SetWall tells what is to be added to an Instant to have the time since 1970.
// Only the authentication of packets uses it.
func (r *Router) SetWall(offset time.Duration) { r.codec.SetWall(offset) }

func (r *Router) change(c Change) { r.out.Changes = append(r.out.Changes, c) }
