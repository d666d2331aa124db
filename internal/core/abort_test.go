package core

import (
	"strings"
	"testing"
	"time"
)

// A second signal to end does not wait until a path that was left behind is gone.
func TestAbortEndsTheLinger(t *testing.T) {
	b := routedBench(t, 2, 1, func(c *Config) { c.Groups[0].Linger = time.Minute })
	b.run(3 * time.Second)
	b.step(0, Command{ID: 1, Verb: Stop, Group: AllGroups})
	b.run(3 * time.Second)
	b.wantHolder(1)
	if !b.nodes[0].core.groups[0].want.Held {
		t.Fatal("the old holder does not linger")
	}
	b.step(0, Command{ID: 2, Verb: Abort, Group: AllGroups})
	b.run(20 * time.Millisecond)
	if b.nodes[0].core.groups[0].want.Held {
		t.Error("the address is still there")
	}
	for i, s := range b.servers {
		if cease := s.ends[0].cease; !strings.Contains(cease, "stopping") {
			t.Errorf("route server %d heard %q", i+1, cease)
		}
	}
}

// Peers are taken leave of also where the kernel does not take the address away.
func TestPeersHearOfTheEndWhateverTheKernelDoes(t *testing.T) {
	for _, verb := range []Verb{Stop, Abort} {
		b := routedBench(t, 1, 0)
		b.nodes[0].apply = func(w Want) (time.Duration, bool, bool) { return applyTime, true, w.Held }
		b.run(3 * time.Second)
		b.wantBest(0)
		replied := false
		b.told = func(_ int, a *Actions) { replied = replied || len(a.Reply) > 0 }
		b.step(0, Command{ID: 1, Verb: verb, Group: AllGroups})
		b.run(20 * time.Millisecond)
		for i, s := range b.servers {
			if cease := s.ends[0].cease; !strings.Contains(cease, "stopping") {
				t.Errorf("route server %d heard %q", i+1, cease)
			}
		}
		if replied {
			t.Error("it says that everything is released")
		}
	}
}
