package queue

import (
	"slices"
	"sync"
	"time"

	"stead/internal/core/clock"
	"stead/internal/workload"
)

// Instant is nanoseconds since boot.
type Instant = clock.Instant

// Outcome is what the fencing sink has done with an event.
type Outcome string

// The outcomes.
const (
	Accepted Outcome = "accepted"
	Stale    Outcome = "stale" // the epoch is lower than one that has begun
	Known    Outcome = "known" // it has the event already
	Gap      Outcome = "gap"   // events before it are missing
)

// Record is an event that was processed, as the sinks saw it.
type Record struct {
	At     Instant `json:"at"`
	Site   string  `json:"site"`
	PID    int     `json:"pid"`
	Epoch  uint64  `json:"epoch"` // 0: the consumer has none, and the fencing sink was not asked
	Event  int     `json:"event"`
	Fenced Outcome `json:"fenced,omitempty"`
}

// Consumer is a run of a consumer.
type Consumer struct {
	Site  string  `json:"site"`
	PID   int     `json:"pid"`
	Epoch uint64  `json:"epoch"`
	Began Instant `json:"began"`
	Known Instant `json:"known"` // when the sinks knew of it
	Ended Instant `json:"ended"` // 0: it runs
}

// Log is the log, its consumers' checkpoint and the sinks.
type Log struct {
	began Instant
	every time.Duration

	mu         sync.Mutex
	checkpoint int // of the plain consumers
	highest    uint64
	position   int // of the fencing sink
	records    []Record
	consumers  []Consumer
	changed    chan struct{} // closed when consumers are others
}

// New is a log to which an event is appended each time that every has passed.
func New(every time.Duration) *Log {
	return &Log{began: workload.Now(), every: every, changed: make(chan struct{})}
}

// End is the offset of the next event that will be appended.
func (l *Log) End() int { return int(workload.Now().Sub(l.began) / l.every) }

// Began notes a consumer, and returns where it is to go on.
func (l *Log) Began(c Consumer) (checkpoint int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	c.Known = workload.Now()
	l.consumers = append(l.consumers, c)
	l.highest = max(l.highest, c.Epoch)
	l.signal()
	return l.checkpoint
}

// Ended notes that a consumer has ended, or says that it processes nothing any more.
func (l *Log) Ended(pid int, at Instant) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for i := range l.consumers {
		if c := &l.consumers[i]; c.PID == pid && c.Ended == 0 {
			c.Ended = at
		}
	}
	l.signal()
}

func (l *Log) signal() {
	close(l.changed)
	l.changed = make(chan struct{})
}

// Process notes an event that a consumer has processed.
func (l *Log) Process(r Record) Outcome {
	l.mu.Lock()
	defer l.mu.Unlock()
	r.At = workload.Now()
	if r.Epoch != 0 {
		r.Fenced = l.fenced(&r)
	}
	l.records = append(l.records, r)
	return r.Fenced
}

func (l *Log) fenced(r *Record) Outcome {
	switch {
	case r.Epoch < l.highest:
		return Stale
	case r.Event < l.position:
		return Known
	case r.Event > l.position:
		return Gap
	}
	l.highest = r.Epoch
	l.position++
	return Accepted
}

// Commit moves the checkpoint. It tells whether that was permitted: the one of a
// stale epoch is refused.
func (l *Log) Commit(epoch uint64, next int) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	if epoch < l.highest {
		return false
	}
	l.checkpoint = next
	return true
}

// Consumers are those that have begun so far. The channel is closed when they are others.
func (l *Log) Consumers() ([]Consumer, <-chan struct{}) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return slices.Clone(l.consumers), l.changed
}

// Records are all that the sinks saw so far.
func (l *Log) Records() []Record {
	l.mu.Lock()
	defer l.mu.Unlock()
	return slices.Clone(l.records)
}
