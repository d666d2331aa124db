package register

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"stead/internal/adapter/store"
	"stead/internal/core/lease"
)

// waiting is how many operations may wait for one that does not end.
const waiting = 4

// watchPause is how long after a watch has broken the next one begins. The core
// looks by itself meanwhile.
const watchPause = time.Second

// carrier is the operations of one group.
type carrier struct {
	Lease
	set     *Set
	ops     chan lease.Op
	gone    context.Context
	retire  context.CancelFunc
	timeout atomic.Int64
	watched bool // the caller's

	mu     sync.Mutex
	counts Counts
}

func (s *Set) newCarrier(l Lease) *carrier {
	c := &carrier{Lease: l, set: s, ops: make(chan lease.Op, waiting)}
	c.gone, c.retire = context.WithCancel(s.life)
	c.timeout.Store(int64(l.Timeout))
	s.running.Add(1)
	go c.work()
	return c
}

// begin hands an operation over. With the first one the group's changes are of
// interest, too.
func (c *carrier) begin(op lease.Op) bool {
	if w, ok := c.Register.(store.Watcher); ok && !c.watched {
		c.watched = true
		c.set.running.Add(1)
		go c.watch(w)
	}
	select {
	case c.ops <- op:
		return true
	default:
		return false
	}
}

func (c *carrier) work() {
	defer c.set.running.Done()
	for {
		select {
		case <-c.gone.Done():
			return
		case op := <-c.ops:
			r := c.carryOut(&op)
			if c.gone.Err() == nil {
				c.set.options.Done(c.Group, r)
			}
		}
	}
}

func (c *carrier) carryOut(op *lease.Op) lease.Result {
	timeout := time.Duration(c.timeout.Load())
	ctx, cancel := context.WithTimeout(c.gone, timeout)
	defer cancel()
	began := c.set.options.Now()
	r := CarryOut(ctx, c.Register, op)
	if r.Outcome == lease.Failed && errors.Is(ctx.Err(), context.DeadlineExceeded) {
		r.Detail = fmt.Sprintf("store %q: no answer within %v", c.Store, timeout)
	}
	c.tally(op, &r, c.set.options.Now().Sub(began))
	return r
}

func (c *carrier) tally(op *lease.Op, r *lease.Result, took time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	n := &c.counts
	if op.Swap {
		n.Writes++
	} else {
		n.Reads++
	}
	switch r.Outcome {
	case lease.Failed:
		n.Failures++
		if !op.Swap {
			n.ReadFailures++
		}
		return
	case lease.Conflict:
		n.Conflicts++
	}
	n.Last, n.Longest = took, max(n.Longest, took)
}

func (c *carrier) count() Counts {
	c.mu.Lock()
	defer c.mu.Unlock()
	n := c.counts
	n.Group, n.Store = c.Group, c.Store
	return n
}

// watch hears of changes as long as the group has its lease here.
func (c *carrier) watch(w store.Watcher) {
	defer c.set.running.Done()
	for c.gone.Err() == nil {
		_ = w.Watch(c.gone, func() { c.set.options.Changed(c.Group) })
		select {
		case <-c.gone.Done():
		case <-time.After(watchPause):
		}
	}
}
