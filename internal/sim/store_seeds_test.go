package sim

import "testing"

// TestRandomRightWorlds runs the worlds with rights in a store of the first seeds;
// SEEDS in the environment sets how many.
func TestRandomRightWorlds(t *testing.T) { runWorlds(t, 200, RandomRightSetup) }

// TestRandomVoteWorlds runs the worlds with the vote of a store of the first seeds.
func TestRandomVoteWorlds(t *testing.T) { runWorlds(t, 200, RandomVoteSetup) }

// TestOneRightWorld prints the log of the world with rights in a store that SEED in
// the environment names.
func TestOneRightWorld(t *testing.T) { showStoreWorld(t, RandomRightSetup(oneSeed())) }

// TestOneVoteWorld prints the log of the world with the vote of a store that SEED in
// the environment names.
func TestOneVoteWorld(t *testing.T) { showStoreWorld(t, RandomVoteSetup(oneSeed())) }

func showStoreWorld(t *testing.T, s Setup) {
	t.Helper()
	for g := range s.Config.Groups {
		cfg := &s.Config.Groups[g]
		t.Logf("%s %v x%d members=%v voters=%v hold=%t preempt=%t %v start=%v linger=%v damping=%v hook=%t checks=%v right=%+v", cfg.Name, cfg.Interval, cfg.Multiplier,
			cfg.Members, cfg.Voters, cfg.HoldWithoutStore, cfg.Preempt, cfg.PreemptDelay, cfg.StartDelay, cfg.Linger, cfg.Damping, cfg.PrepareHook, cfg.Checks, cfg.Right)
	}
	t.Logf("network %+v kernel %+v jitter %v drift %d store %+v witness %+v", s.Network, s.Kernel, s.Jitter, s.DriftPPM, s.Store, s.Config.Witness)
	for _, f := range s.Faults {
		t.Logf("%+v", f)
	}
	showWorld(t, oneSeed(), s)
}

func TestSameSeedSameStore(t *testing.T) {
	for seed := range uint64(10) {
		for _, setup := range []func(uint64) Setup{RandomRightSetup, RandomVoteSetup} {
			a, b := NewWorld(seed, setup(seed)).Run(), NewWorld(seed, setup(seed)).Run()
			if a.Hash != b.Hash || a.Steps != b.Steps {
				t.Errorf("seed %d: trace %x after %d steps, then %x after %d", seed, a.Hash, a.Steps, b.Hash, b.Steps)
			}
		}
	}
}
