package probe

import (
	"context"
	"time"
)

// detach lets a probe that may hang in the kernel, on a dead file system say,
// run in a goroutine of its own, so that its run ends by the deadline. While it
// hangs, each run ends with the result late, and no other look is started.
// Close does not wait for one that hangs; it ends when the kernel lets it go.
func detach(look func() Result, closeLook func(), late func() Result) Probe {
	d := &detached{asked: make(chan struct{}), answered: make(chan Result, 1)}
	go func() {
		defer closeLook()
		for range d.asked {
			d.answered <- look()
		}
	}()
	return Probe{
		Run: func(ctx context.Context, deadline time.Time) Result {
			result, ok := d.run(ctx, deadline)
			if !ok {
				return late()
			}
			return result
		},
		Close: func() { close(d.asked) },
	}
}

type detached struct {
	asked    chan struct{}
	answered chan Result
	hangs    bool // an earlier run's answer is still awaited
	timer    *time.Timer
}

func (d *detached) run(ctx context.Context, deadline time.Time) (Result, bool) {
	if !d.hangs {
		d.asked <- struct{}{}
	}
	if d.timer == nil {
		d.timer = time.NewTimer(deadline.Sub(now()))
	} else {
		d.timer.Reset(deadline.Sub(now()))
	}
	defer d.timer.Stop()
	select {
	case result := <-d.answered:
		d.hangs = false
		return result, true
	case <-d.timer.C:
	case <-ctx.Done():
	}
	// What has come by now counts, however late this process looked.
	select {
	case result := <-d.answered:
		d.hangs = false
		return result, true
	default:
		d.hangs = true
		return Result{}, false
	}
}
