package core

import (
	"time"

	"stead/internal/core/clock"
	"stead/internal/core/lease"
)

// WitnessGroup stands in StoreOp and Stored for the vote of a store in elections
// among nodes: it is one for all groups.
const WitnessGroup GroupID = -2

// keepVote is for how long the vote of the store is kept when it is not needed any
// more: a voter that comes and goes costs no more than that.
const keepVote = time.Second

// witness is the vote of a store in the elections among nodes: a lease that this
// node takes when the nodes alone make no majority for it.
type witness struct {
	c      *Core
	m      *lease.Machine
	seen   seen
	wants  bool    // it is needed
	looks  bool    // whether another node still has it is being found out
	wanted Instant // and was last, then
	held   Instant // until when it is this node's, as the election was told last
	number uint64
	wakeAt Instant
	down   string // what is wrong with the store
}

func (c *Core) newWitness() {
	if c.cfg.Witness == nil || c.witness != nil {
		return
	}
	c.witness = &witness{c: c, m: lease.New(c.cfg.Witness), wakeAt: clock.Never}
}

// settle takes the vote when it is needed, and gives it back when it is not.
func (w *witness) settle(now Instant) {
	m := w.c.machine
	w.wakeAt = clock.Never
	wants := m.WantsStore()
	if wants {
		if !w.wants && w.taken(now) {
			w.m.Refresh() // it may have been given back since the last look
			w.looks = true
		}
		w.wanted = now
		w.m.SetFloor(m.StoreNumber() - 1)
	}
	w.wants = wants
	recently := w.wanted != 0 && now < w.wanted.Add(keepVote) && !w.c.stopping && m.StoreHelps()
	switch {
	case wants || recently: // a claim that is under way is not for nothing
		w.m.SetWilling(true)
		if !wants {
			w.wakeAt = w.wanted.Add(keepVote)
		}
	case w.held == 0:
		w.m.SetWilling(false)
	default:
		w.giveBack(now)
	}
}

// giveBack stops counting on the vote before the store hears of it.
func (w *witness) giveBack(now Instant) {
	w.held = 0
	w.c.machine.SetStoreVote(now, 0, 0)
	w.m.SetWilling(false)
	w.m.Release("")
	w.m.TakeBack() // nobody else may need it before this node does again
}

// absorb turns what the lease says into votes.
func (w *witness) absorb(now Instant) {
	w.settle(now)
	out := w.m.Finish(now)
	for ; w.seen.changes < len(out.Changes); w.seen.changes++ {
		w.changed(now, &out.Changes[w.seen.changes])
	}
	w.c.machine.SetStoreDown(now, w.down != "" || w.taken(now))
	until := out.Until
	if !w.m.Held(now) {
		until = 0 // it was given up since
	}
	if until != w.held {
		w.held = until
		w.c.machine.SetStoreVote(now, until, w.number)
	}
	for ; w.seen.sends < len(out.Ops); w.seen.sends++ {
		w.c.acts.Store = append(w.c.acts.Store, StoreOp{Group: WitnessGroup, Op: out.Ops[w.seen.sends]})
	}
}

// taken tells whether another node has the vote, as far as is known.
func (w *witness) taken(now Instant) bool {
	s := w.m.Status(now)
	return !w.looks && s.Present && s.Record.State == lease.Held && s.Record.Holder != w.c.cfg.Witness.Self
}

func (w *witness) changed(now Instant, ch *lease.Change) {
	n := Note{At: now, Group: NoGroup, Node: w.c.cfg.Self, Epoch: ch.Epoch, Reason: ch.Reason, Detail: ch.Detail}
	switch ch.Kind {
	case lease.Acquired:
		w.number = ch.Epoch
		n.Kind = GotVote
		if w.c.machine.StoreNumber() > ch.Epoch {
			w.m.Release("") // epochs have gone up meanwhile: a vote with a higher number is needed
			return
		}
	case lease.Lost, lease.Released:
		n.Kind = LostVote
	case lease.Unreachable, lease.Unreadable:
		n.Kind, w.down = StoreDown, ch.Detail
	case lease.Reachable:
		n.Kind, w.down = StoreUp, ""
	default:
		return
	}
	w.c.note(n)
}

// gone tells whether the store knows that a node that ends has no use for the
// vote, or need not be waited for any more.
func (w *witness) gone(now, since Instant) bool {
	end := since.Add(votePatience)
	if w.m.Given() || now >= end || w.c.aborting {
		return true
	}
	w.wakeAt = clock.Min(w.wakeAt, end)
	return false
}

// votePatience is how long a node that ends waits for the store to know.
const votePatience = time.Second

// due is when the vote waits for something.
func (w *witness) due() Instant { return clock.Min(w.wakeAt, w.m.Deadline()) }

// WitnessState is how the vote of a store is on this node.
type WitnessState struct {
	Store string
	Lease lease.Status
}

func (w *witness) state(now Instant) *WitnessState {
	return &WitnessState{Store: w.c.cfg.WitnessStore, Lease: w.m.Status(now)}
}
