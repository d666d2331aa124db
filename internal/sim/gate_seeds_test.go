package sim

import (
	"context"
	"os"
	"strconv"
	"testing"
	"time"
)

// gateSeeds is how many worlds are run where SEEDS in the environment says nothing.
const gateSeeds = 400

// gateEnough violations tell what is wrong; the rest of the worlds is not run then.
const gateEnough = 4

// TestRandomGateWorlds runs the worlds of gates of the first seeds.
func TestRandomGateWorlds(t *testing.T) {
	seeds := gateSeeds
	if s := os.Getenv("SEEDS"); s != "" {
		n, err := strconv.Atoi(s)
		if err != nil {
			t.Fatalf("SEEDS: %v", err)
		}
		seeds = n
	}
	began := time.Now()
	var sum GateSummary
	for seed := range uint64(seeds) {
		if sum.Violations >= gateEnough {
			break
		}
		r := newGateWorld(seed, RandomGateSetup(seed, 0), nil).run()
		sum.Add(r)
		if len(r.Violations) > 0 {
			t.Errorf("seed %d: %v", seed, r.Violations[0])
		}
	}
	t.Logf("%v: %s", time.Since(began), sum.String())
	for kind, name := range gateFaultNames {
		if seeds >= gateSeeds && sum.Faults[name] == 0 {
			t.Errorf("no world has fault %d, %s", kind, name)
		}
	}
}

// TestOneGateWorld prints the log of the world of gates that SEED in the environment names.
func TestOneGateWorld(t *testing.T) {
	s := RandomGateSetup(oneSeed(), 0)
	t.Logf("%+v right %+v network=%t apart=%t format=%d timeout=%v latency=%v+%v stop=%v", s.Gate, s.Right, s.Network, s.Apart, s.Format, s.Timeout, s.Latency, s.Jitter, s.StopFor)
	r := newGateWorld(oneSeed(), s, nil).run()
	for _, l := range r.Log {
		t.Log(l)
	}
	for _, v := range r.Violations {
		t.Error(v)
	}
}

func TestSameSeedSameGateWorld(t *testing.T) {
	for seed := range uint64(20) {
		a := newGateWorld(seed, RandomGateSetup(seed, 0), nil).run()
		b := newGateWorld(seed, RandomGateSetup(seed, 0), nil).run()
		if a.Hash != b.Hash || a.Steps != b.Steps || a.Hash == newGateWorld(seed+1, RandomGateSetup(seed+1, 0), nil).run().Hash {
			t.Errorf("seed %d: %x after %d steps, then %x after %d", seed, a.Hash, a.Steps, b.Hash, b.Steps)
		}
	}
}

// A run that is cancelled ends, and one that is asked for more time has it.
func TestRunGates(t *testing.T) {
	ctx, stop := context.WithCancel(t.Context())
	sum, failed := RunGates(ctx, GateRuns{From: 7, Worlds: 2, Length: 10 * time.Minute})
	if failed != nil || sum.Worlds != 2 || sum.Virtual < 20*time.Minute {
		t.Errorf("%+v, %+v", sum, failed)
	}
	stop()
	if sum, _ := RunGates(ctx, GateRuns{Worlds: 5}); sum.Worlds != 0 {
		t.Errorf("%d worlds after the end", sum.Worlds)
	}
}
