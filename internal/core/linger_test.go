package core

import (
	"fmt"
	"testing"
	"time"
)

// A switchover back while the old holder still answers packets under way: what
// ends then must not take the addresses away from the target that it is again.
func TestSwitchoverBackDuringTheLinger(t *testing.T) {
	for wait := time.Millisecond; wait < 30*time.Millisecond; wait += time.Millisecond {
		b := newBench(t, 2, 1, true, func(g *Group) { g.PrepareHook = true })
		b.run(100 * time.Millisecond)
		b.step(0, Command{ID: 1, Verb: Switchover, To: 1})
		b.run(time.Millisecond)
		b.hookDone(1)
		b.run(time.Millisecond)
		b.wantHolder(1)
		b.run(wait)
		b.step(0, Command{ID: 2, Verb: Switchover, To: 0})
		b.run(30 * time.Millisecond) // the hook takes longer than the linger
		if w := b.nodes[0].core.groups[0].want; !w.Held {
			b.fail("asked %s after the first switchover: the target has no addresses", wait)
		}
		b.hookDone(0)
		b.run(time.Millisecond)
		b.wantHolder(0)
	}
}

// The target is not wanted any more before the linger ends: nothing may stay.
func TestGivenUpDuringTheLinger(t *testing.T) {
	b := newBench(t, 2, 1, true, func(g *Group) { g.PrepareHook = true })
	b.run(100 * time.Millisecond)
	b.step(0, Command{ID: 1, Verb: Switchover, To: 1})
	b.run(time.Millisecond)
	b.hookDone(1)
	b.run(time.Millisecond)
	b.step(0, Command{ID: 2, Verb: Switchover, To: 0})
	b.run(time.Millisecond)
	b.step(0, Command{ID: 3, Verb: Drain, Group: AllGroups})
	b.run(50 * time.Millisecond)
	b.wantHolder(1)
	if w := b.nodes[0].core.groups[0].want; w.Held {
		b.fail("the addresses stay on a node that is drained")
	}
}

func (b *bench) hookDone(i int) {
	b.t.Helper()
	b.step(i, HookDone{Generation: b.nodes[i].core.groups[0].want.Generation, OK: true})
}

// More groups let go one after another than a fence has slots: those that find
// none do without a linger, and no slot of a lease is touched.
func TestManyLingersAtOnce(t *testing.T) {
	const groups = 1200
	b := startBench(t, 2, func(self int) Config {
		cfg := testConfig(self, 2, 0, false)
		one := cfg.Groups[0]
		one.Linger, one.Preempt = time.Second, false
		cfg.Groups = nil
		for i := range groups {
			one.Name = fmt.Sprint("g", i)
			cfg.Groups = append(cfg.Groups, one)
		}
		return cfg
	})
	b.run(200 * time.Millisecond)
	for i := range groups {
		b.step(0, Command{ID: uint64(i), Verb: Switchover, Group: GroupID(i), To: 1})
		b.run(250 * time.Microsecond)
	}
	b.run(2 * time.Second)
	for i := range groups {
		if h := b.holders(GroupID(i)); len(h) != 1 || h[0] != 1 {
			b.fail("group %d is held by %v", i, h)
		}
		if b.nodes[0].core.groups[i].want.Held {
			b.fail("group %d: the addresses stay on the old holder", i)
		}
	}
}
