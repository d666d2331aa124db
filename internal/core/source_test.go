package core

import (
	"net/netip"
	"testing"
	"time"

	"stead/internal/core/reason"
)

// A router without an address to advertise from is not ready, says so, and takes
// those with it that change together with it.
func TestNotReadyWithoutASourceAddress(t *testing.T) {
	b := startBench(t, 2, func(i int) Config {
		cfg := testConfig(i, 2, 0, false)
		if err := asRouters(&cfg, "100ms"); err != nil {
			t.Fatal(err)
		}
		if err := configure(&cfg, "groups", "2"); err != nil {
			t.Fatal(err)
		}
		return cfg
	})
	look := func(node int, source netip.Addr, ready, active bool) {
		t.Helper()
		kind, from := Ready, b.now
		if !ready {
			kind = NotReady
		}
		b.step(node, SourceAddress{Group: 1, Address: source})
		b.run(time.Second)
		for id, want := range []reason.Reason{reason.SyncGroup, reason.NoSource} {
			g := b.nodes[node].core.Inspect(b.now).Groups[id]
			if ready {
				want = reason.None
			}
			if g.Ready != ready || g.Why != want || g.Active != active {
				b.fail("node %d, group %d: ready %v (%q, want %q), active %v", node, id, g.Ready, g.Why, want, g.Active)
			}
			for _, m := range g.Members {
				if m.Node == node && m.Ready != ready {
					b.fail("node %d, group %d: member ready %v", node, id, m.Ready)
				}
			}
		}
		if n := b.noted(node, kind, from); n != 1 {
			b.fail("node %d: %d notes of a change of readiness", node, n)
		}
	}
	b.run(time.Second)
	look(1, netip.Addr{}, false, false)
	look(1, routerAt(1), true, false)
	look(0, netip.Addr{}, false, false)
	if h := b.holders(0); len(h) != 1 || h[0] != 1 {
		b.fail("holders %v", h)
	}
	look(0, routerAt(0), true, false) // it does not preempt
}

// A Backup in its start-up delay could not take over yet.
func TestNotReadyWhileTheStartUpDelayRuns(t *testing.T) {
	b := startBench(t, 2, func(i int) Config {
		cfg := testConfig(i, 2, 0, false)
		if err := asRouters(&cfg, "100ms"); err != nil {
			t.Fatal(err)
		}
		cfg.Groups[0].Router.StartDelay = 3 * time.Second
		return cfg
	})
	for _, want := range []struct {
		ready bool
		why   reason.Reason
	}{{false, reason.Starting}, {true, reason.None}} {
		b.run(2 * time.Second)
		for i := range b.nodes {
			if g := b.nodes[i].core.Inspect(b.now).Groups[0]; g.Ready != want.ready || g.Why != want.why {
				b.fail("node %d: ready %v (%q)", i, g.Ready, g.Why)
			}
		}
	}
}
