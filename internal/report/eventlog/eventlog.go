// Package eventlog keeps the last events of this run of the daemon.
//
// The log is a ring of fixed size. A reader is a place in it and owns no buffer:
// one that is slower than the ring turns loses the oldest events and is told how
// many. Append therefore never waits for anybody, however many read.
package eventlog

import (
	"context"
	"fmt"
	"sync"
	"time"

	"stead/internal/report"
)

// Capacity is how many events a Log of the daemon keeps.
const Capacity = 4096

// Log is a bounded history of events. It is safe for use by several goroutines.
type Log struct {
	mu        sync.Mutex
	ring      []report.Event
	next      uint64        // the number of the next event; the first is 1
	grown     chan struct{} // closed when an event was added; nil while nobody waits
	observers []func(report.Event)
}

// New makes a log of the last capacity events, 1 or more.
func New(capacity int) *Log {
	return &Log{ring: make([]report.Event, max(capacity, 1)), next: 1}
}

// Observe has f called with every event from now on, in order, by whoever appends.
// f has to be quick and must not call the log.
func (l *Log) Observe(f func(report.Event)) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.observers = append(l.observers, f)
}

// Append numbers an event and stores it. An event without a time gets the present.
func (l *Log) Append(e report.Event) report.Event {
	if e.Wall.IsZero() {
		e.Wall = time.Now()
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	e.Seq = l.next
	l.ring[e.Seq%uint64(len(l.ring))] = e
	l.next++
	for _, f := range l.observers {
		f(e)
	}
	if l.grown != nil {
		close(l.grown)
		l.grown = nil
	}
	return e
}

// Last returns the last n events, oldest first; all that are kept when n is 0 or less.
func (l *Log) Last(n int) []report.Event {
	l.mu.Lock()
	defer l.mu.Unlock()
	from := l.oldest()
	if n > 0 && l.next-from > uint64(n) {
		from = l.next - uint64(n)
	}
	return l.since(from, len(l.ring))
}

// oldest is the number of the oldest event that is kept.
func (l *Log) oldest() uint64 {
	if size := uint64(len(l.ring)); l.next > size {
		return l.next - size
	}
	return 1
}

// since copies up to limit events from the one with number from, which has to be kept or not yet there.
func (l *Log) since(from uint64, limit int) []report.Event {
	n := min(l.next-from, uint64(limit))
	out := make([]report.Event, 0, n)
	for seq := from; seq < from+n; seq++ {
		out = append(out, l.ring[seq%uint64(len(l.ring))])
	}
	return out
}

// Cursor is a reader's place in a log. It belongs to one goroutine.
type Cursor struct {
	log  *Log
	next uint64 // the number of the event that it wants next
}

// Follow returns a cursor after the event with number seq: 0 for all that are kept.
// A number that this run has not reached, as one from an earlier run, counts as 0.
func (l *Log) Follow(seq uint64) *Cursor {
	l.mu.Lock()
	defer l.mu.Unlock()
	if seq >= l.next || seq == 0 {
		return &Cursor{log: l, next: l.oldest()}
	}
	return &Cursor{log: l, next: seq + 1}
}

// FollowNew returns a cursor after the newest event.
func (l *Log) FollowNew() *Cursor {
	l.mu.Lock()
	defer l.mu.Unlock()
	return &Cursor{log: l, next: l.next}
}

// batch is how many events Next hands out at most, so that a reader that is far
// behind does not copy the ring while Append waits.
const batch = 256

// Next returns the events that have come since the last call, at least one.
// Where the log has moved past the cursor the first is one of kind report.Lost.
// It waits until there is an event or ctx ends.
func (c *Cursor) Next(ctx context.Context) ([]report.Event, error) {
	for {
		events, grown := c.take()
		if len(events) > 0 {
			return events, nil
		}
		select {
		case <-grown:
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
}

// Ready returns the events that have come since the last call, perhaps none.
func (c *Cursor) Ready() []report.Event {
	l := c.log
	l.mu.Lock()
	defer l.mu.Unlock()
	return c.ready()
}

func (c *Cursor) take() ([]report.Event, <-chan struct{}) {
	l := c.log
	l.mu.Lock()
	defer l.mu.Unlock()
	if events := c.ready(); len(events) > 0 {
		return events, nil
	}
	if l.grown == nil {
		l.grown = make(chan struct{})
	}
	return nil, l.grown
}

func (c *Cursor) ready() []report.Event {
	l := c.log
	var out []report.Event
	if oldest := l.oldest(); c.next < oldest {
		first := l.ring[oldest%uint64(len(l.ring))]
		out = append(out, report.Event{
			Seq: oldest - 1, Wall: first.Wall, BootNS: first.BootNS, Node: first.Node, Kind: report.Lost,
			Detail: fmt.Sprintf("%d events were overwritten before they were read", oldest-c.next),
		})
		c.next = oldest
	}
	out = append(out, l.since(c.next, batch)...)
	if n := len(out); n > 0 {
		c.next = out[n-1].Seq + 1
	}
	return out
}
