package sim

import (
	"os"
	"strconv"
	"testing"
	"time"
)

// TestRandomRouterWorlds runs the worlds of virtual routers of the first seeds;
// SEEDS in the environment sets how many.
func TestRandomRouterWorlds(t *testing.T) {
	seeds := 200
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
		r := NewWorld(seed, RandomRouterSetup(seed)).Run()
		sum.Add(r)
		if len(r.Violations) > 0 {
			t.Errorf("seed %d: %v", seed, r.Violations[0])
		}
	}
	t.Logf("%v: %s", time.Since(began), sum.String())
}

// TestOneRouterWorld prints the log of the world of virtual routers that SEED in
// the environment names.
func TestOneRouterWorld(t *testing.T) {
	seed, err := strconv.ParseUint(os.Getenv("SEED"), 10, 64)
	if err != nil {
		seed = 1
	}
	s := RandomRouterSetup(seed)
	for g := range s.Config.Groups {
		cfg := &s.Config.Groups[g]
		t.Logf("%s version %d preempt=%t %v start=%v linger=%v detector=%v checks=%v", cfg.Name, cfg.Router.Version, cfg.Preempt, cfg.PreemptDelay, cfg.StartDelay, cfg.Linger, cfg.Router.Detector, cfg.Checks)
		for _, m := range cfg.Members {
			t.Logf("  %s priority %d every %v to %v", s.Config.Nodes[m.Node].Name, m.Priority, s.routerOf(g, int(m.Node)).Interval, s.routerOf(g, int(m.Node)).To)
		}
	}
	r := NewWorld(seed, s).Run()
	for _, l := range r.Log {
		t.Log(l)
	}
	for _, v := range r.Violations {
		t.Error(v)
	}
}
