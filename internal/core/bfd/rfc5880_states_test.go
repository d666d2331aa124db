package bfd

import (
	"slices"
	"testing"
	"time"

	"stead/internal/core/clock"
)

func passive(c *Config) { c.Passive = true }

// in is a session in a state.
func in(t *testing.T, state State, adapt ...func(*Config)) *rig {
	g := newRig(t, adapt...)
	switch state {
	case AdminDown:
		g.do(func() { g.s.SetAdminDown(g.now, true) })
	case Init:
		g.hear(says(Down))
	case Up:
		return up(t, adapt...)
	}
	g.state(state)
	g.clear()
	return g
}

// RFC 5880 section 6.1.
func TestRFC5880_6_1_ActiveSendsFirst(t *testing.T) {
	g := newRig(t)
	if len(g.sent) != 1 || g.at[0] != boot || g.sent[0].state != Down || g.sent[0].yours != 0 {
		t.Fatalf("at the start it sends %+v", g.sent)
	}
	g.run(10 * time.Second)
	if n := len(g.sent); n < 11 || n > 14 {
		t.Errorf("%d packets in 10 s without an answer", n)
	}
}

// RFC 5880 sections 6.1 and 6.8.7.
func TestRFC5880_6_1_PassiveWaits(t *testing.T) {
	g := newRig(t, passive)
	if g.s.Deadline() != clock.Never {
		t.Error("it has a deadline")
	}
	g.run(10 * time.Second)
	g.do(func() { g.s.SetAdminDown(g.now, true) })
	g.do(func() { g.s.SetAdminDown(g.now, false) })
	if len(g.sent) != 0 {
		t.Fatalf("a passive system sends %+v before it has heard anything", g.sent)
	}
	g.hear(says(Down))
	if g.last().state != Init || g.last().yours != remoteNumber {
		t.Fatalf("it answers %+v", g.last())
	}
	g.run(4999 * ms)
	if len(g.sent) < 5 {
		t.Fatalf("%d packets in 5 s", len(g.sent))
	}
	g.run(1 * ms) // the end of the Detection Time
	g.state(Down)
	g.clear()
	g.run(10 * time.Second)
	if len(g.sent) != 0 {
		t.Errorf("it goes on without another system: %+v", g.sent)
	}
}

// RFC 5880 sections 6.2 and 6.8.6.
func TestRFC5880_6_2_StateMachine(t *testing.T) {
	for _, c := range []struct {
		at, hears, becomes State
		diag               Diag
	}{
		{Down, AdminDown, Down, DiagNone}, {Down, Down, Init, DiagNone}, {Down, Init, Up, DiagNone}, {Down, Up, Down, DiagNone},
		{Init, AdminDown, Down, DiagNeighborDown}, {Init, Down, Init, DiagNone}, {Init, Init, Up, DiagNone}, {Init, Up, Up, DiagNone},
		{Up, AdminDown, Down, DiagNeighborDown}, {Up, Down, Down, DiagNeighborDown}, {Up, Init, Up, DiagNone}, {Up, Up, Up, DiagNone},
		{AdminDown, AdminDown, AdminDown, DiagAdministrativelyDown}, {AdminDown, Down, AdminDown, DiagAdministrativelyDown},
		{AdminDown, Init, AdminDown, DiagAdministrativelyDown}, {AdminDown, Up, AdminDown, DiagAdministrativelyDown},
	} {
		g := in(t, c.at)
		g.hear(says(c.hears), func(p *control) { p.yours = mineNumber })
		st := g.s.Status(g.now)
		if st.State != c.becomes || st.Diag != c.diag || st.RemoteState != c.hears {
			t.Errorf("%v hears %v: %v, %v, sees %v; want %v, %v", c.at, c.hears, st.State, st.Diag, st.RemoteState, c.becomes, c.diag)
		}
		var want []Change
		if c.at != c.becomes {
			want = []Change{{From: c.at, To: c.becomes, Diag: c.diag, PeerAdmin: c.hears == AdminDown}}
		}
		if !slices.Equal(g.changes, want) {
			t.Errorf("%v hears %v: changes %+v, want %+v", c.at, c.hears, g.changes, want)
		}
		if changed := c.at != c.becomes; changed != (len(g.sent) == 1) || changed && g.last().state != c.becomes {
			t.Errorf("%v hears %v: sends %+v", c.at, c.hears, g.sent)
		}
	}
}

// RFC 5880 section 6.2: a session that went down does not come up before the other
// system has left Up.
func TestRFC5880_6_2_ThreeWayHandshakeToTearDown(t *testing.T) {
	g := up(t)
	g.run(time.Second)
	g.state(Down)
	for range 20 {
		g.hear(says(Up))
		g.run(20 * ms)
		g.state(Down)
	}
	g.hear(says(Down))
	g.state(Init)
}

// RFC 5880 section 6.3.
func TestRFC5880_6_3_DiscriminatorIsEchoed(t *testing.T) {
	g := newRig(t)
	if g.last().mine != mineNumber || g.last().yours != 0 {
		t.Errorf("first %+v", g.last())
	}
	g.hear(says(Down))
	if g.last().mine != mineNumber || g.last().yours != remoteNumber {
		t.Errorf("then %+v", g.last())
	}
}

// RFC 5880 section 6.3: the other system may change its discriminator.
func TestRFC5880_6_3_RemoteDiscriminatorMayChange(t *testing.T) {
	g := up(t)
	g.hear(func(c *control) { c.mine = 99 })
	g.keep(200*ms, 20*ms, true)
	g.state(Up)
	if g.last().yours != 99 || g.s.Status(g.now).RemoteDiscriminator != 99 {
		t.Errorf("it echoes %d", g.last().yours)
	}
}

// RFC 5880 section 6.8.1.
func TestRFC5880_6_8_1_InitialValues(t *testing.T) {
	g := newRig(t)
	st := g.s.Status(g.now)
	if st.State != Down || st.RemoteState != Down || st.RemoteDiscriminator != 0 || st.Diag != DiagNone {
		t.Errorf("%+v", st)
	}
	if st.RemoteMinRX != time.Microsecond || g.s.remote.demand || g.s.auth.known {
		t.Errorf("remote %+v, sequence known: %v", g.s.remote, g.s.auth.known)
	}
	if g.last().desiredMinTX != time.Second || g.last().mult != 3 || st.TXInterval != time.Second || st.DetectionTime != 0 {
		t.Errorf("sends %+v, status %+v", g.last(), st)
	}
}

// RFC 5880 section 6.8.1.
func TestRFC5880_6_8_1_DiscriminatorIsForgotten(t *testing.T) {
	for _, state := range []State{Down, Init, Up, AdminDown} {
		g := in(t, state)
		if state == Down || state == AdminDown {
			g.hear(says(Up), fast) // changes nothing
		}
		g.hear()
		g.state(state)
		d := g.s.Status(g.now).DetectionTime
		if want := 5 * max(60*ms, g.peer.desiredMinTX); d != want {
			t.Fatalf("%v: Detection Time %v, want %v", state, d, want)
		}
		g.run(d - 1)
		if n := g.s.Status(g.now).RemoteDiscriminator; n != remoteNumber {
			t.Errorf("%v: forgotten before the Detection Time has passed", state)
		}
		g.run(1)
		if st := g.s.Status(g.now); st.RemoteDiscriminator != 0 || st.DetectionTime != 0 {
			t.Errorf("%v: %+v after the Detection Time", state, st)
		}
	}
}

// RFC 5880 section 6.8.4.
func TestRFC5880_6_8_4_DetectionTime(t *testing.T) {
	for _, c := range []struct {
		required, desired time.Duration
		mult              uint8
		want              time.Duration
	}{
		{60 * ms, 20 * ms, 5, 300 * ms}, {5 * ms, 20 * ms, 3, 60 * ms}, {10 * ms, 10 * ms, 3, 30 * ms},
		{5 * ms, 5 * ms, 1, 5 * ms}, {5 * ms, 60 * time.Second, 255, 255 * time.Minute},
	} {
		g := up(t, func(cfg *Config) { cfg.RequiredMinRX = c.required })
		g.hear(func(p *control) { p.desiredMinTX, p.mult = c.desired, c.mult })
		g.s.cfg.DetectMult = 77 // the own one does not count
		start := g.now
		if got := g.s.Status(g.now).DetectionTime; got != c.want {
			t.Errorf("%+v: %v", c, got)
		}
		g.do(func() { g.s.Tick(start.Add(c.want - 1)) })
		g.state(Up)
		g.now = start.Add(c.want)
		g.do(func() {})
		g.state(Down)
	}
}

// RFC 5880 section 6.8.4.
func TestRFC5880_6_8_4_SilenceEndsTheSession(t *testing.T) {
	for _, state := range []State{Init, Up} {
		g := in(t, state)
		g.hear()
		g.clear()
		heard, d := g.now, g.s.Status(g.now).DetectionTime
		g.run(d)
		st := g.s.Status(g.now)
		want := Change{From: state, To: Down, Diag: DiagDetectionTime, Silent: true, Took: d}
		if st.State != Down || st.Diag != DiagDetectionTime || !slices.Equal(g.changes, []Change{want}) {
			t.Errorf("%v: %+v, %+v", state, st, g.changes)
		}
		last := g.last()
		if g.at[len(g.at)-1] != heard.Add(d) || last.state != Down || last.diag != DiagDetectionTime || last.yours != 0 {
			t.Errorf("%v: tells %+v at %v", state, last, g.at[len(g.at)-1])
		}
		if last.desiredMinTX < time.Second {
			t.Errorf("%v: still offers %v", state, last.desiredMinTX)
		}
	}
}

// RFC 5880 section 6.8.4: only Init and Up end by silence.
func TestRFC5880_6_8_4_SilenceInOtherStates(t *testing.T) {
	for _, state := range []State{Down, AdminDown} {
		g := in(t, state)
		g.hear(says(Up))
		g.run(time.Minute)
		if len(g.changes) != 0 {
			t.Errorf("%v: %+v", state, g.changes)
		}
	}
}

// RFC 5880 section 6.8.16.
func TestRFC5880_6_8_16_AdminDown(t *testing.T) {
	g := up(t)
	g.do(func() { g.s.SetAdminDown(g.now, true) })
	st := g.s.Status(g.now)
	want := Change{From: Up, To: AdminDown, Diag: DiagAdministrativelyDown}
	if st.State != AdminDown || st.Diag != DiagAdministrativelyDown || !slices.Equal(g.changes, []Change{want}) {
		t.Fatalf("%+v, %+v", st, g.changes)
	}
	if g.at[0] != g.now || g.sent[0].state != AdminDown || g.sent[0].diag != DiagAdministrativelyDown {
		t.Errorf("tells %+v", g.sent)
	}
	g.clear()
	g.do(func() { g.s.SetAdminDown(g.now, true) })
	if len(g.sent)+len(g.changes) != 0 {
		t.Error("AdminDown twice does something")
	}
	g.do(func() { g.s.SetAdminDown(g.now, false) })
	if !slices.Equal(g.changes, []Change{{From: AdminDown, To: Down, Diag: DiagAdministrativelyDown}}) || g.last().state != Down {
		t.Errorf("%+v, %+v", g.changes, g.sent)
	}
	g.hear(says(Down))
	g.hear(says(Up))
	g.state(Up)
}

// RFC 5880 section 6.8.16: the other system learns of AdminDown though packets are
// lost, and the slow rate begins when its Detection Time has passed or it knows.
func TestRFC5880_6_8_16_AdminDownIsRepeated(t *testing.T) {
	g := up(t)
	g.do(func() { g.s.SetAdminDown(g.now, true) })
	start := g.now
	if !g.s.Parting(g.now) {
		t.Error("nobody has to be told")
	}
	g.keep(3*time.Second, 20*ms, true)
	var told int
	for i, c := range g.sent {
		if c.state != AdminDown {
			t.Errorf("sends %v", c.state)
		}
		if g.at[i].Sub(start) <= 150*ms { // the Detection Time of the other system: 3 times 50 ms
			told++
		}
	}
	if told < 3 || told > 5 {
		t.Errorf("told %d times within the Detection Time", told)
	}
	if n := len(g.sent); n > told+4 || g.s.Parting(g.now) {
		t.Errorf("%d packets in 3 s", n)
	}

	g = up(t)
	g.do(func() { g.s.SetAdminDown(g.now, true) })
	g.hear(says(Down))
	if g.s.Parting(g.now) {
		t.Error("it knows, and is told")
	}
	g.clear()
	g.run(600 * ms)
	if len(g.sent) != 0 {
		t.Errorf("it knows, and is told %d times more", len(g.sent))
	}
}

// RFC 5880 section 6.8.18.
func TestRFC5880_6_8_18_RemoteMinRXIsForgotten(t *testing.T) {
	g := up(t)
	g.hear(func(c *control) { c.requiredMinRX = 0; c.demand = true })
	g.run(time.Second)
	if st := g.s.Status(g.now); st.RemoteMinRX != time.Microsecond || st.TXInterval != time.Second {
		t.Errorf("%+v", st)
	}
}

// RFC 5882 section 3.2: that the other system is down on purpose can be told from
// a failure, also after it has fallen silent.
func TestRFC5882_3_2_AdminDownIsNoFailure(t *testing.T) {
	g := up(t)
	g.hear(says(AdminDown))
	if want := []Change{{From: Up, To: Down, Diag: DiagNeighborDown, PeerAdmin: true}}; !slices.Equal(g.changes, want) {
		t.Errorf("%+v", g.changes)
	}
	g.run(time.Minute)
	if st := g.s.Status(g.now); len(g.changes) != 1 || st.RemoteState != AdminDown {
		t.Errorf("%+v, sees %v", g.changes, st.RemoteState)
	}
	g.hear(says(Down), func(c *control) { c.yours = 0 })
	g.hear(says(Up))
	g.hear(says(Down))
	if last := g.changes[len(g.changes)-1]; last != (Change{From: Up, To: Down, Diag: DiagNeighborDown}) {
		t.Errorf("%+v", last)
	}
}
