package sim

import "testing"

// TestRandomRouterWorlds runs the worlds of virtual routers of the first seeds;
// SEEDS in the environment sets how many.
func TestRandomRouterWorlds(t *testing.T) { runWorlds(t, 200, RandomRouterSetup) }

// TestOneRouterWorld prints the log of the world of virtual routers that SEED in
// the environment names.
func TestOneRouterWorld(t *testing.T) {
	s := RandomRouterSetup(oneSeed())
	for g := range s.Config.Groups {
		cfg := &s.Config.Groups[g]
		t.Logf("%s version %d preempt=%t %v start=%v linger=%v detector=%v checks=%v", cfg.Name, cfg.Router.Version, cfg.Preempt, cfg.PreemptDelay, cfg.StartDelay, cfg.Linger, cfg.Router.Detector, cfg.Checks)
		for _, m := range cfg.Members {
			t.Logf("  %s priority %d every %v to %v", s.Config.Nodes[m.Node].Name, m.Priority, s.routerOf(g, int(m.Node)).Interval, s.routerOf(g, int(m.Node)).To)
		}
	}
	showWorld(t, oneSeed(), s)
}
