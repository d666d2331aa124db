// Package outbox delivers what the daemon tells the outside: mails and the
// requests of webhooks.
//
// Every recipient has a Box of its own with a goroutine of its own. Put returns
// at once, whatever the recipient does. What was put in is delivered in order,
// each thing as often as it takes until its patience is over; the first attempt
// is made at once. The box is bounded: when it is full the oldest is dropped.
// What was delivered, given up, dropped or lost is counted and said.
package outbox

import (
	"context"
	"errors"
	"math/rand/v2"
	"sync"
	"time"
)

// Outcome is what became of things that were put in.
type Outcome uint8

// The outcomes.
const (
	Sent    Outcome = iota
	Trying          // the first attempt has failed; it is tried again
	Failed          // refused for good, or tried until the patience was over
	Dropped         // overtaken: the box was full
	Lost            // not delivered when the daemon ended
)

// String returns the word that metrics and the event log use.
func (o Outcome) String() string {
	return [...]string{"sent", "trying", "failed", "dropped", "lost"}[min(o, Lost)]
}

// Result tells what became of things.
type Result struct {
	Outcome Outcome
	Things  int           // how many
	Took    time.Duration // of Sent: since the first of them was put in
	Err     error         // of Trying, Failed and Lost: what went wrong last
}

// Counts are how many things had each outcome so far.
type Counts struct {
	Waiting                     int
	Sent, Failed, Dropped, Lost uint64
	LastError                   string // of the last attempt, empty when that went well
}

// Item is a thing that was put in.
type Item[T any] struct {
	Thing T
	Put   time.Time
	ID    string // the same at every attempt
}

// Options are what New needs. Zero values of numbers are replaced by those that
// are named.
type Options[T any] struct {
	// Send makes one attempt. It has to return when ctx is done. An error made by
	// Permanent is not tried again.
	Send   func(ctx context.Context, items []Item[T]) error
	Report func(Result) // called by the goroutine of the box, and by Put for what it drops
	Retry  time.Duration

	Limit     int           // things that wait at most: 256
	Batch     int           // things that one attempt carries at most: 1
	Gather    time.Duration // how long the first one waits for others
	PerMinute int           // attempts that went well in any minute at most: no limit
	First     time.Duration // pause after the first attempt that failed: 200 ms
	Most      time.Duration // and the longest pause: 30 s
}

// Box is the outbox of one recipient. Its methods may be called from any goroutine.
type Box[T any] struct {
	o      Options[T]
	ctx    context.Context
	cancel context.CancelFunc
	wake   chan struct{} // something was put in, or the box was closed
	ended  chan struct{}

	mu     sync.Mutex
	retry  time.Duration
	items  []Item[T]
	flying int // the first of items, which an attempt carries
	counts Counts
	closed bool
	times  []time.Time // of the attempts that went well in the last minute
}

// New starts a box.
func New[T any](o Options[T]) *Box[T] {
	set := func(n *int, to int) {
		if *n <= 0 {
			*n = to
		}
	}
	set(&o.Limit, 256)
	set(&o.Batch, 1)
	if o.First <= 0 {
		o.First = 200 * time.Millisecond
	}
	if o.Most <= 0 {
		o.Most = 30 * time.Second
	}
	b := &Box[T]{o: o, retry: o.Retry, wake: make(chan struct{}, 1), ended: make(chan struct{})}
	b.ctx, b.cancel = context.WithCancel(context.Background())
	go b.work()
	return b
}

// Put hands a thing over. It never waits for the recipient. After Stop it does nothing.
func (b *Box[T]) Put(thing T) {
	b.mu.Lock()
	if b.closed {
		b.mu.Unlock()
		return
	}
	dropped := false
	if len(b.items) >= b.o.Limit && b.flying < len(b.items) {
		b.items = append(b.items[:b.flying], b.items[b.flying+1:]...)
		b.counts.Dropped++
		dropped = true
	}
	b.items = append(b.items, Item[T]{Thing: thing, Put: now(), ID: newID()})
	b.mu.Unlock()
	b.nudge()
	if dropped {
		b.o.Report(Result{Outcome: Dropped, Things: 1})
	}
}

// SetRetry changes for how long things are tried again.
func (b *Box[T]) SetRetry(retry time.Duration) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.retry = retry
}

// Counts returns what became of everything so far.
func (b *Box[T]) Counts() Counts {
	b.mu.Lock()
	defer b.mu.Unlock()
	c := b.counts
	c.Waiting = len(b.items)
	return c
}

// Stop takes nothing more and tries what is there without further pauses until
// ctx is done. What is left then is lost, and said to be.
func (b *Box[T]) Stop(ctx context.Context) {
	b.mu.Lock()
	b.closed = true
	b.mu.Unlock()
	b.nudge()
	select {
	case <-b.ended:
	case <-ctx.Done():
	}
	b.cancel()
	<-b.ended
}

func (b *Box[T]) nudge() {
	select {
	case b.wake <- struct{}{}:
	default:
	}
}

// permanent marks errors that another attempt would meet again.
type permanent struct{ error }

func (p permanent) Unwrap() error { return p.error }

// Permanent says that another attempt would meet the same error.
func Permanent(err error) error { return permanent{err} }

// IsPermanent tells whether an error was made by Permanent.
func IsPermanent(err error) bool {
	var p permanent
	return errors.As(err, &p)
}

// later asks for a pause.
type later struct {
	error
	pause time.Duration
}

func (l later) Unwrap() error { return l.error }

// Later says when the recipient wants to be tried again.
func Later(err error, pause time.Duration) error { return later{err, pause} }

// pause is how long to wait after so many attempts in a row that failed: doubled
// each time, and of random length, so that many nodes do not come at once.
func (b *Box[T]) pause(failures int, err error) time.Duration {
	d := b.o.First
	for i := 1; i < failures && d < b.o.Most; i++ {
		d *= 2
	}
	d = min(d, b.o.Most)
	d = d/2 + rand.N(d)
	var l later
	if errors.As(err, &l) {
		d = max(d, l.pause)
	}
	return d
}
