package bgp

import (
	"testing"
)

// steady is an established session with paths; each step is a KEEPALIVE sent, one
// received, the kernel's word, an UPDATE of the peer, and what is announced said
// again.
type steady struct {
	s         *Session
	now       Instant
	paths     []Path
	keepalive []byte
}

func newSteady() *steady {
	g := (&rig{s: New(standard()), now: boot, t: &testing.T{}}).to(EstablishedState)
	s := &steady{s: g.s, now: g.now, paths: pathsOf("192.0.2.10/32", "192.0.2.11/32"), keepalive: AppendKeepalive(nil)}
	s.paths[1].Communities = []Community{GracefulShutdown}
	s.s.Begin(s.now)
	s.s.Announce(s.now, s.paths)
	s.s.Sent(s.now, ours1, 1<<20)
	s.s.Finish(s.now)
	for range 10 {
		s.step()
	}
	return s
}

func (s *steady) step() (written int) {
	s.now = s.s.Deadline()
	s.s.Begin(s.now)
	s.s.Tick(s.now)
	for _, w := range s.s.Finish(s.now).Writes {
		written += len(w.Bytes)
	}
	s.s.Begin(s.now)
	s.s.Sent(s.now, ours1, written)
	s.s.Receive(s.now, ours1, s.keepalive)
	s.s.Updates(s.now, ours1, 3)
	s.s.Announce(s.now, s.paths)
	s.s.BFD(s.now, true, false)
	s.s.Finish(s.now)
	return written
}

// While nothing happens a session allocates nothing.
func TestSteadySessionDoesNotAllocate(t *testing.T) {
	s := newSteady()
	if n := testing.AllocsPerRun(1000, func() {
		if s.step() != HeaderLen {
			t.Fatal("a step is not one KEEPALIVE")
		}
	}); n != 0 {
		t.Errorf("%v allocations", n)
	}
	if st := s.s.Status(s.now); st.State != EstablishedState || len(st.Paths) != 2 || st.In < 4000 || st.Out < 1000 {
		t.Errorf("%+v", st)
	}
}

func BenchmarkKeepalive(b *testing.B) {
	s := newSteady()
	b.ReportAllocs()
	for b.Loop() {
		s.step()
	}
}

// BenchmarkWithdraw is what stands between the decision to let go of an address and
// the bytes for the peer, and the way back.
func BenchmarkWithdraw(b *testing.B) {
	s := newSteady()
	b.ReportAllocs()
	for b.Loop() {
		for _, paths := range [][]Path{s.paths[1:], s.paths} {
			s.s.Begin(s.now)
			s.s.Announce(s.now, paths)
			out := s.s.Finish(s.now)
			n := 0
			for _, w := range append(out.Retracts, out.Writes...) {
				n += len(w.Bytes)
			}
			s.s.Begin(s.now)
			s.s.Sent(s.now, ours1, n)
			s.s.Finish(s.now)
		}
	}
}
