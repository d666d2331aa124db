package sim

import (
	"os"
	"strconv"
	"testing"
	"time"
)

// TestRandomWorlds runs the worlds of the first seeds; SEEDS in the environment
// sets how many.
func TestRandomWorlds(t *testing.T) { runWorlds(t, 300, RandomSetup) }

// runWorlds runs the worlds of as many seeds as SEEDS says, or else of the first ones.
func runWorlds(t *testing.T, seeds int, setup func(seed uint64) Setup) {
	t.Helper()
	if s := os.Getenv("SEEDS"); s != "" {
		n, err := strconv.Atoi(s)
		if err != nil {
			t.Fatalf("SEEDS: %v", err)
		}
		seeds = n
	}
	began := time.Now()
	sum := Summary{}
	for seed := range uint64(seeds) {
		r := NewWorld(seed, setup(seed)).Run()
		sum.Add(r)
		if len(r.Violations) > 0 {
			t.Errorf("seed %d: %v", seed, r.Violations[0])
		}
	}
	t.Logf("%v: %s", time.Since(began), sum.String())
}

// oneSeed is the seed that SEED in the environment names, or 1.
func oneSeed() uint64 {
	seed, err := strconv.ParseUint(os.Getenv("SEED"), 10, 64)
	if err != nil {
		return 1
	}
	return seed
}

// showWorld prints the log of a world.
func showWorld(t *testing.T, seed uint64, setup Setup) {
	t.Helper()
	r := NewWorld(seed, setup).Run()
	for _, l := range r.Log {
		t.Log(l)
	}
	for _, v := range r.Violations {
		t.Error(v)
	}
}

// TestOneWorld prints the log of the world that SEED in the environment names.
func TestOneWorld(t *testing.T) { showWorld(t, oneSeed(), RandomSetup(oneSeed())) }

func TestSameSeedSameTrace(t *testing.T) {
	for seed := range uint64(20) {
		a := NewWorld(seed, RandomSetup(seed)).Run()
		b := NewWorld(seed, RandomSetup(seed)).Run()
		if a.Hash != b.Hash || a.Steps != b.Steps {
			t.Errorf("seed %d: trace %x after %d steps, then %x after %d", seed, a.Hash, a.Steps, b.Hash, b.Steps)
		}
	}
	if NewWorld(1, RandomSetup(1)).Run().Hash == NewWorld(2, RandomSetup(2)).Run().Hash {
		t.Error("two seeds have the same trace")
	}
}

// TestWorldDescription prints the setup of the world that SEED names.
func TestWorldDescription(t *testing.T) {
	s := RandomSetup(oneSeed())
	for _, n := range s.Config.Nodes {
		t.Logf("%s witness=%t paths=%d", n.Name, n.Witness, len(n.Paths))
	}
	for i := range s.Config.Groups {
		g := s.Config.Groups[i]
		t.Logf("%s %v x%d members=%v voters=%v quorum=%t hold=%t preempt=%t %v start=%v linger=%v prepare=%t checks=%v", g.Name, g.Interval, g.Multiplier,
			g.Members, g.Voters, g.Quorum, g.HoldOnQuorumLoss, g.Preempt, g.PreemptDelay, g.StartDelay, g.Linger, g.PrepareHook, g.Checks)
	}
	t.Logf("network %+v kernel %+v jitter %v drift %d", s.Network, s.Kernel, s.Jitter, s.DriftPPM)
	if len(s.Config.Groups) == 0 {
		t.Error("a world without a group")
	}
}
