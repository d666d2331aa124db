package interop

import (
	"testing"
	"time"

	"stead/internal/core/clock"
)

// The priorities of a contest.
const (
	higher = 200
	lower  = 100
)

// late is how much later than by the RFC something may happen on a busy machine.
const late = 150 * time.Millisecond

// side is a router on a host.
type side struct {
	router
	host     *host
	priority int
}

// contest is two routers that share an address. The one of higher priority is
// active while nothing is wrong.
type contest struct {
	settings
	lan             *lan
	watch           *watch
	active, standby side
}

// begin starts both routers, the active one first, and waits until it alone has
// been active for so long that the other one would have taken over had it not
// understood what it hears.
func begin(t testing.TB, s settings, active, standby router) *contest {
	t.Helper()
	n := newLAN(t)
	c := &contest{settings: s, lan: n, active: side{active, n.first, higher}, standby: side{standby, n.second, lower}}
	c.watch = n.watched(t, s.vip())
	c.start(t, &c.active)
	c.watch.settles(t, n.first, s)
	started := now()
	c.start(t, &c.standby)
	c.watch.alone(t, n.first, 2*s.down(lower), started)
	return c
}

func (c *contest) start(t testing.TB, s *side) {
	t.Helper()
	s.router.start(t, s.host, c.settings, s.priority)
}

// fault is something that happens to the active router.
type fault struct {
	name    string
	resigns bool // it says that it goes: nobody waits for Active_Down_Interval
	remains bool // its kernel may go on to answer, when the router is not Stead
	strike  func(t testing.TB, c *contest)
	mend    func(t testing.TB, c *contest)
}

var (
	stop = fault{"stop", true, false,
		func(t testing.TB, c *contest) { c.active.host.terminate(t) },
		func(t testing.TB, c *contest) { c.start(t, &c.active) }}
	sigkill = fault{"SIGKILL", false, true,
		func(t testing.TB, c *contest) { c.active.host.kill(t) },
		func(t testing.TB, c *contest) { c.start(t, &c.active) }}
	check = fault{"check", true, false,
		func(t testing.TB, c *contest) { c.active.host.ill(t) },
		func(t testing.TB, c *contest) { c.active.host.well(t) }}
	cut = fault{"link cut", false, false,
		func(t testing.TB, c *contest) { c.active.host.cut(t) },
		func(t testing.TB, c *contest) { c.active.host.plug(t) }}
	blackHole = fault{"black hole", false, false,
		func(t testing.TB, c *contest) { c.active.host.isolate(t) },
		func(t testing.TB, c *contest) { c.active.host.heal(t) }}
)

// suffers lets a fault happen to the active router: the standby one takes over.
// When the fault is mended the first one takes the address back.
func (c *contest) suffers(t testing.TB, f fault) {
	t.Helper()
	c.strikes(t, f)
	if t.Failed() {
		return
	}
	before := now()
	f.mend(t, c)
	c.returns(t, f, before)
}

// strikes lets a fault happen, and waits until the standby router alone is active.
func (c *contest) strikes(t testing.TB, f fault) {
	t.Helper()
	before := now()
	f.strike(t, c)
	struck := now()
	taken := c.watch.takes(t, c.standby.host, before)
	if f.remains && c.active.String() != "Stead" {
		// The dead router's kernel goes on to answer for the address.
		c.watch.passes(t, taken)
	} else {
		c.watch.settles(t, c.standby.host, c.settings)
	}
	v := c.watch.since(before)
	t.Logf("%s of %s: %s takes over %v after, both answer for %v, nobody for %v", f.name, c.active, c.standby, round1(taken.Sub(before)), v.two(), round1(v.none()))
	c.inTime(t, f, before, struck, taken)
	c.neverBoth(t, f, &v)
	if t.Failed() {
		t.Logf("since %s:\n%s", f.name, c.watch.story(before.Add(-2*c.interval)))
	}
}

func round1(d time.Duration) time.Duration { return d.Round(100 * time.Microsecond) }

// inTime fails where the standby router has taken over too early or too late (RFC
// 9568 section 6.4.2).
func (c *contest) inTime(t testing.TB, f fault, before, struck, taken clock.Instant) {
	t.Helper()
	v := c.watch.since(before.Add(-2 * c.interval))
	claims := v.claims(c.active.host)
	least, most := c.down(c.standby.priority), c.down(c.standby.priority)
	from := before
	if len(claims) > 0 && f.name != blackHole.name {
		from = claims[len(claims)-1].at // with a black hole it goes on to advertise, and nobody hears it
	} else {
		least -= c.interval // the last one that was heard may have been sent so long before
	}
	if f.resigns {
		least, most = c.skew(c.standby.priority), c.skew(c.standby.priority)
		from = before
		if !v.resigned(c.active.host) {
			t.Errorf("%s has not sent an advertisement of priority 0", c.active)
		}
	}
	// FRR counts both in whole hundredths of a second.
	const coarse = 10 * time.Millisecond
	mine := c.watch.since(before)
	if first := mine.claims(c.standby.host); len(first) > 0 && first[0].at.Sub(from) < least-coarse {
		t.Errorf("%s advertises %v after it last heard the other; the least is %v", c.standby, first[0].at.Sub(from), least)
	}
	if took := taken.Sub(struck); took > most+late {
		t.Errorf("%s answers after %v; the most is %v and %v for a busy machine", c.standby, took, most, late)
	}
}

// neverBoth fails where both have answered one question.
func (c *contest) neverBoth(t testing.TB, f fault, v *view) {
	t.Helper()
	allowed := time.Duration(0)
	if c.active.String() != "Stead" {
		if f.remains {
			return
		}
		allowed = late // how it lets go is its own matter
	}
	if both := v.two(); both > allowed {
		t.Errorf("after %s of %s both answered for %v", f.name, c.active, both)
	}
}

// returns waits until the first router, which is well again, alone is active.
func (c *contest) returns(t testing.TB, f fault, mended clock.Instant) {
	t.Helper()
	c.watch.settles(t, c.active.host, c.settings)
	v := c.watch.since(mended)
	t.Logf("%s of %s mended: it takes the address back %v after, both answer for %v, nobody for %v", f.name, c.active, round1(v.took(c.active.host).Sub(mended)), v.two(), round1(v.none()))
	// What is under way when an advertisement of higher priority arrives; after a
	// partition also the interval until it does.
	allowed := late
	if f.name == blackHole.name {
		allowed += c.interval
	}
	if f.remains && c.active.String() != "Stead" {
		return // its kernel has answered all the time
	}
	if both := v.two(); both > allowed {
		t.Errorf("when %s of %s was mended both answered for %v; at most %v were allowed", f.name, c.active, both, allowed)
	}
	if t.Failed() {
		t.Logf("since then:\n%s", c.watch.story(mended.Add(-2*c.interval)))
	}
}
