package core

import (
	"testing"
	"time"
)

// After all of these one node serves, and packets come to it.
func TestTroubleDuringALinger(t *testing.T) {
	for name, trouble := range map[string]func(b *bench){
		"switchover back at once": func(b *bench) { b.step(1, Command{ID: 2, Verb: Switchover, To: 0}) },
		"drained":                 func(b *bench) { b.step(0, Command{ID: 2, Verb: Drain, Group: AllGroups}) },
		"drained and resumed": func(b *bench) {
			b.step(0, Command{ID: 2, Verb: Drain, Group: AllGroups})
			b.neverLost(100 * time.Millisecond)
			b.step(0, Command{ID: 3, Verb: Resume, Group: AllGroups})
		},
		"stopped": func(b *bench) { b.step(0, Command{ID: 2, Verb: Stop, Group: AllGroups}) },
		"successor killed": func(b *bench) {
			b.kill(1)
			b.run(17 * time.Millisecond)
		},
		"successor frozen": func(b *bench) {
			b.nodes[1].frozen = true
			b.run(30 * time.Millisecond)
		},
		"successor drained": func(b *bench) { b.step(1, Command{ID: 2, Verb: Drain, Group: AllGroups}) },
	} {
		for _, after := range []time.Duration{time.Millisecond, 300 * time.Millisecond, 999 * time.Millisecond} {
			for _, standby := range []int{Withdrawn, 4} {
				t.Run(name, func(t *testing.T) {
					b := routedBench(t, 2, 1, func(c *Config) {
						if r := c.Groups[0].Routes; r != nil {
							r.Prepend.Standby = standby
						}
					})
					b.run(3 * time.Second)
					b.step(0, Command{ID: 1, Verb: Switchover, To: 1})
					b.neverLost(after)
					trouble(b)
					b.neverLost(1200 * time.Millisecond)
					b.run(testHold + 3*time.Second)
					if h := b.holders(0); len(h) != 1 {
						b.fail("holders are %v", h)
					}
					b.wantBest(b.holders(0)...)
				})
			}
		}
	}
}
