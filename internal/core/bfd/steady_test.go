package bfd

import (
	"testing"
	"time"
)

var kindNames = map[string]AuthType{"plain": AuthNone, "sha1": AuthSHA1, "meticulous": AuthMeticulousSHA1}

// pair is two sessions that are Up; each step is one packet sent and received.
type pair struct {
	from, to *Session
	now      Instant
	packet   Packet
}

func newPair(tb testing.TB, kind AuthType) *pair {
	w := newWorld(tb, 5)
	for i, e := range w.ends {
		signed(kind)(&e.cfg)
		e.cfg.Auth.Type, e.cfg.Passive = kind, false
		e.cfg.DesiredMinTX, e.cfg.RequiredMinRX = 10*ms, 10*ms
		w.restart(i)
	}
	w.settle()
	return &pair{from: w.ends[0].s, to: w.ends[1].s, now: w.now, packet: Packet{TTL: 255}}
}

func (p *pair) transmit() *Out {
	p.now = p.from.txAt
	p.from.detectAt = p.now.Add(time.Second)
	p.from.Begin(p.now)
	p.from.Tick(p.now)
	return p.from.Finish(p.now)
}

func (p *pair) step() {
	for _, b := range p.transmit().Sends {
		p.packet.Bytes = b
		p.to.Begin(p.now)
		p.to.Receive(p.now, &p.packet)
		p.to.Finish(p.now)
	}
}

// While nothing happens a session allocates nothing.
func TestSteadyPathDoesNotAllocate(t *testing.T) {
	for name, kind := range kindNames {
		p := newPair(t, kind)
		before := p.to.Status(p.now)
		if n := testing.AllocsPerRun(500, p.step); n != 0 {
			t.Errorf("%s: %v allocations in a step", name, n)
		}
		if got := p.to.Status(p.now); got.Received < before.Received+500 || got.Refused != before.Refused || got.State != Up {
			t.Errorf("%s: %+v", name, got)
		}
	}
}

// BenchmarkTransmit is a periodic packet made.
func BenchmarkTransmit(b *testing.B) {
	for name, kind := range kindNames {
		b.Run(name, func(b *testing.B) {
			p := newPair(b, kind)
			b.ReportAllocs()
			for b.Loop() {
				p.transmit()
			}
		})
	}
}

// BenchmarkReceive is a packet made and taken.
func BenchmarkReceive(b *testing.B) {
	for name, kind := range kindNames {
		b.Run(name, func(b *testing.B) {
			p := newPair(b, kind)
			b.ReportAllocs()
			for b.Loop() {
				p.step()
			}
		})
	}
}
