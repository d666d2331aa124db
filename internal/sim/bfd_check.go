package sim

import (
	"fmt"
	"time"

	"stead/internal/core/bfd"
)

// The checkers of worlds of BFD, by the names that violations carry.
const (
	checkFalseDown = "no-false-down"     // Down only after a whole Detection Time of silence
	checkLateDown  = "down-in-time"      // and not later
	checkAdmin     = "admin-no-failure"  // AdminDown of the other end is told as such
	checkHandshake = "three-way"         // Up only after the other end has left Up, and was Init or Up since
	checkComesBack = "comes-back"        // both are Up when nothing was wrong for long
	checkAgree     = "both-agree"        // and go by the same intervals
	checkSlow      = "slow-until-up"     // packets while not Up
	checkBFDCalm   = "calm-stays-up"     // no change while nothing is wrong
	checkAuth      = "refuses-no-friend" // no packet is refused while nothing is wrong
)

// bfdTruth is what the checkers know of an end, from outside of its session.
type bfdTruth struct {
	running   moment        // since when the process has run
	heard     moment        // when a packet was accepted last
	mult      time.Duration // of that packet
	desired   time.Duration
	state     bfd.State
	adminAt   moment // when it became AdminDown
	wasUp     bool   // before that
	toldAdmin moment // when somebody ordered that, or the contrary
	left      bool   // the other end has not been Up at some time since this one left Up
	ready     bool   // the other end has been Init or Up since this one became Down
	strict    bool   // and no older packet can say otherwise
	upAt      moment // when it became Up
	readyEnd  moment // when it left Init or Up
	refused   uint64

	window moment // packets sent since then, at most a second
	sent   int
	excuse bool // it was Up at some time of the window, or AdminDown is being told
}

func (t *bfdTruth) started(e *bfdEnd) {
	o := e.other()
	*t = bfdTruth{running: e.world.now, state: bfd.Down, toldAdmin: t.toldAdmin, window: e.world.now}
	if o != nil {
		t.ready = o.up && o.truth.state >= bfd.Init
		t.left, t.strict = true, e.world.inOrder()
		o.truth.left = true
	}
}

// took remembers what an accepted packet says of the Detection Time.
func (t *bfdTruth) took(e *bfdEnd, b []byte) {
	t.heard = e.world.now
	t.mult = time.Duration(b[2])
	t.desired = time.Duration(uint32(b[12])<<24|uint32(b[13])<<16|uint32(b[14])<<8|uint32(b[15])) * time.Microsecond
}

// detection is the shortest and the longest Detection Time that the end may go by:
// around a reconfiguration it is between two values (RFC 5880 section 6.8.3).
func (t *bfdTruth) detection(e *bfdEnd) (shortest, longest time.Duration) {
	shortest, longest = t.mult*max(e.recent.least, t.desired), t.mult*max(e.recent.most, t.desired)
	return shortest - shortest/1000 - time.Microsecond, longest + longest/1000 + time.Microsecond
}

// changed judges a change of state.
func (t *bfdTruth) changed(e *bfdEnd, c *bfd.Change) {
	w, o := e.world, e.other()
	t.state = c.To
	if c.Silent {
		shortest, _ := t.detection(e)
		if since := w.now.sub(t.heard); since < shortest {
			w.violate(checkFalseDown, e.id, fmt.Sprintf("finds silence though the Detection Time is %v, after", shortest), since)
		}
		w.result.Detections++
	}
	if c.To == bfd.Up && t.strict && w.inOrder() && (!t.left || !t.ready) {
		w.violate(checkHandshake, e.id, fmt.Sprintf("is Up; the other end left Up: %t, was Init: %t;", t.left, t.ready), 0)
	}
	if w.calm() && e.truth.toldAdmin != w.now {
		w.violate(checkBFDCalm, e.id, fmt.Sprintf("changes from %v to %v after a calm of", c.From, c.To), w.now.sub(w.quiet))
	}
	t.admin(e, o, c)
	switch {
	case c.To == bfd.AdminDown:
		t.adminAt, t.wasUp, t.excuse = w.now, c.From == bfd.Up, true
	case c.To == bfd.Up:
		t.excuse, t.upAt = true, w.now
	}
	under := 2 * (w.setup.Network.Latency + w.setup.Network.Jitter)
	if c.From >= bfd.Init && c.To < bfd.Init {
		t.readyEnd = w.now
	}
	if c.From == bfd.Up {
		t.left = !o.up || o.truth.state != bfd.Up
		t.strict = w.inOrder() && w.now.sub(t.running) > time.Second && w.now.sub(o.truth.upAt) > under
	}
	if c.To == bfd.Down {
		t.ready = o.up && (o.truth.state >= bfd.Init || w.now.sub(o.truth.readyEnd) < under)
	}
	o.truth.left = o.truth.left || c.To != bfd.Up
	o.truth.ready = o.truth.ready || c.To >= bfd.Init
}

// inOrder tells whether packets come once and in the order in which they were sent:
// without sequence numbers BFD takes an old one for a new one.
func (w *bfdWorld) inOrder() bool {
	return w.setup.Network.Duplicate == 0 && w.slow == 0 && (w.slowAt == 0 || w.now.sub(w.slowAt) > time.Second)
}

// admin: AdminDown of the other end is told as such, and is not taken for silence
// where packets go through.
func (t *bfdTruth) admin(e, o *bfdEnd, c *bfd.Change) {
	w := e.world
	if c.To != bfd.Down || c.From == bfd.AdminDown || !o.up {
		return
	}
	since := w.now.sub(o.truth.adminAt)
	long := 4 * time.Second
	steady := w.links[o.id].clean == 0 || w.now.sub(w.links[o.id].clean) > since+long
	steady = steady && w.links[o.id].loss == 0 && w.links[o.id].cuts == 0 && w.links[o.id].extra == 0
	for _, one := range w.ends {
		steady = steady && one.runs() && w.now.sub(one.truth.running) > since+long
	}
	steady = steady && o.truth.wasUp // else a Down from before may be under way
	isAdmin := o.truth.state == bfd.AdminDown && o.truth.adminAt > 0
	switch {
	case c.PeerAdmin && !isAdmin && w.now.sub(o.truth.toldAdmin) > long && w.now.sub(t.running) > long:
		w.violate(checkAdmin, e.id, "says that the other end is AdminDown; ordered last before", w.now.sub(o.truth.toldAdmin))
	case isAdmin && steady && !c.PeerAdmin && (!c.Silent || o.recent.leastOne > 2):
		w.violate(checkAdmin, e.id, fmt.Sprintf("takes AdminDown for a failure (%v), after", c.Diag), since)
	}
}

// sends counts the packets of an end that is not Up.
func (t *bfdTruth) sends(e *bfdEnd, b []byte) {
	w := e.world
	if w.now.sub(t.window) >= time.Second {
		t.window, t.sent, t.excuse = w.now, 0, t.state == bfd.Up
	}
	if b[1]&0x10 != 0 { // an answer to a Poll
		return
	}
	if t.sent++; t.sent > 12 && !t.excuse {
		w.violate(checkSlow, e.id, fmt.Sprintf("sends %d packets in a second though it is", t.sent)+" "+t.state.String(), 0)
	}
}

// patience is how long it may take until both are Up when nothing is wrong any
// more: a Detection Time at the slow rate, twice that with sequence numbers to be
// forgotten, and the handshake.
func (w *bfdWorld) patience() time.Duration {
	var most time.Duration
	for _, e := range w.ends {
		most = max(most, time.Duration(e.recent.mult)*max(time.Second, e.interval()))
	}
	return 2*most + 4*time.Second
}

// calm tells whether nothing was wrong for long.
func (w *bfdWorld) calm() bool {
	return w.faults == 0 && w.setup.Network.Loss == 0 && w.now.sub(w.quiet) > w.patience()
}

// look checks what lasts.
func (w *bfdWorld) look() {
	for _, e := range w.ends {
		if !e.runs() || e.truth.state != bfd.Up {
			continue
		}
		_, longest := e.truth.detection(e)
		due := max(e.truth.heard.add(longest), e.truth.running).add(w.setup.Late)
		if w.now > due {
			w.violate(checkLateDown, e.id, "is Up though silence was due to be found before", w.now.sub(due))
		}
	}
	calm := w.calm()
	for _, e := range w.ends {
		if e.up {
			w.lookCalm(e, calm)
		}
	}
}

func (w *bfdWorld) lookCalm(e *bfdEnd, calm bool) {
	st := e.s.Status(e.now())
	refused := st.Refused - e.truth.refused
	e.truth.refused = st.Refused
	if !calm {
		return
	}
	o := e.other()
	if st.State != bfd.Up || st.RemoteState != bfd.Up {
		w.violate(checkComesBack, e.id, fmt.Sprintf("is %v and sees %v after a calm of", st.State, st.RemoteState), w.now.sub(w.quiet))
		return
	}
	if refused > 0 && w.setup.Network.Duplicate == 0 && w.setup.Network.Jitter == 0 {
		w.violate(checkAuth, e.id, "refuses "+st.LastRefusal, 0)
	}
	if w.now.sub(max(e.truth.changedAt(w), o.truth.changedAt(w))) < w.patience() {
		return
	}
	every := max(e.cfg.DesiredMinTX, o.cfg.RequiredMinRX)
	silence := time.Duration(o.cfg.DetectMult) * max(o.cfg.DesiredMinTX, e.cfg.RequiredMinRX)
	if st.TXInterval != every || st.DetectionTime != silence || st.RemoteDiscriminator != o.cfg.Discriminator {
		w.violate(checkAgree, e.id, fmt.Sprintf("sends every %v and waits %v, not %v and", st.TXInterval, st.DetectionTime, every), silence)
	}
}

// changedAt is when the schedule has changed a configuration last.
func (t *bfdTruth) changedAt(w *bfdWorld) moment {
	var last moment
	for i := range w.setup.Faults {
		if f := &w.setup.Faults[i]; f.harmless() && moment(f.At+f.For) <= w.now {
			last = max(last, moment(f.At+f.For))
		} else if f.harmless() && moment(f.At) <= w.now {
			last = w.now
		}
	}
	return last
}
