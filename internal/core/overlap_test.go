package core

import (
	"testing"
	"time"
)

// The path of a node that hands over is the best one until that of its successor has
// arrived: those of others lead to nodes that drop packets.
func TestNoStandbyIsPreferredDuringAHandover(t *testing.T) {
	b := routedBench(t, 3, 0, func(c *Config) {
		if r := c.Groups[0].Routes; r != nil {
			r.Prepend.Standby = 3
		}
	})
	b.run(3 * time.Second)
	b.wantBest(0)
	b.step(0, Command{ID: 1, Verb: Switchover, To: 1})
	b.neverLost(50 * time.Millisecond)
	b.wantBest(0, 1) // both serve
	b.neverLost(300 * time.Millisecond)
	b.wantBest(1)
	b.neverLost(2 * time.Second)
	b.step(1, Command{ID: 2, Verb: Drain, Group: AllGroups})
	b.neverLost(3 * time.Second)
	b.wantBest(0)
	b.step(0, Command{ID: 3, Verb: Stop, Group: AllGroups})
	b.neverLost(3 * time.Second)
	b.wantBest(2)
}
