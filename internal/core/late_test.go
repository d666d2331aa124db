package core

import (
	"testing"
	"time"
)

// A node that was frozen for longer than its lease may not serve before it has
// heard what happened meanwhile, whatever it is woken by.
func TestALateNodeStaysSilentWhateverWakesIt(t *testing.T) {
	for name, wake := range map[string]Event{
		"tick":    Tick{},
		"check":   CheckResult{Outcome: Passed},
		"link":    LinkState{Interface: "eth0"},
		"applied": Applied{Generation: 1},
		"command": Command{ID: 1, Verb: Resume, Group: AllGroups},
	} {
		for _, quorum := range []bool{false, true} {
			t.Run(name, func(t *testing.T) {
				b := newBench(t, 2, 1, quorum, func(g *Group) { g.Checks = []Check{{Name: "web", Rise: 1, Fall: 1}} })
				b.run(100 * time.Millisecond)
				b.wantHolder(0)
				b.nodes[0].frozen = true
				b.run(40 * time.Millisecond)
				b.wantHolder(1)
				b.nodes[0].frozen, b.nodes[0].waiting = false, nil
				b.step(0, wake)
				b.wantHolder(1)
				b.run(2 * time.Millisecond)
				b.wantHolder(1)
				b.run(100 * time.Millisecond)
				b.wantHolder(1)
			})
		}
	}
}

// Ten packets waited while the node was frozen. Its lateness is one, not ten: it
// must not wait that much longer for a node that died meanwhile.
func TestLatenessCountsOnce(t *testing.T) {
	b := newBench(t, 2, 1, true)
	b.run(100 * time.Millisecond)
	b.nodes[1].frozen = true
	b.run(10 * time.Millisecond)
	b.thaw(1)
	late := b.nodes[1].core.Inspect(b.now).Counters.Late
	if late != 1 {
		b.fail("late %d times, want once", late)
	}
}

// A holder whose lease has run out says nothing to its clients, also when
// something else than the end of the lease is what the node deals with next.
func TestNothingIsAnnouncedBehindAClosedFence(t *testing.T) {
	for wait := 80 * time.Millisecond; wait < 125*time.Millisecond; wait += 500 * time.Microsecond {
		b := newBench(t, 2, 1, true)
		b.run(20 * time.Millisecond)
		b.wantHolder(0)
		b.run(wait - 15*time.Millisecond)
		b.cut = func(from, to int) bool { return from == 0 || to == 0 }
		b.run(13 * time.Millisecond)
		b.nodes[0].frozen = true // too short to count as late
		b.run(2 * time.Millisecond)
		b.nodes[0].frozen = false
		b.step(0, LinkState{Interface: "eth9"})
		b.step(0, AddressRepaired{})
		b.run(20 * time.Millisecond)
	}
}
