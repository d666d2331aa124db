package config

import (
	"fmt"
	"time"

	"stead/internal/core/gate"
)

// Timing are the times of a gate; timeout is that of one operation on its stores.
func (g *Gate) Timing(timeout time.Duration) gate.Timing {
	return gate.Timing{Beat: g.Beat, Flatline: g.Flatline, StopAfter: g.StopAfter, Grace: g.Grace, Timeout: timeout}
}

// GateTimeout is the longest time that one operation on a store of the gate may take;
// 0 where it has no store.
func (c *Config) GateTimeout() time.Duration {
	if c.Gate == nil {
		return 0
	}
	var longest time.Duration
	names := []string{c.Gate.Store}
	for _, w := range c.Gate.Witnesses {
		names = append(names, w.Store)
	}
	for _, name := range names {
		if s, ok := c.Store(name); ok {
			longest = max(longest, s.Timeout)
		}
	}
	return longest
}

// gateTimes checks that a site has stopped before the other one starts.
func (b *builder) gateTimes(v *value, g *Gate) {
	beat, flatline, stop, grace := v.get("beat"), v.get("flatline"), v.get("stop_after"), v.get("grace")
	b.wholeMilliseconds(flatline)
	for _, x := range []*value{beat, flatline, stop, grace} {
		if x != nil && x.bad {
			return
		}
	}
	t := g.Timing(b.cfg.GateTimeout())
	if t.StopAfter <= t.Beat {
		const advice = "one heartbeat would be too late: raise stop_after, or lower beat"
		what := fmt.Sprintf("is not longer than beat, %s", length(t.Beat))
		if stop == nil {
			b.about(beat, "is not shorter than stop_after, "+length(t.StopAfter), "less than stop_after", advice)
		} else {
			b.about(stop, what, "more than beat", advice)
		}
		return
	}
	if t.Safe() {
		return
	}
	advice := "the other site could start while this one still runs: raise flatline, or lower stop_after, grace or the timeout of the store"
	if enough := t.Enough(); enough > t.Beat {
		advice += fmt.Sprintf(" (stop_after: %s is enough)", length(enough))
	}
	what := "is not longer than " + t.Arithmetic()
	if flatline != nil {
		b.about(flatline, what, "more than "+length(t.Least()), advice)
		return
	}
	b.of(v, "flatline "+length(t.Flatline)+" "+what, "more than "+length(t.Least()), advice)
}
