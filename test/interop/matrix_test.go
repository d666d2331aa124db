package interop

import (
	"slices"
	"testing"
	"time"
)

// The faults of a router that can be checked by a file, and of one that cannot.
var (
	allFaults  = []fault{stop, sigkill, freeze, check, cut, blackHole}
	fewFaults  = []fault{stop, sigkill, blackHole}
	slowFaults = []fault{stop, sigkill} // at an interval of a second
)

// Stead beside each peer, active and standby, in all that both can speak: the
// standby router takes over in the time that the RFC gives, the active one takes
// the address back, and both are active together only where the protocol cannot
// do otherwise.
func TestMatrix(t *testing.T) {
	t.Parallel()
	const (
		usual = 100 * time.Millisecond
		slow  = time.Second // the shortest of version 2
	)
	peers := []struct {
		name     string
		peer     router
		settings settings
		faults   []fault
	}{
		{"keepalived v3 IPv4", keepalived{}, settings{version: 3, interval: usual}, allFaults},
		{"keepalived v3 IPv6", keepalived{}, settings{version: 3, interval: usual, ipv6: true}, allFaults},
		{"keepalived v3 IPv4 unicast", keepalived{}, settings{version: 3, interval: usual, unicast: true}, fewFaults},
		{"keepalived v3 IPv6 unicast", keepalived{}, settings{version: 3, interval: usual, unicast: true, ipv6: true}, fewFaults},
		{"keepalived v3 IPv4 at 20 ms", keepalived{}, settings{version: 3, interval: 20 * time.Millisecond}, fewFaults},
		{"keepalived v2", keepalived{}, settings{version: 2, interval: slow}, []fault{stop}},
		{"keepalived v2 PASS", keepalived{}, settings{version: 2, interval: slow, password: "s3cret"}, slowFaults},
		{"keepalived v2 PASS unicast", keepalived{}, settings{version: 2, interval: slow, unicast: true, password: "s3cret"}, []fault{stop}},
		{"FRR v3 IPv4", frr{}, settings{version: 3, interval: usual}, allFaults},
		{"FRR v3 IPv6", frr{}, settings{version: 3, interval: usual, ipv6: true}, allFaults},
		{"FRR v2", frr{}, settings{version: 2, interval: slow}, []fault{stop}},
	}
	for _, tt := range peers {
		t.Run(tt.name+", Stead active", func(t *testing.T) {
			t.Parallel()
			goThrough(t, tt.settings, tt.faults, steadRouter{}, tt.peer)
		})
		t.Run(tt.name+", Stead standby", func(t *testing.T) {
			t.Parallel()
			goThrough(t, tt.settings, tt.faults, tt.peer, steadRouter{})
		})
	}
}

// goThrough lets each fault happen to the active router, one after the other.
func goThrough(t *testing.T, s settings, faults []fault, active, standby router) {
	t.Helper()
	if _, unchecked := active.(frr); unchecked {
		faults = slices.DeleteFunc(slices.Clone(faults), func(f fault) bool { return f.name == check.name }) // it has no checks
	}
	s.checked = slices.ContainsFunc(faults, func(f fault) bool { return f.name == check.name })
	c := begin(t, s, active, standby)
	c.speaks(t)
	c.sufferEach(t, faults...)
	c.speaks(t)
}

// speaks fails where what was advertised is not as it was configured.
func (c *contest) speaks(t testing.TB) {
	t.Helper()
	v := c.watch.since(0)
	for _, a := range v.adverts {
		multicast := a.to.IsMulticast()
		want := "pseudo-header"
		if c.version == 2 {
			want = "message"
		}
		switch {
		case a.version != c.version, a.ttl != 255 && !c.keepalivedTTL(a), multicast == c.unicast, a.from.Is6() != c.ipv6,
			a.password != c.password, a.interval != c.interval,
			a.checksum != want && (a.checksum != "message" || c.ipv6):
			t.Errorf("not as configured: %v, TTL %d, password %q, checksum %s", &a, a.ttl, a.password, a.checksum)
			return
		}
	}
}

// keepalivedTTL tells whether this is an advertisement over unicast IPv6 from
// keepalived, which leaves the hop limit to the kernel.
func (c *contest) keepalivedTTL(a advert) bool {
	by := &c.active
	if a.host == c.standby.host.name {
		by = &c.standby
	}
	return c.unicast && c.ipv6 && by.String() == (keepalived{}).String()
}

// A router that returns leaves the address where it is, when it is told to.
func TestWithoutPreemption(t *testing.T) {
	t.Parallel()
	for _, peer := range []router{keepalived{}, frr{}} {
		for _, tt := range []struct {
			name            string
			active, standby router
		}{
			{"Stead returns to " + peer.String(), steadRouter{}, peer},
			{peer.String() + " returns to Stead", peer, steadRouter{}},
		} {
			t.Run(tt.name, func(t *testing.T) {
				t.Parallel()
				s := settings{version: 3, interval: 100 * time.Millisecond, nopreempt: true}
				c := begin(t, s, tt.active, tt.standby)
				c.strikes(t, stop)
				before := now()
				stop.mend(t, c)
				c.watch.alone(t, c.standby.host, s.down(higher)+5*s.interval, before)
				if v := c.watch.since(before); v.two() > 0 || v.took(c.active.host) != never {
					t.Errorf("it answered when it returned:\n%s", c.watch.story(before))
				}
			})
		}
	}
}

// Two routers of one priority: the one that is active stays so; when both are,
// after a partition, the higher address decides (RFC 9568 section 6.4.3).
func TestEqualPriorities(t *testing.T) {
	t.Parallel()
	for _, peer := range []router{keepalived{}, frr{}} {
		for _, tt := range []struct {
			name            string
			active, standby router
		}{
			{"Stead yields to " + peer.String(), steadRouter{}, peer},
			{peer.String() + " yields to Stead", peer, steadRouter{}},
		} {
			t.Run(tt.name, func(t *testing.T) {
				t.Parallel()
				s := settings{version: 3, interval: 100 * time.Millisecond}
				c := prepare(t, s, side{tt.active, nil, 150}, side{tt.standby, nil, 150})
				c.starts(t)
				c.strikes(t, blackHole) // of the lower address
				before := now()
				blackHole.mend(t, c)
				c.watch.alone(t, c.standby.host, s.down(150)+3*s.interval/2, before)
				if v := c.watch.since(before); v.two() > s.interval+late+3*v.stalled() {
					t.Errorf("both answered for %v:\n%s", v.two(), c.watch.story(before))
				}
			})
		}
	}
}

// A weight changes who is better, and nobody resigns: the better one takes over.
func TestWeight(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name            string
		active, standby router
	}{
		{"of Stead", steadRouter{}, keepalived{}},
		{"of keepalived", keepalived{}, steadRouter{}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			s := settings{version: 3, interval: 100 * time.Millisecond, weight: -150, checked: true}
			c := begin(t, s, tt.active, tt.standby)
			before := now()
			c.active.host.ill(t)
			c.watch.settles(t, c.standby.host, s)
			v := c.watch.since(before)
			if v.two() > late+3*v.stalled() {
				t.Errorf("both answered for %v:\n%s", v.two(), c.watch.story(before))
			}
			if claims := v.claims(c.active.host); len(claims) == 0 || claims[len(claims)-1].priority != higher-150 {
				t.Errorf("the weight was not advertised:\n%s", c.watch.story(before))
			}
			before = now()
			c.active.host.well(t)
			c.watch.settles(t, c.active.host, s)
			if v := c.watch.since(before); v.two() > late+3*v.stalled() {
				t.Errorf("both answered for %v:\n%s", v.two(), c.watch.story(before))
			}
		})
	}
}
