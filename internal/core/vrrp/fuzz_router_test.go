package vrrp

import (
	"net/netip"
	"testing"
	"time"

	"stead/internal/core/clock"
	"stead/internal/core/reason"
)

// tape is the choices of a run, taken from the input of the fuzzer.
type tape struct{ b []byte }

func (p *tape) next() byte {
	if len(p.b) == 0 {
		return 0
	}
	v := p.b[0]
	p.b = p.b[1:]
	return v
}

func (p *tape) below(n int) int { return int(p.next()) % n }
func (p *tape) yes() bool       { return p.next()&1 == 1 }

// fuzzed is a router and what is known to be true of it from outside.
type fuzzed struct {
	t       *testing.T
	cfg     *Config
	r       *Router
	peer    *Codec
	reader  *Codec
	now     Instant
	started bool
	ready   bool
	source  bool
	drained bool
	stopped bool
	blocked bool
	active  bool // by the changes that were told
	open    Slot
	count   uint64
	ceiling uint64
}

// FuzzRouter does anything at any time. Whatever comes: a router is active only
// while it could serve, its slot is never open for longer than its lease, who
// gives up says so, no number of an activation comes back, and the next deadline
// lies in the future.
func FuzzRouter(f *testing.F) {
	f.Add([]byte("the first advertisement, and then nothing"))
	f.Add([]byte{0, 1, 0, 3, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 2, 200, 3, 9, 9, 2, 0, 2, 3, 5, 4, 4, 4, 1, 1, 7, 8, 9, 10, 11, 12})
	f.Add([]byte{1, 1, 1, 1, 0, 0, 0, 0, 9, 9, 0, 0, 6, 0, 0, 0, 0, 0, 0, 0, 5, 0, 0, 1, 8, 8, 1, 4, 2, 100, 0, 0, 0, 3, 1, 1})
	f.Fuzz(func(t *testing.T, b []byte) {
		p := &tape{b}
		z := newFuzzed(t, p)
		for n := 0; len(p.b) > 0 && n < 400; n++ {
			z.step(p)
		}
	})
}

func newFuzzed(t *testing.T, p *tape) *fuzzed {
	cfg := standard()
	cfg.Interval = []time.Duration{10 * ms, time.Second, 3 * time.Second}[p.below(3)]
	cfg.DownAdverts = 1 + p.below(4)
	cfg.Preempt, cfg.Accept = p.yes(), p.yes()
	cfg.PreemptDelay, cfg.StartDelay = time.Duration(p.below(4))*time.Second, time.Duration(p.below(4))*time.Second
	if p.yes() {
		cfg.Detector = Detector{Interval: 5 * ms, Lease: 15 * ms}
	}
	if p.yes() && cfg.Interval >= time.Second {
		cfg.Version = 2
	}
	return &fuzzed{t: t, cfg: cfg, r: New(cfg), peer: NewCodec(cfg), reader: readerOf(cfg), now: boot}
}

// step lets some time pass and does one thing.
func (z *fuzzed) step(p *tape) {
	passed := time.Duration(0)
	switch p.below(4) {
	case 0:
		passed = time.Duration(p.next()) * ms
	case 1:
		passed = time.Duration(p.next()) * z.cfg.Interval / 32
	case 2:
		if d := z.r.Deadline(); d != clock.Never && d > z.now {
			passed = d.Sub(z.now) + time.Duration(p.below(2))*ms/10
		}
	}
	z.now = z.now.Add(passed)
	wasActive, leased := z.active, z.r.Leased(z.now)
	z.r.Begin(z.now)
	if wasActive && !leased && z.r.role == Active {
		z.t.Fatal("active though its slot has run out")
	}
	late := wasActive && z.r.role != Active
	z.input(p)
	z.r.Tick(z.now)
	z.check(z.r.Finish(z.now), wasActive, late)
}

func (z *fuzzed) input(p *tape) {
	r, now := z.r, z.now
	switch p.below(16) {
	case 0:
		if !z.started {
			z.started = true
			r.Start(now)
		}
	case 1:
		z.source = p.below(4) > 0
		addr := netip.Addr{}
		if z.source {
			addr = []netip.Addr{addrSelf, addrLow}[p.below(2)]
		}
		r.SetSource(now, addr)
	case 2:
		z.ready = p.below(4) > 0
		r.SetReady(now, z.ready, reason.CheckFailed, []int{1, 100, 200, 254, 255, 0}[p.below(6)])
	case 3:
		z.drained = p.yes()
		r.SetDrained(now, z.drained, reason.Drained)
	case 4:
		r.Switchover(now)
	case 5:
		r.Resume(now)
	case 6:
		r.Silent(now, []netip.Addr{{}, addrLow, addrHigh}[p.below(3)])
	case 7:
		z.blocked = p.yes()
		r.SetSync(now, z.blocked)
	case 8:
		r.Force(now, p.yes(), reason.SyncGroup)
	case 9:
		if p.below(8) == 0 {
			hard := p.yes()
			z.stopped = z.stopped || hard
			r.Stop(now, hard, reason.Stopping)
		}
	case 10:
		b := make([]byte, p.below(32))
		for i := range b {
			b[i] = p.next()
		}
		r.Receive(now, &Packet{Source: addrLow, Destination: allRouters4, TTL: p.below(256), Bytes: b})
	default:
		z.hear(p)
	}
}

// hear hands in a well-formed advertisement.
func (z *fuzzed) hear(p *tape) {
	from := []netip.Addr{addrLow, addrSelf, addrHigh}[p.below(3)]
	interval := []time.Duration{z.cfg.Interval, 10 * ms, 2 * time.Second, 40950 * ms}[p.below(4)]
	b := z.peer.Append(nil, z.now, from, allRouters4, p.next(), interval)
	z.r.Receive(z.now, &Packet{Source: from, Destination: allRouters4, TTL: 255, Bytes: b})
}

func (z *fuzzed) check(out *Out, wasActive, late bool) {
	for _, n := range out.Persist {
		if n <= z.ceiling {
			z.t.Fatalf("asks to store %d after %d", n, z.ceiling)
		}
		z.ceiling = n
	}
	released := z.changes(out)
	for _, s := range out.Slots {
		z.open = s
	}
	zero := z.zeroSent(out)
	if released && !zero && !late && z.source {
		z.t.Fatal("released without a word")
	}
	switch {
	case (z.r.role == Active) != z.active:
		z.t.Fatalf("is %v, told active %v", z.r.role, z.active)
	case z.active && !(z.started && z.ready && z.source && !z.blocked && !z.stopped):
		z.t.Fatal("active though it could not serve")
	case z.active && (z.open.Answer <= z.now || z.open.Answer != z.r.until || z.open.Serve > z.open.Answer):
		z.t.Fatalf("slot %+v at %v, lease until %v", z.open, z.now, z.r.until)
	case z.active && z.open.Answer > z.now.Add(z.longest()):
		z.t.Fatalf("open for %v", z.open.Answer.Sub(z.now))
	case !z.active && (z.open.Answer != 0 || z.open.Serve != 0):
		z.t.Fatalf("slot %+v of a router that is not active", z.open)
	case z.r.Deadline() <= z.now:
		z.t.Fatalf("%v: deadline %v ago", z.r.role, z.now.Sub(z.r.Deadline()))
	case z.r.role != Active && !wasActive && len(out.Sends) > 0:
		z.t.Fatal("advertises without being active")
	case z.r.role == Initialize && z.r.Deadline() != clock.Never:
		z.t.Fatal("takes no part and waits")
	}
}

// changes follows what is told, and returns whether the router let go without
// having heard another one.
func (z *fuzzed) changes(out *Out) (released bool) {
	for _, c := range out.Changes {
		switch c.Kind {
		case Activated:
			if z.active || c.Count <= z.count || c.Count > z.ceiling {
				z.t.Fatalf("activation %d after %d, stored %d", c.Count, z.count, z.ceiling)
			}
			z.active, z.count = true, c.Count
		case Deactivated:
			if !z.active || c.Linger != c.Router.IsValid() {
				z.t.Fatalf("%+v", c)
			}
			z.active, released = false, !c.Linger
		case GaveUp:
			z.drained = false
		}
	}
	return released
}

func (z *fuzzed) zeroSent(out *Out) (zero bool) {
	for _, s := range out.Sends {
		ad, refusal := z.reader.Decode(z.now, &Packet{Source: s.From, Destination: s.To, TTL: 255, Bytes: s.Bytes})
		if refusal != Accepted {
			z.t.Fatalf("sent what others refuse: %v", refusal)
		}
		zero = zero || ad.Priority == 0
	}
	return zero
}

// longest is how long the slot may be open at most.
func (z *fuzzed) longest() time.Duration {
	if z.cfg.DownAdverts == 1 {
		return z.cfg.Interval + z.cfg.Interval/8
	}
	return time.Duration(z.cfg.DownAdverts) * z.cfg.Interval * 63 / 64
}
