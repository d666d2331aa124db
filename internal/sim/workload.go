package sim

import (
	"time"

	"stead/internal/core"
)

// checkTruth is one check on one host: what its runs find, and what follows
// from the results that the daemon was given, by the rules of Rise and Fall.
type checkTruth struct {
	sick  int // faults that make the service fail
	blind int // faults that keep the check from being run

	known  bool
	isUp   bool
	streak int
	unsure bool   // of a BFD session: what it finds cannot be told from outside
	downAt moment // since when it is down
	upAt   moment
}

func (c *checkTruth) restart() { c.known, c.isUp, c.streak, c.unsure = false, false, 0, false }

func (c *checkTruth) up() bool   { return c.known && c.isUp }
func (c *checkTruth) down() bool { return c.known && !c.isUp }

// outcome is what a run finds.
func (c *checkTruth) outcome() core.Outcome {
	switch {
	case c.blind > 0:
		return core.CouldNotRun
	case c.sick > 0:
		return core.Failed
	default:
		return core.Passed
	}
}

// learn counts a result as the documentation of checks says: the first decides
// at once. It tells whether the check went up or down.
func (c *checkTruth) learn(o core.Outcome, cfg *core.Check, now moment) bool {
	if o == core.CouldNotRun {
		return false
	}
	up := o == core.Passed
	if c.known && c.isUp == up {
		c.streak = 0
		return false
	}
	need := cfg.Fall
	if up {
		need = cfg.Rise
	}
	c.streak++
	if c.known && c.streak < max(need, 1) {
		return false
	}
	c.known, c.isUp, c.streak = true, up, 0
	if up {
		c.upAt = now
	} else {
		c.downAt = now
	}
	return true
}

// queueCheck queues the next run of a check.
func (w *World) queueCheck(h *host, g, c int, first bool) {
	if !memberOf(w.group(g), h.id) || w.group(g).Checks[c].IsBFD {
		return
	}
	after := w.setup.Checks
	if first {
		after = w.draw.host.duration(0, after)
	}
	w.queue.push(entry{at: w.now.add(after), what: atCheck, life: h.life, a: int32(h.id), b: int32(g), c: int32(c)})
}

// checked is one run of a check. A daemon that does not run, runs no checks.
func (w *World) checked(h *host, e entry) {
	if !h.up || h.life != e.life {
		return
	}
	g, c := int(e.b), int(e.c)
	w.queueCheck(h, g, c, false)
	if !h.running() {
		return
	}
	truth := &h.checks[g][c]
	o := truth.outcome()
	changed := truth.learn(o, &w.group(g).Checks[c], w.now)
	if changed {
		w.trace.add(w.now, h.id, "check changes", g, int64(c), int64(b2i(truth.isUp)))
		w.resettleGroup(g)
	}
	w.post(h, core.CheckResult{Group: core.GroupID(g), Check: c, Outcome: o})
	if changed {
		w.lookAtSick(h, g)
	}
}

// resettleGroup starts the waiting time again for one group.
func (w *World) resettleGroup(g int) {
	w.truth.groups[g].soundSince = w.now
	w.settle(g)
	w.calm.disturb(w)
}

// setLink changes the carrier of an interface and tells the daemon.
func (w *World) setLink(h *host, name string, by int8) {
	was := h.linkDown[name] > 0
	h.linkDown[name] += by
	is := h.linkDown[name] > 0
	if was == is {
		return
	}
	w.trace.add(w.now, h.id, "carrier of "+name, -1, int64(b2i(!is)), 0)
	w.truthChanged(h.id)
	w.post(h, core.LinkState{Interface: name, Up: !is})
	for g := range w.groups {
		w.lookAtSick(h, g)
	}
}

// order gives an operator's command to a daemon.
func (w *World) order(h *host, f *Fault) {
	if !h.up || h.stopping {
		return
	}
	w.result.Commands++
	id := uint64(w.result.Commands)
	group := core.AllGroups
	if f.Verb == core.Switchover {
		group = core.GroupID(f.Group)
	}
	w.trace.command(w.now, h.id, f.Verb, int(group), int(f.To))
	switch f.Verb {
	case core.Stop:
		h.stopID, h.stopping = id, true
		// The engine does not wait for ever for a handover.
		w.queue.push(entry{at: w.now.add(w.stopBound()), what: atExit, life: h.life, a: int32(h.id)})
	case core.Drain:
		h.drainID = id
	case core.Resume:
		h.drained, h.resumeID = false, id
	case core.Switchover:
		w.groups[f.Group].moved = true
	}
	w.resettle(1 << h.id)
	w.post(h, core.Command{ID: id, Verb: f.Verb, Group: group, To: f.To})
}

// stopBound is how long a daemon that was asked to stop goes on at most.
func (w *World) stopBound() time.Duration {
	bound := 4 * w.longestLease()
	for g := range w.groups {
		if w.setup.routed(g) {
			bound = max(bound, 4*w.longestLease()+2*w.group(g).Linger+3*time.Second)
		}
	}
	return bound
}

// longestLease is the longest of the groups' leases.
func (w *World) longestLease() time.Duration {
	var most time.Duration
	for g := range w.groups {
		most = max(most, w.lease(g))
	}
	return most
}

// replied is the outcome of a command.
func (w *World) replied(h *host, r core.Reply) {
	w.trace.add(w.now, h.id, "replies", int(r.Group), int64(r.ID), int64(b2i(r.OK)))
	switch {
	case h.stopping && r.ID == h.stopID:
		w.queue.push(entry{at: w.now, what: atExit, life: h.life, a: int32(h.id)})
	case r.ID == h.drainID && r.OK:
		h.drainID, h.drained = 0, true
		w.resettle(1 << h.id)
	case r.ID == h.resumeID && h.drained: // a paused daemon was drained and resumed with its first steps
		h.drained = false
		w.resettle(1 << h.id)
	}
}
