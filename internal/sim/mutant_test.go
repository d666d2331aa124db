package sim

import (
	"slices"
	"testing"
)

// mutantSeeds is within how many worlds every planted bug has to be found.
const mutantSeeds = 600

// TestPlantedBugsAreCaught plants each bug in turn. A world counts when a
// checker that is meant for the bug finds it there, and the sound core passes the same world.
func TestPlantedBugsAreCaught(t *testing.T) {
	sound := map[uint64]bool{}
	passes := func(seed uint64) bool {
		if _, known := sound[seed]; !known {
			sound[seed] = len(NewWorld(seed, RandomSetup(seed)).Run().Violations) == 0
		}
		return sound[seed]
	}
	for i := range bugs {
		bug := &bugs[i]
		t.Run(bug.name, func(t *testing.T) {
			for seed := range uint64(mutantSeeds) {
				w := NewWorld(seed, RandomSetup(seed))
				w.setup.Build = bug.build(w)
				r := w.Run()
				if len(r.Violations) == 0 || !slices.Contains(bug.checks, r.Violations[0].Check) {
					continue
				}
				if passes(seed) {
					t.Logf("seed %d: %v", seed, r.Violations[0])
					return
				}
			}
			t.Errorf("no checker of %v has found it in %d worlds", bug.checks, mutantSeeds)
		})
	}
}
