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

// What is announced of a drained group follows what the election says of it.
func TestDrainOfOneGroupIsAnnounced(t *testing.T) {
	b := routedBench(t, 2, 0, everyone, func(c *Config) { c.Groups[0].Routes.Prepend.Drain, c.Groups[0].Damping = 4, 0 })
	b.passing()
	b.run(3 * time.Second)
	b.step(0, Command{ID: 1, Verb: Drain, Group: 0})
	b.run(2 * time.Second)
	b.wantPath(0, 5)
	if s := b.nodes[0].core.Inspect(b.now).Groups[0]; s.Routes.Role != RouteDrain || !s.Drained {
		t.Errorf("announced as %q, drained: %v", s.Routes.Role, s.Drained)
	}
	b.step(0, Command{ID: 2, Verb: Resume, Group: 0})
	b.run(time.Second)
	b.wantBest(0, 1)
}
