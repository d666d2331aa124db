package vrrp

import (
	"fmt"
	"net/netip"
	"slices"
	"testing"
	"time"

	"stead/internal/core/clock"
	"stead/internal/core/reason"
)

const (
	ms   = time.Millisecond
	boot = Instant(1000 * time.Second)
)

var (
	allRouters4 = netip.MustParseAddr("224.0.0.18")
	allRouters6 = netip.MustParseAddr("ff02::12")
	addrLow     = netip.MustParseAddr("192.0.2.1")
	addrSelf    = netip.MustParseAddr("192.0.2.2")
	addrHigh    = netip.MustParseAddr("192.0.2.3")
)

// standard is a virtual router with the defaults of the RFC.
func standard() *Config {
	return &Config{
		VRID: 10, Version: 3, Interval: time.Second, Addresses: []netip.Addr{netip.MustParseAddr("192.0.2.200")},
		To: []netip.Addr{allRouters4}, MinTTL: 255, DownAdverts: 3, Preempt: true, Accept: true, Slot: 7,
	}
}

// rig is one Router, others whose advertisements it hears, and what it said.
type rig struct {
	t      *testing.T
	r      *Router
	cfg    *Config
	now    Instant
	codecs map[netip.Addr]*Codec
	reader *Codec

	slots   []Slot
	sent    []Advertisement // with Addresses dropped
	sentAt  []Instant
	changes []Change
	persist []uint64
}

// newRig returns a Router that has been started, is ready and Backup, unless the
// priority is 255.
func newRig(t *testing.T, priority int, adapt ...func(*Config)) *rig {
	g := newIdleRig(t, adapt...)
	g.do(func() {
		g.r.Start(g.now)
		g.r.SetSource(g.now, addrSelf)
		g.r.SetReady(g.now, true, reason.None, priority)
	})
	return g
}

func newIdleRig(t *testing.T, adapt ...func(*Config)) *rig {
	cfg := standard()
	for _, a := range adapt {
		a(cfg)
	}
	return &rig{t: t, r: New(cfg), cfg: cfg, now: boot, codecs: map[netip.Addr]*Codec{}, reader: readerOf(cfg)}
}

// readerOf returns the Codec of a router that hears this one.
func readerOf(cfg *Config) *Codec {
	other := *cfg
	other.Peers = []netip.Addr{addrSelf}
	return NewCodec(&other)
}

// newActiveRig returns a Router that is active because nobody else was heard,
// with an empty record.
func newActiveRig(t *testing.T, priority int, adapt ...func(*Config)) *rig {
	g := newRig(t, priority, adapt...)
	g.run(time.Duration(g.cfg.DownAdverts+1) * g.cfg.Interval)
	g.is(Active)
	g.forget()
	return g
}

// do runs a step.
func (g *rig) do(input func()) {
	g.t.Helper()
	g.r.Begin(g.now)
	input()
	g.collect(g.r.Finish(g.now))
}

func (g *rig) collect(out *Out) {
	g.t.Helper()
	g.slots = append(g.slots, out.Slots...)
	g.changes = append(g.changes, out.Changes...)
	g.persist = append(g.persist, out.Persist...)
	for _, s := range out.Sends {
		ad, refusal := g.reader.Decode(g.now, &Packet{Source: s.From, Destination: s.To, TTL: 255, Bytes: s.Bytes})
		if refusal != Accepted {
			g.t.Fatalf("sent a packet that is refused: %v", refusal)
		}
		a := *ad
		a.Addresses = slices.Clone(ad.Addresses)
		g.sent, g.sentAt = append(g.sent, a), append(g.sentAt, g.now)
	}
}

// tick runs a Tick at a moment.
func (g *rig) tick(at Instant) {
	g.t.Helper()
	g.now = at
	g.do(func() { g.r.Tick(g.now) })
}

// run lets time pass, with a Tick whenever one is due.
func (g *rig) run(d time.Duration) {
	g.t.Helper()
	end := g.now.Add(d)
	for i := 0; g.r.Deadline() <= end; i++ {
		if i > 100000 {
			g.t.Fatal("the deadline does not move")
		}
		g.tick(g.r.Deadline())
	}
	g.now = end
}

// hear hands in an advertisement.
func (g *rig) hear(from netip.Addr, priority uint8, interval time.Duration) {
	g.t.Helper()
	if g.codecs[from] == nil {
		g.codecs[from] = NewCodec(g.cfg)
	}
	to := g.cfg.To[0]
	if g.cfg.Unicast {
		to = addrSelf
	}
	b := g.codecs[from].Append(nil, g.now, from, to, priority, interval)
	g.do(func() { g.r.Receive(g.now, &Packet{Source: from, Destination: to, TTL: 255, Bytes: b}) })
}

func (g *rig) forget() {
	g.slots, g.sent, g.sentAt, g.changes, g.persist = nil, nil, nil, nil, nil
}

func (g *rig) is(want Role) {
	g.t.Helper()
	if got := g.r.State(g.now).Role; got != want {
		g.t.Fatalf("%v after the start: the router is %v, want %v", g.now.Sub(boot), got, want)
	}
}

// silentFor checks that the router stays Backup for exactly this long, counted
// from now, when nobody is heard.
func (g *rig) silentFor(d time.Duration) {
	g.t.Helper()
	g.run(d - 1)
	g.is(Backup)
	g.run(1)
	g.is(Active)
}

// priorities are those sent since the record was emptied.
func (g *rig) priorities() []int {
	var out []int
	for _, a := range g.sent {
		out = append(out, int(a.Priority))
	}
	return out
}

func (g *rig) wantSent(want ...int) {
	g.t.Helper()
	if got := g.priorities(); !slices.Equal(got, want) {
		g.t.Fatalf("sent priorities %v, want %v", got, want)
	}
}

// wantChanges compares kinds and reasons.
func (g *rig) wantChanges(want ...string) {
	g.t.Helper()
	var got []string
	for _, c := range g.changes {
		got = append(got, describe(c))
	}
	if !slices.Equal(got, want) {
		g.t.Fatalf("changes %q, want %q", got, want)
	}
}

var kindNames = map[Kind]string{
	Activated: "activated", Deactivated: "deactivated", SawActive: "saw", DualSeen: "dual", Healed: "healed", GaveUp: "gave up",
}

func describe(c Change) string {
	s := kindNames[c.Kind]
	if c.Reason != reason.None {
		s += " " + string(c.Reason)
	}
	if c.Router.IsValid() && c.Kind != Activated {
		s += " " + c.Router.String()
	}
	if c.Linger {
		s += " linger"
	}
	return s
}

// wantOpen checks until when the slot that was emitted last is open; 0 is closed.
func (g *rig) wantOpen(answer, serve Instant) {
	g.t.Helper()
	if len(g.slots) == 0 {
		g.t.Fatal("no slot was emitted")
	}
	if got, want := g.slots[len(g.slots)-1], (Slot{Slot: 7, Answer: answer, Serve: serve}); got != want {
		g.t.Fatalf("slot %+v, want %+v", got, want)
	}
}

func (g *rig) wantDeadline(want Instant) {
	g.t.Helper()
	if got := g.r.Deadline(); got != want {
		g.t.Fatalf("the deadline is %v after now, want %v", show(got, g.now), show(want, g.now))
	}
}

func show(at, now Instant) string {
	if at == clock.Never {
		return "never"
	}
	return fmt.Sprint(at.Sub(now))
}

// skewOf is Skew_Time as the RFC writes it, in nanoseconds.
func skewOf(priority int, interval time.Duration) time.Duration {
	return time.Duration((256 - int64(priority)) * int64(interval) / 256)
}
