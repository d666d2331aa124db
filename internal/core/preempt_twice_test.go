package core

import (
	"slices"
	"testing"
	"time"
)

// Two nodes wait to preempt a third one. The better one gets the group, and keeps it:
// what the other one asked for was meant for the node before.
func TestOnlyTheBestPreempts(t *testing.T) {
	for _, priorities := range [][]int{{150, 200, 100}, {200, 150, 100}} {
		b := startBench(t, 3, func(i int) Config {
			cfg := testConfig(i, 3, 0, true)
			g := &cfg.Groups[0]
			g.Damping = 2 * time.Second
			for m := range g.Members {
				g.Members[m].Priority = priorities[m]
			}
			g.Checks = []Check{{Name: "web", Rise: 1, Fall: 1, Fatal: true}}
			return cfg
		})
		changes := 0
		b.told = func(_ int, a *Actions) {
			if slices.ContainsFunc(a.Note, func(n Note) bool { return n.Kind == BecameActive }) {
				changes++
			}
		}
		b.step(2, CheckResult{Outcome: Passed})
		b.run(100 * time.Millisecond)
		b.wantHolder(2)
		b.step(0, CheckResult{Outcome: Passed})
		b.step(1, CheckResult{Outcome: Passed})
		b.run(3500 * time.Millisecond)
		if changes > 2 {
			t.Errorf("priorities %v: %d changes within the window of damping", priorities, changes)
		}
		b.run(10 * time.Second)
		b.wantHolder(slices.Index(priorities, 200))
		if changes > 3 {
			t.Errorf("priorities %v: %d changes", priorities, changes)
		}
	}
}
