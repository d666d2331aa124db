package core

import (
	"bytes"
	"fmt"
	"testing"
	"time"

	"stead/internal/core/vrrp"
)

// routerFuzzConfig is three nodes with a group that VRRP decides, alone or with
// another one that changes together with it.
func routerFuzzConfig(self int, how byte) Config {
	cfg := testConfig(self, 3, 0, false)
	if err := asRouters(&cfg, "10ms"); err != nil {
		panic(err)
	}
	g := &cfg.Groups[0]
	g.Interfaces = []string{"eth0"}
	g.Checks = []Check{{Name: "web", Rise: 1, Fall: 1, Fatal: how&2 != 0}, {Name: "load", Rise: 1, Fall: 1, Weight: -150}}
	g.Router.Preempt = how&1 != 0
	if how&4 != 0 {
		g.Router.PreemptDelay = 30 * time.Millisecond
	}
	if how&8 != 0 {
		g.Interval, g.Multiplier = 2*time.Millisecond, 3
		g.Router.Detector = vrrp.Detector{Interval: g.Interval, Lease: g.Lease()}
	}
	if how&16 != 0 {
		g.Members[1].Priority = g.Members[0].Priority
	}
	if how&32 != 0 {
		g.Sync = "both"
		more, router := *g, *g.Router
		more.Name, more.Router, more.Interfaces = "other", &router, []string{"eth1"}
		router.VRID++
		cfg.Groups = append(cfg.Groups, more)
	}
	return cfg
}

// FuzzRouters lets three virtual routers live through any faults on a network that
// delays, loses and reorders. Afterwards all is mended, and one has to serve:
// every group that changes together on the same one.
func FuzzRouters(f *testing.F) {
	f.Add([]byte{1, 0, 50, 1, 0, 0, 60})
	f.Add([]byte("\x21\x00\xff\x02\x00\x00\xc0\x03\x00\x06\x01\x00\xff"))
	f.Add(bytes.Repeat([]byte{0x29, 0x32, 0x54, 0x77, 0x05, 0x61, 0x09, 0x43}, 20))
	f.Add(bytes.Repeat([]byte{0x3d, 0xc8, 0x02, 0x01, 0x90, 0x03, 0x01, 0x96, 0x04, 0x06}, 20))
	f.Fuzz(func(t *testing.T, b []byte) {
		d := &draw{b: b}
		how := d.byte() &^ 2 // fatal checks start as unknown
		x := newFuzzedOf(t, func(i int) Config { return routerFuzzConfig(i, how) })
		for steps := 0; len(d.b) > 0 && steps < 60; steps++ {
			x.fault(d)
			x.run(min(d.span(), 300*time.Millisecond))
		}
		x.mendRouters()
	})
}

// mendRouters takes all faults away: within a bound exactly one node answers for
// every group, the same for those that change together.
func (x *fuzzed) mendRouters() {
	x.mendAll()
	x.run(failureRest + 2*time.Second) // one that was refused an address has rested by then
	for g := range x.nodes[0].cfg.Groups {
		h := x.holders(GroupID(g))
		if len(h) != 1 {
			x.fail("after all was mended holders of group %d are %v", g, h)
		}
		if first := x.holders(0); fmt.Sprint(h) != fmt.Sprint(first) {
			x.fail("groups that change together are held by %v and %v", first, h)
		}
	}
}

// FuzzRouterStep puts any events at any times into one core with virtual routers.
func FuzzRouterStep(f *testing.F) {
	f.Add([]byte{1})
	f.Add([]byte("\x10\xa0\x01\x10\xa0\x02\x20\xa0\x03\x01\xff\x05"))
	f.Add(bytes.Repeat([]byte{0x31, 0x02, 0x91, 0x00, 0x47}, 60))
	f.Fuzz(func(t *testing.T, b []byte) {
		d := &draw{b: b}
		c := New(routerFuzzConfig(0, d.byte()))
		j, now := newJudge(c), benchStart
		if err := j.step(now, c.Start(now)); err != nil {
			t.Fatal(err)
		}
		others := vrrp.NewCodec(c.cfg.Groups[0].Router)
		var seq [3]uint64
		for steps := 0; len(d.b) > 0 && steps < 2000; steps++ {
			now = now.Add(d.span())
			var e Event
			switch d.below(4) {
			case 0:
				from := routerAt(d.below(3))
				bytes := others.Append(nil, now, from, c.cfg.Groups[0].Router.To[0], d.byte(), time.Duration(1+d.below(255))*10*time.Millisecond)
				e = &Advertisement{Group: GroupID(d.below(len(c.groups))), Source: from, Destination: c.cfg.Groups[0].Router.To[0], TTL: 255 - d.below(16)/15, Bytes: bytes}
			case 1:
				e = SourceAddress{Group: GroupID(d.below(len(c.groups))), Address: routerAt(d.below(2))}
			default:
				e = anyEvent(d, c, &seq)
			}
			if err := j.step(now, c.Step(now, e)); err != nil {
				t.Fatalf("step %d, %T %+v: %v", steps, e, e, err)
			}
			if err := j.step(now, c.Step(now, Tick{})); err != nil {
				t.Fatalf("step %d, tick after %T: %v", steps, e, err)
			}
			if at := c.Deadline(); at <= now {
				t.Fatalf("step %d: all is done that was due, and the deadline is %s in the past", steps, now.Sub(at))
			}
			c.Inspect(now)
		}
	})
}
