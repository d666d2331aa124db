package core

import (
	"testing"
	"time"
)

// What was on its way when the configuration changed may name a group or a check
// that there is no more: it is forgotten.
func TestEventsOfTheConfigurationBeforeAreForgotten(t *testing.T) {
	for name, e := range map[string]Event{
		"applied": Applied{Group: 0, Generation: 1}, "failed": ApplyFailed{Group: 0, Generation: 1}, "hook": HookDone{Group: 0, Generation: 1},
		"check": CheckResult{Group: 0, Outcome: Failed}, "repaired": AddressRepaired{Group: 0},
		"switchover": Command{Verb: Switchover, Group: 0, To: NoNode}, "switchover of all": Command{Verb: Switchover, Group: AllGroups, To: NoNode},
	} {
		t.Run(name, func(t *testing.T) {
			b := newBench(t, 2, 1, true, func(g *Group) { g.Checks = []Check{{Name: "web", Rise: 1, Fall: 1}} })
			b.run(100 * time.Millisecond)
			b.reload(0, func(cfg *Config) { cfg.Groups = nil })
			b.step(0, e)
		})
	}
}
