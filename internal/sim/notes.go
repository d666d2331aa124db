package sim

import (
	"fmt"
	"slices"
	"time"

	"stead/internal/core"
	"stead/internal/core/reason"
)

// holdingWatch is what the checkers remember of a group on a host.
type holdingWatch struct {
	active        bool    // as the node itself said last
	stalled       bool    // and that its lease ran out
	opened        bool    // it said so just now
	announced     bool    // it announced just now
	wantEpoch     uint64  // of the last Want of this run
	epoch         uint64  // the highest epoch of any activation of this host
	heard         hearing // in a session that it needs
	activatedAt   moment  // it has had the right to serve since
	left          bool    // it has been active in this run, and was not any more
	leftAt        moment
	unannounced   bool // it said last that it announces nothing of the group
	unannouncedAt moment
	eligible      bool // it runs, is well and is not drained
	eligibleSince moment
}

func (o *holdingWatch) restart() {
	o.active, o.stalled, o.opened, o.wantEpoch = false, false, false, 0
	o.left, o.unannounced = false, false
}

// roleNoted sets what a node says of itself.
func (w *World) roleNoted(h *host, g int, active bool) {
	h.holdings[g].watch.active = active
}

// noted takes in what a node says that has changed.
func (w *World) noted(h *host, n *core.Note) {
	w.trace.note(w.now, h.id, n)
	g := int(n.Group)
	if g < 0 {
		w.result.Sessions += b2i(n.Kind == core.SessionUp)
		w.result.Losses += b2i(n.Kind == core.SessionDown)
		return
	}
	o := &h.holdings[g].watch
	switch n.Kind {
	case core.BecameActive:
		o.active, o.opened = true, true
		w.result.Activations++
		w.checkEpoch(h, n)
		w.checkPreemption(h, n)
		w.checkHandover(h, n)
		w.checkDamped(h, n)
		if w.group(g).Router != nil && n.Reason == reason.PeerSilent {
			w.checkFence(h, g)
		}
	case core.BecameStandby:
		o.active, o.stalled = false, false
		o.left, o.leftAt = true, w.now
	case core.Routed:
		w.noteUnannounced(h, n)
	case core.Stalled:
		o.stalled = true
		w.result.Stalls++
	case core.Unstalled:
		o.stalled = false
	case core.Raised:
		w.checkEpoch(h, n)
	case core.DualSeen:
		w.result.Duals++
		w.result.WorstDual = max(w.result.WorstDual, n.Took)
	}
	w.calm.noted(w, h, n)
	w.checkKept(h, n)
}

// checkEpoch: epochs only grow. With quorum every activation of a group has a
// higher epoch than all before it on any node, whatever was restarted between.
// Without, the same holds for the activations of one node.
func (w *World) checkEpoch(h *host, n *core.Note) {
	g := int(n.Group)
	if w.group(g).Everyone {
		return // nobody goes by them
	}
	o, watch := &h.holdings[g].watch, w.groups[g]
	before := o.epoch
	if watch.strict {
		before = watch.epochs
	}
	if w.store != nil && w.store.wiped {
		return // what was known of epochs is lost
	}
	if n.Epoch <= before {
		w.violate(checkEpochs, h.id, g, fmt.Sprintf("becomes active with epoch %d after epoch", n.Epoch), int64(before))
	}
	o.epoch = max(o.epoch, n.Epoch)
	watch.epochs = max(watch.epochs, n.Epoch)
}

// checkPreemption: a node takes a group over from a running one only where
// preemption is enabled, and after it was ready for the delay. Clocks that run
// too fast may shorten the delay by a hundredth.
func (w *World) checkPreemption(h *host, n *core.Note) {
	g := int(n.Group)
	watch := w.groups[g]
	if vacant := watch.lastGapAt == w.now && watch.lastGap > w.lease(g); n.Reason != reason.Preempted || vacant {
		return
	}
	cfg, o := w.group(g), &h.holdings[g].watch
	if cfg.Router != nil && w.priority(h, g) == 255 {
		return // the owner of the addresses always preempts (RFC 9568 section 6.1)
	}
	waited := w.now.sub(o.eligibleSince)
	if !cfg.Preempt {
		w.violate(checkPreempt, h.id, g, "preempts, and must not", 0)
	} else if o.eligible && waited < cfg.PreemptDelay-cfg.PreemptDelay/100 {
		w.violate(checkPreempt, h.id, g, "preempts before it was ready for the delay", int64(waited))
	}
}

// checkHandover: planned work loses nothing. When nothing was wrong for a while,
// a group that is handed over is served without a gap, provided that the linger is longer
// than the way of the last packet.
func (w *World) checkHandover(h *host, n *core.Note) {
	switch n.Reason {
	case reason.Switchover, reason.Preempted, reason.Drained:
	default:
		return
	}
	g := int(n.Group)
	t, watch := &w.truth.groups[g], w.groups[g]
	if w.group(g).Right != nil {
		w.checkGiven(h, n)
		return
	}
	if !t.known || w.now.sub(t.soundSince) < w.holderBound(g) || watch.lastGapAt != w.now {
		return
	}
	if w.group(g).Linger > 2*w.setup.Network.worst()+2*w.setup.Jitter && watch.lastGap > 0 {
		w.violate(checkPlanned, h.id, g, "planned change ("+string(n.Reason)+") with a gap", int64(watch.lastGap))
	}
}

// lookAtNotes: notes tell the truth. A node that says that it is active
// answers; a node that does not say so does not, and announces nothing.
func (w *World) lookAtNotes(h *host) {
	for g := range h.holdings {
		o := &h.holdings[g]
		opened := o.watch.opened
		announced := o.watch.announced
		o.watch.opened, o.watch.announced = false, false
		answers := w.answers(h, g)
		if answers && !o.watch.active && !w.group(g).Everyone {
			w.violate(checkNotes, h.id, g, "answers, and says that it is on standby", int64(o.answerUntil.sub(w.now)))
		}
		if announced && !o.watch.active {
			w.violate(checkNotes, h.id, g, "announces addresses, and is on standby", 0)
		}
		if opened && o.watch.active && !answers && !o.repairAt && !o.watch.stalled {
			w.violate(checkNotes, h.id, g, "says that it is active, and does not answer", 0)
		}
	}
}

// lookAtSick: no sick holder. A node whose fatal check is down or unknown, or
// whose interface has no carrier, has let go when the step that told it so ends.
func (w *World) lookAtSick(h *host, g int) {
	if h.running() && w.answers(h, g) && !w.healthy(h, g) && h.holdings[g].watch.active && !w.byBFD(h, g) {
		w.violate(checkSick, h.id, g, "answers with a fatal check or an interface down", 0)
	}
}

// lookAtLate: no late holder. A node that did not run for longer than its lease
// does not answer when it has drained its input and stepped its deadline: what
// it was promised has run out, and nothing that it sent since was answered.
func (w *World) lookAtLate(h *host) {
	for g := range h.holdings {
		if !w.answers(h, g) || !w.groups[g].strict {
			continue
		}
		// The vote of a store outlasts the lease, and nobody else has it.
		byVoters := w.group(g).Quorum && len(w.group(g).Voters) > 1 && !w.group(g).StoreVotes
		if (byVoters || w.group(g).Right != nil) && h.late > w.lease(g) {
			w.violate(checkLate, h.id, g, "answers right after it was paused for longer than its lease", int64(h.late))
		}
	}
}

// lastLook is the end of a world: all has converged.
func (w *World) lastLook() {
	w.look()
	for g := range w.groups {
		t := &w.truth.groups[g]
		if !t.known || w.now.sub(t.settledSince) < w.settleBound(g) {
			continue
		}
		if w.rests(g) {
			continue // it may become a target again at any moment, and fail again
		}
		for _, h := range w.hosts {
			w.lookAtWorld(h, g)
		}
		w.lookAtPreference(g)
	}
	if w.far != nil {
		w.lastLookAtRoutes()
	}
	w.calm.count(w)
}

// rests tells whether a member's hook has failed: it is no target until it has rested.
func (w *World) rests(g int) bool {
	return slices.ContainsFunc(w.hosts, func(h *host) bool { return h.holdings[g].unhooked })
}

// settleBound is within which time after the last change every role is what it
// stays: the bound of a holder, and the preemption that may follow it.
func (w *World) settleBound(g int) time.Duration {
	bound := w.holderBound(g)
	if w.group(g).StoreVotes {
		bound = w.voteBound(g)
	}
	if w.group(g).Everyone {
		return bound + w.group(g).Damping
	}
	if w.group(g).Preempt {
		bound += w.group(g).PreemptDelay + time.Duration(len(w.group(g).Members)-1)*w.group(g).Damping + 2*w.lease(g) + 4*w.reaction(g)
	}
	return bound
}

// lookAtWorld: the world follows the Want. When nothing has changed for the
// settling time, a host has the addresses if it is active, and only then.
func (w *World) lookAtWorld(h *host, g int) {
	o := &h.holdings[g]
	if !h.running() || o.unreliable() || o.repairAt {
		return
	}
	if o.present != o.want.Held {
		w.violate(checkWorld, h.id, g, "addresses are not as wanted", int64(b2i(o.present)))
	}
	if o.want.Held != (o.watch.active || o.want.Stay) || o.want.Active != o.watch.active || o.want.Stay && (o.watch.active || !w.stays(h, g)) {
		w.violate(checkWorld, h.id, g, "the Want does not follow the role", int64(b2i(o.want.Held)))
	}
}

// lookAtPreference: with preemption the best ready node serves in the end,
// unless an operator has moved the group.
func (w *World) lookAtPreference(g int) {
	watch := w.groups[g]
	if !w.group(g).Preempt || watch.moved || watch.holder == nobody || len(w.truth.groups[g].sides) != 1 {
		return
	}
	holds := w.priority(w.hosts[watch.holder], g)
	for _, h := range w.hosts {
		if w.truth.groups[g].sides[0]>>h.id&1 == 1 && w.ready(h, g) && w.priority(h, g) > holds {
			w.violate(checkPreempt, watch.holder, g, fmt.Sprintf("still active though %s is better", w.nodeName(h.id)), int64(holds))
		}
	}
}

// stays tells whether a host that is not active may have reason to announce a group.
func (w *World) stays(h *host, g int) bool {
	r := w.routes(h, g)
	return r != nil && max(r.Prepend.Standby, r.Prepend.Unhealthy, r.Prepend.Drain) != core.Withdrawn
}
