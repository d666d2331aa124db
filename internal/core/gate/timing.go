package gate

import (
	"fmt"
	"time"

	"stead/internal/core/lease"
)

// The times of a gate that nobody has said anything about. They satisfy Timing.Check.
const (
	DefaultBeat      = 5 * time.Second
	DefaultFlatline  = 10 * time.Second
	DefaultStopAfter = 6 * time.Second
	DefaultGrace     = 2 * time.Second
	DefaultTimeout   = 1500 * time.Millisecond
)

// drift is the part of a time by which two clocks may count it differently: 1/64,
// far more than oscillators do.
const drift = 64

// leastBetween is how close two looks at a store may be.
const leastBetween = 20 * time.Millisecond

// Timing are the times that keep two sites from running at once.
type Timing struct {
	Beat      time.Duration // how often the heartbeat is written; 0 never
	Flatline  time.Duration // T2: the other site has flatlined when nothing has changed for so long
	StopAfter time.Duration // T1: a site stops its workload when it could not write for so long; 0: it does not
	Grace     time.Duration // and kills it so much later
	Timeout   time.Duration // of one operation on the store
}

// DefaultTiming are the times that nobody has said anything about.
func DefaultTiming() Timing {
	return Timing{Beat: DefaultBeat, Flatline: DefaultFlatline, StopAfter: DefaultStopAfter, Grace: DefaultGrace, Timeout: DefaultTimeout}
}

// Least is what Flatline has to exceed: until then the workload of a site that
// cannot write any more may run.
func (t Timing) Least() time.Duration {
	return t.StopAfter + t.Grace + t.Flatline/drift + t.Timeout
}

// Arithmetic is how Least is made up: `stop_after 6s + grace 2s + 156.25ms for
// clocks that differ (flatline / 64) + 1.5s for one operation of the store = 9.65625s`.
func (t Timing) Arithmetic() string {
	return fmt.Sprintf("stop_after %s + grace %s + %s for clocks that differ (flatline / %d) + %s for one operation of the store = %s",
		t.StopAfter, t.Grace, t.Flatline/drift, drift, t.Timeout, t.Least())
}

// Safe tells whether the other site waits until the workload of this one has ended.
func (t Timing) Safe() bool { return t.Flatline > t.Least() }

// Enough is a StopAfter that is Safe with the other times, in whole tenths of a
// second where that leaves one; 0 if there is none.
func (t Timing) Enough() time.Duration {
	t.StopAfter = 0
	room := t.Flatline - t.Least() - 1
	if whole := room.Truncate(100 * time.Millisecond); whole > 0 {
		return whole
	}
	return max(0, room.Truncate(time.Millisecond))
}

// Check refuses times that would let both sites run at once, or that would stop a
// workload while all is well.
func (t Timing) Check() error {
	switch {
	case t.Flatline%time.Millisecond != 0:
		return fmt.Errorf("flatline %s: is not in whole milliseconds", t.Flatline)
	case t.StopAfter > 0 && t.StopAfter <= t.Beat:
		return fmt.Errorf("stop_after %s: is not longer than beat %s: one heartbeat would be too late: raise stop_after or lower beat", t.StopAfter, t.Beat)
	case !t.Safe():
		return fmt.Errorf("flatline %s: is not longer than %s: the other site could start while this one runs: raise flatline, or lower stop_after or grace",
			t.Flatline, t.Arithmetic())
	}
	return nil
}

// Look is how often the other site's heartbeat and the right are looked at: at
// least eight times before a site counts as flatlined.
func (t Timing) Look() time.Duration {
	look := t.Flatline / 8
	if t.Beat > 0 {
		look = min(look, t.Beat)
	}
	return max(look, leastBetween)
}

// Lease is the right to run of a site whose run is session: the others wait for
// Flatline, the site relies on a renewal until its workload would be killed. One
// that is not preferred lets the other claim first.
func (t Timing) Lease(site string, session uint64, preferred bool) lease.Config {
	stop := t.StopAfter
	if stop == 0 {
		stop = t.Enough()
	}
	c := lease.Config{Self: site, Session: session, TTL: t.Flatline, Use: stop + t.Grace, Renew: max(stop/4, leastBetween), Look: t.Look()}
	if !preferred {
		c.Rank = 1
	}
	return c
}

// DefaultStallPause is the Config.StallPause of a work that counts as standing still
// after stalled: ten times that, so that a site has shown more than once that it does
// not get on, and 10 min at least, in which a cause that both sites share, such as a
// database that is away, is mended more often than not.
func DefaultStallPause(stalled time.Duration) time.Duration {
	return max(10*stalled, 10*time.Minute)
}
