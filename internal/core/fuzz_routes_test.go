package core

import (
	"bytes"
	"fmt"
	"net/netip"
	"slices"
	"testing"
	"time"

	"stead/internal/core/bgp"
)

// routeFuzzConfig is three nodes that announce a group to two route servers.
func routeFuzzConfig(self int, how byte) Config {
	cfg := testConfig(self, 3, 0, how&1 != 0)
	withRoutes(&cfg, 2, 3*time.Second)
	g := &cfg.Groups[0]
	g.Interfaces = []string{"eth0"}
	g.Linger = 100 * time.Millisecond
	g.Interval, cfg.Interval = 50*time.Millisecond, 50*time.Millisecond // seconds pass here
	if how&2 != 0 {
		g.Routes.Prepend.Standby = 4
	}
	if how&4 != 0 {
		g.Routes.Prepend.Unhealthy, g.Routes.Prepend.Drain = 6, 5
	}
	if how&8 != 0 {
		g.Everyone, g.Interval, g.Multiplier, g.Quorum = true, 0, 0, false
		g.Routes.Needed, g.Damping = false, 2*time.Second
	}
	if how&16 != 0 {
		g.PrepareHook = true
	}
	return cfg
}

// announcesOnlyWhatItHas tells when a core announces a path to addresses that are
// not in place.
func announcesOnlyWhatItHas(c *Core) error {
	for _, g := range c.groups {
		if g.cfg.Routes != nil && g.route.path != Withdrawn && (!g.applied || !g.want.Held) {
			return fmt.Errorf("group %d is announced as %s and its addresses are not in place", g.id, g.route.role)
		}
	}
	return nil
}

// FuzzRoutes lets three nodes and their two route servers live through any faults.
// Afterwards all is mended, and packets have to reach the node that serves.
func FuzzRoutes(f *testing.F) {
	f.Add([]byte{1, 0, 50, 1, 0, 0, 60})
	f.Add([]byte("\x03\x00\xff\x02\x00\x00\xc0\x03\x00\x06\x01\x00\xff"))
	f.Add(bytes.Repeat([]byte{0x07, 0x32, 0x54, 0x77, 0x05, 0x61, 0x09, 0x43}, 20))
	f.Add(bytes.Repeat([]byte{0x0f, 0xc8, 0x02, 0x01, 0x90, 0x03, 0x01, 0x96, 0x04, 0x06}, 20))
	f.Add(bytes.Repeat([]byte{0x09, 0x0a, 0x01, 0x02, 0xe9, 0x0a, 0x01, 0x01, 0xea}, 20))
	f.Fuzz(func(t *testing.T, b []byte) {
		d := &draw{b: b}
		how := d.byte()
		x := &fuzzed{bench: emptyBench(t), judges: map[*Core]*judge{}}
		var deaf [3]bool // to the route servers
		x.cut = func(from, to int) bool {
			if to >= firstServed {
				return deaf[from]
			}
			return x.cuts[from][to]
		}
		x.delay = x.draws
		x.told = func(i int, a *Actions) {
			x.judge(i, a, how&9 == 1)
			if err := announcesOnlyWhatItHas(x.nodes[i].core); err != nil {
				x.fail("%s: %v", x.since(), err)
			}
		}
		for i := range 3 {
			x.add(routeFuzzConfig(i, how))
		}
		if how&9 != 1 {
			x.mayBe = 0
		}
		x.serve(2, 3*time.Second)
		for i := range 3 {
			x.start(i)
		}
		for steps := 0; len(d.b) > 0 && steps < 60; steps++ {
			if d.below(6) == 0 {
				deaf[d.below(3)] = d.below(3) > 0
			} else {
				x.fault(d)
			}
			x.run(min(d.span(), 4*time.Second))
		}
		deaf = [3]bool{}
		x.mendAll()
		x.run(15 * time.Second)
		want := []int{0, 1, 2}
		if how&8 == 0 {
			want = x.holders(0)
		}
		for i, s := range x.servers {
			if best := s.best(); !slices.Equal(best, want) || len(want) == 0 {
				x.fail("after all was mended route server %d prefers %v, and %v should serve", i+1, best, want)
			}
		}
	})
}

// FuzzRouteStep puts any events at any times into one core that speaks BGP and BFD.
func FuzzRouteStep(f *testing.F) {
	f.Add([]byte{1})
	f.Add([]byte("\x10\xa0\x01\x10\xa0\x02\x20\xa0\x03\x01\xff\x05"))
	f.Add(bytes.Repeat([]byte{0x31, 0x02, 0x91, 0x00, 0x47}, 60))
	f.Fuzz(func(t *testing.T, b []byte) {
		d := &draw{b: b}
		cfg := routeFuzzConfig(0, d.byte())
		for i := range cfg.Peers {
			cfg.Peers[i].BFD = len(cfg.BFD)
			cfg.BFD = append(cfg.BFD, Path{Name: "p", Remote: cfg.Peers[i].Session.Peer, Session: watching(uint32(1 + i))})
		}
		cfg.Groups[0].Checks = []Check{{Name: "gateway", Rise: 1, Fall: 1, IsBFD: true}, {Name: "web", Rise: 1, Fall: 1, Weight: -150}}
		c := New(cfg)
		j, now := newJudge(c), benchStart
		if err := j.step(now, c.Start(now)); err != nil {
			t.Fatal(err)
		}
		var seq [3]uint64
		for steps := 0; len(d.b) > 0 && steps < 2000; steps++ {
			now = now.Add(d.span())
			var e Event
			switch d.below(3) {
			case 0:
				e = anyStream(d)
			case 1:
				e = &Control{Remote: cfg.Peers[d.below(2)].Session.Peer, Local: netip.AddrFrom4([4]byte{10, 0, 0, 1}), TTL: 254 + d.below(2), Bytes: anyControl(d)}
			default:
				e = anyEvent(d, c, &seq)
			}
			for _, e := range []Event{e, Tick{}} {
				err := j.step(now, c.Step(now, e))
				if err == nil {
					err = announcesOnlyWhatItHas(c)
				}
				if err != nil {
					t.Fatalf("step %d, %T %+v: %v", steps, e, e, err)
				}
			}
			if at := c.Deadline(); at <= now {
				t.Fatalf("step %d: all is done that was due, and the deadline is %s in the past", steps, now.Sub(at))
			}
			c.Inspect(now)
		}
	})
}

// anyStream draws what a connection may do, likely or not.
func anyStream(d *draw) *Stream {
	e := &Stream{Peer: d.below(3) - 1 + d.below(2), Conn: bgp.Conn(d.below(4)), Kind: StreamKind(1 + d.below(5)), Count: d.below(100), Detail: "because"}
	if d.below(3) == 0 {
		e.Conn += bgp.FirstIncoming
	}
	e.Local = routerAt(0)
	switch d.below(4) {
	case 0:
		e.Bytes = bgp.AppendOpen(nil, &bgp.Open{AS: 65515, HoldTime: uint16(d.below(12)), RouterID: routerAt(9), IPv4: true, FourOctet: true, Refresh: true})
	case 1:
		e.Bytes = bgp.AppendKeepalive(nil)
	case 2:
		e.Bytes = bgp.AppendNotification(nil, bgp.Cease(bgp.AdministrativeReset, "so be it"))
	default:
		e.Bytes = bytes.Clone(d.b[:d.below(len(d.b)+1)])
	}
	return e
}

// anyControl draws a BFD packet, often one that could be true.
func anyControl(d *draw) []byte {
	b := bytes.Clone(d.b[:d.below(len(d.b)+1)])
	if d.below(4) > 0 {
		b = []byte{0x20, byte(d.below(4)) << 6, 3, 24, 0, 0, 0, byte(1 + d.below(2)), 0, 0, 0, byte(d.below(3)), 0, 0, 0x27, 0x10, 0, 0, 0x27, 0x10, 0, 0, 0, 0}
	}
	return b
}
