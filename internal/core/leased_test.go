package core

import (
	"fmt"
	"net/netip"
	"strings"
	"testing"
	"time"

	"stead/internal/core/clock"
	"stead/internal/core/lease"
	"stead/internal/core/peer"
	"stead/internal/core/reason"
)

// leaseWorld is two nodes or more that share a register and nothing else.
type leaseWorld struct {
	t       *testing.T
	now     Instant
	nodes   []*leaseNode
	value   []byte
	version int
	latency time.Duration
	queue   []leaseDue
	log     []string
}

type leaseDue struct {
	at Instant
	do func()
}

type leaseNode struct {
	c       *Core
	id      NodeID
	cut     bool // the store cannot be reached
	dead    bool
	silent  bool // no packet gets from or to it
	slots   map[int]Instant
	bound   int
	held    bool
	replies []Reply
}

const (
	testTTL   = 10 * time.Second
	testRenew = 2 * time.Second
	testLook  = time.Second
)

// testSession is the run of the daemons that start next.
var testSession = uint64(77)

func leaseConfig(self NodeID, nodes int) Config {
	cfg := Config{Self: self, Incarnation: uint64(self) + 1, Keys: [][]byte{[]byte("0123456789abcdef")}}
	g := Group{
		Name: "db", Preempt: true, PreemptDelay: 5 * time.Second, Store: "s",
		Right: &lease.Config{
			Self: fmt.Sprint("n", self), Session: testSession, TTL: testTTL, Use: testTTL - testTTL/32,
			Renew: testRenew, Look: testLook, Rank: int(self),
		},
		Checks: []Check{{Name: "app", Rise: 1, Fall: 1, Fatal: true}},
	}
	for i := range nodes {
		if i < int(self) {
			g.Right.Before = append(g.Right.Before, fmt.Sprint("n", i))
		}
		cfg.Nodes = append(cfg.Nodes, Node{Name: fmt.Sprint("n", i)})
		g.Members = append(g.Members, Member{Node: NodeID(i), Priority: 200 - i})
	}
	cfg.Groups = []Group{g}
	return cfg
}

func newLeaseWorld(t *testing.T, nodes int, change func(*Config)) *leaseWorld {
	w := &leaseWorld{t: t, now: Instant(time.Hour), latency: 10 * time.Millisecond}
	for i := range nodes {
		cfg := leaseConfig(NodeID(i), nodes)
		if change != nil {
			change(&cfg)
		}
		n := &leaseNode{id: NodeID(i), c: New(cfg), slots: map[int]Instant{}}
		w.nodes = append(w.nodes, n)
	}
	for _, n := range w.nodes {
		w.carryOut(n, n.c.Start(w.now))
		w.step(n, CheckResult{Outcome: Passed})
	}
	return w
}

func (w *leaseWorld) step(n *leaseNode, e Event) {
	if !n.dead {
		w.carryOut(n, n.c.Step(w.now, e))
	}
	w.judge()
}

func (w *leaseWorld) carryOut(n *leaseNode, a *Actions) {
	for _, s := range a.Fence {
		n.slots[s.Slot] = s.Answer
	}
	for _, b := range a.Bind {
		n.bound = b.Slot
	}
	for _, s := range a.Store {
		w.begin(n, s.Op)
	}
	for _, s := range a.Send {
		b, to := append([]byte(nil), s.Bytes...), w.nodes[s.To]
		w.at(time.Millisecond, func() {
			if !n.silent && !to.silent {
				w.step(to, &Packet{From: n.id, Path: s.Path, Bytes: b})
			}
		})
	}
	for _, want := range a.Want {
		n.held = want.Held
		w.at(time.Millisecond, func() { w.step(n, Applied{Generation: want.Generation}) })
	}
	for _, note := range a.Note {
		w.log = append(w.log, fmt.Sprintf("%v n%d %d %s", w.now.Sub(Instant(time.Hour)), n.id, note.Kind, note.Reason))
	}
	n.replies = append(n.replies, a.Reply...)
}

func (w *leaseWorld) begin(n *leaseNode, op lease.Op) {
	op.Bytes = append([]byte(nil), op.Bytes...)
	w.at(w.latency/2, func() {
		r := w.register(n, op)
		r.ID = op.ID
		w.at(w.latency/2, func() { w.step(n, &Stored{Result: r}) })
	})
}

func (w *leaseWorld) register(n *leaseNode, op lease.Op) lease.Result {
	there := ""
	if w.value != nil {
		there = fmt.Sprint(w.version)
	}
	switch {
	case n.cut:
		return lease.Result{Outcome: lease.Failed, Detail: "the share does not answer"}
	case !op.Swap && there == "":
		return lease.Result{Outcome: lease.Absent}
	case !op.Swap:
		return lease.Result{Outcome: lease.Got, Version: there, Bytes: w.value}
	case op.Version != there:
		return lease.Result{Outcome: lease.Conflict}
	}
	w.version++
	w.value = op.Bytes
	return lease.Result{Outcome: lease.Written, Version: fmt.Sprint(w.version)}
}

func (w *leaseWorld) at(after time.Duration, do func()) {
	w.queue = append(w.queue, leaseDue{w.now.Add(after), do})
}

// pass lets time go by.
func (w *leaseWorld) pass(d time.Duration) {
	end := w.now.Add(d)
	for {
		at, do := end, func() {}
		for _, n := range w.nodes {
			if due := n.c.Deadline(); !n.dead && due < at {
				at, do = max(due, w.now), func() { w.step(n, Tick{}) }
			}
		}
		first := -1
		for i, q := range w.queue {
			if q.at <= at && (first < 0 || q.at < w.queue[first].at) {
				first = i
			}
		}
		if first >= 0 {
			at, do = w.queue[first].at, w.queue[first].do
			w.queue = append(w.queue[:first], w.queue[first+1:]...)
		}
		w.now = max(w.now, at)
		do()
		if w.now >= end {
			return
		}
	}
}

// serves tells whether the host answers for the addresses, daemon or no daemon.
func (w *leaseWorld) serves(n *leaseNode) bool { return n.held && w.now < n.slots[n.bound] }

func (w *leaseWorld) serving() NodeID {
	for _, n := range w.nodes {
		if w.serves(n) {
			return n.id
		}
	}
	return NoNode
}

func (w *leaseWorld) judge() {
	count := 0
	for _, n := range w.nodes {
		if w.serves(n) {
			count++
		}
	}
	if count > 1 {
		w.t.Fatalf("%d nodes serve at once\n%s", count, strings.Join(w.log, "\n"))
	}
}

func (w *leaseWorld) expect(who NodeID, when string) {
	w.t.Helper()
	if got := w.serving(); got != who {
		w.t.Fatalf("%s: node %d serves, not %d\n%s\n%s", when, got, who, w.value, strings.Join(w.log, "\n"))
	}
}

func (w *leaseWorld) cause(n NodeID) reason.Reason { return w.nodes[n].c.groups[0].cause }

func TestLeaseIsTakenWhenTheHolderDies(t *testing.T) {
	w := newLeaseWorld(t, 2, nil)
	w.pass(testTTL + 3*time.Second)
	w.expect(0, "at first the better node")
	w.nodes[0].dead = true
	w.pass(testTTL - testRenew)
	w.expect(0, "the lease of a dead daemon runs on")
	w.pass(900 * time.Millisecond)
	w.expect(NoNode, "its host falls silent before anybody takes over")
	w.pass(testLook + testLook/2)
	w.expect(1, "and another takes over")
	if why := w.cause(1); why != reason.LeaseExpired {
		t.Fatalf("it took over because of %q", why)
	}
}

func TestLeaseFollowsAFailedCheckAtOnce(t *testing.T) {
	w := newLeaseWorld(t, 2, nil)
	w.pass(testTTL + 2*time.Second)
	w.step(w.nodes[0], CheckResult{Outcome: Failed})
	w.expect(NoNode, "the check failed")
	w.pass(testLook + testLook/2)
	w.expect(1, "the other one need not wait for the TTL")
	w.step(w.nodes[0], CheckResult{Outcome: Passed})
	w.pass(4 * time.Second)
	w.expect(1, "a better node waits for the preemption delay")
	w.pass(4 * time.Second)
	w.expect(0, "and has it then")
	if why := w.cause(1); why != reason.Preempted {
		t.Fatalf("the other one let go because of %q", why)
	}
}

func TestLeaseSwitchoverStays(t *testing.T) {
	w := newLeaseWorld(t, 2, nil)
	w.pass(testTTL + 2*time.Second)
	w.step(w.nodes[1], Command{ID: 1, Verb: Switchover, To: 1})
	if r := w.nodes[1].replies; len(r) != 1 || r[0].Why != reason.NotActive {
		t.Fatalf("a node that does not serve answers %+v", r)
	}
	w.step(w.nodes[0], Command{ID: 2, Verb: Switchover, To: 1})
	w.pass(2 * testLook)
	w.expect(1, "handed over")
	w.pass(10 * testTTL)
	w.expect(1, "nobody preempts what an operator has chosen")
}

func TestLeaseHandOverThatNobodyFollowsIsTakenBack(t *testing.T) {
	w := newLeaseWorld(t, 2, nil)
	w.pass(testTTL + 2*time.Second)
	w.nodes[1].dead = true
	w.step(w.nodes[0], Command{ID: 2, Verb: Switchover, To: 1})
	w.pass(5*testLook + testTTL/2)
	w.expect(0, "the other one is dead")
	w.step(w.nodes[0], Command{ID: 3, Verb: Drain, Group: AllGroups})
	w.pass(5*testLook + testTTL/2)
	w.expect(0, "a drain without a successor is taken back")
}

func TestLeaseHandOverToAnybodyIsTakenBack(t *testing.T) {
	w := newLeaseWorld(t, 3, nil)
	w.pass(testTTL + 2*time.Second)
	w.nodes[1].dead, w.nodes[2].dead = true, true
	w.step(w.nodes[0], Command{ID: 2, Verb: Switchover, To: NoNode})
	w.expect(NoNode, "given up for whoever comes first")
	w.pass(5*testLook + testTTL/2)
	w.expect(0, "nobody has come")
}

func TestLeaseDrainAndStop(t *testing.T) {
	w := newLeaseWorld(t, 2, nil)
	w.pass(testTTL + 2*time.Second)
	w.step(w.nodes[0], Command{ID: 3, Verb: Drain, Group: AllGroups})
	w.pass(4 * testLook)
	w.expect(1, "drained")
	w.pass(3 * testTTL)
	w.expect(1, "still")
	w.step(w.nodes[0], Command{ID: 4, Verb: Resume, Group: AllGroups})
	w.pass(2 * testTTL)
	w.expect(0, "resumed")
	w.step(w.nodes[0], Command{ID: 5, Verb: Stop, Group: AllGroups})
	w.pass(w.latency / 2) // the addresses are gone by now
	if r := w.nodes[0].replies; r[len(r)-1].ID == 5 {
		t.Fatal("the daemon ends before the store knows that it does")
	}
	w.pass(100 * time.Millisecond)
	if r := w.nodes[0].replies; r[len(r)-1].ID != 5 {
		t.Fatalf("the daemon does not end: %+v", r)
	}
	w.pass(4 * testLook)
	w.expect(1, "stopped")
}

func TestLeaseWithoutItsStore(t *testing.T) {
	for _, hold := range []bool{false, true} {
		w := newLeaseWorld(t, 2, func(cfg *Config) { cfg.Groups[0].HoldWithoutStore = hold })
		w.pass(testTTL + 2*time.Second)
		w.nodes[0].cut, w.nodes[1].cut = true, true
		w.pass(3 * testTTL)
		if hold {
			w.expect(0, "it was told to hold on")
		} else {
			w.expect(NoNode, "no renewal, no address")
			if why := w.cause(0); why != reason.StoreLost {
				t.Fatalf("it let go because of %q", why)
			}
		}
		epoch := w.nodes[0].c.groups[0].epoch
		w.nodes[0].cut, w.nodes[1].cut = false, false
		w.pass(2 * testTTL)
		w.expect(0, "the store is back")
		if again := w.nodes[0].c.groups[0].epoch; hold && again != epoch {
			t.Fatalf("a lease that was held on to was lost when the store came back: epoch %d after %d", again, epoch)
		}
	}
}

// A node that has lost the lease does not say that it has it; of a holder whose time
// is over nobody knows.
func TestLeaseOwnerIsWhoCanHaveIt(t *testing.T) {
	w := newLeaseWorld(t, 2, nil)
	w.pass(testTTL + 2*time.Second)
	owner := func(n int) int { return w.nodes[n].c.Inspect(w.now).Groups[0].Owner }
	for n := range 2 {
		if owner(n) != 0 {
			t.Fatalf("node %d says that %d is active", n, owner(n))
		}
	}
	w.nodes[0].cut, w.nodes[1].cut = true, true
	w.pass(2 * testTTL)
	for n := range 2 {
		if owner(n) != peer.Nobody {
			t.Errorf("without a store, node %d says that %d is active", n, owner(n))
		}
	}
	w.nodes[1].cut = false
	w.pass(4 * testLook)
	w.expect(1, "it reaches the store")
	if owner(1) != 1 {
		t.Errorf("node 1 says that %d is active", owner(1))
	}
}

// withHeartbeats lets the nodes talk to each other, and vouch for the holder.
func withHeartbeats(cfg *Config) {
	g := &cfg.Groups[0]
	g.Pledged, g.Interval, g.Multiplier = true, 50*time.Millisecond, 4
	cfg.Interval = g.Interval
	for i := range cfg.Nodes {
		cfg.Nodes[i].Paths = []netip.AddrPort{netip.AddrPortFrom(netip.AddrFrom4([4]byte{192, 0, 2, byte(i + 1)}), 9176)}
	}
}

func TestLeaseIsVouchedForByAllOthers(t *testing.T) {
	for _, nodes := range []int{2, 3} {
		w := newLeaseWorld(t, nodes, withHeartbeats)
		w.pass(testTTL + 2*time.Second)
		w.expect(0, "at first")
		for _, n := range w.nodes {
			n.cut = true
		}
		w.pass(3 * testTTL)
		w.expect(0, "all others hear it, and have promised not to take the lease")
		w.nodes[1].cut = false
		w.pass(testTTL)
		w.expect(0, "one that reaches the store keeps its promise")
		w.nodes[nodes-1].silent = true
		w.pass(4 * testLook)
		w.expect(1, "one is not heard any more, so the holder lets go, and who reaches the store has it")
		w.nodes[nodes-1].silent = false
		for _, n := range w.nodes {
			n.cut = false
		}
		w.pass(2 * testTTL)
		if w.serving() == NoNode {
			t.Fatalf("nobody serves\n%s", strings.Join(w.log, "\n"))
		}
	}
}

func TestLeaseThatNobodyVouchesForEnds(t *testing.T) {
	w := newLeaseWorld(t, 2, withHeartbeats)
	w.pass(testTTL + 2*time.Second)
	w.nodes[1].silent, w.nodes[0].cut = true, true
	w.pass(testTTL - testRenew)
	w.expect(NoNode, "cut off from the store and from the other node")
	w.pass(4 * testLook)
	w.expect(1, "which reaches the store")
}

func TestLeaseOfAStoppedFleetGoesOnWithTheNextEpoch(t *testing.T) {
	w := newLeaseWorld(t, 2, nil)
	w.pass(testTTL + 2*time.Second)
	for _, n := range w.nodes {
		w.step(n, Command{ID: 9, Verb: Stop, Group: AllGroups})
	}
	w.pass(time.Second)
	testSession++
	again := newLeaseWorld(t, 2, nil)
	again.value, again.version = w.value, w.version
	again.pass(testTTL + 2*time.Second)
	again.expect(0, "after a restart")
	if epoch := again.nodes[0].c.groups[0].epoch; epoch != 2 {
		t.Fatalf("epoch %d", epoch)
	}
}

func TestLeaseSurvivesAReload(t *testing.T) {
	w := newLeaseWorld(t, 2, nil)
	w.pass(testTTL + 2*time.Second)
	n := w.nodes[0]
	cfg := leaseConfig(0, 2)
	cfg.Groups[0].Right.TTL, cfg.Groups[0].Right.Use = 3*testTTL, 3*testTTL-testTTL/8
	w.carryOut(n, n.c.Retire(w.now, &cfg))
	w.carryOut(n, n.c.Reconfigure(w.now, cfg))
	w.judge()
	w.expect(0, "reloaded")
	w.pass(2 * testTTL)
	w.expect(0, "reloaded, later")
	cfg = leaseConfig(0, 2)
	cfg.Groups = nil
	w.carryOut(n, n.c.Retire(w.now, &cfg))
	w.carryOut(n, n.c.Reconfigure(w.now, cfg))
	w.pass(testTTL / 2)
	w.expect(1, "the group has left the configuration of the first node")
}

func TestLeaseDeadlineNeverStands(t *testing.T) {
	w := newLeaseWorld(t, 3, nil)
	w.pass(time.Minute)
	for _, n := range w.nodes {
		if due := n.c.Deadline(); due == clock.Never || due < w.now.Add(-time.Millisecond) {
			t.Fatalf("node %d waits for %v at %v", n.id, due, w.now)
		}
	}
}
