package gate

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"stead/internal/adapter/probe"
	"stead/internal/adapter/store"
	"stead/internal/config"
	"stead/internal/core"
	"stead/internal/core/gate"
)

// Progress is the work that has to move on while the workload of this site runs.
type Progress struct {
	config.Progress
	Interval time.Duration     // between two looks
	Pause    time.Duration     // of a gate: see gate.Config.StallPause
	Stores   map[string]string // the URL of each store in which a number is, by the name that it has there
}

// States of work.
const (
	WorkMoves   = "moving"  // or there is none left
	WorkStalled = "stalled" // it stands still though there is some left
	WorkUnknown = "unknown" // it cannot be told, or not yet
	WorkNone    = "none"    // the workload does not run
)

// ProgressStatus is how the work of this site goes.
type ProgressStatus struct {
	State  string `json:"state"` // moving, stalled, unknown or none
	Detail string `json:"detail,omitempty"`
}

const progressHelp = "1 while the work of this site moves on or there is none left, 0 while it stands still. Missing where that is not known."

// collect gives the metric of a work that is known.
func (s *ProgressStatus) collect(ch chan<- prometheus.Metric, d *prometheus.Desc) {
	if s != nil && (s.State == WorkMoves || s.State == WorkStalled) {
		ch <- prometheus.MustNewConstMetric(d, prometheus.GaugeValue, flag(s.State == WorkMoves))
	}
}

// check refuses what cannot work.
func (p *Progress) check(timeout time.Duration) error {
	switch {
	case p.Interval <= 0 || p.Pause < 0:
		return errors.New("progress: the interval has to be longer than 0, and the pause not shorter")
	case p.Stalled < 2*p.Interval:
		return fmt.Errorf("progress: stalled %v: is shorter than two intervals of %v: a number has to be read twice to be seen standing still", p.Stalled, p.Interval)
	case p.End != nil && *p.End == p.At:
		return errors.New("progress: the end is the same number as the checkpoint: it is how far the producer is")
	}
	// What is missing beside the names of stores is found by preparing to read.
	look, err := probe.NewProgress(p.Progress, p.Interval, timeout, func(string) (store.Store, bool) { return nil, false })
	if err != nil {
		return fmt.Errorf("progress: %w", err)
	}
	look.Close()
	return nil
}

func (s *Settings) checkProgress() error {
	switch {
	case s.Progress == nil:
		return nil
	case len(s.Command) == 0 && len(s.Processes) == 0:
		return errors.New("progress: nothing here could stop the workload: let the gate run it, or watch its processes by their name")
	}
	return s.Progress.check(s.Timing.Timeout)
}

// openProgress opens the stores in which the numbers are.
func (g *Gate) openProgress(ctx context.Context, p *Progress) error {
	if p == nil {
		return nil
	}
	g.work.State = WorkNone
	names := []string{p.At.Store()}
	if p.End != nil {
		names = append(names, p.End.Store())
	}
	for _, name := range slices.DeleteFunc(names, func(name string) bool { return name == "" }) {
		if _, err := g.store(ctx, p.Stores[name]); err != nil {
			return fmt.Errorf("progress: store %s: %w", name, err)
		}
	}
	return nil
}

// judge tells how the work of p goes, on a goroutine of its own, until ctx ends.
func (g *Gate) judge(ctx context.Context, p *Progress, tell func(probe.Result)) error {
	look, err := probe.NewProgress(p.Progress, p.Interval, g.set.Timing.Timeout, func(name string) (store.Store, bool) {
		s, ok := g.stores[p.Stores[name]]
		return s, ok
	})
	if err != nil {
		return fmt.Errorf("progress: %w", err)
	}
	go func() {
		defer look.Close()
		ticker := time.NewTicker(p.Interval)
		defer ticker.Stop()
		for {
			tell(lookOnce(ctx, look, g.set.Timing.Timeout))
			select {
			case <-ctx.Done():
				return
			case <-ticker.C:
			}
		}
	}()
	return nil
}

func lookOnce(ctx context.Context, look probe.Probe, timeout time.Duration) probe.Result {
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	deadline, _ := ctx.Deadline()
	return look.Run(ctx, deadline)
}

// workOf is a result in words. What could not be read is neither good nor bad.
func workOf(r probe.Result) ProgressStatus {
	switch r.Outcome {
	case core.Passed:
		return ProgressStatus{State: WorkMoves}
	case core.Failed:
		return ProgressStatus{State: WorkStalled, Detail: r.Detail}
	default:
		return ProgressStatus{State: WorkUnknown, Detail: r.Detail}
	}
}

// followWork judges the work while the workload runs, anew in each of its runs.
func (g *Gate) followWork() {
	runs := g.state.Phase == gate.Open
	switch {
	case g.set.Progress == nil || runs == (g.endWork != nil):
	case runs:
		ctx, cancel := context.WithCancel(g.ctx)
		g.endWork = cancel
		err := g.judge(ctx, g.set.Progress, func(r probe.Result) {
			g.post(func(now Instant) {
				if ctx.Err() == nil { // else it is of a run that is over
					g.noteWork(now, workOf(r))
				}
			})
		})
		g.work = ProgressStatus{State: WorkUnknown}
		if err != nil {
			g.work.Detail = err.Error()
			g.log.Error("progress", "site", g.set.Site, "detail", err.Error())
		}
	default:
		g.endWork()
		g.endWork, g.work = nil, ProgressStatus{State: WorkNone}
	}
}

// noteWork takes in how the work goes.
func (g *Gate) noteWork(now Instant, work ProgressStatus) {
	if work.State != g.work.State {
		g.log.Info("progress", "site", g.set.Site, "state", work.State, "detail", work.Detail)
	}
	g.work = work
	if work.State != WorkUnknown {
		g.m.Progress(now, work.State == WorkStalled, work.Detail)
	}
}

// followWork judges the work as long as ctx goes on.
func (b *Beater) followWork(ctx context.Context) error {
	if b.set.Progress == nil {
		return nil
	}
	b.mu.Lock()
	b.status.Progress = &ProgressStatus{State: WorkUnknown}
	b.mu.Unlock()
	return b.g.judge(ctx, b.set.Progress, func(r probe.Result) {
		work := workOf(r)
		b.mu.Lock()
		was := b.status.Progress
		// What cannot be read any more stalls and moves as it did: it ends no hold.
		if work.State == WorkUnknown && was.State == WorkStalled {
			work.State = WorkStalled
		}
		b.status.Progress = &work
		b.mu.Unlock()
		switch {
		case work.State == was.State:
		case work.State == WorkStalled:
			b.env.Log.Warn("note", "site", b.set.Site, "reason", "check-failed", "detail", "no heartbeat is written: "+work.Detail)
		case was.State == WorkStalled:
			b.env.Log.Info("note", "site", b.set.Site, "detail", "the work moves on again, or there is none left: the heartbeat is written")
		default:
			b.env.Log.Info("progress", "site", b.set.Site, "state", work.State, "detail", work.Detail)
		}
	})
}

// holds tells whether no heartbeat is to be written, because the work stands still.
// That is no trouble of this process, whose limits begin anew.
func (b *Beater) holds(now Instant) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.status.Progress == nil || b.status.Progress.State != WorkStalled {
		return false
	}
	b.at = now
	return true
}
