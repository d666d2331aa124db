package core

import (
	"net/netip"
	"testing"
	"time"
)

// mixedConfig is three nodes. All pairs of a and b share a fast group; c has a
// part in a slow one only.
func mixedConfig(self int) Config {
	cfg := Config{Self: NodeID(self), Incarnation: uint64(self + 1), Keys: [][]byte{[]byte("0123456789abcdef")}, Interval: 5 * time.Millisecond}
	for _, name := range []string{"a", "b", "c"} {
		cfg.Nodes = append(cfg.Nodes, Node{Name: name, Paths: []netip.AddrPort{netip.MustParseAddrPort("10.0.0.1:1")}})
	}
	cfg.Groups = []Group{
		{Name: "fast", Members: []Member{{Node: 0, Priority: 200}, {Node: 1, Priority: 100}}, Voters: []NodeID{0, 1}, Interval: 5 * time.Millisecond, Multiplier: 3},
		{Name: "slow", Members: []Member{{Node: 0, Priority: 200}, {Node: 2, Priority: 100}}, Voters: []NodeID{0, 2}, Interval: 500 * time.Millisecond, Multiplier: 4},
	}
	return cfg
}

func TestASlowNeighbourLeavesTheLeaseOfAFastGroupAlone(t *testing.T) {
	b := startBench(t, 3, mixedConfig)
	b.run(10 * time.Second)
	for range 1000 {
		b.run(time.Millisecond)
		b.wantHolder(0)
	}
}

func TestASlowNeighbourIsNotMissedBetweenItsHeartbeats(t *testing.T) {
	b := startBench(t, 3, mixedConfig)
	b.run(10 * time.Second)
	lines := len(b.log)
	b.run(10 * time.Second)
	if len(b.log) != lines {
		b.fail("%d notes in ten calm seconds", len(b.log)-lines)
	}
	b.kill(2)
	since := b.now
	b.run(5 * time.Second)
	if n := b.noted(0, PeerDown, since); n != 1 {
		b.fail("a dead node was missed %d times", n)
	}
}

// The active node of the slow group sends and hears nothing. That its heartbeats
// are rare for another group must not make its neighbour patient for ever.
func TestADeafNodeIsFoundBesideAFasterGroup(t *testing.T) {
	b := startBench(t, 3, func(self int) Config {
		cfg := mixedConfig(self)
		cfg.Groups[1].Members = []Member{{Node: 0, Priority: 100}, {Node: 2, Priority: 200}}
		return cfg
	})
	b.run(10 * time.Second)
	if h := b.holders(1); len(h) != 1 || h[0] != 2 {
		b.fail("the slow group is held by %v", h)
	}
	b.cut = func(from, to int) bool { return to == 2 }
	b.run(6 * time.Second)
	for _, h := range b.holders(1) {
		if h == 0 {
			return
		}
	}
	b.fail("nobody took over from the deaf node: holders %v", b.holders(1))
}
