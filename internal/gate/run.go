package gate

import (
	"context"
	"time"

	"stead/internal/adapter/keeper"
	"stead/internal/core/clock"
	"stead/internal/core/gate"
)

// Outcome is how a gate has ended.
type Outcome struct {
	Opened bool         // without Command and Watch: the workload may start, with Epoch
	Epoch  uint64       // of the right that was had last; 0 without one
	Lost   bool         // the workload was stopped because it may not run any more
	Why    string       // Lost: the reason
	Exit   *keeper.Exit // Command: how it ended
}

// Limits of the loop.
const (
	// wakeEvery is how often the loop runs at least: the timers of this process stand
	// still while the machine is suspended, its clock does not.
	wakeEvery = time.Second
	// partingFor is how long the end may take when the workload has ended: to give the
	// right up.
	partingFor = 5 * time.Second
)

// Run runs the gate until it has done its work or ctx ends. A workload has ended
// when it returns.
func (g *Gate) Run(ctx context.Context) (*Outcome, error) {
	// What is under way when the loop ends is not waited for, and ends with this.
	inner, cancel := context.WithCancel(context.WithoutCancel(ctx))
	defer cancel()
	defer close(g.over)
	g.ctx = inner
	g.beginAt = g.env.Now()
	g.watchRegister(inner)
	if err := g.watchProcesses(); err != nil {
		return nil, err
	}
	g.step(func(now Instant) {
		g.m.SetWall(time.Duration(g.env.Wall().UnixNano() - int64(now)))
		g.m.Start(now)
	})
	g.loop(ctx)
	g.leave()
	return &Outcome{Opened: g.opens, Epoch: g.lastEpoch, Lost: g.lostWhy != "", Why: g.lostWhy, Exit: g.exit}, nil
}

func (g *Gate) loop(ctx context.Context) {
	timer := time.NewTimer(0)
	defer timer.Stop()
	ending := ctx.Done()
	for !g.finished {
		timer.Reset(g.pause())
		select {
		case f := <-g.inputs:
			g.step(f)
		case <-timer.C:
			g.step(func(now Instant) { g.m.Tick(now) })
		case <-ending:
			ending = nil
			g.step(func(now Instant) { g.stop(now) })
		}
		if g.stopped && !g.runs() && g.env.Now() > g.stopAt.Add(partingFor+g.set.Timing.Grace) {
			g.log.Warn("note", "site", g.set.Site, "other", g.set.Other, "detail", "the right could not be given up in time: it lapses by itself")
			return
		}
	}
}

// runs tells whether something of the workload may run that this gate has to end.
func (g *Gate) runs() bool {
	if len(g.set.Processes) > 0 {
		return g.mayRun()
	}
	return g.workload != nil || g.starting
}

// pause is how long the loop may sleep.
func (g *Gate) pause() time.Duration {
	due := g.m.Deadline()
	if due == clock.Never {
		return wakeEvery
	}
	return min(max(0, due.Sub(g.env.Now())), wakeEvery)
}

// stop ends everything. What is watched without being known cannot be stopped, so
// that its right is not given up either: it lapses when the workload has had its time.
func (g *Gate) stop(now Instant) {
	if g.stopped {
		return
	}
	g.stopped, g.stopAt = true, now
	if g.set.Watch && len(g.set.Processes) == 0 && g.mayRun() {
		g.log.Info("end", "site", g.set.Site, "other", g.set.Other, "detail",
			"the workload is not known to have ended: the right is not given up, and lapses by itself")
		g.finished = true
		return
	}
	g.m.Stop(now, !g.set.Release)
}

// step runs the machine once.
func (g *Gate) step(input func(now Instant)) {
	now := g.env.Now()
	g.m.Begin(now)
	input(now)
	out := g.m.Finish(now)
	g.state = g.m.State(now)
	if out.Moved || g.end != out.End || g.kill != out.Kill {
		g.end, g.kill = out.End, out.Kill
		g.move()
		g.renewClaim()
	}
	for _, i := range out.Looks {
		g.look(i)
	}
	for i := range out.Ops {
		g.operate(&out.Ops[i])
	}
	if out.Beat {
		g.beat(now, out.Epoch)
	}
	for i := range out.Changes {
		g.heed(now, &out.Changes[i])
	}
	g.followWork()
	g.publish(now)
	if g.stopped && g.state.Phase == gate.Stopped && !g.runs() {
		g.finished = true
	}
}

// heed does what a change means for the workload.
func (g *Gate) heed(now Instant, c *gate.Change) {
	g.tell(now, c)
	switch c.Kind {
	case gate.Opened:
		g.opened(now, c)
	case gate.MustEnd:
		g.mustEnd(c)
	case gate.Closed:
		g.closed()
	case gate.Judged, gate.Noted:
	}
}

// opened lets the workload begin.
func (g *Gate) opened(now Instant, c *gate.Change) {
	g.lastEpoch, g.lostWhy, g.exit = c.Epoch, "", nil
	if err := g.keepClaim(c.Epoch); err != nil {
		g.log.Error("epoch file", "site", g.set.Site, "detail", err.Error())
		// A workload without its epoch would run unfenced: it does not begin.
		g.fail(err)
		return
	}
	if g.set.Timing.Beat > 0 && g.set.Format == gate.FormatTicks {
		g.write(now, c.Epoch, func(Instant, string) {}) // the first that says that it runs
	}
	switch {
	case !g.set.guards():
		g.opens, g.finished = true, true
	case len(g.set.Command) > 0:
		g.startWorkload(c.Epoch)
	}
}

// mustEnd has the workload stopped. The keeper has the deadlines already.
func (g *Gate) mustEnd(c *gate.Change) {
	if !g.stopped {
		g.lostWhy = string(c.Reason)
	}
	g.dropClaim()
	switch {
	case g.workload == nil && !g.starting && len(g.set.Processes) == 0 && g.set.Watch:
		// Nothing here can stop it: whoever has started the gate has to.
		g.finished = true
	case len(g.set.Processes) > 0 && !g.present, g.workload == nil && !g.starting:
		g.soon(func(now Instant) { g.m.Ended(now) })
	}
}

// closed is the end, where the gate does not stay.
func (g *Gate) closed() {
	if !g.set.Stay && !g.set.Watch && !g.stopped {
		g.finished = true
	}
}

// fail stops the gate because of a mistake of its surroundings.
func (g *Gate) fail(err error) {
	g.exit = &keeper.Exit{Err: err}
	g.soon(func(now Instant) {
		g.stop(now)
		g.m.Ended(now)
	})
}

// soon gives the loop an input from within a step.
func (g *Gate) soon(f func(now Instant)) { go g.post(f) }
