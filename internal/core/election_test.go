package core

import (
	"testing"
	"time"
)

func TestStartElectsThePreferred(t *testing.T) {
	for _, quorum := range []bool{true, false} {
		b := newBench(t, 2, 1, quorum)
		b.run(100 * time.Millisecond)
		b.wantHolder(0)
	}
}

func TestSilentActiveIsReplacedWithinTheDetectionTime(t *testing.T) {
	for _, quorum := range []bool{true, false} {
		b := newBench(t, 2, 1, quorum)
		b.run(100 * time.Millisecond)
		b.kill(0)
		b.run(16 * time.Millisecond)
		b.wantHolder(1)
	}
}

func TestFatalCheckHandsOverAtOnce(t *testing.T) {
	b := newBench(t, 2, 1, true, func(g *Group) { g.Checks = []Check{{Name: "web", Rise: 1, Fall: 1, Fatal: true}} })
	b.step(0, CheckResult{Outcome: Passed})
	b.step(1, CheckResult{Outcome: Passed})
	b.run(100 * time.Millisecond)
	b.wantHolder(0)
	b.step(0, CheckResult{Outcome: Failed})
	b.run(time.Millisecond)
	b.wantHolder(1)
}

func TestSwitchoverIsMakeBeforeBreak(t *testing.T) {
	b := newBench(t, 2, 1, true)
	b.run(100 * time.Millisecond)
	b.step(0, Command{ID: 7, Verb: Switchover, To: NoNode})
	b.run(2 * time.Millisecond)
	b.wantHolder(1)
	b.run(time.Second)
	b.wantHolder(1) // an operator's choice is not preempted
	b.step(2, Command{ID: 8, Verb: Switchover, To: 0})
	b.run(2 * time.Millisecond)
	b.wantHolder(0)
}

func TestPreemptionAfterTheDelay(t *testing.T) {
	b := newBench(t, 2, 1, true)
	b.run(100 * time.Millisecond)
	b.kill(0)
	b.run(50 * time.Millisecond)
	b.wantHolder(1)
	b.start(0)
	b.run(100 * time.Millisecond)
	b.wantHolder(1)
	b.run(200 * time.Millisecond)
	b.wantHolder(0)
}

func TestLossOfQuorumReleases(t *testing.T) {
	b := newBench(t, 2, 1, true)
	b.run(100 * time.Millisecond)
	b.cut = func(from, to int) bool { return from == 0 || to == 0 }
	b.run(16 * time.Millisecond)
	b.wantHolder(1)
	b.run(time.Second)
	b.cut = func(from, to int) bool { return false }
	b.run(100 * time.Millisecond)
	b.wantHolder(1)
	b.run(200 * time.Millisecond)
	b.wantHolder(0)
}

func TestDeafActiveIsReplaced(t *testing.T) {
	b := newBench(t, 2, 1, true)
	b.run(100 * time.Millisecond)
	b.cut = func(from, to int) bool { return to == 0 }
	b.run(17 * time.Millisecond)
	b.wantHolder(1)
}

func TestStopHandsOverAndReplies(t *testing.T) {
	b := newBench(t, 2, 1, true)
	b.run(100 * time.Millisecond)
	b.step(0, Command{ID: 9, Verb: Stop, Group: AllGroups})
	b.run(2 * time.Millisecond)
	b.wantHolder(1)
}

func TestCalmIsQuiet(t *testing.T) {
	b := newBench(t, 2, 1, true)
	b.run(200 * time.Millisecond)
	before, log := b.counts.sends, len(b.log)
	b.run(time.Second)
	// Six directed pairs at 200 a second; the answers of the standby nodes are heartbeats.
	if got := b.counts.sends - before; got < 1100 || got > 1300 {
		b.fail("%d packets in a calm second", got)
	}
	if len(b.log) != log {
		b.fail("notes in a calm second")
	}
}

func TestVotersRestartInTurn(t *testing.T) {
	b := newBench(t, 2, 1, true)
	b.run(100 * time.Millisecond)
	for _, i := range []int{2, 1, 2, 1} {
		b.kill(i)
		b.run(100 * time.Millisecond)
		b.start(i)
		b.run(300 * time.Millisecond)
		b.wantHolder(0)
	}
	if b.noted(0, BecameStandby, 0) > 0 {
		b.fail("the active node let go")
	}
}
