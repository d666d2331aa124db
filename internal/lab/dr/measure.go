package dr

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"stead/internal/lab/dr/queue"
	"stead/internal/workload"
)

// settle is how long is looked at what has come about.
const settle = 500 * time.Millisecond

// measure lets a fault happen once. What goes wrong is in the result.
func (p *pair) measure(ctx context.Context, number int) Result {
	r := Result{Fault: p.fault.name, Original: p.original, Number: number}
	held := heldUp()
	if err := p.play(ctx, &r); err != nil {
		r.Failed = err.Error()
	}
	r.To, r.HeldUp = workload.Now(), held()
	r.Runs, _ = p.log.Consumers()
	r.Paused = p.paused
	r.Counts = queue.Count(p.log.Records(), r.Runs, r.Injected)
	if len(r.Runs) > 0 {
		r.From = r.Runs[0].Began
	}
	r.Lines = p.bothLines()
	if r.Injected != 0 {
		r.evaluate(p.fault)
	}
	r.judge(p.fault, p.times)
	return r
}

func (p *pair) play(ctx context.Context, r *Result) error {
	if err := p.prepare(ctx); err != nil {
		return fmt.Errorf("before the fault: %w", err)
	}
	stays(ctx, settle) // the workload is at work, and heartbeats go by
	if p.original {
		p.awaitBeat(ctx)
	}
	r.Injected = workload.Now()
	if err := p.fault.inject(ctx, p); err != nil {
		return fmt.Errorf("inject: %w", err)
	}
	p.look(ctx, r.Injected)
	if p.fault.heal == nil || ctx.Err() != nil {
		return ctx.Err()
	}
	r.Healed = workload.Now()
	if err := p.fault.heal(ctx, p); err != nil {
		return fmt.Errorf("heal: %w", err)
	}
	// The other site has time to do what it must not.
	if p.fault.again {
		p.await(ctx, p.patience(), func(list []queue.Consumer) bool { return has(list, siteA) || has(list, siteB) })
		stays(ctx, settle)
	} else {
		stays(ctx, p.times.Flatline+settle)
	}
	return ctx.Err()
}

// awaitBeat waits for the next heartbeat of the site that runs: what is measured of the
// construction is then what it takes from its last heartbeat on.
func (p *pair) awaitBeat(ctx context.Context) {
	name := filepath.Join(p.dir, otherSite(p.fault.site()), "heartbeat.txt")
	modified := func() time.Time {
		info, err := os.Stat(name)
		if err != nil {
			return time.Time{}
		}
		return info.ModTime()
	}
	before := modified()
	for end := time.Now().Add(2 * p.times.Beat); ctx.Err() == nil && time.Now().Before(end) && modified().Equal(before); {
		stays(ctx, 10*time.Millisecond)
	}
}

// prepare lets site a run and b wait, and then whatever the fault needs.
func (p *pair) prepare(ctx context.Context) error {
	if err := p.start(siteA); err != nil {
		return err
	}
	if err := p.runs(ctx, siteA, p.patience()); err != nil {
		return err
	}
	stays(ctx, p.times.Beat/5) // its first heartbeat is written
	if err := p.start(siteB); err != nil {
		return err
	}
	if err := p.waits(ctx, siteB); err != nil {
		return err
	}
	if p.fault.prepare != nil {
		return p.fault.prepare(ctx, p)
	}
	return nil
}

// look waits for what has to come about, or long enough to see that it does not.
func (p *pair) look(ctx context.Context, injected Instant) {
	site := p.fault.site()
	began := func(list []queue.Consumer) bool {
		for _, c := range list {
			if c.Site == site && c.Began > injected {
				return true
			}
		}
		return false
	}
	if p.fault.want == open || p.original {
		p.await(ctx, p.patience(), began)
		stays(ctx, settle)
		if p.original { // nothing that it does ends by itself
			stays(ctx, p.times.Beat)
		}
	} else {
		stays(ctx, 3*p.times.Flatline)
	}
	if p.fault.pauses {
		stays(ctx, injected.Add(3*p.times.Flatline).Sub(workload.Now()))
	}
}

// heldUp measures for how long at most this program was not let run though it had
// to, until the function that it returns is called.
func heldUp() (longest func() time.Duration) {
	const every = 5 * time.Millisecond
	stop, result := make(chan struct{}), make(chan time.Duration)
	go func() {
		var most time.Duration
		last := workload.Now()
		for {
			select {
			case <-stop:
				result <- most
				return
			case <-time.After(every):
			}
			now := workload.Now()
			most = max(most, now.Sub(last)-every)
			last = now
		}
	}()
	return func() time.Duration { close(stop); return <-result }
}
