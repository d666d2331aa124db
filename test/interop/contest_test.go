package interop

import (
	"strings"
	"syscall"
	"testing"
	"time"

	"stead/internal/core/clock"
	"stead/internal/testns"
)

// The priorities of a contest.
const (
	higher = 200
	lower  = 100
)

const never = clock.Never

// late is how much later than by the RFC something may happen on a busy machine.
const late = 300 * time.Millisecond

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

// begin starts both routers in a new network.
func begin(t testing.TB, s settings, active, standby router) *contest {
	t.Helper()
	c := prepare(t, s, side{active, nil, higher}, side{standby, nil, lower})
	c.starts(t)
	return c
}

// prepare makes the network. Nothing runs yet.
func prepare(t testing.TB, s settings, active, standby side) *contest {
	t.Helper()
	n := newLAN(t)
	active.host, standby.host = n.first, n.second
	return &contest{settings: s, lan: n, active: active, standby: standby, watch: n.watched(t, s.vip())}
}

// starts starts both routers, the active one first, and waits until it alone has
// been active for so long that the other one would have taken over had it not
// understood what it hears.
func (c *contest) starts(t testing.TB) {
	t.Helper()
	c.start(t, &c.active)
	c.watch.settles(t, c.active.host, c.settings)
	c.start(t, &c.standby)
	c.standby.host.listens(t, c.standby.router)
	c.watch.alone(t, c.active.host, c.down(c.standby.priority)+3*c.interval/2, now())
	c.reached(t, &c.active, 0)
}

// listens waits until the host's router says that it listens.
func (h *host) listens(t testing.TB, r router) {
	t.Helper()
	testns.Eventually(t, patience, r.String()+" on "+h.name+" listens", func() bool {
		p := h.running[len(h.running)-1]
		if p.Ended() {
			t.Fatalf("%s on %s has ended:\n%s", p.Name, h.name, p.Log)
		}
		return strings.Contains(p.Log.String(), r.up())
	})
}

// reached waits until the client's kernel reaches the router that is active now.
// It has then learned where the address is; if that was elsewhere before, it has
// been told. How soon the others tell is their own matter.
func (c *contest) reached(t testing.TB, by *side, within time.Duration) {
	t.Helper()
	if by.String() != "Stead" {
		return
	}
	start := now()
	for c.lan.client.ns.Ping(t, c.vip(), 20*time.Millisecond) != nil {
		if now().Sub(start) > within+time.Second {
			t.Errorf("the client does not reach the address %v after it has moved:\n%s", now().Sub(start),
				c.lan.client.ns.Run(t, "ip", "neighbour", "show"))
			return
		}
	}
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
	freeze = fault{"freeze", false, true,
		func(t testing.TB, c *contest) { c.active.host.signal(t, syscall.SIGSTOP) },
		func(t testing.TB, c *contest) { c.active.host.signal(t, syscall.SIGCONT) }}
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

// sufferEach lets one fault after the other happen, until something is wrong.
func (c *contest) sufferEach(t testing.TB, faults ...fault) {
	t.Helper()
	for _, f := range faults {
		if c.suffers(t, f); t.Failed() {
			return
		}
	}
}

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
	c.reached(t, &c.standby, 0)
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
	v := c.watch.since(before.Add(-3 * c.interval))
	least, most := c.down(c.standby.priority), c.down(c.standby.priority)
	from := before.Add(-3 * c.interval)
	for _, a := range v.claims(c.active.host) {
		if a.at < before || f.name != blackHole.name { // in which it goes on to advertise, and nobody hears it
			from = a.at
		}
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
	busy := late + 3*mine.stalled()
	if took := taken.Sub(struck); took > most+busy {
		t.Errorf("%s answers after %v; the most is %v and %v for a busy machine", c.standby, took, most, busy)
	}
}

// neverBoth fails where both have answered one question.
func (c *contest) neverBoth(t testing.TB, f fault, v *view) {
	t.Helper()
	allowed := time.Duration(0)
	switch {
	case c.active.String() != "Stead" && f.remains:
		return
	case c.active.String() != "Stead":
		allowed = late + v.stalled() // how it lets go is its own matter
	case f.name == stop.name:
		// Stead serves until it hears that the other has taken over. FRR finds no
		// address for its first advertisement over IPv6, and hurries with none.
		allowed = underWay + v.stalled()
		if _, slow := c.standby.router.(frr); slow {
			allowed += c.interval
		}
	}
	if both := v.two(); both > allowed {
		t.Errorf("after %s of %s both answered for %v", f.name, c.active, both)
	}
}

// returns waits until the first router, which is well again, alone is active.
func (c *contest) returns(t testing.TB, f fault, mended clock.Instant) {
	t.Helper()
	c.watch.settles(t, c.active.host, c.settings)
	within := time.Duration(0)
	if f.name == blackHole.name {
		// It does not hear that there was another one, where that one hears it first and
		// gives way without a word. So clients are told by what is announced regularly.
		within = time.Second
	}
	c.reached(t, &c.active, within)
	v := c.watch.since(mended)
	t.Logf("%s of %s mended: it takes the address back %v after, both answer for %v, nobody for %v", f.name, c.active, round1(v.took(c.active.host).Sub(mended)), v.two(), round1(v.none()))
	// What is under way when an advertisement of higher priority arrives; after a
	// partition also the interval until it does.
	allowed := late + 3*v.stalled()
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
