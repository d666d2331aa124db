package core

import (
	"testing"
	"time"

	"stead/internal/core/reason"
)

// A node that gives up because it has lost its sessions could not withdraw its path.
// The one that takes over is preferred to it, and says why it took over.
func TestPathOfANodeThatLostItsSessionsIsLeftBehind(t *testing.T) {
	b := routedBench(t, 2, 1)
	b.run(3 * time.Second)
	b.cut = func(from, to int) bool { return from == 0 && to >= firstServed }
	at := b.now
	for b.noted(1, BecameActive, at) == 0 {
		for _, s := range b.servers { // they have heard the node a little later than it has heard them
			e := s.ends[0]
			e.session.Begin(b.now)
			e.session.Updates(b.now, e.at, 1)
			e.flush()
		}
		b.run(100 * time.Millisecond)
	}
	b.run(time.Millisecond)
	b.wantPath(0, 3)
	b.wantBest(1)
	for _, x := range b.notes {
		if x.node == 1 && x.Kind == BecameActive && x.At >= at && x.Reason != reason.NoSession {
			t.Errorf("it became active because of %q", x.Reason)
		}
	}
	b.run(testHold + 2*time.Second)
	b.wantPath(0, 0)
	b.wantPath(1, 3)
}
