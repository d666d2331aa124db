package sim

import (
	"context"
	"io"
	"runtime"
	"sync"
)

// Runs says which worlds are to be run.
type Runs struct {
	From    uint64 // the first seed
	Worlds  int
	Setup   func(seed uint64) Setup
	Trace   io.Writer     // every line of every world; nil for none
	Done    func(*Result) // is told of every world, in the order of the seeds; may be nil
	Workers int           // 0: as many as there are processors
}

// Run runs worlds until all are done, one has a violation or ctx ends. It
// returns the summary and the first world, by seed, with a violation, if any.
// Worlds are handed out in the order of their seeds and taken in in the same order, so that
// the outcome does not depend on the number of workers.
func Run(ctx context.Context, r Runs) (Summary, *Result) {
	workers := r.Workers
	if workers <= 0 {
		workers = runtime.GOMAXPROCS(0)
	}
	if r.Trace != nil {
		workers = 1
	}
	results := make([]chan *Result, workers)
	ctx, stop := context.WithCancel(ctx)
	var group sync.WaitGroup
	for n := range workers {
		results[n] = make(chan *Result, 4)
		group.Go(func() { r.work(ctx, n, workers, results[n]) })
	}
	defer group.Wait()
	defer stop()
	return r.collect(results)
}

// work runs every workers-th world, from the n-th on.
func (r *Runs) work(ctx context.Context, n, workers int, out chan<- *Result) {
	defer close(out)
	for i := n; i < r.Worlds; i += workers {
		seed := r.From + uint64(i)
		w := NewWorld(seed, r.Setup(seed))
		if r.Trace != nil {
			w.TraceTo(r.Trace)
		}
		if ctx.Err() != nil {
			return
		}
		select {
		case out <- w.Run():
		case <-ctx.Done():
			return
		}
	}
}

func (r *Runs) collect(results []chan *Result) (Summary, *Result) {
	var sum Summary
	for i := range r.Worlds {
		one, ok := <-results[i%len(results)]
		if !ok {
			break
		}
		sum.Add(one)
		if r.Done != nil {
			r.Done(one)
		}
		if len(one.Violations) > 0 {
			return sum, one
		}
	}
	return sum, nil
}
