package bfd

import (
	"testing"
	"time"

	"stead/internal/core/clock"
)

// world is two sessions over a network that loses, delays, repeats and reorders.
type world struct {
	t      testing.TB
	now    Instant
	rand   rand
	ends   [2]*end
	flying []flying
	loss   uint64 // in 256
	double uint64
	delay  time.Duration // up to it
	base   time.Duration
	cut    [2]bool // what each end sends
	note   func(end int, out *Out)
}

type end struct {
	s         *Session
	cfg       Config
	stopped   Instant  // the process does not run before
	waiting   [][]byte // in the socket meanwhile
	heardInit bool     // the other one has been Init or Up since this one was Down last
	lastHeard Instant
	since     Instant // it has run without a stop
}

type flying struct {
	at    Instant
	to    int
	bytes []byte
}

func newWorld(t testing.TB, seed uint64) *world {
	w := &world{t: t, now: boot, rand: rand(seed), base: 100 * us}
	for i := range w.ends {
		cfg := Config{
			Discriminator: uint32(i + 1), DetectMult: uint8(2 + w.rand.next()%4), MinTTL: 255, Seed: w.rand.next(),
			DesiredMinTX: time.Duration(5+w.rand.next()%100) * ms, RequiredMinRX: time.Duration(5+w.rand.next()%100) * ms,
		}
		w.ends[i] = &end{cfg: cfg}
	}
	switch w.rand.next() % 3 {
	case 1:
		signed(AuthSHA1)(&w.ends[0].cfg)
	case 2:
		signed(AuthMeticulousSHA1)(&w.ends[0].cfg)
	}
	w.ends[1].cfg.Auth = w.ends[0].cfg.Auth
	w.ends[1].cfg.Passive = w.rand.next()%4 == 0
	for i := range w.ends {
		w.restart(i)
	}
	return w
}

func (w *world) restart(i int) {
	e := w.ends[i]
	e.cfg.Discriminator += 2
	e.cfg.Seed = w.rand.next()
	e.s, e.stopped, e.waiting, e.heardInit, e.since = New(e.cfg), 0, nil, false, w.now
	w.do(i, func(s *Session) { s.Start(w.now) })
}

// do runs a step of an end, and holds it to what must always be true.
func (w *world) do(i int, input func(*Session)) {
	e := w.ends[i]
	before := e.s.state
	detectAt, heard := e.s.detectAt, e.s.heard
	e.s.Begin(w.now)
	input(e.s)
	e.s.Tick(w.now)
	out := e.s.Finish(w.now)
	if d := e.s.Deadline(); d <= w.now {
		w.t.Fatalf("end %d: deadline %d at %d", i, d, w.now)
	}
	for _, c := range out.Changes {
		if c.From != before {
			w.t.Fatalf("end %d: change from %v, was %v", i, c.From, before)
		}
		before = c.To
		w.judge(i, &c, detectAt, heard)
	}
	if before != e.s.state {
		w.t.Fatalf("end %d is %v, its changes say %v", i, e.s.state, before)
	}
	if w.note != nil {
		w.note(i, out)
	}
	for _, b := range out.Sends {
		w.transmit(i, b)
	}
}

func (w *world) judge(i int, c *Change, detectAt, heard Instant) {
	e := w.ends[i]
	switch {
	case c.To == Up && !e.heardInit:
		w.t.Fatalf("end %d is Up, the other one never was Init", i)
	case c.To == Down && c.Silent:
		if w.now < detectAt || c.Took != w.now.Sub(heard) {
			w.t.Fatalf("end %d found silence after %v, at %d, due at %d", i, c.Took, w.now, detectAt)
		}
		if w.now > max(detectAt, e.since) {
			w.t.Fatalf("end %d found silence %v late", i, w.now.Sub(detectAt))
		}
	}
	if c.To == Down {
		e.heardInit = false
	}
}

func (w *world) transmit(from int, b []byte) {
	if w.cut[from] || w.rand.next()%256 < w.loss {
		return
	}
	copies := 1
	if w.rand.next()%256 < w.double {
		copies = 2
	}
	for range copies {
		at := w.now.Add(w.base + w.rand.below(w.delay+1))
		w.flying = append(w.flying, flying{at, 1 - from, append([]byte(nil), b...)})
	}
}

// receive brings a datagram to an end the way the core does: by Your Discriminator,
// else by address.
func (w *world) receive(i int, b []byte) {
	e := w.ends[i]
	_, yours, ok := Discriminators(b)
	if !ok || yours != 0 && yours != e.cfg.Discriminator {
		return
	}
	accepted := e.s.count.received
	c, _ := parse(b)
	if c.state == Init || c.state == Up {
		e.heardInit = true
	}
	w.do(i, func(s *Session) { s.Receive(w.now, &Packet{TTL: 255, Bytes: b}) })
	if e.s.count.received > accepted {
		e.lastHeard = w.now
	}
}

func (w *world) next() Instant {
	at := clock.Never
	for _, f := range w.flying {
		at = min(at, f.at)
	}
	for _, e := range w.ends {
		if e.stopped != clock.Never {
			at = min(at, max(e.s.Deadline(), e.stopped))
		}
	}
	return at
}

func (w *world) run(d time.Duration) {
	end := w.now.Add(d)
	for n := 0; ; n++ {
		if n > 200000 {
			w.t.Fatal("time stands still")
		}
		at := w.next()
		if at > end {
			break
		}
		w.now = max(w.now, at)
		w.event()
	}
	w.now = end
}

func (w *world) event() {
	var rest []flying
	var here []flying
	for _, f := range w.flying {
		if f.at <= w.now {
			here = append(here, f)
		} else {
			rest = append(rest, f)
		}
	}
	if w.flying = rest; len(w.flying) > 10000 {
		w.t.Fatal("the packets multiply")
	}
	for _, f := range here {
		if e := w.ends[f.to]; w.now < e.stopped {
			e.waiting = append(e.waiting, f.bytes)
			continue
		}
		w.receive(f.to, f.bytes)
	}
	for i, e := range w.ends {
		if w.now < e.stopped {
			continue
		}
		waiting := e.waiting
		e.waiting = nil
		for _, b := range waiting { // before the timers, as the engine does
			w.receive(i, b)
		}
		if e.s.Deadline() <= w.now {
			w.do(i, func(*Session) {})
		}
	}
}

// disturb does something to the world.
func (w *world) disturb(what, how byte) {
	i := int(how & 1)
	e := w.ends[i]
	amount := time.Duration(how>>1) * ms
	switch what % 12 {
	case 0:
		w.loss = uint64(how) / 2
	case 1:
		w.double = uint64(how)
	case 2:
		w.delay = amount
	case 3:
		w.cut[i] = !w.cut[i]
	case 4:
		e.stopped = w.now.Add(10 * amount)
		e.since = e.stopped
	case 5:
		w.restart(i)
	case 6, 7:
		cfg := e.cfg
		cfg.DesiredMinTX, cfg.RequiredMinRX = 5*ms+amount, 5*ms+time.Duration(w.rand.next()%100)*ms
		cfg.DetectMult = 2 + how%5
		e.cfg = cfg
		if w.now >= e.stopped {
			w.do(i, func(s *Session) { s.Reconfigure(w.now, cfg) })
		}
	case 8:
		if w.now >= e.stopped {
			w.do(i, func(s *Session) { s.SetAdminDown(w.now, s.state != AdminDown) })
		}
	case 9:
		w.loss, w.double, w.delay, w.cut = 0, 0, 0, [2]bool{}
	default:
	}
	w.run(10 * amount)
}

// settle ends all disturbance; both sessions come up within the time that the
// slowest of all that was agreed before takes.
func (w *world) settle() {
	w.loss, w.double, w.delay, w.cut = 0, 0, 0, [2]bool{}
	for i, e := range w.ends {
		if e.stopped > w.now {
			w.run(e.stopped.Sub(w.now))
		}
		if e.s.state == AdminDown {
			w.do(i, func(s *Session) { s.SetAdminDown(w.now, false) })
		}
	}
	w.run(15 * time.Second)
	for i, e := range w.ends {
		st := e.s.Status(w.now)
		if st.State != Up || st.RemoteState != Up {
			w.t.Fatalf("end %d is %v and sees %v after quiet; %+v", i, st.State, st.RemoteState, st)
		}
		other := w.ends[1-i].cfg
		if want := max(e.cfg.DesiredMinTX, other.RequiredMinRX); st.TXInterval != want {
			w.t.Fatalf("end %d sends every %v, want %v", i, st.TXInterval, want)
		}
		if want := time.Duration(other.DetectMult) * max(other.DesiredMinTX, e.cfg.RequiredMinRX); st.DetectionTime != want {
			w.t.Fatalf("end %d has a Detection Time of %v, want %v", i, st.DetectionTime, want)
		}
		if e.s.poll != (poll{}) {
			w.t.Fatalf("end %d: a Poll Sequence does not end: %+v", i, e.s.poll)
		}
	}
}

// calm is a network that loses nothing: nobody goes down, whatever is reconfigured.
func (w *world) calm(script []byte) {
	downs := [2]uint64{w.ends[0].s.count.downs, w.ends[1].s.count.downs}
	for k := 0; k+1 < len(script); k += 2 {
		w.disturb(6+script[k]%2, script[k+1])
	}
	w.settle()
	for i, e := range w.ends {
		if e.s.count.downs != downs[i] {
			w.t.Fatalf("end %d went down %d times though no packet was lost", i, e.s.count.downs-downs[i])
		}
	}
}

// Two sessions, whatever the network does: none is Up without the other having
// been Init, silence is found in time and not before, and when the network is well
// again both come up, and stay so.
func FuzzSession(f *testing.F) {
	f.Add(uint64(1), []byte{0, 100, 4, 80, 5, 3, 9, 20})
	f.Add(uint64(2), []byte{3, 100, 3, 200, 8, 81, 8, 81, 6, 90, 7, 11})
	f.Add(uint64(3), []byte{1, 250, 2, 60, 6, 4, 6, 5, 6, 250, 6, 251})
	f.Fuzz(func(t *testing.T, seed uint64, script []byte) {
		script = script[:min(len(script), 40)]
		w := newWorld(t, seed)
		for k := 0; k+1 < len(script); k += 2 {
			w.disturb(script[k], script[k+1])
		}
		w.settle()
		w.calm(script)
	})
}

// The same with seeds, for a run without fuzzing.
func TestSessionSeeds(t *testing.T) {
	for seed := range uint64(300) {
		r := rand(seed)
		script := make([]byte, 2+2*(r.next()%12))
		for i := range script {
			script[i] = byte(r.next())
		}
		w := newWorld(t, seed)
		for k := 0; k+1 < len(script); k += 2 {
			w.disturb(script[k], script[k+1])
		}
		w.settle()
		w.calm(script)
		if t.Failed() {
			t.Fatalf("seed %d", seed)
		}
	}
}
