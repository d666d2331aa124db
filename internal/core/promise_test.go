package core

import (
	"testing"
	"time"
)

// A voter that restarts has forgotten its promise. The active node still counts
// on it: the voter may grant nothing to another node for one lease.
func TestARestartedVoterKeepsAPromiseItHasForgotten(t *testing.T) {
	for phase := time.Duration(0); phase < 10*time.Millisecond; phase += 500 * time.Microsecond {
		b := newBench(t, 2, 1, true)
		b.run(100 * time.Millisecond)
		b.cut = func(from, to int) bool { return from+to == 1 }
		b.run(50*time.Millisecond + phase) // n1 misses n0, and asks the witness
		b.wantHolder(0)
		b.cut = func(from, to int) bool { return from+to == 1 || from+to == 2 }
		b.kill(2)
		b.start(2) // and n0 cannot tell it
		b.run(200 * time.Millisecond)
		b.wantHolder(1)
	}
}

// The fence opens when the addresses of the Want in force are in place, not when
// those of an earlier one were.
func TestOnlyTheLatestWantOpensTheFence(t *testing.T) {
	b := emptyBench(t)
	for i := range 3 {
		b.add(testConfig(i, 2, 1, true))
		b.nodes[i].apply = func(Want) (time.Duration, bool, bool) { return 0, true, false }
	}
	for i := range 3 {
		b.start(i)
	}
	b.run(50 * time.Millisecond)
	g := b.nodes[0].core.groups[0]
	if !g.active || g.open {
		b.fail("active %v, open %v", g.active, g.open)
	}
	for _, generation := range []uint64{0, g.want.Generation - 1, g.want.Generation + 1} {
		b.step(0, Applied{Generation: generation})
		if h := b.holders(0); len(h) > 0 {
			b.fail("the answer to want %d opens the fence of want %d", generation, g.want.Generation)
		}
	}
	b.step(0, Applied{Generation: g.want.Generation})
	b.wantHolder(0)
}

// A node whose start-up delay runs is no target of a switchover.
func TestAStartingNodeIsNoTarget(t *testing.T) {
	b := newBench(t, 2, 1, true, func(g *Group) { g.StartDelay = 100 * time.Millisecond })
	b.run(200 * time.Millisecond)
	b.kill(1)
	b.run(50 * time.Millisecond)
	b.start(1)
	b.run(50 * time.Millisecond)
	since := b.now
	b.step(0, Command{ID: 1, Verb: Switchover, To: 1})
	b.run(40 * time.Millisecond)
	b.wantHolder(0)
	if b.noted(0, Refused, since) != 1 {
		b.fail("the switchover is not refused")
	}
}
