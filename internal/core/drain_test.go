package core

import (
	"testing"
	"time"

	"stead/internal/core/reason"
)

// replyTo has a node take a command, and returns its answer.
func (b *bench) replyTo(i int, c Command) Reply {
	b.t.Helper()
	a := b.nodes[i].core.Step(b.now, c)
	if len(a.Reply) != 1 || a.Reply[0].ID != c.ID {
		b.fail("replies %+v", a.Reply)
	}
	reply := a.Reply[0]
	b.carry(i, a)
	return reply
}

// A node that nobody can replace goes on serving, and the drain is refused: it
// leaves nothing behind that takes the node away later.
func TestDrainOfTheLastOneIsRefused(t *testing.T) {
	for _, quorum := range []bool{true, false} {
		for _, group := range []GroupID{0, AllGroups} {
			b := newBench(t, 2, 1, quorum)
			b.run(100 * time.Millisecond)
			b.wantHolder(0)
			if r := b.replyTo(1, Command{ID: 1, Verb: Drain, Group: group}); !r.OK {
				b.fail("drain of the standby: %+v", r)
			}
			b.run(10 * time.Millisecond)
			if r := b.replyTo(0, Command{ID: 2, Verb: Drain, Group: group}); r.OK || r.Why != reason.NoSuccessor {
				b.fail("drain of the last one: %+v", r)
			}
			if n := b.noted(0, Refused, benchStart); n != 1 {
				b.fail("%d refusals noted", n)
			}
			b.replyTo(1, Command{ID: 3, Verb: Resume, Group: group})
			b.run(time.Second)
			b.wantHolder(0)
			if r := b.replyTo(0, Command{ID: 4, Verb: Drain, Group: group}); !r.OK {
				b.fail("drain with a successor: %+v", r)
			}
			b.run(10 * time.Millisecond)
			b.wantHolder(1)
		}
	}
}
