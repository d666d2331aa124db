package sim

import (
	"slices"
	"time"

	"stead/internal/core"
)

// planted is a bug in front of a sound core: it changes the configuration that
// the core gets, the events that reach it or the actions that leave it.
type planted struct {
	name   string
	checks []string // one of these has to find it
	config func(cfg *core.Config, w *World)
	event  func(b *buggy, e core.Event) core.Event // nil: the event is lost
	action func(b *buggy, a *core.Actions)
	warp   func(b *buggy, now core.Instant) core.Instant
}

// buggy is a machine with a planted bug.
type buggy struct {
	*planted
	inner   Machine
	cfg     core.Config
	now     core.Instant
	out     core.Actions
	began   core.Instant
	active  map[core.GroupID]core.Instant // since when, as the core says
	slots   map[int]core.FenceSlot
	waiting core.Instant
}

func (p *planted) build(w *World) func(core.Config) Machine {
	return func(cfg core.Config) Machine {
		cfg.Groups = slices.Clone(cfg.Groups)
		if p.config != nil {
			p.config(&cfg, w)
		}
		return &buggy{
			planted: p, inner: core.New(cfg), cfg: cfg,
			active: map[core.GroupID]core.Instant{}, slots: map[int]core.FenceSlot{},
		}
	}
}

func (b *buggy) Start(now core.Instant) *core.Actions {
	b.now, b.began = now, now
	return b.spoil(b.inner.Start(b.time(now)))
}

func (b *buggy) Step(now core.Instant, e core.Event) *core.Actions {
	b.now = now
	if b.planted.event != nil {
		if e = b.planted.event(b, e); e == nil {
			e = core.Tick{}
		}
	}
	return b.spoil(b.inner.Step(b.time(now), e))
}

func (b *buggy) Deadline() core.Instant {
	b.waiting = b.inner.Deadline()
	return b.waiting
}

func (b *buggy) time(now core.Instant) core.Instant {
	if b.warp == nil {
		return now
	}
	return b.warp(b, now)
}

// spoil copies what the core asks for and lets the bug change it.
func (b *buggy) spoil(a *core.Actions) *core.Actions {
	for _, n := range a.Note {
		switch n.Kind {
		case core.BecameActive:
			b.active[n.Group] = b.now
		case core.BecameStandby:
			delete(b.active, n.Group)
		}
	}
	o := &b.out
	o.Fence, o.Bind = append(o.Fence[:0], a.Fence...), append(o.Bind[:0], a.Bind...)
	o.Send, o.Want = append(o.Send[:0], a.Send...), append(o.Want[:0], a.Want...)
	o.Announce, o.Persist = append(o.Announce[:0], a.Announce...), append(o.Persist[:0], a.Persist...)
	o.Reply, o.Note = append(o.Reply[:0], a.Reply...), append(o.Note[:0], a.Note...)
	if b.planted.action != nil {
		b.planted.action(b, o)
	}
	return o
}

func eachGroup(change func(g *core.Group)) func(*core.Config, *World) {
	return func(cfg *core.Config, _ *World) {
		for i := range cfg.Groups {
			change(&cfg.Groups[i])
		}
	}
}

// bugs are the planted bugs.
var bugs = []planted{
	{name: "the fence never closes", checks: []string{checkOneHolder, checkNotes, checkSick},
		action: func(_ *buggy, a *core.Actions) {
			a.Bind = slices.DeleteFunc(a.Bind, func(b core.FenceBind) bool { return b.Slot == 0 })
			a.Fence = slices.DeleteFunc(a.Fence, func(f core.FenceSlot) bool { return f.Answer == 0 })
		}},
	{name: "the lease is taken half as long again", checks: []string{checkOneHolder},
		action: func(b *buggy, a *core.Actions) {
			for i := range a.Fence {
				if f := &a.Fence[i]; f.Answer > b.now {
					more := f.Answer.Sub(b.now) / 2
					f.Answer, f.Serve = f.Answer.Add(more), f.Serve.Add(more)
				}
			}
		}},
	{name: "the fence is renewed once only", checks: []string{checkSomeHolder, checkCalm, checkNotes, checkContract},
		action: func(b *buggy, a *core.Actions) {
			a.Fence = slices.DeleteFunc(a.Fence, func(f core.FenceSlot) bool {
				_, known := b.slots[f.Slot]
				b.slots[f.Slot] = f
				return known && f.Answer > b.now
			})
		}},
	{name: "a failed check is not taken in", checks: []string{checkSick},
		event: func(_ *buggy, e core.Event) core.Event {
			if r, ok := e.(core.CheckResult); ok && r.Outcome == core.Failed {
				return nil
			}
			return e
		}},
	{name: "a check that could not be run counts as failed", checks: []string{checkCalm, checkSomeHolder},
		event: func(_ *buggy, e core.Event) core.Event {
			if r, ok := e.(core.CheckResult); ok && r.Outcome == core.CouldNotRun {
				r.Outcome = core.Failed
				return r
			}
			return e
		}},
	{name: "a lost carrier is not taken in", checks: []string{checkSick},
		event: func(_ *buggy, e core.Event) core.Event {
			if l, ok := e.(core.LinkState); ok && !l.Up {
				return nil
			}
			return e
		}},
	{name: "epochs are not stored", checks: []string{checkEpochs},
		config: eachGroup(func(g *core.Group) { g.EpochFloor = 0 }),
		action: func(_ *buggy, a *core.Actions) { a.Persist = nil }},
	{name: "a restarted voter forgets its promises", checks: []string{checkOneHolder, checkEpochs},
		config: eachGroup(func(g *core.Group) { g.EpochFloor, g.StartDelay = 0, 0 }),
		warp: func(b *buggy, now core.Instant) core.Instant {
			if now == b.began {
				return now - core.Instant(time.Minute)
			}
			return now
		}},
	{name: "the quorum is not asked for", checks: []string{checkOneHolder},
		config: eachGroup(func(g *core.Group) { g.Quorum = false })},
	{name: "an active node without a majority goes on", checks: []string{checkOneHolder},
		config: eachGroup(func(g *core.Group) { g.HoldOnQuorumLoss = true })},
	{name: "preemption does not wait", checks: []string{checkPreempt},
		config: eachGroup(func(g *core.Group) { g.PreemptDelay = 0 })},
	{name: "preemption cannot be turned off", checks: []string{checkPreempt},
		config: eachGroup(func(g *core.Group) { g.Preempt = true })},
	{name: "preemption never happens", checks: []string{checkPreempt},
		config: eachGroup(func(g *core.Group) { g.Preempt = false })},
	{name: "the old node does not linger", checks: []string{checkPlanned},
		config: eachGroup(func(g *core.Group) { g.Linger = 0 })},
	{name: "nothing is announced after a heal", checks: []string{checkClients},
		config: eachGroup(func(g *core.Group) { g.Refresh = 0 }),
		action: func(b *buggy, a *core.Actions) {
			a.Announce = slices.DeleteFunc(a.Announce, func(n core.Announce) bool {
				since, active := b.active[n.Group]
				return active && b.now.Sub(since) > 25*time.Millisecond
			})
		}},
	{name: "nothing is announced", checks: []string{checkClients},
		action: func(_ *buggy, a *core.Actions) { a.Announce = nil }},
	{name: "a standby keeps the addresses", checks: []string{checkWorld},
		action: func(_ *buggy, a *core.Actions) {
			a.Want = slices.DeleteFunc(a.Want, func(w core.Want) bool { return !w.Held })
		}},
	{name: "a release is not told", checks: []string{checkWorld, checkNotes, checkSick},
		action: func(_ *buggy, a *core.Actions) {
			a.Note = slices.DeleteFunc(a.Note, func(n core.Note) bool { return n.Kind == core.BecameStandby })
		}},
	{name: "heartbeats are sent three times", checks: []string{checkCalm},
		action: func(_ *buggy, a *core.Actions) {
			a.Send = append(append(a.Send, a.Send...), a.Send...)
		}},
	{name: "any key is accepted", checks: []string{checkIntruder, checkOneHolder, checkEpochs, checkSomeHolder, checkCalm},
		config: func(cfg *core.Config, w *World) {
			if w.hostile != nil {
				cfg.Keys = append(slices.Clone(cfg.Keys), w.hostile.key)
			}
		}},
	{name: "a late node trusts its old lease", checks: []string{checkLate, checkOneHolder},
		action: func(b *buggy, a *core.Actions) {
			for _, f := range a.Fence {
				b.slots[f.Slot] = f
			}
			if b.waiting == 0 || b.now.Sub(b.waiting) < b.cfg.Groups[0].Lease() {
				return
			}
			a.Bind = nil
			until := b.now.Add(b.cfg.Groups[0].Lease())
			for slot := 1; slot < 8; slot++ {
				if _, known := b.slots[slot]; known {
					a.Fence = append(a.Fence, core.FenceSlot{Slot: slot, Answer: until, Serve: until})
				}
			}
		}},
	{name: "packets of one sender are lost", checks: []string{checkCalm, checkSomeHolder},
		event: func(b *buggy, e core.Event) core.Event {
			if p, ok := e.(*core.Packet); ok && p.From == 0 && b.cfg.Self == 1 {
				return nil
			}
			return e
		}},
}
