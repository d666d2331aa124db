package core

import (
	"testing"
	"time"
)

// A number in a file moves a group as it changes, also where the check stays up.
func TestANumberMovesTheGroup(t *testing.T) {
	b := newBench(t, 2, 1, true, func(g *Group) {
		g.Checks = []Check{{Name: "file", Weight: 1, Number: true}}
		g.Preempt, g.PreemptDelay = true, 10*time.Millisecond
	})
	b.run(100 * time.Millisecond)
	b.wantHolder(0)
	for _, c := range []struct {
		outcome       Outcome
		value, holder int
	}{
		{Passed, 0, 0},
		{Passed, -254, 1},        // a fault
		{CouldNotRun, 0, 1},      // takes nothing back
		{Passed, -150, 1},        // ready, and worth less than the other
		{Passed, 0, 0},           // as before
		{Passed, -150, 1},        // worth less than the other
		{Passed, -1 << 62, 1},    // whatever stands there
		{Passed, 1<<62 - 1, 0},   // counts as 253 at most
		{Passed, 1<<62 - 1, 0},   // the same again
		{CouldNotRun, -254, 0},   // is no number
		{Failed, -254, 0},        // neither is this
		{Outcome(77), -254, 0},   // nor this
		{Passed, -253 - 1<<8, 1}, // a fault again
	} {
		b.step(0, CheckResult{Outcome: c.outcome, Value: c.value})
		b.run(200 * time.Millisecond)
		b.wantHolder(c.holder)
	}
}
