package probe

import (
	"context"
	"math/rand/v2"
	"time"

	"stead/internal/core"
)

// firstRunWithin is within which time of the start a check runs for the first
// time, so that checks of one interval do not all run in the same moment, and a
// node still learns soon how it is.
const firstRunWithin = 200 * time.Millisecond

// starvedInRow is how many timeouts in a row may be laid to our own lateness.
// A node that is short of processors for longer than that should not serve.
const starvedInRow = 3

// runner runs one check on an absolute schedule: the k-th run starts k intervals
// after the first, whatever the runs took. What was missed is left out.
type runner struct {
	probe    Probe
	interval time.Duration
	timeout  time.Duration
	starved  int
	report   func(Result)
	cancel   context.CancelFunc
	done     chan struct{}
}

func startRunner(t Target, p Probe, report func(Result)) *runner {
	ctx, cancel := context.WithCancel(context.Background())
	r := &runner{
		probe: p, interval: max(t.Interval, time.Millisecond), timeout: max(t.Timeout, time.Millisecond),
		report: report, cancel: cancel, done: make(chan struct{}),
	}
	go r.loop(ctx)
	return r
}

// stop ends the check, and returns when no more result will be reported.
func (r *runner) stop() {
	r.cancel()
	<-r.done
}

func (r *runner) loop(ctx context.Context) {
	defer close(r.done)
	defer r.probe.Close()
	due := now().Add(rand.N(min(r.interval, firstRunWithin)))
	timer := time.NewTimer(due.Sub(now()))
	defer timer.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-timer.C:
		}
		result := r.once(ctx)
		if ctx.Err() != nil {
			return // the run was cut short: its result says nothing
		}
		r.report(result)
		at := now()
		due = next(due, at, r.interval)
		timer.Reset(due.Sub(at))
	}
}

// next returns the first moment of the schedule after at.
func next(due, at time.Time, interval time.Duration) time.Time {
	due = due.Add(interval)
	if behind := at.Sub(due); behind > 0 {
		due = due.Add((behind + interval - 1).Truncate(interval))
	}
	return due
}

func (r *runner) once(ctx context.Context) Result {
	start := now()
	deadline := start.Add(r.timeout)
	result := r.probe.Run(ctx, deadline)
	end := now()
	result.Took = end.Sub(start)
	return r.excuse(result, end.Sub(deadline))
}

// excuse turns a timeout into "could not run" where this process noticed it so
// late that it cannot have been watching: by more than the timeout itself.
func (r *runner) excuse(result Result, late time.Duration) Result {
	if !result.TimedOut || late <= r.timeout {
		r.starved = 0
		return result
	}
	if r.starved++; r.starved > starvedInRow {
		return result
	}
	result.Outcome, result.TimedOut = core.CouldNotRun, false
	result.Detail = "this process was not scheduled for " + late.Round(time.Millisecond).String() + " (" + result.Detail + ")"
	return result
}
