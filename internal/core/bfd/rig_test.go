package bfd

import (
	"testing"
	"time"
)

const (
	ms = time.Millisecond
	us = time.Microsecond

	mineNumber   = 0x11223344 // discriminators
	remoteNumber = 0x55667788
)

// boot is when the tests begin.
const boot = Instant(100 * time.Second)

// rig is a Session whose other system is the test.
type rig struct {
	t       testing.TB
	s       *Session
	now     Instant
	peer    control // what the other system says
	peerKey *authenticator
	ttl     int
	sent    []control // everything since clear
	at      []Instant
	raw     [][]byte
	changes []Change
}

func standard() Config {
	return Config{
		Discriminator: mineNumber, DesiredMinTX: 50 * ms, RequiredMinRX: 60 * ms, DetectMult: 3, MinTTL: 255, Seed: 7,
	}
}

// newRig is a started session. Its other system offers 20 ms and 40 ms, times 5.
func newRig(t testing.TB, adapt ...func(*Config)) *rig {
	cfg := standard()
	for _, f := range adapt {
		f(&cfg)
	}
	g := &rig{t: t, s: New(cfg), now: boot, ttl: 255, peer: control{
		state: Down, mult: 5, mine: remoteNumber, yours: 0, desiredMinTX: 1000 * ms, requiredMinRX: 40 * ms,
	}}
	if cfg.Auth.Type != AuthNone {
		a := newAuthenticator(cfg.Auth, 1000)
		g.peerKey = &a
	}
	g.do(func() { g.s.Start(g.now) })
	return g
}

// do runs a step, with a Tick as every step of the core has one.
func (g *rig) do(input func()) {
	g.s.Begin(g.now)
	input()
	g.s.Tick(g.now)
	g.collect(g.s.Finish(g.now))
}

func (g *rig) collect(out *Out) {
	for _, b := range out.Sends {
		c, why := parse(b)
		if why != Accepted || c.length != len(b) {
			g.t.Fatalf("sends %x: %v", b, why)
		}
		if c.poll && c.final {
			g.t.Fatalf("sends Poll and Final in one packet")
		}
		if c.demand || b[0]>>5 != 1 || b[1]&(bitMultipoint|1<<3) != 0 {
			g.t.Fatalf("sends flags %08b", b[1])
		}
		g.sent, g.at, g.raw = append(g.sent, c), append(g.at, g.now), append(g.raw, append([]byte(nil), b...))
	}
	g.changes = append(g.changes, out.Changes...)
	if g.s.Deadline() <= g.now {
		g.t.Fatalf("the deadline %v is over at %v", g.s.Deadline(), g.now)
	}
}

func (g *rig) clear() { g.sent, g.at, g.raw, g.changes = nil, nil, nil, nil }

// packet is what the other system would send.
func (g *rig) packet(c control) []byte {
	if g.peerKey == nil {
		if c.length == 0 {
			c.length = headSize
		}
		return c.append(nil)
	}
	c.auth, c.length = true, headSize+authSize
	return g.peerKey.sign(c.append(nil), 0)
}

// hear brings a packet of the other system, which says from now on what adapt
// makes of it.
func (g *rig) hear(adapt ...func(*control)) {
	for _, f := range adapt {
		f(&g.peer)
	}
	g.take(g.packet(g.peer))
}

func (g *rig) take(b []byte) {
	g.do(func() { g.s.Receive(g.now, &Packet{TTL: g.ttl, Bytes: b}) })
}

// once brings a packet that differs from what the other system says otherwise.
func (g *rig) once(adapt func(*control)) {
	c := g.peer
	adapt(&c)
	g.take(g.packet(c))
}

// refused brings a packet, and tells why it was not accepted.
func (g *rig) refused(b []byte) Refusal {
	g.t.Helper()
	before, changes := g.s.Status(g.now), len(g.changes)
	g.take(b)
	after := g.s.Status(g.now)
	for r, n := range after.Refusals {
		if n == before.Refusals[r] {
			continue
		}
		if after.Received != before.Received || len(g.changes) != changes || after.LastHeard != before.LastHeard {
			g.t.Errorf("%v: the packet had an effect", Refusal(r))
		}
		if after.LastRefusal != Refusal(r).String() || after.Refused != before.Refused+1 {
			g.t.Errorf("%v: status says %q of %d", Refusal(r), after.LastRefusal, after.Refused)
		}
		return Refusal(r)
	}
	if after.Received != before.Received+1 {
		g.t.Errorf("a packet is neither counted as received nor as refused")
	}
	return Accepted
}

// run lets time pass. The other system is silent.
func (g *rig) run(d time.Duration) {
	end := g.now.Add(d)
	for n := 0; g.s.Deadline() <= end; n++ {
		if n > 100000 {
			g.t.Fatal("time stands still")
		}
		g.now = g.s.Deadline()
		g.do(func() {})
	}
	g.now = end
}

// keep lets time pass while the other system sends at its own pace, and answers
// polls when told to.
func (g *rig) keep(d, every time.Duration, answer bool) {
	for end := g.now.Add(d); g.now < end; {
		seen := len(g.sent)
		g.run(min(every, end.Sub(g.now)))
		for _, c := range g.sent[seen:] {
			if c.poll && answer {
				g.once(func(c *control) { c.final = true })
			}
		}
		g.hear()
	}
}

func says(state State) func(*control) {
	return func(c *control) {
		c.state = state
		if state == Init || state == Up {
			c.yours = mineNumber
		}
	}
}

// fast makes the other system offer its interval for Up.
func fast(c *control) { c.desiredMinTX = 20 * ms }

// up is a session that is Up, with nothing left to be agreed.
func up(t testing.TB, adapt ...func(*Config)) *rig {
	g := newRig(t, adapt...)
	g.run(10 * ms)
	g.hear(says(Down))
	g.hear(says(Up), fast)
	g.keep(200*ms, 20*ms, true)
	if g.s.state != Up || g.s.poll != (poll{}) {
		t.Fatalf("%v, poll %+v", g.s.state, g.s.poll)
	}
	g.clear()
	return g
}

func (g *rig) state(want State) {
	g.t.Helper()
	if got := g.s.Status(g.now).State; got != want {
		g.t.Fatalf("the session is %v, want %v", got, want)
	}
}

// last is the last packet that was sent.
func (g *rig) last() control {
	g.t.Helper()
	if len(g.sent) == 0 {
		g.t.Fatal("nothing was sent")
	}
	return g.sent[len(g.sent)-1]
}

// gaps are the times between the packets that were sent.
func (g *rig) gaps() (gaps []time.Duration) {
	for i := 1; i < len(g.at); i++ {
		gaps = append(gaps, g.at[i].Sub(g.at[i-1]))
	}
	return gaps
}

// within fails unless all gaps are in a range.
func (g *rig) within(least, most time.Duration) {
	g.t.Helper()
	gaps := g.gaps()
	if len(gaps) == 0 {
		g.t.Fatal("no two packets were sent")
	}
	for i, gap := range gaps {
		if gap < least || gap > most {
			g.t.Fatalf("packet %d came %v after the one before, want %v to %v", i+1, gap, least, most)
		}
	}
}

func signed(kind AuthType) func(*Config) {
	return func(c *Config) {
		c.Auth = Auth{Type: kind, Keys: []Key{{ID: 7, Secret: []byte("first-secret")}, {ID: 8, Secret: []byte("second")}}}
	}
}
