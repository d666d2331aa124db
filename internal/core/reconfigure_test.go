package core

import (
	"testing"
	"time"

	"stead/internal/core/reason"
)

// reload gives a node a changed configuration, as the engine does.
func (b *bench) reload(i int, change func(*Config)) {
	n := b.nodes[i]
	cfg := n.cfg
	cfg.Groups = append([]Group(nil), n.cfg.Groups...)
	change(&cfg)
	n.cfg = cfg
	b.carry(i, n.core.Retire(b.now, &cfg))
	n.runs++ // the actuators forget what was wanted under the old numbers
	a := n.core.Reconfigure(b.now, cfg)
	n.bound, n.wants = map[GroupID]int{}, map[GroupID]uint64{}
	b.carry(i, a)
}

// A group that keeps its name keeps its role and its epoch, whatever comes before
// it in the file; a new one is elected like any other.
func TestAReloadKeepsTheRole(t *testing.T) {
	for _, quorum := range []bool{true, false} {
		b := newBench(t, 2, 1, quorum)
		b.run(100 * time.Millisecond)
		b.wantHolder(0)
		since := b.now
		for i := range b.nodes {
			b.reload(i, func(cfg *Config) {
				fresh := cfg.Groups[0]
				fresh.Name = "fresh"
				cfg.Groups = []Group{fresh, cfg.Groups[0]}
			})
			for range 20 {
				b.run(time.Millisecond)
				if h := b.holders(1); i == 2 && (len(h) != 1 || h[0] != 0) {
					b.fail("%s after the reload of the last node web is held by %v", b.now.Sub(since), h)
				}
			}
		}
		b.run(50 * time.Millisecond)
		b.wantHolder(0) // the fresh one
		if b.noted(0, BecameStandby, since)+b.noted(0, Stalled, since) > 0 {
			b.fail("a reload moved a group")
		}
		if g := b.nodes[0].core.groups[1]; g.epoch != 1 || g.cfg.Name != "web" {
			b.fail("group %s has epoch %d", g.cfg.Name, g.epoch)
		}
	}
}

// A reload that changes nothing changes nothing.
func TestAReloadOfTheSame(t *testing.T) {
	b := newBench(t, 2, 1, true)
	b.run(7 * time.Second)
	log := len(b.log)
	for range 10 {
		for i := range b.nodes {
			b.reload(i, func(*Config) {})
			b.run(3 * time.Millisecond)
			b.wantHolder(0)
		}
	}
	for _, line := range b.log[log:] {
		t.Logf("%s", line)
	}
	if n := b.noted(0, BecameStandby, 0) + b.noted(1, BecameActive, 0) + b.noted(0, Stalled, 0); n > 0 {
		b.fail("a reload of the same file moved the group")
	}
}

// A group leaves a node's configuration, or the node its members: it hands over
// without a detection time.
func TestAGroupThatLeavesIsHandedOver(t *testing.T) {
	for name, change := range map[string]func(*Config){
		"group":  func(cfg *Config) { cfg.Groups = nil },
		"member": func(cfg *Config) { cfg.Groups[0].Members = cfg.Groups[0].Members[1:] },
	} {
		t.Run(name, func(t *testing.T) {
			b := newBench(t, 2, 1, true)
			b.run(100 * time.Millisecond)
			b.reload(0, change)
			b.run(time.Millisecond)
			b.wantHolder(1)
			if g := b.nodes[1].core.groups[0]; g.cause != reason.Reconfigured {
				b.fail("n1 is active because of %q", g.cause)
			}
			b.run(time.Second)
			b.wantHolder(1)
		})
	}
}

// Timing is changed node by node, up and down, in any order: others may count on
// a longer promise that was given just before. Nothing moves, nobody serves twice,
// and the new detection time holds afterwards.
func TestTimingIsChangedNodeByNode(t *testing.T) {
	timing := func(interval time.Duration, multiplier int) func(*Config) {
		return func(cfg *Config) {
			cfg.Interval, cfg.Groups[0].Interval, cfg.Groups[0].Multiplier = interval, interval, multiplier
		}
	}
	slow, fast := timing(50*time.Millisecond, 4), timing(5*time.Millisecond, 3)
	for _, order := range [][]int{{0, 1, 2}, {2, 1, 0}, {1, 2, 0}} {
		for _, pause := range []time.Duration{time.Millisecond, 30 * time.Millisecond, time.Second} {
			b := newBench(t, 2, 1, true)
			b.run(100 * time.Millisecond)
			for _, change := range []func(*Config){slow, fast} {
				for _, i := range order {
					b.reload(i, change)
					b.run(pause)
				}
				b.run(time.Second)
				b.wantHolder(0)
			}
			if b.noted(0, BecameStandby, 0) > 0 {
				b.fail("order %v, pause %s: the group moved", order, pause)
			}
			b.kill(0)
			b.run(16 * time.Millisecond)
			b.wantHolder(1)
		}
	}
}
