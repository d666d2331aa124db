package vrrp

import (
	"testing"
	"time"

	"stead/internal/core/reason"
)

// steady is an Active Router and its Backup; each step is one advertisement
// sent, and received.
type steady struct {
	active, backup *Router
	now            Instant
	packet         Packet
}

func newSteady(adapt func(*Config)) *steady {
	s := &steady{now: boot}
	for i, r := range []**Router{&s.active, &s.backup} {
		cfg := standard()
		adapt(cfg)
		*r = New(cfg)
		(*r).Begin(s.now)
		(*r).Start(s.now)
		(*r).SetSource(s.now, addrSelf)
		if i == 1 {
			(*r).SetSource(s.now, addrLow)
		}
		(*r).SetReady(s.now, true, reason.None, 255-155*i)
		(*r).Finish(s.now)
	}
	for range 10 {
		s.step()
	}
	return s
}

// step brings one advertisement from the one to the other.
func (s *steady) step() {
	s.now = s.active.Deadline()
	s.active.Begin(s.now)
	s.active.Tick(s.now)
	out := s.active.Finish(s.now)
	s.backup.Begin(s.now)
	for i := range out.Sends {
		send := &out.Sends[i]
		s.packet = Packet{Source: send.From, Destination: send.To, TTL: 255, Bytes: send.Bytes}
		s.backup.Receive(s.now, &s.packet)
	}
	s.backup.Tick(s.now)
	s.backup.Finish(s.now)
}

func signed(c *Config) {
	c.Auth = Auth{Type: AuthHMAC, Keys: []Key{{ID: 1, Secret: []byte("0123456789abcdef0123456789abcdef")}}}
}

// While nothing happens a router allocates nothing.
func TestSteadyPathDoesNotAllocate(t *testing.T) {
	for name, adapt := range map[string]func(*Config){
		"plain":    func(*Config) {},
		"hmac":     signed,
		"detector": func(c *Config) { c.Detector = fast },
		"version2": func(c *Config) { c.Version = 2 },
	} {
		s := newSteady(adapt)
		if n := testing.AllocsPerRun(500, func() { s.step() }); n != 0 {
			t.Errorf("%s: %v allocations in a step", name, n)
		}
		if b := s.backup.State(s.now); b.Role != Backup || b.Packets.Packets[Accepted]+1 != s.active.State(s.now).Sent {
			t.Errorf("%s: the backup is %v and has accepted %d", name, b.Role, b.Packets.Packets[Accepted]) // all but the first
		}
	}
}

// A thousand routers that are asked for nothing cost next to nothing: Begin and
// Finish allocate nothing either.
func TestIdleStepDoesNotAllocate(t *testing.T) {
	g := newActiveRig(t, 100)
	if n := testing.AllocsPerRun(500, func() { g.r.Begin(g.now); g.r.Finish(g.now) }); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

// BenchmarkAdvertisement is one advertisement made, sent, received and obeyed.
func BenchmarkAdvertisement(b *testing.B) {
	for _, c := range []struct {
		name  string
		adapt func(*Config)
	}{{"plain", func(c *Config) { c.Interval = 10 * time.Millisecond }}, {"hmac", signed}} {
		b.Run(c.name, func(b *testing.B) {
			s := newSteady(c.adapt)
			b.ReportAllocs()
			for b.Loop() {
				s.step()
			}
		})
	}
}
