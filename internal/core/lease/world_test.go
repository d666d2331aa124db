package lease_test

import (
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"stead/internal/core/clock"
	"stead/internal/core/lease"
)

// world is some nodes and one register. Time is true time; each node has a clock
// of its own, with another origin and another rate.
type world struct {
	rnd     *rand.Rand
	now     time.Duration
	nodes   []*member
	queue   []happening // not sorted: a world has few
	version uint64
	value   []byte
	ttl     time.Duration
	calm    bool

	holder    *member
	epoch     uint64
	changes   int
	since     time.Duration // nobody has held it since then
	longest   time.Duration
	forgotten bool // the register was deleted: what it knew of epochs is lost
	published []string
}

type member struct {
	name    string
	m       *lease.Machine
	origin  time.Duration
	rate    float64
	paused  time.Duration // until then nothing is done
	cut     time.Duration // until then the store cannot be reached
	leaving bool
	acts    bool // believes that it has the right
	epoch   uint64
}

type happening struct {
	at time.Duration
	do func()
}

func (n *member) clock(t time.Duration) clock.Instant {
	return clock.Instant(float64(n.origin) + float64(t)*n.rate)
}

func newWorld(seed uint64) *world {
	w := &world{rnd: rand.New(rand.NewPCG(seed, 7)), ttl: time.Duration(200+rand.New(rand.NewPCG(seed, 1)).IntN(20000)) * time.Millisecond}
	for i := range 2 + w.rnd.IntN(3) {
		n := &member{name: fmt.Sprint("n", i), origin: time.Duration(w.rnd.Int64N(int64(time.Hour))), rate: 1 + (w.rnd.Float64()-0.5)/100}
		w.nodes = append(w.nodes, n)
		w.start(n, i)
	}
	return w
}

func (w *world) start(n *member, rank int) {
	n.m = lease.New(&lease.Config{
		Self: n.name, Session: w.rnd.Uint64() | 1, TTL: w.ttl, Use: w.ttl - w.ttl/32, Renew: w.ttl / 5, Look: w.ttl / 10, Rank: rank,
	})
	n.m.SetWilling(true)
	n.acts, n.leaving = false, false
	n.m.Start(n.clock(w.now))
	w.step(n, nil)
}

// step lets a node do what is due, and judges the world after it.
func (w *world) step(n *member, input func(clock.Instant)) {
	now := n.clock(w.now)
	n.m.Begin(now)
	if input != nil {
		input(now)
	}
	out := n.m.Finish(now)
	for _, op := range out.Ops {
		w.begin(n, op)
	}
	for _, c := range out.Changes {
		w.published = append(w.published, fmt.Sprintf("%v %s %d %d %s", w.now, n.name, c.Kind, c.Epoch, c.Reason))
		switch c.Kind {
		case lease.Acquired:
			n.acts, n.epoch = true, c.Epoch
		case lease.Lost:
			n.acts = false
		}
	}
}

// begin carries an operation out as bad stores do: late, twice as late, with the
// answer lost, or not at all.
func (w *world) begin(n *member, op lease.Op) {
	value, m, timeout := append([]byte(nil), op.Bytes...), n.m, w.ttl/4
	there := time.Duration(w.rnd.Int64N(int64(w.ttl / 20)))
	back := time.Duration(w.rnd.Int64N(int64(w.ttl / 20)))
	lost := w.now < n.cut
	if !w.calm {
		switch w.rnd.IntN(12) {
		case 0:
			there = time.Duration(w.rnd.Int64N(int64(3 * w.ttl)))
		case 1:
			back = time.Duration(w.rnd.Int64N(int64(w.ttl)))
		case 2:
			lost = w.rnd.IntN(2) == 0
			back = 10 * w.ttl
		}
	}
	answered := false
	var answer func(r lease.Result)
	answer = func(r lease.Result) {
		switch {
		case answered || n.m != m:
			return
		case w.now < n.paused:
			w.at(n.paused, func() { answer(r) })
			return
		}
		answered = true
		r.ID = op.ID
		w.step(n, func(now clock.Instant) { n.m.Done(now, &r) })
	}
	w.at(w.now+timeout, func() { answer(lease.Result{Outcome: lease.Failed, Detail: "no answer"}) })
	if lost {
		return
	}
	w.at(w.now+there, func() {
		r := w.carryOut(op.Swap, op.Version, value)
		w.at(w.now+back, func() { answer(r) })
	})
}

func (w *world) carryOut(swap bool, version string, value []byte) lease.Result {
	there := ""
	if w.value != nil {
		there = fmt.Sprint(w.version)
	}
	switch {
	case !swap && there == "":
		return lease.Result{Outcome: lease.Absent}
	case !swap:
		return lease.Result{Outcome: lease.Got, Version: there, Bytes: append([]byte(nil), w.value...)}
	case version != there:
		return lease.Result{Outcome: lease.Conflict}
	}
	w.version++
	w.value = value
	return lease.Result{Outcome: lease.Written, Version: fmt.Sprint(w.version)}
}

func (w *world) at(at time.Duration, do func()) { w.queue = append(w.queue, happening{at, do}) }

// next does what comes next: something that was to happen, or a deadline.
func (w *world) next() {
	best, at := -1, time.Duration(1<<62)
	for i := range w.queue {
		if w.queue[i].at < at {
			best, at = i, w.queue[i].at
		}
	}
	var due *member
	for _, n := range w.nodes {
		d := n.m.Deadline()
		if d == clock.Never {
			continue
		}
		t := max(time.Duration(float64(d-clock.Instant(n.origin))/n.rate)+1, n.paused, w.now)
		if t < at {
			due, at = n, t
		}
	}
	w.now = max(w.now, at)
	if due != nil {
		w.step(due, nil)
		return
	}
	h := w.queue[best]
	w.queue = append(w.queue[:best], w.queue[best+1:]...)
	h.do()
}

// judge looks whether two hold the right at once, and whether epochs only grow.
func (w *world) judge(t *testing.T) {
	var holders []*member
	for _, n := range w.nodes {
		if n.acts && n.m.Held(n.clock(w.now)) {
			holders = append(holders, n)
		}
	}
	switch {
	case len(holders) > 1:
		t.Fatalf("at %v both %s and %s hold the right\n%s", w.now, holders[0].name, holders[1].name, w.history())
	case len(holders) == 0:
		w.holder = nil
		w.longest = max(w.longest, w.now-w.since)
		return
	}
	w.since = w.now
	if h := holders[0]; w.holder != h || w.epoch != h.epoch {
		if h.epoch <= w.epoch && !w.forgotten {
			t.Fatalf("at %v %s holds the right with epoch %d after %d\n%s", w.now, h.name, h.epoch, w.epoch, w.history())
		}
		w.holder, w.epoch, w.changes = h, h.epoch, w.changes+1
	}
}

func (w *world) history() string {
	text := ""
	for _, p := range w.published {
		text += p + "\n"
	}
	return text
}

// disturb does something to a node.
func (w *world) disturb() {
	n := w.nodes[w.rnd.IntN(len(w.nodes))]
	for_ := time.Duration(w.rnd.Int64N(int64(3 * w.ttl)))
	switch w.rnd.IntN(7) {
	case 0:
		n.paused = w.now + for_
	case 1:
		n.cut = w.now + for_
	case 2: // its process is killed and comes back
		w.start(n, w.rnd.IntN(3))
	case 3:
		w.step(n, func(clock.Instant) { n.m.Release(""); n.acts = false })
	case 4:
		w.step(n, func(clock.Instant) { n.m.Request(w.nodes[w.rnd.IntN(len(w.nodes))].name) })
	case 5:
		if w.rnd.IntN(4) == 0 {
			w.value, w.forgotten = nil, true // somebody deletes the register
		}
	case 6:
		w.step(n, func(clock.Instant) { n.m.Refresh() })
	}
}

func (w *world) run(t *testing.T, until time.Duration) {
	for steps := 0; w.now < until && steps < 20000; steps++ {
		w.next()
		w.judge(t)
	}
}

// TestOneHolder sends worlds through everything that a store and a machine can do
// to a lease: at no moment of true time do two nodes hold it.
func TestOneHolder(t *testing.T) {
	const worlds = 600 // the simulator goes through more
	changes := 0
	for seed := range uint64(worlds) {
		w := newWorld(seed)
		for end := 40 * w.ttl; w.now < end; {
			w.run(t, min(end, w.now+time.Duration(w.rnd.Int64N(int64(4*w.ttl)))+1))
			w.disturb()
		}
		w.calm = true
		for _, n := range w.nodes {
			n.cut, n.paused = 0, 0
		}
		w.run(t, w.now+8*w.ttl)
		if w.longest, w.since = 0, w.now; w.holder == nil {
			t.Fatalf("seed %d: nobody holds the right in calm times\n%s", seed, w.history())
		}
		changes += w.changes
	}
	if changes < worlds*4 {
		t.Fatalf("the right changed hands %d times in all worlds: they show nothing", changes)
	}
}
