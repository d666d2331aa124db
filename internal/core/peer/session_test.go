package peer

import (
	"bytes"
	"testing"
	"time"
)

func stale(c *Counters) *uint64     { return &c.Stale }
func unproved(c *Counters) *uint64  { return &c.Unproved }
func notForUs(c *Counters) *uint64  { return &c.NotForUs }
func badTag(c *Counters) *uint64    { return &c.BadTag }
func badLength(c *Counters) *uint64 { return &c.BadLength }

func TestReplayInTheSameSession(t *testing.T) {
	p := newPair(t, 3, twoNodes(1))
	p.run(100 * time.Millisecond)
	if !p.active(0) {
		t.Fatal("a is not active")
	}
	for _, pk := range p.tape {
		if pk.from == 0 && pk.to == 1 && pk.at <= p.now {
			p.refused("replay", pk, stale)
		}
	}
}

// A receiver that has restarted knows no sequence numbers: a recorded packet
// must not make it believe that its sender is there.
func TestReplayAcrossARestartOfTheReceiver(t *testing.T) {
	p := newPair(t, 3, twoNodes(1))
	p.run(100 * time.Millisecond)
	tape := p.tape
	p.m[0], p.m[2], p.air = nil, nil, nil
	p.start(1)
	p.air = nil
	for _, pk := range tape {
		if pk.from == 0 && pk.to == 1 {
			p.refused("replay", pk, unproved)
		}
	}
	if s := p.m[1].Node(p.now, 0); s.Alive {
		t.Error("a recording is taken for a living node")
	}
}

// Packets of the run before the last, some of which were held back and never
// delivered, come while the new run is known.
func TestReplayAcrossARestartOfTheSender(t *testing.T) {
	p := newPair(t, 3, twoNodes(1))
	p.run(100 * time.Millisecond)
	p.drop = func(pk packet) bool { return pk.from == 0 && pk.to == 1 }
	p.run(3 * time.Millisecond)
	p.drop = nil
	tape := p.tape
	p.m[0] = nil
	p.run(50 * time.Millisecond)
	p.start(0)
	p.run(100 * time.Millisecond)
	inc := p.m[1].nodes[0].inc
	if inc != p.m[0].inc {
		t.Fatal("the new run is not known")
	}
	for _, pk := range tape {
		if pk.from == 0 && pk.to == 1 {
			p.refused("replay", pk, unproved)
		}
	}
}

// Packets of runs that are over, a few each millisecond, must not keep a new run
// out: the clients would wait for as long as the recording is played.
func TestReplaysDoNotKeepANewRunOut(t *testing.T) {
	p := newPair(t, 3, twoNodes(1))
	for range 4 {
		p.run(50 * time.Millisecond)
		p.m[0] = nil
		p.run(20 * time.Millisecond)
		p.start(0)
	}
	old := p.lastOfEachRun(0, 1)
	if len(old) != 4 {
		t.Fatalf("%d runs are on tape", len(old))
	}
	for at := p.now; at < p.now.Add(100*time.Millisecond); at = at.Add(time.Millisecond) {
		for i, pk := range old {
			pk.at = at.Add(time.Duration(i) * 10 * time.Microsecond)
			p.air = append(p.air, pk)
		}
	}
	p.run(100 * time.Millisecond)
	if p.m[1].nodes[0].inc != p.m[0].inc {
		t.Errorf("after 100ms the new run is still not known; %d packets were not proved", p.m[1].counters.Unproved)
	}
}

func TestWhatIsNotForThisNode(t *testing.T) {
	p := newPair(t, 3, twoNodes(2))
	p.run(100 * time.Millisecond)
	p.drop = func(packet) bool { return true }
	p.run(6 * time.Millisecond)
	last := func(from, to, path int) packet {
		for i := len(p.tape) - 1; ; i-- {
			if pk := p.tape[i]; pk.from == from && pk.to == to && pk.path == path {
				return pk
			}
		}
	}
	toB := last(0, 1, 0)
	wrongReceiver := last(0, 2, 0)
	wrongReceiver.to = 1
	wrongPath := toB
	wrongPath.path = 1
	wrongSender := toB
	wrongSender.from = 2
	noPath, noNode := toB, toB
	noPath.path, noNode.from = 7, 9 // of a longer configuration on the other side
	own := last(1, 0, 0)            // what this node sent comes back
	own.from, own.to = 0, 1
	for what, pk := range map[string]packet{
		"another receiver": wrongReceiver, "another path": wrongPath, "another sender": wrongSender,
		"no such path": noPath, "no such node": noNode, "reflected": own,
	} {
		p.refused(what, pk, notForUs)
	}
	short, forged := toB, toB
	short.b = toB.b[:len(toB.b)-1]
	p.refused("short", short, badLength)
	forged.b = bytes.Clone(toB.b)
	forged.b[40] ^= 1
	p.refused("forged", forged, badTag)
	if out := p.receive(toB); len(out.Changes) > 0 || p.m[1].counters.Stale > 0 {
		t.Errorf("the packet itself is refused: %+v", p.m[1].counters)
	}
	p.refused("twice", toB, stale)
}

// Loss, duplicates and changes of order beside one another: records arrive
// whole, and nobody serves beside the active node.
func TestReorderedAndDuplicated(t *testing.T) {
	p := newPair(t, 3, twoNodes(2))
	n := 0
	p.after = func(pk packet) time.Duration {
		n++
		return delay + time.Duration(n*7919%13)*150*time.Microsecond
	}
	p.drop = func(pk packet) bool {
		if n%3 == 0 {
			twice := pk
			twice.at = pk.at.Add(time.Millisecond)
			p.air = append(p.air, twice)
		}
		return n%7 == 0
	}
	p.run(500 * time.Millisecond)
	if !p.active(0) || p.active(1) {
		t.Fatalf("a active %v, b active %v", p.active(0), p.active(1))
	}
	for i := range 3 {
		for j := range 3 {
			if i != j && p.m[i].nodes[j].rec[0] != p.m[j].groups[0].said {
				t.Errorf("node %d knows of %d %+v, not %+v", i, j, p.m[i].nodes[j].rec[0], p.m[j].groups[0].said)
			}
		}
	}
}

func TestTwoRunsAreTheSame(t *testing.T) {
	tape := func() []packet {
		p := newPair(t, 3, twoNodes(2))
		p.run(200 * time.Millisecond)
		return p.tape
	}
	a, b := tape(), tape()
	if len(a) != len(b) || len(a) < 100 {
		t.Fatalf("%d packets, then %d", len(a), len(b))
	}
	for i := range a {
		if a[i].at != b[i].at || !bytes.Equal(a[i].b, b[i].b) {
			t.Fatalf("packet %d differs", i)
		}
	}
}
