package sim

import (
	"fmt"
	"time"

	"stead/internal/core/clock"
	"stead/internal/core/gate"
	"stead/internal/core/lease"
)

// The checkers of worlds of gates, by the names that violations carry.
const (
	checkGateOne     = "one-workload"       // never two workloads at the same moment
	checkGateEpoch   = "epoch-is-one-run"   // an epoch belongs to one run of a workload, and they grow
	checkGateBlind   = "blind-never-opens"  // nothing is claimed while nothing can be told
	checkGateVerdict = "flatline-is-true"   // no flatline while heartbeats go on
	checkGateEnded   = "ended-before-given" // the right is given up after the workload has ended
	checkGateKill    = "killed-in-time"     // the workload is gone before its right is
	checkGateSome    = "some-workload"      // one runs when nothing was wrong for long
	checkGateTaken   = "work-is-taken"      // and what it writes is not refused
	checkGateBound   = "opens-in-time"      // the other site starts when this one dies
	checkGatePlanned = "switchover-in-time" // and when it is to
)

// gateTruth is what the checkers know of the world.
type gateTruth struct {
	world   *gateWorld
	highest uint64 // epoch of a workload that was started
	removed moment // when the register was removed last
	upset   bool   // and something else was wrong then
	loose   bool   // and epochs cannot be expected to grow any more
	dueSite int    // the site that has to run by due
	due     moment
	dueFor  string // the checker
}

// siteTruth is what they know of a site.
type siteTruth struct {
	running moment // since when its gate has run
	staleAt moment // when its reads were stale last
	asked   moment // when an operator has asked for the right here
}

func (t *siteTruth) started(s *gateSite) { t.running = s.world.now }

func (t *siteTruth) ended(*gateSite) {}

// sees takes note of a look. The content is what the store has shown.
func (t *siteTruth) sees(s *gateSite, _ *gate.Sample) {
	if s.stale > 0 {
		t.staleAt = s.world.now
	}
}

// changed judges what a gate says.
func (t *siteTruth) changed(s *gateSite, c *gate.Change) {
	w := s.world
	if c.Kind == gate.Judged && c.Verdict == gate.Flatlined {
		w.result.Flatlines++
		t.flatline(s)
	}
}

// flatline: between the first and the last look nothing was written.
func (t *siteTruth) flatline(s *gateSite) {
	w := s.world
	st := s.m.State(s.now())
	f := w.setup.Gate.Flatline
	if len(st.Witnesses) > 1 || !st.Witnesses[0].Seen || t.staleAt != 0 && w.now.sub(t.staleAt) < 2*f {
		return
	}
	for _, at := range w.store.blobs[1-s.id].changes {
		if ago := w.now.sub(at); ago < f-f/100 && ago > f/2+w.setup.Timeout+w.setup.Late {
			w.violate(checkGateVerdict, s.id, "finds a flatline, and a heartbeat was written before", ago)
		}
	}
}

// swaps judges a write of the register.
func (t *siteTruth) swaps(s *gateSite, op *lease.Op) {
	w := s.world
	after, _ := lease.Parse(op.Bytes)
	if (after.State == lease.Free || after.State == lease.Parked) && after.Holder == siteNames[s.id] && s.job.alive {
		w.violate(checkGateEnded, s.id, "gives the right up while the workload runs, epoch", time.Duration(after.Epoch))
	}
	before, present, claim := w.store.claims(op, s.id)
	if !claim || w.setup.Gate.OpenAfter > 0 {
		return
	}
	free := !present || before.State == lease.Free || before.State == lease.Made
	verdict := s.m.Verdict()
	switch {
	case verdict == gate.Flatlined, verdict == gate.Alive && free:
	case free && t.asked != 0 && w.now.sub(t.asked) < w.patience(): // by an operator
	case present && before.Holder == siteNames[s.id] && !free:
	case present && free && before.To == siteNames[s.id]:
	default:
		w.violate(checkGateBlind, s.id, fmt.Sprintf("claims the right of %q though the other site is %v", before.Holder, verdict), 0)
	}
}

// limits: the workload is gone when its right ends.
func (t *siteTruth) limits(s *gateSite, out *gate.Out) {
	st := s.m.State(s.now())
	if s.world.setup.Right == nil || st.Phase != gate.Open {
		return
	}
	if out.Kill > st.Right.Until || out.End == clock.Never || out.End > out.Kill {
		s.world.violate(checkGateKill, s.id, "may run longer than its right, by", out.Kill.Sub(st.Right.Until))
	}
}

// runs judges the start of a workload.
func (t *gateTruth) runs(s *gateSite, c *gate.Change) {
	w := t.world
	if o := s.other(); o.job.alive && o.frozen == 0 {
		w.violate(checkGateOne, s.id, fmt.Sprintf("starts with epoch %d though the other runs with", c.Epoch), time.Duration(o.job.epoch))
	}
	if t.due != 0 && t.dueSite == s.id {
		if t.dueFor == checkGateBound {
			w.result.WorstOpen = max(w.result.WorstOpen, w.now.sub(w.quiet))
		}
		t.due = 0
	}
	if w.setup.Right == nil {
		return
	}
	if c.Epoch <= t.highest && t.removed != 0 && (t.upset || s.truth.running >= t.removed) {
		t.loose = true
	}
	if c.Epoch <= t.highest && !t.loose {
		w.violate(checkGateEpoch, s.id, fmt.Sprintf("starts with epoch %d after", c.Epoch), time.Duration(t.highest))
	}
	t.highest = max(t.highest, c.Epoch)
	if t.loose {
		t.highest, w.sink.highest = c.Epoch, 0
	}
}

// expects has a site run soon, if nothing else happens.
func (t *gateTruth) expects(site int, within time.Duration, check string) {
	w := t.world
	t.dueSite, t.due, t.dueFor = site, w.now.add(within+within/500), check
}

// faulted takes a fault in before it has done anything.
func (t *gateTruth) faulted(f *GateFault, ends bool) {
	w := t.world
	calm := w.calm()
	s := w.sites[f.Site]
	if !f.harmless() && !(f.planned() && ends) {
		t.due = 0
	}
	switch {
	case ends || !calm:
	case f.Kind == GateCrash && s.job.alive && !s.other().job.alive && s.other().runs():
		t.expects(1-s.id, w.openBound(), checkGateBound)
	case f.planned() && w.setup.Right != nil && s.runs():
		to := 1 - s.id
		if f.Kind == GateRequest {
			to = s.id
		}
		from := w.sites[1-to]
		if from.job.alive && from.runs() && w.sites[to].runs() {
			t.expects(to, w.switchBound(), checkGatePlanned)
		}
	}
	if f.Kind == GateRemove && !ends {
		t.removed, t.upset = w.now, t.upset || !calm
	}
}

// openBound is how long it may take from the death of a site until the workload
// runs at the other.
func (w *gateWorld) openBound() time.Duration {
	g, trip := &w.setup.Gate, 2*(w.setup.Latency+w.setup.Jitter)+w.setup.Late
	bound := g.Flatline + 4*w.slowest() + 4*trip
	if r := w.setup.Right; r != nil {
		bound = max(bound, r.TTL+2*r.Look+4*trip)
	} else {
		bound += g.Beat + 2*w.slowest()
	}
	return bound + 4*trip
}

// slowest is how often witnesses are looked at.
func (w *gateWorld) slowest() (every time.Duration) {
	for _, one := range w.setup.Gate.Witnesses {
		every = max(every, one.Every)
	}
	return max(every, w.setup.Gate.Flatline/5)
}

// switchBound is the same for a planned switchover.
func (w *gateWorld) switchBound() time.Duration {
	r, trip := w.setup.Right, 2*(w.setup.Latency+w.setup.Jitter)+w.setup.Late
	return r.Renew + 3*r.Look + w.setup.Gate.Grace + 12*trip
}

// patience is how long it may take until all is well when nothing is wrong any more.
func (w *gateWorld) patience() time.Duration {
	g := &w.setup.Gate
	long := 8*g.Flatline + 20*w.setup.Timeout + 30*time.Second
	if r := w.setup.Right; r != nil {
		long += 3 * r.TTL
	}
	return long
}

// calm tells whether nothing was wrong for long.
func (w *gateWorld) calm() bool { return w.faults == 0 && w.now.sub(w.quiet) > w.patience() }

// look checks what lasts.
func (t *gateTruth) look() {
	w := t.world
	a, b := &w.sites[0].job, &w.sites[1].job
	if a.alive && b.alive && w.sites[0].frozen == 0 && w.sites[1].frozen == 0 {
		w.violate(checkGateOne, 0, fmt.Sprintf("runs with epoch %d while the other does with", a.epoch), time.Duration(b.epoch))
	}
	if t.due != 0 && w.now > t.due && !w.sites[t.dueSite].job.alive {
		w.violate(t.dueFor, t.dueSite, "does not run though it should have before", w.now.sub(t.due))
	}
	if !w.calm() {
		return
	}
	w.result.Calm += lookEvery
	if !a.alive && !b.alive {
		w.violate(checkGateSome, 0, "nobody runs after a calm of", w.now.sub(w.quiet))
	}
	for _, s := range w.sites {
		if s.job.alive && w.setup.Right != nil && s.job.epoch < w.sink.highest {
			w.violate(checkGateTaken, s.id, "writes with an epoch that is refused", time.Duration(s.job.epoch))
		}
	}
}
