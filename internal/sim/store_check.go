package sim

import (
	"time"

	"stead/internal/core"
	"stead/internal/core/lease"
	"stead/internal/core/reason"
)

// rightBound is within which time after the last change a group whose right is in a
// store has a holder: the start-up delay; twice the time for which a right is left to
// its last holder, since one that was given up for a node that cannot take it, and a
// register that was made anew, are left alone for as long; the turns of better
// members; and the operations that failed or were late.
func (w *World) rightBound(g int) time.Duration {
	r := w.group(g).Right
	turns := time.Duration(2*len(w.group(g).Members)+8) * r.Look
	return w.group(g).StartDelay + 2*w.group(g).Lease() + 2*w.slower(r.TTL) + turns + 3*w.setup.Store.Timeout + 6*w.storeTrip() + 2*w.reaction(g)
}

// voteBound is the same for nodes that need the vote of the store: who had it may
// have died with it, and gives it back a second after it needs it no more.
func (w *World) voteBound(g int) time.Duration {
	v := w.setup.Config.Witness
	return w.holderBound(g) + 2*w.slower(v.TTL) + 8*v.Look + 3*w.setup.Store.Timeout + 8*w.storeTrip() + time.Second
}

// slower is how long a host with the slowest clock takes for a time.
func (w *World) slower(d time.Duration) time.Duration { return d + d/64 }

// storeTrip is how long one operation takes at most while nothing is wrong, with the
// scheduling of who asks for it.
func (w *World) storeTrip() time.Duration {
	return w.setup.Store.worst() + 2*w.setup.Jitter
}

// settleRight is settle for a group whose right is in a store: nodes need not hear
// each other, and who reaches the store and is ready has it in the end.
func (w *World) settleRight(g int) {
	t := &w.truth.groups[g]
	var able, cut uint64
	for _, m := range w.group(g).Members {
		h := w.hosts[m.Node]
		switch {
		case !h.running():
		case h.holdings[g].unreliable() || w.doubtful(h, g), !w.storeClean(h.id) && !w.storeCut(h.id):
			t.known = false
		case w.storeClean(h.id) && w.ready(h, g):
			able |= 1 << h.id
		default:
			cut |= 1 << h.id
		}
	}
	if !w.group(g).Pledged {
		cut = 0 // else one of them may go on, and all others leave it to that one
	}
	if able != 0 {
		t.sides = append(t.sides, able|cut)
	}
}

// settleByStore is settle for a part that has no majority of its own: with the vote
// of the store it may have one, and of several such parts one has.
func (w *World) settleByStore(g int, part uint64) {
	t, cfg := &w.truth.groups[g], w.group(g)
	votes := 1
	for _, v := range cfg.Voters {
		votes += int(part >> v & 1)
	}
	if votes <= (len(cfg.Voters)+1)/2 {
		return
	}
	cut, clean := false, false
	for _, m := range cfg.Members {
		h := w.hosts[m.Node]
		if part>>h.id&1 == 0 || !w.ready(h, g) {
			continue
		}
		cut = cut || w.storeCut(h.id)
		clean = clean || w.storeClean(h.id)
		if !w.storeCut(h.id) && !w.storeClean(h.id) {
			t.known = false
		}
	}
	switch {
	case cut && clean:
		t.known = false // it depends on who of them claims
	case clean:
		t.byStore |= part
	}
}

// holeBound is how long nobody may answer while nothing is wrong: an exchange of
// packets; or an operation under way, the giving up of a right, a look and the claim.
func (w *World) holeBound(g int) time.Duration {
	if r := w.group(g).Right; r != nil {
		return r.Look + 5*w.storeTrip() + w.setup.Kernel.ApplyMax + 4*w.setup.Jitter + w.lookEvery()
	}
	return w.reaction(g)
}

// lookForTwoRights: who holds on to a right without the store lets go soon after it
// is back, if another has the right by then.
func (w *World) lookForTwoRights(g int) {
	r := w.group(g).Right
	for a, h := range w.hosts {
		for b := a + 1; b < len(w.hosts); b++ {
			o := w.hosts[b]
			if !w.answers(h, g) || !w.answers(o, g) || !h.running() || !o.running() || !w.storeClean(a) || !w.storeClean(b) {
				continue
			}
			since := max(w.truth.groups[g].settledSince, w.groups[g].dualSince)
			if w.now.sub(since) > r.Renew+r.Look+2*w.setup.Store.Timeout+4*w.storeTrip()+w.reaction(g) {
				w.violate(checkOneHolder, a, g, "also answers, and both reach the store: "+w.nodeName(b), int64(w.now.sub(since)))
			}
		}
	}
}

// checkGiven: a right that is given to another is there soon. When nothing was wrong for a
// while, that takes an operation under way, the giving up, a look and the claim.
func (w *World) checkGiven(h *host, n *core.Note) {
	g := int(n.Group)
	t, watch := &w.truth.groups[g], w.groups[g]
	if !t.known || w.now.sub(t.soundSince) < w.settleBound(g) || watch.lastGapAt != w.now || watch.servedBy == h.id {
		return
	}
	if watch.lastGap > w.holeBound(g) {
		w.violate(checkPlanned, h.id, g, "planned change ("+string(n.Reason)+") with a gap", int64(watch.lastGap))
	}
}

// votesElsewhere tells whether a node that is not among some has the vote of the store
// and serves another group with it. There is one vote for all groups.
func (w *World) votesElsewhere(g int, side uint64) bool {
	r := &w.store.registers[len(w.store.registers)-1]
	rec, err := lease.Parse(r.value)
	if err != nil || rec.State != lease.Held {
		return false
	}
	for other := range w.groups {
		t := &w.truth.groups[other]
		for id, h := range w.hosts {
			if other != g && w.nodeName(id) == rec.Holder && side>>id&1 == 0 && t.byStore>>id&1 == 1 && w.answers(h, other) {
				return true
			}
		}
	}
	return false
}

// checkStoreCalm: in a calm the store is looked at, and rights are renewed by those
// who have them. Nobody claims anything, and nobody takes the vote of the store.
func (w *World) checkStoreCalm(h *host, o *core.StoreOp) {
	if rec, err := lease.Parse(o.Op.Bytes); !w.calm.on || !o.Op.Swap || err == nil && rec.To != "" {
		return // who asks for a right may lose against renewals for a while
	}
	if o.Group == core.WitnessGroup || !h.holdings[o.Group].watch.active {
		w.violate(checkCalm, h.id, -1, "writes to the store while nothing is wrong: "+string(o.Op.Bytes), int64(o.Op.ID))
	}
}

// loneFault is a fault that has met a group at rest, with nothing else since.
type loneFault struct {
	fault  *Fault
	at     moment
	holder int
	keeps  bool // the holder keeps its role
	serves bool // and does not even stop serving
	bound  time.Duration
}

// meetsRest finds out what a fault is worth to the checkers: one that meets a group
// at rest has a bound of its own.
func (w *World) meetsRest(f *Fault, ends bool) {
	for g := range w.groups {
		lone, t := &w.store.lone[g], &w.truth.groups[g]
		*lone = loneFault{}
		rests := t.known && len(t.sides) == 1 && t.byStore == 0 && w.now.sub(t.settledSince) > w.calmBound(g)
		if ends || !rests || !w.allRun(g) || w.groups[g].holder == nobody || w.store.wiped {
			continue
		}
		*lone = loneFault{fault: f, at: w.now, holder: w.groups[g].holder}
		if !w.restBound(g, lone) {
			*lone = loneFault{}
		}
	}
}

// mostVoteWait is for how long an active node whose peer has died waits for the vote of
// the store before it gives up its role; one that looks at the store takes two trips.
const mostVoteWait = time.Second

// allRun tells whether every node that has a part in a group runs, is ready where it
// is a member, and reaches the store.
func (w *World) allRun(g int) bool {
	for _, v := range partakers(w.group(g)) {
		h := w.hosts[v]
		if !h.running() || !w.storeClean(h.id) || memberOf(w.group(g), h.id) && !w.ready(h, g) {
			return false
		}
	}
	return true
}

// restBound tells what has to follow from a fault that has met a group at rest.
func (w *World) restBound(g int, lone *loneFault) bool {
	cfg, f := w.group(g), lone.fault
	trips := 4*w.storeTrip() + w.setup.Kernel.ApplyMax + 4*w.setup.Jitter + w.lookEvery()
	if cfg.Right != nil {
		turns := time.Duration(2*len(cfg.Members)) * cfg.Right.Look
		lone.bound = w.slower(cfg.Right.TTL+cfg.Lease()) + turns + 2*cfg.Right.Look + trips
	} else {
		// Heartbeats of survivors may be one interval apart, and ranks two.
		lone.bound = w.slower(w.lease(g)) + trips + time.Duration(2*len(cfg.Members)+2)*w.interval(g) + 4*w.setup.Network.worst()
		if len(cfg.Voters) > 2 {
			// A part that is too small may have taken the vote, and gives it back.
			lone.bound += 2*w.reaction(g) + 2*w.setup.Config.Witness.Look + trips
		}
	}
	switch f.Kind {
	case Kill, PowerOff, Pause:
		// Where the others were enough without the store, its vote may be needed by
		// several nodes now: whoever has it keeps its groups.
		lone.keeps = f.Node != lone.holder && (cfg.Right != nil || len(w.hosts) == 2 && 2*w.storeTrip() < mostVoteWait)
	case StoreCut, StoreFrozen, StoreSlow, StoreFlaky:
		lone.keeps = cfg.Right == nil
		lone.serves = lone.keeps
		return lone.keeps
	case Partition, Blackhole, Cut:
		lone.keeps = cfg.Right != nil
	default:
		return false
	}
	// The vote is asked for when a third of the lease is left.
	lone.serves = lone.keeps && (cfg.Right != nil || 2*w.storeTrip()+w.setup.Network.worst() < w.lease(g)/3-w.lease(g)/32)
	return true
}

// checkKept: who serves goes on when another node dies, or only the store does.
func (w *World) checkKept(h *host, n *core.Note) {
	if w.store == nil || int(n.Group) >= len(w.store.lone) {
		return
	}
	lone := &w.store.lone[n.Group]
	if lone.fault == nil || lone.holder != h.id || !lone.keeps {
		return
	}
	switch n.Kind {
	case core.BecameStandby:
		if planned := n.Reason == reason.Preempted || n.Reason == reason.Switchover; !planned {
			w.violate(checkKeeps, h.id, int(n.Group), "loses its role ("+string(n.Reason)+") because of: "+lone.fault.Kind.String(), int64(w.now.sub(lone.at)))
		}
	case core.Stalled:
		if lone.serves {
			w.violate(checkKeeps, h.id, int(n.Group), "stops serving for a moment because of: "+lone.fault.Kind.String(), int64(w.now.sub(lone.at)))
		}
	}
}

// lookAtRest: some holder, soon. After a fault that has met a group at rest somebody
// answers within its bound.
func (w *World) lookAtRest(g int) {
	if w.store == nil {
		return
	}
	lone, t := &w.store.lone[g], &w.truth.groups[g]
	if lone.fault == nil || !t.known || len(t.sides) == 0 || w.now.sub(lone.at) < lone.bound || t.settledSince > lone.at {
		return
	}
	if w.groups[g].holder == nobody && !w.beingRepaired(g, t.sides[0]) && !w.votesElsewhere(g, t.byStore) {
		w.violate(checkSomeHolder, nobody, g, "nobody answers after the only fault: "+lone.fault.Kind.String(), int64(w.now.sub(lone.at)))
	}
}
