package core

import (
	"testing"
	"time"
)

// A node that has been started again does not step in between a node that hands over
// and its target, however high the epochs are that it has reserved.
func TestRestartedNodeRespectsAHandover(t *testing.T) {
	b := newBench(t, 3, 0, false, func(g *Group) { g.PreemptDelay = 100 * time.Millisecond })
	b.mayBe = 0
	b.run(200 * time.Millisecond)
	b.kill(0)
	b.kill(1)
	b.run(100 * time.Millisecond)
	b.wantHolder(2)
	b.delay = func(from, to, path int) time.Duration {
		if from == 0 && to == 1 {
			return 12 * time.Millisecond // so long it does not hear that n0 serves
		}
		return oneWay
	}
	b.start(0)
	b.run(80 * time.Millisecond)
	b.nodes[1].cfg.Groups[0].EpochFloor = 1000
	b.start(1)
	for range 55 {
		b.run(time.Millisecond)
		if h := b.holders(0); len(h) > 1 {
			b.fail("at %s: holders are %v", b.since(), h)
		}
	}
	b.wantHolder(0)
}
