package core

import (
	"testing"
	"time"
)

// A node that stops being ready while it still listens for the others has nothing to
// wait for: a deadline that has passed would keep the engine's thread busy.
func TestNotReadyWhileItListens(t *testing.T) {
	b := routedBench(t, 2, 0, func(c *Config) { c.Groups[0].Checks = []Check{{Name: "web", Rise: 1, Fall: 1, Fatal: true}} })
	b.kill(1)
	b.step(0, CheckResult{Outcome: Passed})
	for b.sessionNotes(0, SessionUp, 0) == nil {
		b.run(time.Millisecond)
	}
	b.run(100 * time.Millisecond)
	b.step(0, CheckResult{Outcome: Failed})
	b.run(time.Second)
	b.step(0, CheckResult{Outcome: Passed})
	b.run(time.Second)
	b.wantHolder(0)
	b.wantBest(0)
}
