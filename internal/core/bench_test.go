package core

import (
	"container/heap"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"stead/internal/core/reason"
)

// bench is a handful of nodes on a network with a constant delay, for tests of
// a single sequence of events. The simulator tests the rest. After every step
// of every node it checks what has to hold whatever happens.
type bench struct {
	t     testing.TB
	now   Instant
	nodes []*benchNode
	queue flights
	seq   int
	log   []string
	notes []taggedNote

	delay func(from, to, path int) time.Duration // nil: oneWay
	cut   func(from, to int) bool
	tap   func(from int, s Send) // sees every packet that is sent
	mayBe int                    // how many may hold group 0 at once; 0: any number
	told  func(i int, a *Actions)

	servers    []*routeServer
	deafWriter bool                               // connections take nothing any more
	timed      func(node int, took time.Duration) // is told how long each step of a node has taken

	counts struct{ sends, bytes, announces, largest int }
}

// benchNode is one host of a bench: a core and what the world around it has.
type benchNode struct {
	name    string
	cfg     Config
	core    *Core
	dead    bool
	frozen  bool
	waiting []inFlight // what arrives while it is frozen
	runs    int        // how often it was started
	bound   map[GroupID]int
	slots   map[int]FenceSlot
	wants   map[GroupID]uint64
	floors  map[GroupID]uint64
	apply   func(w Want) (after time.Duration, ok, ever bool)
}

type taggedNote struct {
	node int
	Note
}

type inFlight struct {
	at       Instant
	seq      int
	to, from int
	run      int // of the receiver, for what its own world reports
	path     int
	b        []byte
	advert   *Advertisement
	event    Event
	do       func() // instead of an input of a node
}

type flights []inFlight

func (f flights) Len() int      { return len(f) }
func (f flights) Swap(i, j int) { f[i], f[j] = f[j], f[i] }
func (f flights) Less(i, j int) bool {
	return f[i].at < f[j].at || f[i].at == f[j].at && f[i].seq < f[j].seq
}
func (f *flights) Push(x any) { *f = append(*f, x.(inFlight)) }
func (f *flights) Pop() any {
	last := (*f)[len(*f)-1]
	*f = (*f)[:len(*f)-1]
	return last
}

// oneWay is the time a packet takes, benchStart the moment at which a bench begins.
const (
	oneWay     = 50 * time.Microsecond
	applyTime  = 100 * time.Microsecond
	benchStart = Instant(time.Hour)
)

// testConfig is members and witnesses with one group and the timing of the
// preset for fast networks. Priorities are 200, 190, 180...
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

// newBench starts all nodes of testConfig at once.
func newBench(t testing.TB, members, witnesses int, quorum bool, change ...func(*Group)) *bench {
	return startBench(t, members+witnesses, func(i int) Config {
		cfg := testConfig(i, members, witnesses, quorum)
		for _, f := range change {
			f(&cfg.Groups[0])
		}
		return cfg
	})
}

// startBench starts n nodes at once.
func startBench(t testing.TB, n int, config func(self int) Config) *bench {
	b := emptyBench(t)
	for i := range n {
		b.add(config(i))
	}
	for i := range b.nodes {
		b.start(i)
	}
	return b
}

func emptyBench(t testing.TB) *bench {
	return &bench{t: t, now: benchStart, cut: func(int, int) bool { return false }, mayBe: 1}
}

func (b *bench) add(cfg Config) {
	b.nodes = append(b.nodes, &benchNode{name: cfg.Nodes[cfg.Self].Name, cfg: cfg, dead: true, floors: map[GroupID]uint64{}})
}

// start begins a run of a node: a new incarnation, with the epochs stored by the
// run before. Addresses and fence of an earlier run are gone.
func (b *bench) start(i int) {
	n := b.nodes[i]
	cfg := n.cfg
	cfg.Incarnation += uint64(n.runs) << 32
	cfg.Groups = append([]Group(nil), n.cfg.Groups...)
	for g := range cfg.Groups {
		cfg.Groups[g].EpochFloor = max(cfg.Groups[g].EpochFloor, n.floors[GroupID(g)])
	}
	n.runs++
	n.core, n.dead, n.frozen, n.waiting = New(cfg), false, false, nil
	n.bound, n.slots, n.wants = map[GroupID]int{}, map[int]FenceSlot{}, map[GroupID]uint64{}
	b.carry(i, n.core.Start(b.now))
	for g := range cfg.Groups {
		if cfg.Groups[g].Router != nil {
			b.step(i, SourceAddress{Group: GroupID(g), Address: routerAt(i)})
		}
	}
}

// kill ends a node as SIGKILL does: its kernel keeps what it has.
func (b *bench) kill(i int) {
	b.nodes[i].dead = true
	for _, s := range b.servers {
		b.after(oneWay, func() { s.ends[i].lose("reset by the peer's kernel") })
	}
}

// thaw lets a frozen node go on: what has arrived meanwhile comes first.
func (b *bench) thaw(i int) {
	n := b.nodes[i]
	n.frozen = false
	for _, f := range n.waiting {
		b.deliver(f)
	}
	n.waiting = nil
}

func (b *bench) carry(i int, a *Actions) {
	n := b.nodes[i]
	b.checkActions(i, a)
	if b.told != nil {
		b.told(i, a)
	}
	for _, f := range a.Fence {
		n.slots[f.Slot] = f
	}
	for _, f := range a.Bind {
		n.bound[f.Group] = f.Slot
	}
	for _, s := range a.Send {
		b.carrySend(i, s)
	}
	for _, x := range a.Advertise {
		b.carryAdvertise(i, x)
	}
	b.carryStreams(i, a)
	b.carryControls(i, a)
	for _, p := range a.Persist {
		if p.Group >= 0 {
			n.floors[p.Group] = max(n.floors[p.Group], p.EpochCeiling)
		}
	}
	for _, w := range a.Want {
		b.carryWant(i, w)
	}
	b.counts.announces += len(a.Announce)
	for _, note := range a.Note {
		b.notes = append(b.notes, taggedNote{i, note})
		b.log = append(b.log, b.noteLine(i, note))
	}
}

func (b *bench) carrySend(i int, s Send) {
	b.counts.sends++
	b.counts.bytes += len(s.Bytes)
	b.counts.largest = max(b.counts.largest, len(s.Bytes))
	if b.tap != nil {
		b.tap(i, s)
	}
	if b.cut(i, int(s.To)) {
		return
	}
	after := oneWay
	if b.delay != nil {
		if after = b.delay(i, int(s.To), s.Path); after < 0 {
			return
		}
	}
	b.push(inFlight{at: b.now.Add(after), to: int(s.To), from: i, path: s.Path, b: append([]byte(nil), s.Bytes...)})
}

// routerAt is where a node's advertisements come from.
func routerAt(i int) netip.Addr { return netip.AddrFrom4([4]byte{192, 0, 2, byte(10 + i)}) }

// carryAdvertise carries an advertisement to all other nodes of the LAN.
func (b *bench) carryAdvertise(i int, x Advertise) {
	for to := range b.nodes {
		if to == i || b.cut(i, to) || x.To.IsMulticast() == (x.To == routerAt(to)) {
			continue
		}
		after := oneWay
		if b.delay != nil {
			if after = b.delay(i, to, 0); after < 0 {
				continue
			}
		}
		a := &Advertisement{Group: x.Group, Source: x.From, Destination: x.To, TTL: 255, Bytes: append([]byte(nil), x.Bytes...)}
		b.push(inFlight{at: b.now.Add(after), to: to, from: i, advert: a})
	}
}

func (b *bench) carryWant(i int, w Want) {
	n := b.nodes[i]
	after, ok, ever := applyTime, true, true
	if n.apply != nil {
		after, ok, ever = n.apply(w)
	}
	f := inFlight{at: b.now.Add(after), to: i, run: n.runs, event: Applied{Group: w.Group, Generation: w.Generation}}
	if !ok {
		f.event = ApplyFailed{Group: w.Group, Generation: w.Generation, Detail: "no such device"}
	}
	if ever {
		b.push(f)
	}
}

// after has something done later, unless time ends before.
func (b *bench) after(d time.Duration, do func()) { b.push(inFlight{at: b.now.Add(d), do: do}) }

func (b *bench) push(f inFlight) {
	b.seq++
	f.seq = b.seq
	heap.Push(&b.queue, f)
}

func (b *bench) step(i int, e Event) {
	n := b.nodes[i]
	switch {
	case n.dead:
	case n.frozen:
		n.waiting = append(n.waiting, inFlight{to: i, run: n.runs, event: e})
	case b.timed != nil:
		began := time.Now()
		a := n.core.Step(b.now, e)
		b.timed(i, time.Since(began))
		b.carry(i, a)
	default:
		b.carry(i, n.core.Step(b.now, e))
	}
}

func (b *bench) deliver(f inFlight) {
	if f.do != nil {
		f.do()
		return
	}
	n := b.nodes[f.to]
	switch {
	case f.event != nil && f.run != n.runs:
	case n.frozen:
		n.waiting = append(n.waiting, f)
	case f.event != nil:
		b.step(f.to, f.event)
	case f.advert != nil:
		b.step(f.to, f.advert)
	default:
		b.step(f.to, &Packet{From: NodeID(f.from), Path: f.path, Bytes: f.b})
	}
}

// run lets time pass. What arrives at a moment comes before what is due then.
func (b *bench) run(d time.Duration) {
	b.t.Helper()
	until, still := b.now.Add(d), 0
	for {
		next, who := until, -1
		if len(b.queue) > 0 && b.queue[0].at < next {
			next = b.queue[0].at
		}
		for i, n := range b.nodes {
			if !n.dead && !n.frozen && n.core.Deadline() < next {
				next, who = n.core.Deadline(), i
			}
		}
		end := b.serverDue(&next)
		if next >= until {
			b.now = until
			return
		}
		if next > b.now {
			still = 0
		}
		if still++; still > 20000 {
			b.fail("time stands still at %s", b.since())
		}
		b.now = max(b.now, next)
		if end != nil {
			end.tick()
		} else if who >= 0 {
			b.step(who, Tick{})
		} else {
			b.deliver(heap.Pop(&b.queue).(inFlight))
		}
		if h := b.holders(0); b.mayBe > 0 && len(h) > b.mayBe {
			b.fail("two holders at %s: %v", b.since(), h)
		}
	}
}

// checkActions checks the promises that every step keeps.
func (b *bench) checkActions(i int, a *Actions) {
	b.t.Helper()
	n := b.nodes[i]
	if err := checkActions(n.core, b.now, a, n.wants); err != nil {
		b.fail("%s: %s: %v", b.since(), n.name, err)
	}
}

// checkActions tells which promise about its actions a core has broken.
func checkActions(c *Core, now Instant, a *Actions, wants map[GroupID]uint64) error {
	for _, f := range a.Fence {
		longest := time.Duration(0)
		for i := range c.cfg.Groups {
			longest = max(longest, c.cfg.Groups[i].Lease(), c.cfg.Groups[i].Linger)
			if r := c.cfg.Groups[i].Router; r != nil {
				longest = max(longest, time.Duration(r.DownAdverts)*r.Interval)
			}
		}
		switch {
		case f.Slot <= 0 || f.Slot >= FenceSlots:
			return fmt.Errorf("fence slot %d is set", f.Slot)
		case f.Slot == everyoneSlot:
		case f.Serve > now.Add(longest) || f.Answer > now.Add(longest):
			return fmt.Errorf("fence slot %d is open until %s from now", f.Slot, max(f.Serve, f.Answer).Sub(now))
		}
	}
	for i, f := range a.Bind {
		g := c.groups[f.Group]
		later := slices.ContainsFunc(a.Bind[i+1:], func(l FenceBind) bool { return l.Group == f.Group })
		switch {
		case f.Slot == 0 || g.active || later || f.Slot == everyoneSlot && g.want.Held:
		case g.lingerUntil == Instant(1<<63-1):
			return fmt.Errorf("group %d is bound to slot %d and neither active nor lingering", f.Group, f.Slot)
		}
	}
	for _, w := range a.Want {
		if w.Generation <= wants[w.Group] {
			return fmt.Errorf("group %d: generation %d of a want after %d", w.Group, w.Generation, wants[w.Group])
		}
		wants[w.Group] = w.Generation
		if w.Active && !w.Held {
			return fmt.Errorf("group %d: active, but its addresses are not wanted", w.Group)
		}
	}
	for _, s := range a.Send {
		if s.To == c.cfg.Self || int(s.To) >= len(c.cfg.Nodes) || s.Path < 0 || s.Path >= len(c.cfg.Nodes[s.To].Paths) {
			return fmt.Errorf("a packet to node %d over path %d", s.To, s.Path)
		}
	}
	for _, x := range a.Announce {
		g := c.groups[x.Group]
		if until := g.state(now).Until; g.everyone == nil && (!g.open || until <= now) {
			return fmt.Errorf("group %d is announced behind a closed fence (open %v, lease ended %s ago)", x.Group, g.open, now.Sub(until))
		}
	}
	return nil
}

// holders are the nodes whose kernels answer for a group.
func (b *bench) holders(g GroupID) []int {
	var out []int
	for i, n := range b.nodes {
		if s := n.bound[g]; s > 0 && n.slots[s].Answer > b.now {
			out = append(out, i)
		}
	}
	return out
}

func (b *bench) since() time.Duration { return b.now.Sub(benchStart) }

func (b *bench) fail(format string, args ...any) {
	b.t.Helper()
	log := b.log
	if len(log) > 60 {
		log = log[len(log)-60:]
	}
	b.t.Fatalf(format+"\n%s", append(args, strings.Join(log, "\n"))...)
}

func (b *bench) wantHolder(i int) {
	b.t.Helper()
	if h := b.holders(0); len(h) != 1 || h[0] != i {
		b.fail("at %s: holders are %v, want [%d]", b.since(), h, i)
	}
}

// noted counts the notes of a kind that a node has given since a moment.
func (b *bench) noted(node int, kind NoteKind, since Instant) int {
	n := 0
	for _, x := range b.notes {
		if x.node == node && x.Kind == kind && x.At >= since {
			n++
		}
	}
	return n
}

var kindNames = map[NoteKind]string{
	BecameActive: "became active", BecameStandby: "became standby", Claiming: "claims", Preparing: "prepares",
	SawActive: "sees active", Ready: "is ready", NotReady: "is not ready", PeerUp: "hears", PeerDown: "misses",
	CheckUp: "check up", CheckDown: "check down", CheckUnrun: "check could not run", Stalled: "stalls", Unstalled: "goes on",
	Raised: "raised", DualSeen: "dual active", Repaired: "repaired", HoldFailed: "hold failed", Refused: "refused",
	InPlace: "in place", Announcing: "announces",
}

// noteLine writes a note as a line of a report.
func (b *bench) noteLine(i int, n Note) string {
	var s strings.Builder
	fmt.Fprintf(&s, "%10.3fms %s %s", float64(n.At.Sub(benchStart))/1e6, b.nodes[i].name, kindNames[n.Kind])
	if kindNames[n.Kind] == "" {
		fmt.Fprintf(&s, "kind %d", n.Kind)
	}
	if n.Node != NoNode && int(n.Node) != i {
		fmt.Fprintf(&s, " %s", b.nodes[n.Node].name)
	}
	if n.Group > 0 {
		fmt.Fprintf(&s, " group=%d", n.Group)
	}
	if n.Epoch > 0 {
		fmt.Fprintf(&s, " epoch=%d", n.Epoch)
	}
	if n.Reason != reason.None {
		fmt.Fprintf(&s, " (%s)", n.Reason)
	}
	if n.Detail != "" {
		fmt.Fprintf(&s, " %q", n.Detail)
	}
	if n.Took > 0 {
		fmt.Fprintf(&s, " took %s", n.Took)
	}
	return s.String()
}
