package core

import (
	"testing"
	"time"
)

// The start-up delay ends by itself, whatever else happens or does not.
func TestStartDelayWithoutAnElectionEnds(t *testing.T) {
	b := routedBench(t, 2, 0, everyone, func(c *Config) { c.Groups[0].Checks, c.Groups[0].StartDelay = nil, 1500*time.Millisecond })
	b.run(1400 * time.Millisecond)
	b.wantBest()
	b.run(200 * time.Millisecond)
	b.wantBest(0, 1)
}

// It also ends for a node that becomes ready while it lasts.
func TestReadyDuringTheStartDelay(t *testing.T) {
	b := routedBench(t, 1, 0, everyone, func(c *Config) { c.Groups[0].StartDelay = 1500 * time.Millisecond })
	b.run(700 * time.Millisecond)
	b.passing()
	b.run(850 * time.Millisecond)
	b.wantBest(0)
}
