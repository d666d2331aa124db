package core

import (
	"bytes"
	"fmt"
	"testing"
	"time"

	"stead/internal/core/peer"
)

// draw reads choices from the fuzzer's bytes; when they are used up it says zero.
type draw struct{ b []byte }

func (d *draw) byte() byte {
	if len(d.b) == 0 {
		return 0
	}
	x := d.b[0]
	d.b = d.b[1:]
	return x
}

func (d *draw) below(n int) int { return int(d.byte()) % n }

// span is a time from nothing to an hour, most often around an interval.
func (d *draw) span() time.Duration {
	x := d.byte()
	if x < 224 {
		return time.Duration(x) * 100 * time.Microsecond
	}
	return time.Duration(1) << (x - 224) * 2 * time.Microsecond
}

// judge checks what holds after every step, whatever came before.
type judge struct {
	c      *Core
	epochs []uint64
	wants  map[GroupID]uint64
}

func newJudge(c *Core) *judge {
	return &judge{c: c, epochs: make([]uint64, len(c.groups)), wants: map[GroupID]uint64{}}
}

func (j *judge) step(now Instant, a *Actions) error {
	if err := checkActions(j.c, now, a, j.wants); err != nil {
		return err
	}
	for _, w := range a.Want {
		if w.Active && w.Epoch < j.epochs[w.Group] {
			return fmt.Errorf("group %d: epoch %d after %d", w.Group, w.Epoch, j.epochs[w.Group])
		}
		if w.Active {
			j.epochs[w.Group] = w.Epoch
		}
	}
	// What one step may ask for is bounded by what there is, whatever came in.
	nodes, groups := len(j.c.cfg.Nodes), len(j.c.groups)
	for _, is := range []struct {
		what       string
		got, limit int
	}{
		{"fences", len(a.Fence), 8 * (groups + 1)},
		{"binds", len(a.Bind), 8 * groups},
		{"packets", len(a.Send), 8 * nodes},
		{"advertisements", len(a.Advertise), 8 * groups},
		{"wants", len(a.Want), 8 * groups},
		{"announcements", len(a.Announce), groups},
		{"persists", len(a.Persist), 8 * (groups + 1)},
		{"replies", len(a.Reply), 2},
		{"notes", len(a.Note), 16*groups + nodes},
	} {
		if is.got > is.limit {
			return fmt.Errorf("%d %s in one step, more than %d", is.got, is.what, is.limit)
		}
	}
	return nil
}

// fuzzConfig is three nodes with two groups of different timing.
func fuzzConfig(self int, how byte) Config {
	quorum := how&1 != 0
	cfg := testConfig(self, 3, 0, quorum)
	g := &cfg.Groups[0]
	g.Checks = []Check{{Name: "web", Rise: 1, Fall: 1, Fatal: how&2 != 0}, {Name: "load", Rise: 1, Fall: 1, Weight: -150}}
	g.Interfaces = []string{"eth0"}
	g.PrepareHook = how&4 != 0
	g.HoldOnQuorumLoss = how&8 != 0
	g.Preempt = how&16 != 0
	g.PreemptDelay, g.Refresh = 20*time.Millisecond, time.Second
	slow := *g
	slow.Name, slow.Interval, slow.Multiplier, slow.Quorum = "slow", 50*time.Millisecond, 4, how&32 != 0
	cfg.Groups = append(cfg.Groups, slow)
	cfg.Unfenced = how&64 != 0
	return cfg
}

// FuzzStep puts any events at any times into one core: the world may lie, peers
// that know the key may talk nonsense, time may leap.
func FuzzStep(f *testing.F) {
	f.Add([]byte{1})
	f.Add([]byte("\x10\xa0\x01\x10\xa0\x02\x20\xa0\x03\x01\xff\x05"))
	f.Add(bytes.Repeat([]byte{0x31, 0x02, 0x91, 0x00, 0x47}, 60))
	f.Add(bytes.Repeat([]byte{0x03, 0x32, 0x01, 0x01, 0xc8, 0x01, 0x0f, 0x02, 0x01, 0x05}, 40))
	f.Fuzz(func(t *testing.T, b []byte) {
		d := &draw{b: b}
		c := New(fuzzConfig(0, d.byte()))
		j, now := newJudge(c), benchStart
		if err := j.step(now, c.Start(now)); err != nil {
			t.Fatal(err)
		}
		var seq [3]uint64
		for steps := 0; len(d.b) > 0 && steps < 2000; steps++ {
			now = now.Add(d.span())
			e := anyEvent(d, c, &seq)
			if err := j.step(now, c.Step(now, e)); err != nil {
				t.Fatalf("step %d, %T %+v: %v", steps, e, e, err)
			}
			if err := j.step(now, c.Step(now, Tick{})); err != nil {
				t.Fatalf("step %d, tick after %T: %v", steps, e, err)
			}
			if at := c.Deadline(); at <= now {
				t.Fatalf("step %d: all is done that was due, and the deadline is %s in the past", steps, now.Sub(at))
			}
			c.Inspect(now)
		}
	})
}

// anyEvent draws an event. One that names a group or a check names one that
// there is: the drivers make sure of that.
func anyEvent(d *draw, c *Core, seq *[3]uint64) Event {
	g := GroupID(d.below(len(c.groups)))
	generation := c.groups[g].want.Generation - uint64(d.below(4)/3)
	switch d.below(12) {
	case 0:
		return Tick{}
	case 1:
		return CheckResult{Group: g, Check: d.below(2), Outcome: Outcome(d.below(3))}
	case 2:
		return LinkState{Interface: []string{"eth0", "eth1"}[d.below(2)], Up: d.below(2) == 0}
	case 3:
		return Applied{Group: g, Generation: generation}
	case 4:
		return ApplyFailed{Group: g, Generation: generation, Detail: "no such device"}
	case 5:
		return HookDone{Group: g, Generation: generation, OK: d.below(2) == 0}
	case 6:
		return AddressRepaired{Group: g}
	case 7:
		verb := Verb(1 + d.below(5))
		if verb != Switchover && d.below(2) == 0 {
			g = AllGroups
		}
		return Command{ID: 1, Verb: verb, Group: g, To: []NodeID{0, 1, 2, NoNode}[d.below(4)]}
	case 8:
		return &Packet{From: NodeID(d.below(4)), Path: d.below(3), Bytes: bytes.Clone(d.b[:d.below(len(d.b)+1)])}
	}
	return anyPacket(d, c, seq)
}

// anyPacket draws a packet of a peer that knows the key and says what it likes.
func anyPacket(d *draw, c *Core, seq *[3]uint64) *Packet {
	from := 1 + d.below(2)
	seq[from]++
	version := uint64(d.below(8))
	h := peer.Header{
		Flags: d.byte(), Sender: peer.NodeHash(c.cfg.Nodes[from].Name), Receiver: peer.NodeHash(c.cfg.Nodes[0].Name),
		Inc: uint64(1 + d.below(2)), Seq: seq[from], EchoInc: c.cfg.Incarnation, EchoSeq: c.machine.Count().Sent / 2, EchoPath: 0,
		Version: version, Ack: uint64(d.below(16)), Top: version,
	}
	if d.below(4) == 0 {
		h.EchoSeq, h.Base = uint64(d.byte()), uint64(d.below(4))
	}
	b := h.Append(nil)
	for range d.below(3) {
		hash := func() uint32 {
			return []uint32{0, peer.NodeHash("n0"), peer.NodeHash("n1"), peer.NodeHash("n2")}[d.below(4)]
		}
		r := peer.Record{
			Group: peer.GroupHash([]string{"web", "slow", "other"}[d.below(3)]), Seen: uint64(d.byte()), VoteEpoch: uint64(d.byte()),
			Epoch: uint64(d.byte()), Bid: uint64(d.below(32)), LeaseUS: uint32(d.below(64)) * 1000, VoteNode: hash(), Target: hash(), Ask: hash(),
			Role: peer.Role(d.below(4)), Priority: d.byte(), Flags: d.byte(), Cause: peer.Cause(d.below(20)),
		}
		b = r.Append(b)
	}
	return &Packet{From: NodeID(from), Bytes: peer.NewSealer(c.cfg.Keys).Seal(b, 0)}
}

// FuzzCluster lets three nodes live through any faults on a network that delays,
// loses, doubles and reorders, with clocks that tell the truth: with quorum the
// bench fails when two answer. Afterwards all is mended, and one has to serve.
func FuzzCluster(f *testing.F) {
	f.Add([]byte{1, 0, 50, 1, 0, 0, 60})
	f.Add([]byte("\x01\x00\xff\x02\x00\x00\xc0\x03\x00\x06\x01\x00\xff"))
	f.Add(bytes.Repeat([]byte{0x11, 0x32, 0x54, 0x77, 0x05, 0x61, 0x09, 0x43}, 20))
	f.Add(bytes.Repeat([]byte{0x35, 0xc8, 0x02, 0x01, 0x90, 0x03, 0x01, 0x96, 0x04, 0x06}, 20))
	f.Fuzz(func(t *testing.T, b []byte) {
		d := &draw{b: b}
		how := d.byte() &^ (2 | 8 | 64) // fatal checks start as unknown; the fence is the bench's
		x := newFuzzed(t, how)
		for steps := 0; len(d.b) > 0 && steps < 60; steps++ {
			x.fault(d)
			x.run(min(d.span(), 300*time.Millisecond))
		}
		x.mend()
	})
}

// fuzzed is a bench whose network does what the fuzzer says.
type fuzzed struct {
	*bench
	cuts   [3][3]bool
	jitter uint64
	judges map[*Core]*judge
	most   uint64 // the highest epoch that any node activated in group 0
	most1  int    // by whom
}

func newFuzzed(t *testing.T, how byte) *fuzzed {
	return newFuzzedOf(t, func(i int) Config { return fuzzConfig(i, how) })
}

func newFuzzedOf(t *testing.T, config func(self int) Config) *fuzzed {
	x := &fuzzed{bench: emptyBench(t), judges: map[*Core]*judge{}}
	quorum := config(0).Groups[0].Quorum
	if !quorum {
		x.mayBe = 0
	}
	x.cut = func(from, to int) bool { return x.cuts[from][to] }
	x.delay = x.draws
	x.told = func(i int, a *Actions) { x.judge(i, a, quorum) }
	for i := range 3 {
		x.add(config(i))
	}
	for i := range 3 {
		x.start(i)
	}
	return x
}

// draws is the time that a packet takes, or -1 for one that is lost.
func (x *fuzzed) draws(_, _, _ int) time.Duration {
	if x.jitter == 0 {
		return oneWay
	}
	x.jitter = x.jitter*6364136223846793005 + 1442695040888963407
	r := x.jitter >> 33
	if r%16 == 0 {
		return -1
	}
	return oneWay + time.Duration(r%5000)*time.Microsecond
}

func (x *fuzzed) judge(i int, a *Actions, quorum bool) {
	x.t.Helper()
	c := x.nodes[i].core
	j := x.judges[c]
	if j == nil {
		j = newJudge(c)
		x.judges[c] = j
	}
	if err := j.step(x.now, a); err != nil {
		x.fail("%s: %s: %v", x.since(), x.nodes[i].name, err)
	}
	for _, w := range a.Want {
		if !w.Active || w.Group != 0 || !quorum {
			continue
		}
		if w.Epoch < x.most || w.Epoch == x.most && i != x.most1 {
			x.fail("%s: %s is active with epoch %d after node %d with %d", x.since(), x.nodes[i].name, w.Epoch, x.most1, x.most)
		}
		x.most, x.most1 = w.Epoch, i
	}
}

// fault draws one thing that goes wrong, or that somebody does.
func (x *fuzzed) fault(d *draw) {
	i := d.below(3)
	n := x.nodes[i]
	switch d.below(13) {
	case 0:
		x.kill(i)
	case 1:
		if n.dead {
			x.start(i)
		}
	case 2:
		n.frozen = !n.dead
	case 3:
		if n.frozen && !n.dead {
			x.thaw(i)
		}
	case 4, 5:
		x.cuts[i][d.below(3)] = d.below(3) > 0
	case 6:
		x.cuts = [3][3]bool{}
	case 7:
		x.jitter = uint64(d.byte())
	case 8:
		x.step(i, LinkState{Interface: "eth0", Up: d.below(2) == 0})
	case 9:
		x.step(i, Command{ID: 1, Verb: Switchover, To: []NodeID{0, 1, 2, NoNode}[d.below(4)]})
	case 10:
		x.step(i, Command{ID: 1, Verb: []Verb{Drain, Resume}[d.below(2)], Group: AllGroups})
	case 11:
		if !n.dead {
			x.step(i, HookDone{Generation: n.core.groups[0].want.Generation, OK: d.below(3) > 0})
		}
	case 12:
		x.accept(i)
		if d.below(2) > 0 {
			n.apply = func(w Want) (time.Duration, bool, bool) { return applyTime, !w.Held, true }
		}
	}
}

// accept lets a node's kernel take addresses, also those that it has refused:
// the actuator goes on trying.
func (x *fuzzed) accept(i int) {
	n := x.nodes[i]
	n.apply = nil
	if n.dead {
		return
	}
	for _, g := range n.core.groups {
		if !g.applied && g.want.Generation > 0 {
			x.push(inFlight{at: x.now.Add(applyTime), to: i, run: n.runs, event: Applied{Group: g.id, Generation: g.want.Generation}})
		}
	}
}

// mend takes all faults away: within a bound exactly one node answers.
func (x *fuzzed) mend() {
	x.mendAll()
	x.run(time.Second)
	if len(x.holders(0)) != 1 {
		x.run(failureRest) // the last one to try may have been refused an address
	}
	if h := x.holders(0); len(h) != 1 {
		x.fail("six seconds after all was mended holders are %v", h)
	}
}

func (x *fuzzed) mendAll() {
	x.cuts, x.jitter = [3][3]bool{}, 0
	for i, n := range x.nodes {
		if n.dead {
			n.apply = nil
			x.start(i)
		}
		if n.frozen {
			x.thaw(i)
		}
		x.accept(i)
		x.step(i, LinkState{Interface: "eth0", Up: true})
		x.step(i, Command{ID: 1, Verb: Resume, Group: AllGroups})
	}
}
