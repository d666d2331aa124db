// Package clock has the type of time that the core counts in. It reads no clock:
// an Instant is an argument of every decision, so that the engine, the simulator
// and a replay can each bring their own.
package clock

import (
	"math"
	"time"
)

// Instant is a moment in nanoseconds since the machine booted, suspend included
// (CLOCK_BOOTTIME, the clock that bpf_ktime_get_boot_ns reads in the kernel).
// It means nothing on another machine.
type Instant int64

// Never is later than every moment: the deadline of something that waits for nothing.
const Never Instant = math.MaxInt64

// Add returns the moment d after i. Never stays Never.
func (i Instant) Add(d time.Duration) Instant {
	if i == Never {
		return Never
	}
	return i + Instant(d)
}

// Sub returns the time from u to i.
func (i Instant) Sub(u Instant) time.Duration { return time.Duration(i - u) }

// Min returns the earlier of two moments.
func Min(a, b Instant) Instant {
	if a < b {
		return a
	}
	return b
}
