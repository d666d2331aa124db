package gate

import (
	"context"
	"errors"
	"slices"
	"time"

	"stead/internal/adapter/register"
	"stead/internal/adapter/store"
	"stead/internal/core/gate"
	"stead/internal/core/lease"
)

// look looks at a witness.
func (g *Gate) look(i int) {
	blob := g.sources[i]
	if blob == nil {
		return
	}
	go func() {
		ctx, cancel := context.WithTimeout(g.ctx, g.set.Timing.Timeout)
		defer cancel()
		began := g.env.Now()
		s := see(ctx, blob, g.set.Other)
		s.Witness = i
		g.metrics.access("heartbeat", "read", g.env.Now().Sub(began))
		g.post(func(now Instant) {
			g.noteSample(now, &s)
			g.m.Saw(now, &s)
		})
	}()
}

// see reads a heartbeat of a site, in whichever format it is.
func see(ctx context.Context, blob store.Blob, site string) gate.Sample {
	bytes, err := blob.Read(ctx)
	var s gate.Sample
	switch {
	case errors.Is(err, store.ErrAbsent):
		s.Sight = gate.Nothing
	case err != nil:
		return gate.Sample{Detail: err.Error()}
	default:
		s = gate.FormatAuto.Sight(site, bytes)
	}
	if placed, ok := blob.(store.Placed); ok {
		place, err := placed.Place(ctx)
		if err != nil {
			return gate.Sample{Detail: err.Error()}
		}
		s.Place = place
	}
	return s
}

// operate reads or replaces the right.
func (g *Gate) operate(op *lease.Op) {
	o := *op
	o.Bytes = slices.Clone(op.Bytes)
	go func() {
		ctx, cancel := context.WithTimeout(g.ctx, g.set.Timing.Timeout)
		defer cancel()
		began := g.env.Now()
		r := register.CarryOut(ctx, g.register, &o)
		what := "read"
		if o.Swap {
			what = "write"
		}
		g.metrics.access("right", what, g.env.Now().Sub(began))
		g.result(r)
	}()
}

// watchRegister lets a store that can tell of changes do so. What it does not tell
// is found by looking, so its errors are of no interest.
func (g *Gate) watchRegister(ctx context.Context) {
	watcher, ok := g.register.(store.Watcher)
	if !ok {
		return
	}
	go func() {
		for ctx.Err() == nil {
			_ = watcher.Watch(ctx, func() { g.post(func(now Instant) { g.m.Refresh(now) }) })
			select {
			case <-ctx.Done():
			case <-time.After(wakeEvery):
			}
		}
	}()
}

// beat writes this site's heartbeat wherever the other one looks for it.
func (g *Gate) beat(now Instant, epoch uint64) {
	if g.mutes() {
		// Ticks can only say that the workload runs, and it does not. That the store
		// can be written, claiming the right shows.
		g.soon(func(now Instant) { g.m.Wrote(now, true, "") })
		return
	}
	g.write(now, epoch, func(now Instant, trouble string) { g.m.Wrote(now, trouble == "", trouble) })
}

// mutes tells whether a heartbeat would say what is not so.
func (g *Gate) mutes() bool {
	return g.set.Format == gate.FormatTicks && g.register != nil && !g.mayRun()
}

// write writes a heartbeat, and says what went wrong.
func (g *Gate) write(now Instant, epoch uint64, done func(now Instant, trouble string)) {
	g.sequence++
	h := heartbeat{
		format: g.set.Format, timeout: g.set.Timing.Timeout, pages: g.pages, all: g.set.Any,
		Heartbeat: gate.Heartbeat{
			Site: g.set.Site, Session: g.env.Session, Sequence: g.sequence, Epoch: epoch,
			Age: now.Sub(g.beginAt), At: g.env.Wall(),
		},
	}
	go func() {
		began := g.env.Now()
		err := h.write(g.ctx)
		g.metrics.access("heartbeat", "write", g.env.Now().Sub(began))
		g.post(func(now Instant) {
			detail := ""
			if err != nil {
				detail = err.Error()
			}
			g.noteWrite(detail)
			done(now, detail)
		})
	}()
}
