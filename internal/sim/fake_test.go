package sim

import (
	"time"

	"stead/internal/core"
	"stead/internal/core/clock"
	"stead/internal/core/reason"
)

// fake is a machine that knows one thing: whether it is to hold every group
// from its start on. It shows what the world and the checkers do with it.
type fake struct {
	cfg   core.Config
	holds bool
	epoch uint64
	out   core.Actions
	next  core.Instant
	seq   byte
}

func newFake(holds func(id core.NodeID) bool) func(core.Config) Machine {
	return func(cfg core.Config) Machine {
		return &fake{cfg: cfg, holds: holds(cfg.Self), epoch: cfg.Groups[0].EpochFloor + 1}
	}
}

func (f *fake) Start(now core.Instant) *core.Actions {
	f.next = now.Add(f.cfg.Interval)
	f.out = core.Actions{}
	if !f.holds {
		return &f.out
	}
	for g := range f.cfg.Groups {
		f.out.Persist = append(f.out.Persist, core.Persist{Group: core.GroupID(g), EpochCeiling: f.epoch})
		f.out.Want = append(f.out.Want, core.Want{Group: core.GroupID(g), Generation: 1, Held: true, Active: true, Epoch: f.epoch})
	}
	return &f.out
}

func (f *fake) Step(now core.Instant, e core.Event) *core.Actions {
	f.out = core.Actions{}
	if a, ok := e.(core.Applied); ok {
		until := now.Add(time.Hour)
		f.out.Fence = append(f.out.Fence, core.FenceSlot{Slot: 1, Answer: until, Serve: until})
		f.out.Bind = append(f.out.Bind, core.FenceBind{Group: a.Group, Slot: 1})
		f.out.Announce = append(f.out.Announce, core.Announce{Group: a.Group})
		f.out.Note = append(f.out.Note, core.Note{
			At: now, Kind: core.BecameActive, Group: a.Group, Node: f.cfg.Self, Epoch: f.epoch, Reason: reason.NobodyActive,
		})
	}
	if now >= f.next {
		f.next = f.next.Add(f.cfg.Interval)
		f.seq++
		for id := range f.cfg.Nodes {
			if core.NodeID(id) != f.cfg.Self {
				f.out.Send = append(f.out.Send, core.Send{To: core.NodeID(id), Bytes: []byte{f.seq, byte(f.cfg.Self)}})
			}
		}
	}
	return &f.out
}

func (f *fake) Deadline() core.Instant { return clock.Min(f.next, clock.Never) }
