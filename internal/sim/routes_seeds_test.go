package sim

import "testing"

// TestRandomRoutesWorlds runs the worlds with routes of the first seeds; SEEDS in
// the environment sets how many.
func TestRandomRoutesWorlds(t *testing.T) { runWorlds(t, 100, RandomRoutesSetup) }

// TestOneRoutesWorld prints the log of the world with routes that SEED in the
// environment names.
func TestOneRoutesWorld(t *testing.T) {
	s := RandomRoutesSetup(oneSeed())
	for g := range s.Config.Groups {
		cfg := &s.Config.Groups[g]
		t.Logf("%s %v x%d members=%v voters=%v quorum=%t everyone=%t preempt=%t %v start=%v linger=%v damping=%v hook=%t checks=%v", cfg.Name, cfg.Interval, cfg.Multiplier,
			cfg.Members, cfg.Voters, cfg.Quorum, cfg.Everyone, cfg.Preempt, cfg.PreemptDelay, cfg.StartDelay, cfg.Linger, cfg.Damping, cfg.PrepareHook, cfg.Checks)
		t.Logf("  %+v", *s.Hosts[0].Groups[g].Routes)
	}
	t.Logf("%+v %v", s.Hosts[0].Peers[0], s.Hosts[0].BFD)
	t.Logf("network %+v kernel %+v jitter %v lag %v faults %+v", s.Network, s.Kernel, s.Jitter, s.SendLag, s.Faults)
	showWorld(t, oneSeed(), s)
}

func TestSameSeedSameRoutes(t *testing.T) {
	for seed := range uint64(10) {
		a := NewWorld(seed, RandomRoutesSetup(seed)).Run()
		b := NewWorld(seed, RandomRoutesSetup(seed)).Run()
		if a.Hash != b.Hash || a.Steps != b.Steps {
			t.Errorf("seed %d: trace %x after %d steps, then %x after %d", seed, a.Hash, a.Steps, b.Hash, b.Steps)
		}
	}
}
