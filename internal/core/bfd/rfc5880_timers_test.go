package bfd

import (
	"testing"
	"time"
)

func reconfigured(g *rig, adapt func(*Config)) {
	cfg := g.s.cfg
	adapt(&cfg)
	g.do(func() { g.s.Reconfigure(g.now, cfg) })
}

// RFC 5880 section 6.4: what can be received is offered as it is, echo is not.
func TestRFC5880_6_4_OffersWhatItCan(t *testing.T) {
	g := newRig(t)
	g.hear(says(Down))
	g.hear(says(Up))
	for i, b := range g.raw {
		if g.sent[i].requiredMinRX != 60*ms || string(b[20:24]) != "\x00\x00\x00\x00" {
			t.Errorf("packet %d: %x", i, b)
		}
	}
}

// RFC 5880 section 6.5.
func TestRFC5880_6_5_PollIsAnsweredAtOnce(t *testing.T) {
	for _, state := range []State{Down, Init, Up} {
		g := in(t, state)
		g.hear(says(Up), func(c *control) { c.demand = true }) // Init becomes Up
		g.clear()
		g.once(func(c *control) { c.poll = true })
		if len(g.sent) != 1 || !g.sent[0].final || g.sent[0].poll {
			t.Errorf("%v: a Poll is answered with %+v", state, g.sent)
		}
	}
}

// RFC 5880 section 6.5.
func TestRFC5880_6_5_PollRidesOnPeriodicPackets(t *testing.T) {
	g := up(t)
	g.run(40 * ms)
	g.hear()
	g.clear()
	due := g.s.txAt
	reconfigured(g, func(c *Config) { c.RequiredMinRX = 30 * ms })
	if len(g.sent) != 0 || g.s.txAt != due {
		t.Fatalf("the change sends %+v, the next packet moves from %v to %v", g.sent, due, g.s.txAt)
	}
	g.keep(500*ms, 20*ms, false)
	g.within(37500*us, 50*ms)
	for i, c := range g.sent {
		if !c.poll || c.requiredMinRX != 30*ms {
			t.Errorf("packet %d: %+v", i, c)
		}
	}
	g.once(func(c *control) { c.final = true })
	g.clear()
	g.keep(500*ms, 20*ms, false)
	for i, c := range g.sent {
		if c.poll {
			t.Errorf("packet %d polls after the Final", i)
		}
	}
}

// RFC 5880 section 6.6: Demand mode is not asked for.
func TestRFC5880_6_6_DemandModeOfTheOtherSystem(t *testing.T) {
	g := up(t)
	g.hear(func(c *control) { c.demand = true })
	g.clear()
	g.keep(time.Second, 20*ms, false)
	if len(g.sent) != 0 {
		t.Fatalf("%d periodic packets though the other system asks for none", len(g.sent))
	}
	g.hear(func(c *control) { c.demand = false })
	g.keep(time.Second, 20*ms, false)
	if len(g.sent) < 20 {
		t.Errorf("%d packets in the second after Demand mode", len(g.sent))
	}
	g.within(37500*us, 50*ms)
}

// RFC 5880 section 6.6.
func TestRFC5880_6_6_ChangesArePolledInDemandMode(t *testing.T) {
	for name, change := range map[string]func(*Config){
		"interval":   func(c *Config) { c.DesiredMinTX = 20 * ms },
		"multiplier": func(c *Config) { c.DetectMult = 9 },
	} {
		g := up(t)
		g.hear(func(c *control) { c.demand = true })
		g.keep(100*ms, 20*ms, false)
		g.clear()
		reconfigured(g, change)
		if len(g.sent) != 1 || !g.sent[0].poll {
			t.Fatalf("%s: sends %+v", name, g.sent)
		}
		g.keep(100*ms, 20*ms, false)
		if len(g.sent) < 2 {
			t.Errorf("%s: the Poll is not repeated", name)
		}
		g.once(func(c *control) { c.final = true })
		g.clear()
		g.keep(time.Second, 20*ms, false)
		if len(g.sent) != 0 {
			t.Errorf("%s: %d packets after the Final", name, len(g.sent))
		}
	}
}

// RFC 5880 section 6.6: Demand mode is active only while both are Up.
func TestRFC5880_6_6_DemandModeNeedsBothUp(t *testing.T) {
	g := in(t, Init)
	g.peer.demand = true
	g.hear(says(Init))
	g.state(Up)
	g.clear()
	g.keep(time.Second, 20*ms, true)
	if len(g.sent) < 15 {
		t.Errorf("%d packets in a second while the other system is Init", len(g.sent))
	}
}

// RFC 5880 section 6.8.2: each direction goes by the larger of what both offer.
func TestRFC5880_6_8_2_LargerInterval(t *testing.T) {
	g := up(t) // 50 ms here, 40 ms there
	g.keep(2*time.Second, 20*ms, false)
	g.within(37500*us, 50*ms)
	g.hear(func(c *control) { c.requiredMinRX = 80 * ms })
	g.clear()
	g.keep(2*time.Second, 20*ms, false)
	g.within(60*ms, 80*ms)
	if got := g.s.Status(g.now).TXInterval; got != 80*ms {
		t.Errorf("status says %v", got)
	}
}

// RFC 5880 section 6.8.3.
func TestRFC5880_6_8_3_SlowUntilUp(t *testing.T) {
	g := newRig(t)
	g.run(5 * time.Second)
	g.within(750*ms, time.Second)
	g.hear(says(Down))
	for _, c := range g.sent {
		if c.desiredMinTX != time.Second {
			t.Errorf("%v offers %v", c.state, c.desiredMinTX)
		}
	}
	g.clear()
	g.run(2 * time.Second)
	g.within(750*ms, time.Second)
	g.hear(says(Up), fast)
	if g.last().desiredMinTX != 50*ms {
		t.Errorf("Up offers %v", g.last().desiredMinTX)
	}
	g.clear()
	g.keep(time.Second, 20*ms, true)
	g.within(37500*us, 50*ms)

	g.hear(says(Down))
	g.clear()
	g.keep(5*time.Second, 100*ms, true) // Init
	g.within(750*ms, time.Second)
	if g.last().desiredMinTX != time.Second {
		t.Errorf("%v offers %v", g.last().state, g.last().desiredMinTX)
	}
}

// RFC 5880 section 6.8.3: a session that is slower than that stays so.
func TestRFC5880_6_8_3_SlowerThanSlow(t *testing.T) {
	g := newRig(t, func(c *Config) { c.DesiredMinTX = 4 * time.Second })
	g.run(20 * time.Second)
	g.within(3*time.Second, 4*time.Second)
}

// RFC 5880 section 6.8.3.
func TestRFC5880_6_8_3_ChangesArePolled(t *testing.T) {
	for name, change := range map[string]func(*Config){
		"faster":      func(c *Config) { c.DesiredMinTX = 20 * ms },
		"slower":      func(c *Config) { c.DesiredMinTX = 90 * ms },
		"expect more": func(c *Config) { c.RequiredMinRX = 10 * ms },
		"expect less": func(c *Config) { c.RequiredMinRX = 90 * ms },
	} {
		g := up(t)
		reconfigured(g, change)
		g.keep(100*ms, 20*ms, false)
		if !g.last().poll {
			t.Errorf("%s: no Poll", name)
		}
	}
	g := up(t)
	reconfigured(g, func(*Config) {})
	g.keep(100*ms, 20*ms, false)
	if g.last().poll {
		t.Error("a Poll without a change")
	}
	g = in(t, Init)
	g.hear(says(Up), fast)
	if !g.last().poll || g.last().desiredMinTX != 50*ms {
		t.Errorf("from slow to fast: %+v", g.last())
	}
}

// RFC 5880 section 6.8.3.
func TestRFC5880_6_8_3_SlowerOnlyAfterFinal(t *testing.T) {
	g := up(t)
	reconfigured(g, func(c *Config) { c.DesiredMinTX = 200 * ms })
	g.keep(100*ms, 20*ms, false)
	g.clear()
	g.keep(2*time.Second, 20*ms, false)
	g.within(37500*us, 50*ms)
	if g.last().desiredMinTX != 200*ms {
		t.Errorf("offers %v", g.last().desiredMinTX)
	}
	g.once(func(c *control) { c.final = true })
	g.keep(200*ms, 20*ms, false)
	g.clear()
	g.keep(2*time.Second, 20*ms, false)
	g.within(150*ms, 200*ms)
}

// RFC 5880 section 6.8.3.
func TestRFC5880_6_8_3_ExpectsMoreOnlyAfterFinal(t *testing.T) {
	g := up(t) // 5 times 60 ms
	reconfigured(g, func(c *Config) { c.RequiredMinRX = 30 * ms })
	g.keep(100*ms, 20*ms, false)
	if got := g.s.Status(g.now).DetectionTime; got != 300*ms || g.last().requiredMinRX != 30*ms {
		t.Errorf("%v before the Final, offers %v", got, g.last().requiredMinRX)
	}
	g.once(func(c *control) { c.final = true })
	if got := g.s.Status(g.now).DetectionTime; got != 150*ms {
		t.Errorf("%v after the Final", got)
	}
}

// RFC 5880 section 6.8.3: all other changes hold at once.
func TestRFC5880_6_8_3_OtherChangesAtOnce(t *testing.T) {
	g := up(t)
	reconfigured(g, func(c *Config) { c.RequiredMinRX, c.DesiredMinTX = 100*ms, 20*ms })
	if st := g.s.Status(g.now); st.DetectionTime != 500*ms || st.TXInterval != 40*ms {
		t.Errorf("%+v", st)
	}
	g.hear(func(c *control) { c.desiredMinTX, c.mult = 200*ms, 4 })
	if st := g.s.Status(g.now); st.DetectionTime != 800*ms {
		t.Errorf("%+v", st)
	}
	g = in(t, Down)
	reconfigured(g, func(c *Config) { c.DesiredMinTX = 3 * time.Second })
	if st := g.s.Status(g.now); st.TXInterval != 3*time.Second {
		t.Errorf("not Up: %+v", st)
	}
}

// RFC 5880 section 6.8.3.
func TestRFC5880_6_8_3_RemoteMinRXReduced(t *testing.T) {
	g := up(t)
	g.hear(func(c *control) { c.requiredMinRX = 10 * time.Second })
	g.keep(5*time.Second, 20*ms, false)
	sent := g.s.sentAt
	g.clear()
	g.hear(func(c *control) { c.requiredMinRX = 40 * ms })
	if len(g.sent) != 1 {
		t.Fatalf("%v after the last packet it waits until %v", g.now.Sub(sent), g.s.txAt.Sub(sent))
	}
	g.keep(time.Second, 20*ms, false)
	g.within(37500*us, 50*ms)
}

// RFC 5880 section 6.8.3: a Final does not end the Poll Sequence of a later change.
func TestRFC5880_6_8_3_TwoChanges(t *testing.T) {
	g := up(t)
	reconfigured(g, func(c *Config) { c.DesiredMinTX = 100 * ms })
	g.keep(60*ms, 20*ms, false)
	reconfigured(g, func(c *Config) { c.DesiredMinTX = 200 * ms })
	g.once(func(c *control) { c.final = true }) // may answer the first
	g.once(func(c *control) { c.final = true })
	if got := g.s.Status(g.now).TXInterval; got != 50*ms {
		t.Errorf("sends every %v after an ambiguous Final", got)
	}
	g.run(50 * ms)
	if g.last().poll {
		t.Error("the next Poll Sequence begins before a packet without the Final bit has come")
	}
	g.hear()
	g.run(50 * ms)
	if !g.last().poll {
		t.Error("the next Poll Sequence does not begin")
	}
	g.once(func(c *control) { c.final = true })
	if got := g.s.Status(g.now).TXInterval; got != 200*ms {
		t.Errorf("sends every %v after all", got)
	}
}

// RFC 5880 section 6.5: a Final that nobody asked for ends nothing.
func TestRFC5880_6_5_FinalBeforeThePoll(t *testing.T) {
	g := up(t)
	reconfigured(g, func(c *Config) { c.DesiredMinTX = 200 * ms })
	g.once(func(c *control) { c.final = true })
	if got := g.s.Status(g.now).TXInterval; got != 50*ms {
		t.Errorf("sends every %v before the Poll was sent", got)
	}
	g.run(50 * ms)
	if !g.last().poll {
		t.Error("the Poll is not sent")
	}
}

// RFC 5880 section 6.5: who is not there is not polled.
func TestRFC5880_6_5_NoPollToNobody(t *testing.T) {
	g := up(t)
	reconfigured(g, func(c *Config) { c.RequiredMinRX = 30 * ms })
	g.run(time.Minute)
	if g.last().poll || g.last().state != Down {
		t.Errorf("sends %+v", g.last())
	}
}

// RFC 5880 section 6.8.7.
func TestRFC5880_6_8_7_Jitter(t *testing.T) {
	g := up(t)
	g.keep(100*time.Second, 20*ms, false)
	g.within(37500*us, 50*ms)
	bins := [5]int{}
	for _, gap := range g.gaps() {
		bins[(gap-37500*us)*4/(12500*us)]++
	}
	for i, n := range bins[:4] {
		if share := n * 100 / len(g.gaps()); share < 20 || share > 30 {
			t.Errorf("quarter %d of the range has %d %% of the packets", i, share)
		}
	}
}

// RFC 5880 section 6.8.7.
func TestRFC5880_6_8_7_JitterOfASinglePacket(t *testing.T) {
	g := up(t, func(c *Config) { c.DetectMult = 1 })
	g.keep(100*time.Second, 20*ms, false)
	g.within(37500*us, 45*ms)
}

// RFC 5880 section 6.8.7.
func TestRFC5880_6_8_7_NoPeriodicPacketsWanted(t *testing.T) {
	g := up(t)
	g.hear(func(c *control) { c.requiredMinRX = 0 })
	g.clear()
	g.keep(time.Second, 20*ms, false)
	reconfigured(g, func(c *Config) { c.DesiredMinTX = 20 * ms })
	g.keep(time.Second, 20*ms, false)
	if len(g.sent) != 0 {
		t.Errorf("%d packets", len(g.sent))
	}
	g.once(func(c *control) { c.poll = true })
	if len(g.sent) != 1 || !g.sent[0].final {
		t.Errorf("a Poll is answered with %+v", g.sent)
	}
	g.do(func() { g.s.SetAdminDown(g.now, true) })
	if g.last().state != AdminDown {
		t.Error("a change of state is not told")
	}
}

// RFC 5880 section 6.8.7: an answer to a Poll does not stand for a periodic packet.
func TestRFC5880_6_8_7_FinalsDoNotMoveTheTimer(t *testing.T) {
	g := up(t)
	reconfigured(g, func(c *Config) { c.RequiredMinRX = 30 * ms })
	g.peer.poll = true
	g.clear()
	g.keep(time.Second, 20*ms, false)
	var polls, finals int
	for _, c := range g.sent {
		if c.poll {
			polls++
		}
		if c.final {
			finals++
		}
	}
	if polls < 19 || finals < 49 {
		t.Errorf("%d polls and %d answers", polls, finals)
	}
}

// RFC 5880 section 6.8.7: changes of state are told at once, but not without bound.
func TestRFC5880_6_8_7_ChangesAreToldAtOnce(t *testing.T) {
	g := up(t)
	g.keep(time.Second, 20*ms, true)
	g.clear()
	for range 100 {
		g.hear(says(Down))
		g.hear(says(Down))
		g.hear(says(Up))
	}
	if n := len(g.sent); n != tellMost {
		t.Errorf("%d packets tell of 300 changes", n)
	}
	g.state(Up)
	g.run(50 * ms)
	if g.last().state != Up {
		t.Errorf("it says %v in the end", g.last().state)
	}
}

// RFC 5880 section 6.8.7: a session that was late sends at once, and once.
func TestRFC5880_6_8_7_Late(t *testing.T) {
	g := up(t)
	g.now = g.now.Add(time.Second)
	g.s.Begin(g.now)
	g.s.Receive(g.now, &Packet{TTL: 255, Bytes: g.packet(g.peer)})
	g.s.Tick(g.now)
	g.collect(g.s.Finish(g.now))
	if len(g.sent) != 1 || g.sent[0].state != Up {
		t.Errorf("after a second it sends %+v", g.sent)
	}
}

// RFC 5880 section 6.8.12.
func TestRFC5880_6_8_12_Multiplier(t *testing.T) {
	g := up(t)
	reconfigured(g, func(c *Config) { c.DetectMult = 9 })
	g.keep(100*ms, 20*ms, false)
	if g.last().mult != 9 || g.last().poll {
		t.Errorf("sends %+v", g.last())
	}
}
