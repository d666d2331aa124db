package sim

import (
	"testing"
	"time"
)

// TestVoteIsReturnedWhenNoLeaseHangsOnIt cuts a pair apart, heals it, and cuts it apart
// again about when the vote that is not needed any more is given back: the peer may have
// it at once, for the store is cut off from the active node then, and a lease that was counted from it must have ended by then.
func TestVoteIsReturnedWhenNoLeaseHangsOnIt(t *testing.T) {
	for step := range 60 {
		again := 9050*time.Millisecond + time.Duration(step)*time.Millisecond
		s := voters(2, 200*time.Microsecond,
			Fault{Kind: Partition, At: 8 * time.Second, For: 100 * time.Millisecond, Node: Holder, Path: -1},
			Fault{Kind: Partition, At: again, For: 300 * time.Millisecond, Node: Holder, Path: -1},
			Fault{Kind: StoreCut, At: 9103850 * time.Microsecond, For: 400 * time.Millisecond, Node: 0})
		for _, v := range NewWorld(1, s).Run().Violations {
			t.Errorf("cut apart again at %v: %v", again, v)
		}
	}
}
