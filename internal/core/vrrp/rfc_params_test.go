package vrrp

import (
	"testing"
	"time"

	"stead/internal/core/reason"
)

// RFC 9568 section 6.1: Skew_Time is ((256 - Priority) * Active_Adver_Interval) / 256. It is
// counted in nanoseconds: at 10 ms one step of the priority is 39 µs, which whole
// centiseconds would lose.
func TestRFC9568_6_1_SkewTime(t *testing.T) {
	for _, c := range []struct {
		priority int
		interval time.Duration
		want     time.Duration
	}{
		{100, time.Second, 609375 * time.Microsecond},
		{254, time.Second, 7812500},
		{1, time.Second, 996093750},
		{255, 10 * ms, 39062},
		{254, 10 * ms, 78125},
		{101, 10 * ms, 6054687},
		{100, 10 * ms, 6093750},
		{1, 40950 * ms, 40790039062},
	} {
		if got := skewTime(c.priority, c.interval); got != c.want {
			t.Errorf("priority %d, interval %v: %v, want %v", c.priority, c.interval, got, c.want)
		}
	}
}

// RFC 9568 section 6.1: Active_Down_Interval is (3 * Active_Adver_Interval) + Skew_Time.
func TestRFC9568_6_1_ActiveDownInterval(t *testing.T) {
	for _, priority := range []int{1, 100, 254} {
		for _, interval := range []time.Duration{10 * ms, time.Second, 40950 * ms} {
			g := newRig(t, priority, func(c *Config) { c.Interval = interval })
			g.silentFor(3*interval + skewOf(priority, interval))
		}
	}
}

// RFC 9568 section 6.1: Active_Adver_Interval is initialized to Advertisement_Interval and
// then is the interval contained in the ADVERTISEMENTs received from the Active
// Router.
func TestRFC9568_6_1_ActiveAdverInterval(t *testing.T) {
	g := newRig(t, 100, func(c *Config) { c.Interval = 100 * ms })
	if got := g.r.backup.interval; got != 100*ms {
		t.Fatalf("initial interval %v", got)
	}
	for _, interval := range []time.Duration{2 * time.Second, 10 * ms, 40950 * ms} {
		g.hear(addrHigh, 200, interval)
		if got := g.r.State(g.now).ActiveInterval; got != interval {
			t.Fatalf("interval %v after one of %v was heard", got, interval)
		}
	}
	g.silentFor(3*40950*ms + skewOf(100, 40950*ms))
	g.forget()
	g.run(100 * ms)
	g.wantSent(100) // an Active Router goes by its own interval again
	if got := g.sent[0].Interval; got != 100*ms {
		t.Fatalf("advertises an interval of %v", got)
	}
}

// RFC 9568 section 6.1, Preempt_Mode: the router that owns the addresses always preempts,
// independent of the setting of this flag.
func TestRFC9568_6_1_OwnerAlwaysPreempts(t *testing.T) {
	g := newRig(t, 100, func(c *Config) { c.Preempt = false })
	g.hear(addrHigh, 200, time.Second)
	g.do(func() { g.r.SetReady(g.now, true, reason.None, 255) })
	for range 4 {
		g.run(time.Second)
		g.hear(addrHigh, 200, time.Second)
	}
	g.is(Active)
}

// RFC 9568 section 6.1, Preempt_Mode: without it a higher-priority Backup Router does not
// preempt a lower-priority Active Router; with it (the default) it does.
func TestRFC9568_6_1_PreemptMode(t *testing.T) {
	for _, preempt := range []bool{true, false} {
		g := newRig(t, 200, func(c *Config) { c.Preempt = preempt })
		for range 10 {
			g.run(500 * ms)
			g.hear(addrHigh, 100, 500*ms)
		}
		if got := g.r.State(g.now).Role == Active; got != preempt {
			t.Errorf("preempt %v: active %v", preempt, got)
		}
	}
}

// RFC 9568 section 5.2.4: the priority value for the VRRP Router that owns the address MUST
// be 255; routers backing up MUST use values between 1 and 254; 0 says that the
// Active Router has stopped. Whatever priority the caller names, nothing else is
// sent while taking part.
func TestRFC9568_5_2_4_PriorityValues(t *testing.T) {
	for _, c := range []struct{ set, sent int }{{255, 255}, {254, 254}, {1, 1}, {0, 100}, {-3, 100}, {256, 100}, {1000, 100}} {
		g := newActiveRig(t, c.set)
		g.run(time.Second)
		g.wantSent(c.sent)
	}
}

// RFC 9568 section 5.2.7: VRRP Routers in the Backup state learn the interval from the
// ADVERTISEMENTs of the Active Router, so that routers configured with other
// intervals do not take over while it advertises.
func TestRFC9568_5_2_7_MixedIntervals(t *testing.T) {
	g := newRig(t, 100, func(c *Config) { c.Interval = 10 * ms })
	for range 20 {
		g.hear(addrHigh, 200, 3*time.Second)
		g.run(3 * time.Second)
	}
	g.is(Backup)
}

// RFC 9568 section 7.2: the source address MUST be the interface's primary address, and the
// packet MUST go to the VRRP multicast group.
func TestRFC9568_7_2_SourceAndDestination(t *testing.T) {
	g := newRig(t, 255)
	g.forget()
	g.now = g.now.Add(time.Second)
	g.r.Begin(g.now)
	g.r.Tick(g.now)
	out := g.r.Finish(g.now)
	if len(out.Sends) != 1 || out.Sends[0].From != addrSelf || out.Sends[0].To != allRouters4 {
		t.Fatalf("%+v", out.Sends)
	}
}

// RFC 9568 section 8.3.2: if multiple VRRP Routers advertising priority 255 are detected,
// the condition SHOULD be logged. The one with the higher address stays.
func TestRFC9568_8_3_2_TwoOwners(t *testing.T) {
	g := newActiveRig(t, 255)
	g.hear(addrLow, 255, time.Second)
	g.is(Active)
	g.wantChanges("dual dual-active 192.0.2.1", "healed dual-active 192.0.2.1")
	g.wantSent(255)
	g.forget()
	g.hear(addrHigh, 255, time.Second)
	g.is(Backup)
	g.wantChanges("dual dual-active 192.0.2.3", "deactivated dual-active 192.0.2.3 linger")
}

// RFC 9568 section 8.3.2: lower-priority Backup Routers do not transition to Active before
// they have received an advertisement of the highest-priority Backup Router: among
// any two priorities the higher one is sooner, at every interval.
func TestRFC9568_8_3_2_HigherPriorityIsSooner(t *testing.T) {
	for _, interval := range []time.Duration{10 * ms, 20 * ms, 100 * ms, time.Second, 40950 * ms} {
		for priority := 2; priority <= 254; priority++ {
			better := newRig(t, priority, func(c *Config) { c.Interval = interval })
			worse := newRig(t, priority-1, func(c *Config) { c.Interval = interval })
			if step := worse.r.downAt.Sub(better.r.downAt); step < interval/256 {
				t.Fatalf("interval %v: %d is only %v sooner than %d", interval, priority, step, priority-1)
			}
		}
	}
}

// RFC 3768 section 6.1: in version 2, Skew_Time is (256 - Priority) / 256 seconds,
// whatever the interval, and a Backup counts with its own interval.
func TestVersion2SkewTime(t *testing.T) {
	g := newRig(t, 100, func(c *Config) { c.Version, c.Interval = 2, 5*time.Second })
	g.hear(addrHigh, 200, 5*time.Second)
	g.silentFor(15*time.Second + 609375*time.Microsecond)
}
