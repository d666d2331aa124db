package core

import (
	"fmt"
	"testing"
	"time"

	"stead/internal/core/bfd"
	"stead/internal/core/bgp"
	"stead/internal/core/peer"
)

// steady is two cores in their steady state, one active and one standby, whose
// packets go from one to the other at once: every step of it is one of the path
// of heartbeats.
type steady struct {
	cores [2]*Core
	now   Instant
	steps int
	loud  int // actions that are neither a packet nor a renewal of the lease
	queue [64]steadyPacket
	used  int
	buf   [64][peer.MaxPacket]byte
	p     Packet
}

type steadyPacket struct {
	to   int
	path int
	size int
}

func newSteady(tb testing.TB, quorum bool, groups int, change ...func(*Config)) *steady {
	s := &steady{now: benchStart}
	for i := range s.cores {
		cfg := testConfig(i, 2, 0, quorum)
		for _, f := range change {
			f(&cfg)
		}
		s.cores[i] = New(manyGroups(cfg, groups))
	}
	for i, c := range s.cores {
		s.take(i, c.Start(s.now))
		s.establish(i)
	}
	for end := s.now.Add(10 * time.Second); s.now < end; {
		s.next(tb)
		for _, c := range s.cores {
			for i, g := range c.groups {
				if g.want.Held && !g.applied {
					c.Step(s.now, Applied{Group: GroupID(i), Generation: g.want.Generation})
				}
			}
		}
	}
	if !s.cores[0].groups[0].open || s.cores[1].groups[0].open {
		tb.Fatal("n0 does not serve alone")
	}
	s.steps, s.loud = 0, 0
	return s
}

// manyGroups is a configuration with the same group n times.
func manyGroups(cfg Config, n int) Config {
	one := cfg.Groups[0]
	for i := 1; i < n; i++ {
		one.Name = fmt.Sprint("g", i)
		cfg.Groups = append(cfg.Groups, one)
	}
	return cfg
}

// take keeps the packets of a step for their receiver.
func (s *steady) take(from int, a *Actions) {
	s.steps++
	s.loud += len(a.Bind) + len(a.Want) + len(a.Announce) + len(a.Persist) + len(a.Reply) + len(a.Note)
	for _, x := range a.Send {
		if s.used == len(s.queue) {
			continue // lost
		}
		s.queue[s.used] = steadyPacket{to: 1 - from, path: x.Path, size: copy(s.buf[s.used][:], x.Bytes)}
		s.used++
	}
}

// next lets the next deadline come, and all packets that it brings about.
func (s *steady) next(tb testing.TB) {
	for i := 0; i < s.used; i++ {
		q := s.queue[i]
		s.p = Packet{From: NodeID(1 - q.to), Path: q.path, Bytes: s.buf[i][:q.size]}
		s.take(q.to, s.cores[q.to].Step(s.now, &s.p))
	}
	s.used = 0
	due, who := s.cores[0].Deadline(), 0
	if at := s.cores[1].Deadline(); at < due {
		due, who = at, 1
	}
	if due < s.now {
		tb.Fatalf("a deadline %s in the past", s.now.Sub(due))
	}
	s.now = due
	s.take(who, s.cores[who].Step(s.now, Tick{}))
}

// Heartbeats go out, arrive and renew the lease without a single allocation: the
// garbage collector has nothing to do on the thread that must not be late.
func TestHeartbeatsDoNotAllocate(t *testing.T) {
	for _, quorum := range []bool{true, false} {
		for _, groups := range []int{1, 100} {
			t.Run(fmt.Sprintf("quorum=%v,groups=%d", quorum, groups), func(t *testing.T) {
				s := newSteady(t, quorum, groups)
				if n := testing.AllocsPerRun(2000, func() { s.next(t) }); n != 0 {
					t.Errorf("%v allocations for a heartbeat", n)
				}
				if s.steps < 4000 || s.loud > 0 {
					t.Errorf("%d steps with %d actions beside heartbeats: not the steady state", s.steps, s.loud)
				}
			})
		}
	}
}

// BGP and BFD sessions beside them change nothing: the packets of both are part of
// the steady state.
func TestHeartbeatsBesideSessionsDoNotAllocate(t *testing.T) {
	s := newSteady(t, true, 100, withSessions)
	if got := s.cores[0].Inspect(s.now); got.Sessions[1].Status.State != bgp.EstablishedState || got.Paths[1].Status.State != bfd.Up {
		t.Fatalf("not the steady state: %+v %+v", got.Sessions[1].Status, got.Paths[1].Status)
	}
	control := Control{Local: routerAt(0), Remote: s.cores[0].cfg.BFD[0].Remote, Multihop: true, TTL: 254, Bytes: upControl(1)}
	if n := testing.AllocsPerRun(2000, func() {
		s.next(t)
		s.take(0, s.cores[0].Step(s.now, &control))
	}); n != 0 {
		t.Errorf("%v allocations for a heartbeat", n)
	}
	if s.steps < 4000 || s.loud > 0 {
		t.Errorf("%d steps with %d actions beside heartbeats: not the steady state", s.steps, s.loud)
	}
}

// withSessions has a node announce its groups to two peers that BFD watches.
func withSessions(c *Config) {
	withRoutes(c, 2, testHold)
	for i := range c.Peers {
		p := &c.Peers[i]
		p.BFD, p.Session.WaitForBFD = i, true
		c.BFD = append(c.BFD, Path{Name: p.Name, Remote: p.Session.Peer, Multihop: true, Session: watching(uint32(1 + i))})
	}
}

// establish brings the sessions of a core up, to peers that ask for no keepalives and
// may be silent for long.
func (s *steady) establish(i int) {
	c := s.cores[i]
	for p := range c.cfg.Peers {
		a := bgp.AppendOpen(nil, &bgp.Open{AS: 65515, RouterID: routerAt(99), IPv4: true, IPv6: true, FourOctet: true, Refresh: true})
		at := StreamConn{Peer: p, Conn: 1}
		c.Step(s.now, &Stream{Peer: at.Peer, Conn: at.Conn, Kind: StreamOpened, Local: routerAt(i)})
		c.Step(s.now, &Stream{Peer: at.Peer, Conn: at.Conn, Kind: StreamMessage, Bytes: a})
		c.Step(s.now, &Stream{Peer: at.Peer, Conn: at.Conn, Kind: StreamMessage, Bytes: bgp.AppendKeepalive(nil)})
		c.Step(s.now, &Control{Local: routerAt(i), Remote: c.cfg.BFD[p].Remote, Multihop: true, TTL: 254, Bytes: upControl(byte(1 + p))})
	}
}

// upControl is a BFD packet to a session that is to come up, and not to go down for
// four hours.
func upControl(discriminator byte) []byte {
	b := []byte{0x20, 2 << 6, 255, 24, 0, 0, 0, 77, 0, 0, 0, discriminator}
	return append(b, 3, 0x93, 0x87, 0, 0, 0, 0x27, 0x10, 0, 0, 0, 0) // every 60 s; 10 ms will do
}

// What does not belong here costs nothing either: strangers cannot make garbage.
func TestRefusedPacketsDoNotAllocate(t *testing.T) {
	s := newSteady(t, true, 1)
	c := s.cores[1]
	garbage := Packet{From: 0, Bytes: make([]byte, peer.HeartbeatSize)}
	forged := Packet{From: 0, Bytes: make([]byte, peer.HeartbeatSize)}
	forged.Bytes[0] = peer.Version
	if n := testing.AllocsPerRun(1000, func() {
		c.Step(s.now, &garbage)
		c.Step(s.now, &forged)
	}); n != 0 {
		t.Errorf("%v allocations", n)
	}
	if k := c.Inspect(s.now).Counters; k.BadVersion < 1000 || k.BadTag < 1000 {
		t.Errorf("counted %d of another version, %d forged", k.BadVersion, k.BadTag)
	}
}

// A thousand groups between the same nodes change neither the size nor the rate
// of heartbeats; what moves them all is packets full of records.
func TestHeartbeatsDoNotGrowWithTheGroups(t *testing.T) {
	calm := func(groups int) (sends, bytes int, b *bench) {
		b = startBench(t, 3, func(self int) Config { return manyGroups(testConfig(self, 2, 1, true), groups) })
		b.run(500 * time.Millisecond)
		before := b.counts
		b.counts.largest = 0
		b.run(time.Second)
		if b.counts.largest != peer.HeartbeatSize {
			b.fail("%d groups: a packet of %d bytes in calm times", groups, b.counts.largest)
		}
		return b.counts.sends - before.sends, b.counts.bytes - before.bytes, b
	}
	sends, bytes, _ := calm(1)
	manySends, manyBytes, b := calm(1000)
	if sends != manySends || bytes != manyBytes {
		t.Errorf("one group: %d packets of %d bytes in all; a thousand: %d of %d", sends, bytes, manySends, manyBytes)
	}
	b.kill(0)
	since := b.now
	b.run(20 * time.Millisecond)
	for g := range 1000 {
		if h := b.holders(GroupID(g)); len(h) != 1 || h[0] != 1 {
			b.fail("20ms after the fault group %d is held by %v", g, h)
		}
	}
	if n := b.noted(1, BecameActive, since); n != 1000 {
		b.fail("%d groups became active", n)
	}
}

// BenchmarkStep is one step of the path of heartbeats, packets sealed and opened.
func BenchmarkStep(b *testing.B) {
	for _, groups := range []int{1, 1000} {
		b.Run(fmt.Sprintf("groups=%d", groups), func(b *testing.B) {
			benchmarkSteps(b, newSteady(b, true, groups))
		})
		b.Run(fmt.Sprintf("sessions,groups=%d", groups), func(b *testing.B) {
			benchmarkSteps(b, newSteady(b, true, groups, withSessions))
		})
	}
}

func benchmarkSteps(b *testing.B, s *steady) {
	b.ReportAllocs()
	b.ResetTimer()
	for s.steps < b.N {
		s.next(b)
	}
	b.ReportMetric(float64(s.steps)/b.Elapsed().Seconds(), "steps/s")
}

// BenchmarkIdleStep is a step in which nothing is due and no packet comes: what
// the core itself costs, without a hash.
func BenchmarkIdleStep(b *testing.B) {
	s := newSteady(b, true, 1)
	var e Event = Tick{}
	b.ReportAllocs()
	for b.Loop() {
		s.cores[0].Step(s.now, e)
	}
}
