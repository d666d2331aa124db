package probe

import (
	"context"
	"errors"
	"fmt"
	"time"

	"stead/internal/config"
	"stead/internal/core"
	"stead/internal/core/clock"
	"stead/internal/core/health"
)

// lateLooks is after how many intervals without a look at both numbers a
// checkpoint gets its full time again.
const lateLooks = 3

// progressProbe looks at a checkpoint and at the end of what there is to do. What
// cannot be read, is torn or is no number has not been looked at.
type progressProbe struct {
	at, end numberReader // end: no read, where none is configured
	judge   health.Progress
	start   time.Time
}

func newProgress(t Target) (Probe, error) {
	if t.Progress == nil {
		return Probe{}, errors.New("no checkpoint is named")
	}
	return NewProgress(*t.Progress, t.Interval, t.Timeout, t.Stores)
}

// NewProgress builds the probe of a progress check that runs every interval. Its
// Close has to be called. stores may be nil where no number is in a store.
func NewProgress(p config.Progress, interval, timeout time.Duration, stores Stores) (Probe, error) {
	if p.Stalled <= 0 {
		return Probe{}, fmt.Errorf("stalled is %v: it has to be positive", p.Stalled)
	}
	at, err := openNumber(p.At, timeout, stores)
	if err != nil {
		return Probe{}, fmt.Errorf("checkpoint: %w", err)
	}
	probe := &progressProbe{at: at, start: now(), judge: health.Progress{
		Stalled: p.Stalled, Late: lateLooks * (interval + timeout), Ends: p.End != nil,
	}}
	if p.End == nil {
		return Probe{Run: probe.run, Close: at.close}, nil
	}
	if probe.end, err = openNumber(*p.End, timeout, stores); err != nil {
		at.close()
		return Probe{}, fmt.Errorf("end: %w", err)
	}
	return Probe{Run: probe.run, Close: func() { at.close(); probe.end.close() }}, nil
}

func (p *progressProbe) run(ctx context.Context, deadline time.Time) Result {
	// The end is read last, so that it is not found behind a checkpoint that moves.
	at, err := p.at.count(ctx, deadline)
	if err != nil {
		return notRun("checkpoint: " + err.Error())
	}
	var end *health.Count
	if p.end.read != nil {
		end, err = p.end.count(ctx, deadline)
	}
	outcome, detail := p.judge.Look(clock.Instant(now().Sub(p.start)), at, end)
	if outcome == health.CouldNotRun && err != nil {
		detail = "end: " + err.Error()
	}
	return Result{Outcome: core.Outcome(outcome), Detail: detail}
}
