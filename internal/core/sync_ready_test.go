package core

import (
	"testing"
	"time"

	"stead/internal/core/reason"
)

// A group that another one of its sync keeps from serving is not ready, and says
// why: who waits for it to be has to go on waiting.
func TestNotReadyBecauseOfASyncedGroup(t *testing.T) {
	b := startBench(t, 2, func(i int) Config {
		cfg := testConfig(i, 2, 0, false)
		if err := asRouters(&cfg, "100ms"); err != nil {
			t.Fatal(err)
		}
		if err := configure(&cfg, "groups", "2"); err != nil {
			t.Fatal(err)
		}
		cfg.Groups[1].Checks = []Check{{Name: "web", Rise: 1, Fall: 1, Fatal: true}}
		return cfg
	})
	look := func(outcome Outcome, ready bool, why reason.Reason) {
		t.Helper()
		b.step(0, CheckResult{Group: 1, Outcome: outcome})
		b.run(time.Second)
		g := b.nodes[0].core.Inspect(b.now).Groups[0]
		if g.Ready != ready || g.Why != why || g.Active != ready {
			b.fail("ready %v (%q), active %v", g.Ready, g.Why, g.Active)
		}
	}
	look(Passed, true, reason.None)
	look(Failed, false, reason.SyncGroup)
	look(Passed, true, reason.None)
}
