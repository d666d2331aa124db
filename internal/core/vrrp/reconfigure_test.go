package vrrp

import (
	"net/netip"
	"testing"
	"time"

	"stead/internal/core/reason"
)

// reload hands a changed configuration in. What others send follows it too.
func (g *rig) reload(change func(*Config)) {
	g.t.Helper()
	cfg := *g.cfg
	change(&cfg)
	g.cfg, g.reader, g.codecs = &cfg, readerOf(&cfg), map[netip.Addr]*Codec{}
	g.do(func() { g.r.Reconfigure(g.now, &cfg) })
}

// What others have to know is told at once, and the role stays.
func TestReconfigureActive(t *testing.T) {
	for name, change := range map[string]func(*Config){
		"interval":  func(c *Config) { c.Interval = 100 * ms },
		"addresses": func(c *Config) { c.Addresses = append(c.Addresses, netip.MustParseAddr("192.0.2.201")) },
		"adverts":   func(c *Config) { c.DownAdverts = 2 },
		"detector":  func(c *Config) { c.Detector = fast },
		"peers": func(c *Config) {
			c.Unicast, c.To, c.Peers = true, []netip.Addr{addrLow, addrHigh}, []netip.Addr{addrLow, addrHigh}
		},
	} {
		g := newActiveRig(t, 100)
		g.run(300 * ms)
		g.forget()
		g.reload(change)
		g.is(Active)
		g.wantChanges()
		if want := len(g.cfg.To); len(g.sent) != want {
			t.Errorf("%s: %d advertisements, want %d", name, len(g.sent), want)
		}
		if want := g.now.Add(g.r.lease()); g.r.State(g.now).Lease != want {
			t.Errorf("%s: lease until %v, want %v", name, g.r.State(g.now).Lease.Sub(g.now), want.Sub(g.now))
		}
		g.run(10 * g.cfg.Interval)
		g.is(Active)
	}
}

// Whether packets are accepted changes with the slot, which nobody else sees.
func TestReconfigureAcceptMode(t *testing.T) {
	g := newActiveRig(t, 100)
	until := g.r.State(g.now).Lease
	g.reload(func(c *Config) { c.Accept = false })
	g.wantOpen(until, 0)
	g.wantSent()
}

// Another slot of the fence: the old one closes.
func TestReconfigureSlot(t *testing.T) {
	g := newActiveRig(t, 100)
	g.reload(func(c *Config) { c.Slot = 9 })
	if len(g.slots) != 2 || g.slots[0] != (Slot{Slot: 7}) || g.slots[1].Slot != 9 || g.slots[1].Answer <= g.now {
		t.Fatalf("%+v", g.slots)
	}
}

// A Backup waits as long as the new configuration says, and knows the active
// router as before.
func TestReconfigureBackup(t *testing.T) {
	g := newRig(t, 100)
	g.hear(addrHigh, 200, 2*time.Second)
	g.forget()
	g.reload(func(c *Config) { c.DownAdverts = 5 })
	g.silentFor(10*time.Second + skewOf(100, 2*time.Second))
	g.wantChanges("activated peer-silent")

	g = newRig(t, 100)
	g.reload(func(c *Config) { c.Interval = 100 * ms })
	g.silentFor(300*ms + skewOf(100, 100*ms))
}

// Another virtual router is not the same: the old one is given up before.
func TestReconfigureAnotherRouter(t *testing.T) {
	for name, change := range map[string]func(*Config){
		"vrid":    func(c *Config) { c.VRID = 11 },
		"version": func(c *Config) { c.Version = 2 },
	} {
		g := newActiveRig(t, 100)
		old := NewCodec(g.cfg)
		cfg := *g.cfg
		change(&cfg)
		g.r.Begin(g.now)
		g.r.Reconfigure(g.now, &cfg)
		out := g.r.Finish(g.now)
		if len(out.Sends) != 1 || len(out.Slots) != 1 || out.Slots[0] != (Slot{Slot: 7}) || len(out.Changes) != 1 || out.Changes[0].Reason != reason.Reconfigured {
			t.Fatalf("%s: %+v", name, out)
		}
		s := out.Sends[0]
		if ad, refusal := old.Decode(g.now, &Packet{Source: s.From, Destination: s.To, TTL: 255, Bytes: s.Bytes}); refusal != Accepted || ad.Priority != 0 {
			t.Fatalf("%s: %v %v", name, ad, refusal)
		}
		g.cfg, g.reader = &cfg, readerOf(&cfg)
		g.is(Backup)
		g.silentFor(3*time.Second + skewOf(100, time.Second))
		if got := g.changes[len(g.changes)-1]; got.Kind != Activated || got.Count != 2 {
			t.Fatalf("%s: %+v", name, got)
		}
	}
}

// Counters outlive a reload.
func TestReconfigureKeepsCounters(t *testing.T) {
	g := newRig(t, 100)
	g.hear(addrHigh, 200, time.Second)
	before := g.r.State(g.now)
	g.reload(func(c *Config) { c.Accept = false })
	if after := g.r.State(g.now); after.Packets != before.Packets || after.Transitions != before.Transitions || after.Packets.Packets[Accepted] != 1 {
		t.Fatalf("%+v, before %+v", after, before)
	}
}

func parse(s string) netip.Addr {
	if s == "" {
		return noAddr
	}
	return netip.MustParseAddr(s)
}
