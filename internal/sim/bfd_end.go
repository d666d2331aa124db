package sim

import (
	"time"

	"stead/internal/core/bfd"
)

// bfdEnd is a process with one Session, and the socket that the kernel keeps for it.
type bfdEnd struct {
	world  *bfdWorld
	id     int
	cfg    bfd.Config
	recent recent // intervals that it had a short time ago
	s      *bfd.Session
	clock  bootClock
	up     bool
	paused int
	owes   bool // the configuration has changed while it was paused
	admin  int  // who wants it to be AdminDown
	inbox  []int32
	wake   uint64
	packet bfd.Packet

	truth bfdTruth
}

func (e *bfdEnd) runs() bool       { return e.up && e.paused == 0 }
func (e *bfdEnd) other() *bfdEnd   { return e.world.ends[1-e.id] }
func (e *bfdEnd) now() bfd.Instant { return e.clock.at(e.world.now) }

// state is that of the session; Down where there is none.
func (e *bfdEnd) state() bfd.State {
	if !e.up {
		return bfd.Down
	}
	return e.s.Status(e.now()).State
}

// start starts the process: a new session with a new discriminator, in whatever
// state the other one is.
func (e *bfdEnd) start() {
	e.cfg.Discriminator = uint32(e.world.hosts.uint64()) | 1
	e.cfg.Seed = e.world.hosts.uint64()
	e.s, e.up, e.owes, e.inbox = bfd.New(e.cfg), true, false, e.inbox[:0]
	e.truth.started(e)
	e.setAdmin()
	e.step(func(now bfd.Instant) { e.s.Start(now) })
}

func (e *bfdEnd) setAdmin() {
	e.step(func(now bfd.Instant) { e.s.SetAdminDown(now, e.admin > 0) })
}

// kill ends the process without a word.
func (e *bfdEnd) kill() {
	e.retire()
	e.up = false
	for _, buf := range e.inbox {
		e.world.buffers.release(buf)
	}
	e.inbox = e.inbox[:0]
	e.other().truth.left = true
}

// retire adds up what a session has counted.
func (e *bfdEnd) retire() {
	if !e.up {
		return
	}
	st := e.s.Status(e.now())
	e.world.result.Ups += int(st.Ups)
	e.world.result.Downs += int(st.Downs)
	e.world.result.Refused += int(st.Refused)
}

// resume lets a paused process run: it takes what waits before its own timers.
func (e *bfdEnd) resume() {
	e.truth.running = e.world.now
	inbox := e.inbox
	e.inbox = nil
	for _, buf := range inbox {
		e.receive(buf)
	}
	if e.owes {
		e.owes = false
		e.step(func(now bfd.Instant) { e.s.Reconfigure(now, e.cfg) })
	}
	e.setAdmin()
	e.tick()
}

func (e *bfdEnd) tick() { e.step(func(now bfd.Instant) { e.s.Tick(now) }) }

// configure gives the process another configuration, now or when it runs again.
func (e *bfdEnd) configure(adapt func(*bfd.Config)) {
	e.recent.add(e.world.now, &e.cfg)
	adapt(&e.cfg)
	e.recent.add(e.world.now, &e.cfg)
	switch {
	case e.runs():
		e.step(func(now bfd.Instant) { e.s.Reconfigure(now, e.cfg) })
	case e.up:
		e.owes = true
	}
}

// deliver gives a packet to the process, or to its socket while it does not run.
func (e *bfdEnd) deliver(buf int32) {
	switch {
	case !e.up || !e.runs() && len(e.inbox) >= receiveBuffer:
		e.world.buffers.release(buf)
	case !e.runs():
		e.inbox = append(e.inbox, buf)
	default:
		e.receive(buf)
	}
}

// receive finds the session of a packet as the core does: by Your Discriminator,
// or where that is 0 by the address, of which there is one.
func (e *bfdEnd) receive(buf int32) {
	b := e.world.buffers.bytes(buf)
	if _, yours, ok := bfd.Discriminators(b); ok && (yours == 0 || yours == e.cfg.Discriminator) {
		e.packet = bfd.Packet{TTL: 255, Bytes: b}
		before := e.s.Status(e.now()).Received
		e.step(func(now bfd.Instant) { e.s.Receive(now, &e.packet) })
		if e.s.Status(e.now()).Received > before {
			e.truth.took(e, b)
		}
	}
	e.world.buffers.release(buf)
}

// step runs a step of the session and carries out what it asks for.
func (e *bfdEnd) step(input func(bfd.Instant)) {
	w, now := e.world, e.now()
	w.trace.mix(uint64(w.now)<<1 | uint64(e.id))
	e.s.Begin(now)
	input(now)
	out := e.s.Finish(now)
	for i := range out.Changes {
		c := &out.Changes[i]
		w.say(e.id, "%v to %v, %v, silent=%t peer-admin=%t", c.From, c.To, c.Diag, c.Silent, c.PeerAdmin)
		e.truth.changed(e, c)
	}
	for _, b := range out.Sends {
		e.truth.sends(e, b)
		w.transmit(e.id, b)
	}
	e.sleep()
}

// sleep queues the next wake-up; those before it do not count any more.
func (e *bfdEnd) sleep() {
	e.wake++
	at := e.clock.reaches(e.s.Deadline())
	if at == never {
		return
	}
	late := e.world.hosts.duration(0, e.world.setup.Late)
	e.world.queue.push(entry{at: max(at, e.world.now).add(late), what: bfdWake, a: int32(e.id), number: e.wake})
}

// interval is how long it is at most between two periodic packets of an end that is Up.
func (e *bfdEnd) interval() time.Duration {
	return max(e.recent.slowest, e.other().recent.slowest)
}

// recent has what a configuration was while the other end may not know of its
// changes yet: the old values go on for that long (RFC 5880 section 6.8.3).
type recent struct {
	at             moment        // of the last change
	least, most    time.Duration // of RequiredMinRX
	slowest        time.Duration // of both intervals
	mult, leastOne uint8         // the largest and the smallest DetectMult
}

func (r *recent) add(now moment, c *bfd.Config) {
	if r.most == 0 || now.sub(r.at) > 10*time.Second {
		*r = recent{least: c.RequiredMinRX, leastOne: c.DetectMult}
	}
	r.at = now
	r.least, r.most = min(r.least, c.RequiredMinRX), max(r.most, c.RequiredMinRX)
	r.slowest = max(r.slowest, c.RequiredMinRX, c.DesiredMinTX)
	r.mult, r.leastOne = max(r.mult, c.DetectMult), min(r.leastOne, c.DetectMult)
}
