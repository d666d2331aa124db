package sim

import (
	"time"

	"stead/internal/core"
)

// moment is true time in nanoseconds since the world began. No host can see it.
type moment int64

// never is later than every moment.
const never moment = 1<<63 - 1

func (m moment) add(d time.Duration) moment {
	if m == never {
		return never
	}
	return m + moment(d)
}

func (m moment) sub(o moment) time.Duration { return time.Duration(m - o) }

// bootClock is the clock of one host: it started before or after true time
// began and runs faster or slower than it by drift parts per million.
type bootClock struct {
	offset core.Instant
	drift  int64
}

// at is what the clock shows at m.
func (c bootClock) at(m moment) core.Instant {
	return c.offset + core.Instant(int64(m)+scale(int64(m), c.drift))
}

// reaches is the first moment at which the clock shows i or more.
func (c bootClock) reaches(i core.Instant) moment {
	if i >= core.Instant(never)/4 {
		return never
	}
	shown := int64(i - c.offset)
	if shown <= 0 {
		return 0
	}
	m := moment(shown)
	// Each round leaves less than a hundredth of the error.
	for range 10 {
		off := i - c.at(m)
		if off > -2 && off < 2 {
			break
		}
		m += moment(off)
	}
	for c.at(m-1) >= i {
		m--
	}
	for c.at(m) < i {
		m++
	}
	return m
}

// scale is ppm millionths of n, without overflow for a year of nanoseconds.
func scale(n, ppm int64) int64 {
	const million = 1_000_000
	return n/million*ppm + n%million*ppm/million
}
