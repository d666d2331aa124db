package sim

import (
	"context"
	"os"
	"strconv"
	"testing"
	"time"
)

// bfdSeeds is how many worlds are run where SEEDS in the environment says nothing.
const bfdSeeds = 300

// TestRandomBFDWorlds runs the worlds of BFD of the first seeds.
func TestRandomBFDWorlds(t *testing.T) {
	seeds := bfdSeeds
	if s := os.Getenv("SEEDS"); s != "" {
		n, err := strconv.Atoi(s)
		if err != nil {
			t.Fatalf("SEEDS: %v", err)
		}
		seeds = n
	}
	began := time.Now()
	var sum BFDSummary
	for seed := range uint64(seeds) {
		r := newBFDWorld(seed, RandomBFDSetup(seed, 0), nil).run()
		sum.Add(r)
		if len(r.Violations) > 0 {
			t.Errorf("seed %d: %v", seed, r.Violations[0])
		}
	}
	t.Logf("%v: %s", time.Since(began), sum.String())
	for kind, name := range bfdFaultNames {
		if seeds >= bfdSeeds && sum.Faults[name] == 0 {
			t.Errorf("no world has fault %d, %s", kind, name)
		}
	}
}

// TestOneBFDWorld prints the log of the world of BFD that SEED in the environment names.
func TestOneBFDWorld(t *testing.T) {
	s := RandomBFDSetup(oneSeed(), 0)
	t.Logf("%+v network %+v late %v", s.Ends, s.Network, s.Late)
	r := newBFDWorld(oneSeed(), s, nil).run()
	for _, l := range r.Log {
		t.Log(l)
	}
	for _, v := range r.Violations {
		t.Error(v)
	}
}

func TestSameSeedSameBFDWorld(t *testing.T) {
	for seed := range uint64(20) {
		a := newBFDWorld(seed, RandomBFDSetup(seed, 0), nil).run()
		b := newBFDWorld(seed, RandomBFDSetup(seed, 0), nil).run()
		if a.Hash != b.Hash || a.Steps != b.Steps || a.Hash == newBFDWorld(seed+1, RandomBFDSetup(seed+1, 0), nil).run().Hash {
			t.Errorf("seed %d: %x after %d steps, then %x after %d", seed, a.Hash, a.Steps, b.Hash, b.Steps)
		}
	}
}

// A run that is cancelled ends, and one that is asked for more time has it.
func TestRunBFD(t *testing.T) {
	ctx, stop := context.WithCancel(t.Context())
	sum, failed := RunBFD(ctx, BFDRuns{From: 7, Worlds: 2, Length: 2 * time.Minute})
	if failed != nil || sum.Worlds != 2 || sum.Virtual < 4*time.Minute {
		t.Errorf("%+v, %+v", sum, failed)
	}
	stop()
	if sum, _ := RunBFD(ctx, BFDRuns{Worlds: 5}); sum.Worlds != 0 {
		t.Errorf("%d worlds after the end", sum.Worlds)
	}
}
