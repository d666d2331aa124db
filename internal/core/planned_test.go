package core

import (
	"fmt"
	"math/rand/v2"
	"testing"
	"time"
)

// Nothing that an operator asks for loses a packet, at whatever moments.
func TestNothingPlannedLosesAnything(t *testing.T) {
	for seed := range uint64(15) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			random := rand.New(rand.NewPCG(seed, 7))
			kind := random.IntN(6)
			b := routedBench(t, 3, 0, func(c *Config) {
				g := &c.Groups[0]
				if kind == 5 {
					everyone(c)
					g.Checks, g.Damping = nil, time.Second
				}
				if kind&1 != 0 {
					g.Routes.Prepend.Standby = 4
				}
				if kind&2 != 0 {
					g.Routes.Prepend.Drain = 6
				}
				g.PrepareHook = kind == 4
				g.Linger = time.Second
			})
			b.told = func(i int, a *Actions) {
				for _, w := range a.Want {
					if w.Held && !w.Active && !w.Stay && b.nodes[i].cfg.Groups[0].PrepareHook {
						b.after(time.Duration(1+random.IntN(30))*time.Millisecond, func() { b.step(i, HookDone{Generation: w.Generation, OK: true}) })
					}
				}
			}
			b.run(3 * time.Second)
			drained := map[int]bool{}
			for step := range 12 {
				i := random.IntN(3)
				switch random.IntN(4) {
				case 0:
					b.step(i, Command{ID: uint64(step), Verb: Switchover, To: NodeID(random.IntN(3))})
				case 1:
					if len(drained) < 2 || drained[i] {
						drained[i] = true
						b.step(i, Command{ID: uint64(step), Verb: Drain, Group: AllGroups})
					}
				case 2:
					delete(drained, i)
					b.step(i, Command{ID: uint64(step), Verb: Resume, Group: AllGroups})
				case 3:
					b.changeConfig(i, func(c *Config) { otherMED(c.Groups[0].Routes) })
				}
				b.neverLost(time.Duration(random.IntN(1 + int([]time.Duration{10 * time.Millisecond, 300 * time.Millisecond, 1200 * time.Millisecond}[random.IntN(3)]))))
			}
			b.neverLost(1500 * time.Millisecond)
		})
	}
}

// otherMED changes something that routers see and that makes no difference to them here.
func otherMED(r *Routes) {
	p := r.Paths[0]
	p.MED, p.HasMED = p.MED+1, true
	r.Paths = append(r.Paths[:0:0], p)
}
