package outbox

import (
	"crypto/rand"
	"encoding/hex"
	"slices"
	"time"
)

// newID returns an identity that no other thing of any node has.
func newID() string {
	var id [16]byte
	_, _ = rand.Read(id[:]) // never fails: crypto/rand
	return hex.EncodeToString(id[:])
}

// closingPause is the pause between attempts while the daemon ends.
const closingPause = 100 * time.Millisecond

// work delivers until the box is closed and empty, or cancelled.
func (b *Box[T]) work() {
	defer close(b.ended)
	failures := 0
	for b.await() {
		items := b.take()
		err := b.o.Send(b.ctx, items)
		if err == nil {
			failures = 0
		} else {
			failures++
		}
		b.conclude(items, err, failures == 1)
		if err != nil && !IsPermanent(err) && !b.rest(b.pause(failures, err)) {
			break
		}
	}
	b.abandon()
}

// await returns true when an attempt is due, and false at the end.
func (b *Box[T]) await() bool {
	for {
		wait, ready := b.due()
		if b.ctx.Err() != nil || ready && wait < 0 {
			return false
		}
		if ready && wait == 0 {
			return true
		}
		var timer <-chan time.Time
		if ready {
			timer = time.After(wait)
		}
		select {
		case <-timer:
		case <-b.wake:
		case <-b.ctx.Done():
			return false
		}
	}
}

// due tells how long the next attempt has to wait. It is not ready while there is
// nothing to send; less than 0 says that there never will be.
func (b *Box[T]) due() (wait time.Duration, ready bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	switch {
	case len(b.items) == 0 && b.closed:
		return -1, true
	case len(b.items) == 0:
		return 0, false
	case b.closed:
		return 0, true
	}
	at := now()
	wait = b.items[0].Put.Add(b.o.Gather).Sub(at)
	b.times = slices.DeleteFunc(b.times, func(t time.Time) bool { return at.Sub(t) >= time.Minute })
	if n := b.o.PerMinute; n > 0 && len(b.times) >= n {
		wait = max(wait, b.times[len(b.times)-n].Add(time.Minute).Sub(at))
	}
	return max(wait, 0), true
}

// take marks what the next attempt carries: what the last one did, if that failed
// and is to be tried again.
func (b *Box[T]) take() []Item[T] {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.flying == 0 {
		b.flying = min(len(b.items), b.o.Batch)
	}
	return slices.Clone(b.items[:b.flying])
}

// conclude takes out what was delivered or is given up.
func (b *Box[T]) conclude(items []Item[T], err error, first bool) {
	b.mu.Lock()
	at := now()
	result := Result{Outcome: Sent, Things: len(items), Took: at.Sub(items[0].Put), Err: err}
	gone := len(items)
	b.counts.LastError = ""
	switch {
	case err == nil:
		b.counts.Sent += uint64(gone)
		b.times = append(b.times, at)
	case IsPermanent(err):
		b.counts.Failed += uint64(gone)
		result.Outcome = Failed
	case at.Sub(items[gone-1].Put) >= b.retry:
		b.counts.Failed += uint64(gone)
		result.Outcome = Failed
	default:
		gone = 0
		result.Outcome = Trying
	}
	if err != nil {
		result.Took, b.counts.LastError = 0, err.Error()
	}
	b.items = slices.Delete(b.items, 0, gone)
	b.flying -= gone
	b.mu.Unlock()
	if result.Outcome != Trying || first {
		b.o.Report(result)
	}
}

// rest waits after an attempt that failed. It returns false when the box is
// cancelled. The end of the daemon shortens it.
func (b *Box[T]) rest(pause time.Duration) bool {
	over := time.After(pause)
	for {
		wake := b.wake
		if b.isClosed() {
			over, wake = time.After(min(pause, closingPause)), nil
		}
		select {
		case <-over:
			return true
		case <-b.ctx.Done():
			return false
		case <-wake:
		}
	}
}

func (b *Box[T]) isClosed() bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.closed
}

// abandon says what is lost at the end.
func (b *Box[T]) abandon() {
	b.mu.Lock()
	lost := len(b.items)
	b.counts.Lost += uint64(lost)
	b.items = nil
	last := b.counts.LastError
	b.mu.Unlock()
	if lost > 0 {
		b.o.Report(Result{Outcome: Lost, Things: lost, Err: endedError(last)})
	}
}

// endedError says why things were lost.
type endedError string

func (e endedError) Error() string {
	if e == "" {
		return "the daemon has ended before they were sent"
	}
	return "the daemon has ended, and the last attempt failed: " + string(e)
}
