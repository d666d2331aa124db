package core

import (
	"testing"
	"time"
)

// A preferred node that comes back takes over when all route servers hear it: one
// that does not yet would have no path. It does not wait for ever.
func TestPreemptionWaitsForEverySession(t *testing.T) {
	for _, patient := range []bool{false, true} {
		b := routedBench(t, 2, 1, func(c *Config) { c.Groups[0].PreemptDelay = time.Second })
		b.run(3 * time.Second)
		b.kill(0)
		b.run(20 * time.Second)
		b.wantHolder(1)
		b.cut = func(from, to int) bool { return from == 0 && to == firstServed+1 }
		b.start(0)
		b.run(20 * time.Second)
		b.wantHolder(1)
		if patient {
			b.run(partialPatience)
			b.wantHolder(0)
			continue
		}
		b.cut = func(from, to int) bool { return false }
		b.neverLost(10 * time.Second)
		b.wantHolder(0)
		b.wantBest(0)
	}
}

// It is no reason to leave a group alone that nobody serves.
func TestOneSessionIsEnoughWhenNobodyServes(t *testing.T) {
	b := routedBench(t, 2, 1)
	b.run(3 * time.Second)
	b.cut = func(from, to int) bool { return from == 1 && to == firstServed }
	b.run(testHold + time.Second)
	b.kill(0)
	b.run(20 * time.Millisecond)
	b.wantHolder(1)
}
