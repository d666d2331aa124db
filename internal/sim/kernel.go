package sim

import (
	"time"

	"stead/internal/core"
)

// slot is a fence slot in the kernel of a host, in that host's clock.
type slot struct{ answer, serve core.Instant }

// holding is a group on a host: what its kernel has, what its actuator does,
// and what its disk keeps.
type holding struct {
	present bool // the addresses are on their interfaces
	slot    int

	answerUntil moment // the host answers ARP and NS until then
	serveUntil  moment // the host accepts packets until then

	want     core.Want
	doing    core.Want
	busy     bool
	pending  bool
	lastGen  uint64
	broken   int  // faults that make the kernel refuse
	refused  bool // the kernel has refused the addresses in this run of the daemon
	unhooked bool // the hook of a target has failed in this run of the daemon
	hung     int  // faults that make the actuator never come back
	slow     time.Duration
	repairAt bool // an address was removed by a stranger and is on its way back

	ceiling uint64 // the epoch ceiling on disk
	watch   holdingWatch
}

// restart forgets what a run of the daemon had in memory.
func (o *holding) restart() {
	o.want, o.doing = core.Want{}, core.Want{}
	o.busy, o.pending, o.repairAt, o.refused, o.unhooked = false, false, false, false, false
	o.lastGen = 0
	o.watch.restart()
}

// moveFence writes slots and bindings, then brings all that hangs on them up to date.
func (w *World) moveFence(h *host, a *core.Actions) {
	for _, f := range a.Fence {
		for f.Slot >= len(h.slots) {
			h.slots = append(h.slots, slot{})
		}
		if f.Slot <= 0 || f.Slot >= core.FenceSlots {
			w.violate(checkContract, h.id, -1, "fence slot out of range", int64(f.Slot))
			return
		}
		h.slots[f.Slot] = slot{answer: f.Answer, serve: f.Serve}
		w.trace.fence(w.now, h.id, &f)
	}
	for _, b := range a.Bind {
		h.holdings[b.Group].slot = b.Slot
		w.trace.add(w.now, h.id, "fence bind", int(b.Group), int64(b.Slot), 0)
	}
	for g := range h.holdings {
		w.refresh(h, g)
	}
}

// refresh works out until when the kernel of h answers and serves for g.
func (w *World) refresh(h *host, g int) {
	o := &h.holdings[g]
	answer, serve := moment(0), moment(0)
	if o.present && !h.off && o.slot > 0 && o.slot < len(h.slots) {
		s := h.slots[o.slot]
		answer, serve = h.clock.reaches(s.answer), h.clock.reaches(s.serve)
	}
	if answer == o.answerUntil && serve == o.serveUntil {
		return
	}
	w.holdMoves(h, g, answer, serve)
}

// closeKernel is what a daemon does before anything else at its start, and last at its end.
func (w *World) closeKernel(h *host) {
	for i := range h.slots {
		h.slots[i] = slot{}
	}
	for g := range h.holdings {
		h.holdings[g].slot = 0
		h.holdings[g].present = false
		w.refresh(h, g)
	}
}

// answers tells whether the kernel of h answers for g now.
func (w *World) answers(h *host, g int) bool { return h.holdings[g].answerUntil > w.now }

// want puts a Want into the mailbox of the group's actuator: the latest wins.
func (w *World) want(h *host, want core.Want) {
	o := &h.holdings[want.Group]
	w.trace.want(w.now, h.id, &want)
	if want.Generation <= o.lastGen {
		w.violate(checkContract, h.id, int(want.Group), "generation of a Want does not grow", int64(want.Generation))
	}
	if want.Epoch < o.watch.wantEpoch {
		w.violate(checkEpochs, h.id, int(want.Group), "epoch of a Want goes back", int64(want.Epoch))
	}
	o.lastGen, o.watch.wantEpoch = want.Generation, want.Epoch
	w.checkTakeover(h, &want)
	if want.Active && !o.want.Active {
		o.watch.activatedAt = w.now
	}
	if want.Held && !want.Active && w.group(int(want.Group)).PrepareHook {
		w.queue.push(entry{
			at: w.now.add(w.draw.kernel.duration(0, w.setup.Config.Interval)), what: atHook, life: h.life,
			a: int32(h.id), b: int32(want.Group), number: want.Generation,
		})
	}
	o.want = want
	if o.busy {
		o.pending = true
		return
	}
	w.actuate(h, int(want.Group))
}

// actuate begins to make the world as the latest Want says.
func (w *World) actuate(h *host, g int) {
	o := &h.holdings[g]
	o.busy, o.pending, o.doing = true, false, o.want
	if o.hung > 0 {
		return
	}
	k := &w.setup.Kernel
	took := w.draw.kernel.duration(k.ApplyMin, k.ApplyMax) + o.slow
	w.queue.push(entry{at: w.now.add(took), what: atActuator, life: h.life, a: int32(h.id), b: int32(g)})
}

// actuated is the kernel's answer to an actuator.
func (w *World) actuated(h *host, g int, life uint32) {
	o := &h.holdings[g]
	if !h.up || h.life != life || !o.busy || o.hung > 0 {
		return
	}
	if h.pauses > 0 {
		w.queue.push(entry{at: w.now.add(time.Millisecond), what: atActuator, life: life, a: int32(h.id), b: int32(g)})
		return
	}
	o.busy = false
	if o.broken > 0 && o.doing.Held && !o.present {
		o.refused = true
		w.trace.add(w.now, h.id, "kernel refuses", g, int64(o.doing.Generation), 0)
		w.post(h, core.ApplyFailed{Group: core.GroupID(g), Generation: o.doing.Generation, Detail: "no buffer space available"})
	} else {
		w.applied(h, g)
	}
	if !h.up || o.busy {
		return
	}
	// A failure is tried again: the actuator goes on until the world is as wanted.
	if o.pending || (o.want.Generation > 0 && o.want.Held != o.present) {
		w.actuate(h, g)
	}
}

func (w *World) applied(h *host, g int) {
	o := &h.holdings[g]
	if o.present != o.doing.Held {
		o.present = o.doing.Held
		if !o.present {
			w.checkRemoval(h, g)
		}
		w.trace.add(w.now, h.id, "addresses", g, int64(b2i(o.present)), 0)
		w.refresh(h, g)
	}
	// An answer to a Want that has been replaced would be a lie about the latest.
	if !o.pending {
		w.post(h, core.Applied{Group: core.GroupID(g), Generation: o.doing.Generation})
	}
}

// hookDone is the end of the hook that prepares a target.
func (w *World) hookDone(h *host, e entry) {
	if !h.up || h.life != e.life {
		return
	}
	w.trace.add(w.now, h.id, "hook done", int(e.b), int64(e.number), 0)
	ok := !w.draw.kernel.chance(20)
	if !ok {
		h.holdings[e.b].unhooked = true
	}
	w.post(h, core.HookDone{Group: core.GroupID(e.b), Generation: e.number, OK: ok})
}

// strip is a stranger that removes a group's addresses. The link adapter sees
// it and puts them back.
func (w *World) strip(h *host, g int) {
	o := &h.holdings[g]
	if !o.present || h.off {
		return
	}
	o.present = false
	w.trace.add(w.now, h.id, "stranger removes addresses", g, 0, 0)
	w.refresh(h, g)
	if h.up && !o.repairAt {
		o.repairAt = true
		k := &w.setup.Kernel
		took := w.draw.kernel.duration(k.ApplyMin, k.ApplyMax)
		w.queue.push(entry{at: w.now.add(took), what: atRepair, life: h.life, a: int32(h.id), b: int32(g)})
	}
}

func (w *World) repaired(h *host, g int, life uint32) {
	o := &h.holdings[g]
	if !h.up || h.life != life || !o.repairAt {
		return
	}
	if h.pauses > 0 || o.broken > 0 || o.hung > 0 {
		w.queue.push(entry{at: w.now.add(time.Millisecond), what: atRepair, life: life, a: int32(h.id), b: int32(g)})
		return
	}
	o.repairAt = false
	if !o.want.Held || o.present {
		return
	}
	o.present = true
	w.trace.add(w.now, h.id, "addresses put back", g, 0, 0)
	w.refresh(h, g)
	w.post(h, core.AddressRepaired{Group: core.GroupID(g)})
}

// persist starts to store something; a daemon that dies meanwhile loses it.
func (w *World) persist(h *host, p core.Persist) {
	w.trace.add(w.now, h.id, "persist", int(p.Group), int64(p.EpochCeiling), int64(b2i(p.HeldOff)))
	took := w.draw.kernel.duration(0, w.setup.Kernel.StoreMax)
	w.queue.push(entry{
		at: w.now.add(took), what: atPersist, life: h.life,
		a: int32(h.id), b: int32(p.Group), c: int32(b2i(p.HeldOff)), number: p.EpochCeiling,
	})
}

func (w *World) stored(h *host, e entry) {
	if !h.up || h.life != e.life {
		return
	}
	h.heldOff = e.c == 1
	if e.b >= 0 {
		o := &h.holdings[e.b]
		o.ceiling = max(o.ceiling, e.number)
	}
}

func b2i(b bool) int {
	if b {
		return 1
	}
	return 0
}
