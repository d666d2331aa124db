package core

import (
	"fmt"
	"net/netip"
	"sort"
	"strings"
	"testing"
	"time"
)

// bench is a handful of nodes on a perfect network with a delay, for tests of
// a single sequence of events. The simulator tests the rest.
type bench struct {
	t      *testing.T
	now    Instant
	nodes  []*Core
	names  []string
	queue  []inFlight
	cut    func(from, to int) bool
	dead   map[int]bool
	bound  []map[GroupID]int
	slots  []map[int]FenceSlot
	log    []string
	seq    int
	counts struct{ sends, announces int }
}

type inFlight struct {
	at       Instant
	seq      int
	to, from int
	path     int
	b        []byte
	event    Event
}

const oneWay = 50 * time.Microsecond

func testConfig(self, members, witnesses int, quorum bool) Config {
	cfg := Config{Self: NodeID(self), Incarnation: uint64(self + 1000), Keys: [][]byte{[]byte("0123456789abcdef")}, Interval: 5 * time.Millisecond}
	g := Group{Name: "web", Quorum: quorum, Interval: 5 * time.Millisecond, Multiplier: 3, Preempt: true, PreemptDelay: 200 * time.Millisecond, Linger: 20 * time.Millisecond}
	for i := 0; i < members+witnesses; i++ {
		cfg.Nodes = append(cfg.Nodes, Node{Name: fmt.Sprintf("n%d", i), Witness: i >= members, Paths: []netip.AddrPort{netip.MustParseAddrPort("10.0.0.1:1")}})
		if i < members {
			g.Members = append(g.Members, Member{Node: NodeID(i), Priority: 200 - 10*i})
		}
		g.Voters = append(g.Voters, NodeID(i))
	}
	cfg.Groups = []Group{g}
	return cfg
}

func newBench(t *testing.T, members, witnesses int, quorum bool, change ...func(*Group)) *bench {
	b := &bench{t: t, now: Instant(time.Hour), dead: map[int]bool{}, cut: func(int, int) bool { return false }}
	for i := 0; i < members+witnesses; i++ {
		cfg := testConfig(i, members, witnesses, quorum)
		for _, f := range change {
			f(&cfg.Groups[0])
		}
		b.add(cfg)
	}
	for i := range b.nodes {
		b.carry(i, b.nodes[i].Start(b.now))
	}
	return b
}

func (b *bench) add(cfg Config) {
	b.nodes = append(b.nodes, New(cfg))
	b.names = append(b.names, cfg.Nodes[cfg.Self].Name)
	b.bound = append(b.bound, map[GroupID]int{})
	b.slots = append(b.slots, map[int]FenceSlot{})
}

func (b *bench) carry(i int, a *Actions) {
	for _, f := range a.Fence {
		b.slots[i][f.Slot] = f
	}
	for _, f := range a.Bind {
		b.bound[i][f.Group] = f.Slot
	}
	for _, s := range a.Send {
		b.counts.sends++
		if b.cut(i, int(s.To)) || b.dead[i] {
			continue
		}
		b.push(inFlight{at: b.now.Add(oneWay), to: int(s.To), from: i, path: s.Path, b: append([]byte(nil), s.Bytes...)})
	}
	for _, w := range a.Want {
		b.push(inFlight{at: b.now.Add(100 * time.Microsecond), to: i, event: Applied{Group: w.Group, Generation: w.Generation}})
	}
	b.counts.announces += len(a.Announce)
	for _, n := range a.Note {
		b.log = append(b.log, fmt.Sprintf("%9.3fms %s kind=%d node=%d epoch=%d %s %s took=%s", float64(b.now.Sub(Instant(time.Hour)))/1e6, b.names[i], n.Kind, n.Node, n.Epoch, n.Reason, n.Detail, n.Took))
	}
}

func (b *bench) push(f inFlight) {
	b.seq++
	f.seq = b.seq
	b.queue = append(b.queue, f)
	sort.Slice(b.queue, func(x, y int) bool {
		if b.queue[x].at != b.queue[y].at {
			return b.queue[x].at < b.queue[y].at
		}
		return b.queue[x].seq < b.queue[y].seq
	})
}

func (b *bench) step(i int, e Event) {
	if !b.dead[i] {
		b.carry(i, b.nodes[i].Step(b.now, e))
	}
}

// run lets time pass, and fails when two nodes hold the group at once.
func (b *bench) run(d time.Duration) {
	end := b.now.Add(d)
	for {
		next := end
		who := -1
		if len(b.queue) > 0 && b.queue[0].at < next {
			next = b.queue[0].at
		}
		for i, n := range b.nodes {
			if !b.dead[i] && n.Deadline() < next {
				next, who = n.Deadline(), i
			}
		}
		if next >= end {
			b.now = end
			return
		}
		b.now = max(b.now, next)
		switch {
		case who >= 0:
			b.step(who, Tick{})
		default:
			f := b.queue[0]
			b.queue = b.queue[1:]
			if f.event != nil {
				b.step(f.to, f.event)
			} else {
				b.step(f.to, &Packet{From: NodeID(f.from), Path: f.path, Bytes: f.b})
			}
		}
		if h := b.holders(0); len(h) > 1 {
			b.t.Helper()
			b.fail("two holders: %v", h)
		}
	}
}

func (b *bench) holders(g GroupID) []int {
	var out []int
	for i := range b.nodes {
		if s := b.bound[i][g]; s > 0 && b.slots[i][s].Answer > b.now {
			out = append(out, i)
		}
	}
	return out
}

func (b *bench) fail(format string, args ...any) {
	b.t.Helper()
	b.t.Fatalf(format+"\n%s", append(args, strings.Join(b.log, "\n"))...)
}

func (b *bench) wantHolder(i int) {
	b.t.Helper()
	if h := b.holders(0); len(h) != 1 || h[0] != i {
		b.fail("at %s: holders are %v, want [%d]", b.now.Sub(Instant(time.Hour)), h, i)
	}
}

func TestStartElectsThePreferred(t *testing.T) {
	for _, quorum := range []bool{true, false} {
		b := newBench(t, 2, 1, quorum)
		b.run(100 * time.Millisecond)
		b.wantHolder(0)
	}
}

func TestSilentActiveIsReplacedWithinTheDetectionTime(t *testing.T) {
	for _, quorum := range []bool{true, false} {
		b := newBench(t, 2, 1, quorum)
		b.run(100 * time.Millisecond)
		b.dead[0] = true
		b.run(16 * time.Millisecond)
		b.wantHolder(1)
	}
}

func TestFatalCheckHandsOverAtOnce(t *testing.T) {
	b := newBench(t, 2, 1, true, func(g *Group) { g.Checks = []Check{{Name: "web", Rise: 1, Fall: 1, Fatal: true}} })
	b.step(0, CheckResult{Outcome: Passed})
	b.step(1, CheckResult{Outcome: Passed})
	b.run(100 * time.Millisecond)
	b.wantHolder(0)
	b.step(0, CheckResult{Outcome: Failed})
	b.run(time.Millisecond)
	b.wantHolder(1)
}

func TestSwitchoverIsMakeBeforeBreak(t *testing.T) {
	b := newBench(t, 2, 1, true)
	b.run(100 * time.Millisecond)
	b.step(0, Command{ID: 7, Verb: Switchover, To: NoNode})
	b.run(2 * time.Millisecond)
	b.wantHolder(1)
	b.run(time.Second)
	b.wantHolder(1) // an operator's choice is not preempted
	b.step(2, Command{ID: 8, Verb: Switchover, To: 0})
	b.run(2 * time.Millisecond)
	b.wantHolder(0)
}

func TestPreemptionAfterTheDelay(t *testing.T) {
	b := newBench(t, 2, 1, true)
	b.run(100 * time.Millisecond)
	b.dead[0] = true
	b.run(50 * time.Millisecond)
	b.wantHolder(1)
	cfg := testConfig(0, 2, 1, true)
	cfg.Incarnation, cfg.Groups[0].EpochFloor = 77, 64
	b.dead[0] = false
	b.nodes[0] = New(cfg)
	b.bound[0], b.slots[0] = map[GroupID]int{}, map[int]FenceSlot{}
	b.carry(0, b.nodes[0].Start(b.now))
	b.run(100 * time.Millisecond)
	b.wantHolder(1)
	b.run(200 * time.Millisecond)
	b.wantHolder(0)
}

func TestLossOfQuorumReleases(t *testing.T) {
	b := newBench(t, 2, 1, true)
	b.run(100 * time.Millisecond)
	b.cut = func(from, to int) bool { return from == 0 || to == 0 }
	b.run(16 * time.Millisecond)
	b.wantHolder(1)
	b.run(time.Second)
	b.cut = func(from, to int) bool { return false }
	b.run(100 * time.Millisecond)
	b.wantHolder(1)
	b.run(200 * time.Millisecond)
	b.wantHolder(0)
}

func TestDeafActiveIsReplaced(t *testing.T) {
	b := newBench(t, 2, 1, true)
	b.run(100 * time.Millisecond)
	b.cut = func(from, to int) bool { return to == 0 }
	b.run(17 * time.Millisecond)
	b.wantHolder(1)
}

func TestStopHandsOverAndReplies(t *testing.T) {
	b := newBench(t, 2, 1, true)
	b.run(100 * time.Millisecond)
	b.step(0, Command{ID: 9, Verb: Stop, Group: AllGroups})
	b.run(2 * time.Millisecond)
	b.wantHolder(1)
}

func TestCalmIsQuiet(t *testing.T) {
	b := newBench(t, 2, 1, true)
	b.run(200 * time.Millisecond)
	before, log := b.counts.sends, len(b.log)
	b.run(time.Second)
	// Six directed pairs at 200 a second; the answers of the standby nodes are heartbeats.
	if got := b.counts.sends - before; got < 1100 || got > 1300 {
		b.fail("%d packets in a calm second", got)
	}
	if len(b.log) != log {
		b.fail("notes in a calm second")
	}
}

func TestVotersRestartInTurn(t *testing.T) {
	b := newBench(t, 2, 1, true)
	b.run(100 * time.Millisecond)
	for round, i := range []int{2, 1, 2, 1} {
		b.dead[i] = true
		b.run(100 * time.Millisecond)
		cfg := testConfig(i, 2, 1, true)
		cfg.Incarnation, cfg.Groups[0].EpochFloor = uint64(5000+round), uint64(64*(round+1))
		b.dead[i] = false
		b.nodes[i] = New(cfg)
		b.carry(i, b.nodes[i].Start(b.now))
		b.run(300 * time.Millisecond)
		b.wantHolder(0)
	}
	for _, line := range b.log {
		if strings.Contains(line, "n0 kind=2 ") {
			b.fail("the active node let go")
		}
	}
}
