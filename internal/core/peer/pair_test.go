package peer

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"stead/internal/core/reason"
)

// pair is a few machines on a network with a constant delay. Every packet that
// was sent is kept, as an eavesdropper would.
type pair struct {
	t     testing.TB
	now   Instant
	cfg   func(self int) *Config
	m     []*Machine
	runs  []uint64
	air   []packet
	tape  []packet
	drop  func(packet) bool
	after func(packet) time.Duration
	slots []map[int]Instant
}

type packet struct {
	at             Instant
	from, to, path int
	b              []byte
}

const delay = 50 * time.Microsecond

func twoNodes(paths int) func(int) *Config {
	return func(self int) *Config {
		return &Config{
			Self: self, Keys: [][]byte{keyA},
			Nodes:  []Node{{Name: "a", Paths: paths, Interval: 5 * time.Millisecond}, {Name: "b", Paths: paths, Interval: 5 * time.Millisecond}, {Name: "w", Paths: paths, Interval: 5 * time.Millisecond}},
			Groups: []Group{{Name: "web", Priorities: []int{200, 100, 0}, Voters: []int{0, 1, 2}, Quorum: true, Interval: 5 * time.Millisecond, Lease: 15 * time.Millisecond}},
		}
	}
}

func newPair(t testing.TB, n int, cfg func(self int) *Config) *pair {
	p := &pair{t: t, now: Instant(time.Hour), cfg: cfg, m: make([]*Machine, n), runs: make([]uint64, n), slots: make([]map[int]Instant, n)}
	for i := range n {
		p.start(i)
	}
	return p
}

func (p *pair) start(i int) {
	p.runs[i]++
	cfg := p.cfg(i)
	cfg.Incarnation = uint64(i+1)*1000 + p.runs[i]
	for g := range cfg.Groups {
		cfg.Groups[g].Floor = 100 * (p.runs[i] - 1)
	}
	p.m[i], p.slots[i] = New(cfg), map[int]Instant{}
	p.step(i, func(m *Machine) {
		m.Start(p.now)
		for g := range m.groups {
			m.SetReady(p.now, g, m.groups[g].member, reason.None, cfg.Groups[g].Priorities[i])
		}
	})
}

// step runs one step of a machine and takes what it sends.
func (p *pair) step(i int, f func(*Machine)) *Out {
	m := p.m[i]
	m.Begin(p.now)
	f(m)
	out := m.Finish(p.now)
	for _, s := range out.Slots {
		p.slots[i][s.Slot] = s.Until
	}
	for _, s := range out.Sends {
		pk := packet{at: p.now.Add(delay), from: i, to: s.Node, path: s.Path, b: append([]byte(nil), s.Bytes...)}
		if p.after != nil {
			pk.at = p.now.Add(p.after(pk))
		}
		p.tape = append(p.tape, pk)
		if p.drop == nil || !p.drop(pk) {
			p.air = append(p.air, pk)
		}
	}
	return out
}

func (p *pair) receive(pk packet) *Out {
	return p.step(pk.to, func(m *Machine) { m.Receive(p.now, pk.from, pk.path, pk.b) })
}

func (p *pair) run(d time.Duration) {
	p.t.Helper()
	end := p.now.Add(d)
	for range 5000000 {
		next, who, pk := end, -1, -1
		for i := range p.air {
			if p.air[i].at < next {
				next, pk = p.air[i].at, i
			}
		}
		for i, m := range p.m {
			if m != nil && m.Deadline() < next {
				next, who = m.Deadline(), i
			}
		}
		if next >= end {
			p.now = end
			return
		}
		p.now = max(p.now, next)
		switch {
		case who >= 0:
			p.step(who, func(m *Machine) { m.Tick(p.now) })
		default:
			x := p.air[pk]
			p.air = append(p.air[:pk], p.air[pk+1:]...)
			if p.m[x.to] != nil {
				p.receive(x)
			}
		}
	}
	p.t.Fatal("time stands still")
}

// state is all that a packet could change, but for the counters and for what was
// sent in answer.
func state(m *Machine) string {
	var s strings.Builder
	for _, n := range m.nodes {
		c := *n
		c.newcomer, c.paths, c.lastSent = newcomer{}, nil, 0
		fmt.Fprintf(&s, "%+v\n", c)
		for _, p := range n.paths {
			p.txSeq, p.sent = 0, [256]Instant{}
			fmt.Fprintf(&s, "%+v\n", p)
		}
	}
	for _, g := range m.groups {
		fmt.Fprintf(&s, "%+v\n", *g)
	}
	for _, c := range m.classes {
		fmt.Fprintf(&s, "%+v\n", *c)
	}
	fmt.Fprintf(&s, "%d %d %v %d\n", m.version, m.active, m.due, m.lateUntil)
	return s.String()
}

// refused delivers a packet that must change nothing but a counter. The only
// answer that it may get is one heartbeat to its sender that asks it to prove itself.
func (p *pair) refused(what string, pk packet, count func(*Counters) *uint64) {
	p.t.Helper()
	m := p.m[pk.to]
	before, counter := state(m), *count(&m.counters)
	out := p.receive(pk)
	if after := state(m); after != before {
		p.t.Errorf("%s: the state was\n%s\nand is\n%s", what, before, after)
	}
	if len(out.Slots)+len(out.Changes)+len(out.Persist) > 0 || len(out.Sends) > 1 {
		p.t.Errorf("%s: asks for %+v", what, out)
	}
	for _, s := range out.Sends {
		if s.Node != pk.from || len(s.Bytes) != HeartbeatSize {
			p.t.Errorf("%s: sends %d bytes to %d", what, len(s.Bytes), s.Node)
		}
	}
	if got := *count(&m.counters); got != counter+1 {
		p.t.Errorf("%s: the counter went from %d to %d", what, counter, got)
	}
}

func (p *pair) active(i int) bool { return p.m[i].groups[0].phase == Active }

// lastOfEachRun returns the last packet on tape of each run of a node that is
// over, the latest run first.
func (p *pair) lastOfEachRun(from, to int) []packet {
	var last []packet
	seen := map[uint64]bool{p.m[from].inc: true}
	for i := len(p.tape) - 1; i >= 0; i-- {
		pk := p.tape[i]
		if h := parseHeader(pk.b); pk.from == from && pk.to == to && !seen[h.Inc] {
			seen[h.Inc] = true
			last = append(last, pk)
		}
	}
	return last
}
