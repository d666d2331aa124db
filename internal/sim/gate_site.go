package sim

import (
	"time"

	"stead/internal/core/clock"
	"stead/internal/core/gate"
	"stead/internal/core/lease"
)

// gateSite is a site: a gate, the keeper of its workload, and the workload.
type gateSite struct {
	world *gateWorld
	id    int
	clock bootClock
	m     *gate.Machine
	right lease.Config
	cfg   gate.Config

	up       bool   // the gate runs
	life     uint64 // of the gate's process
	paused   int    // the gate does not run
	frozen   int    // nothing of the site runs
	down     int    // the site is off
	stops    int    // an operator has stopped the gate
	leaving  bool   // it was told to end
	wall     time.Duration
	session  uint64
	sequence uint64
	wake     uint64
	inbox    []func(now gate.Instant) // what has happened while the gate did not run

	// What is wrong between the site and the store.
	cut, hung, stale, slow, lag, torn, unmounted, noBeat int
	deaf                                                 int  // answers of a thousand that get lost
	lagsBack                                             bool // the answers are late

	keeper keeper
	job    job
	truth  siteTruth
}

// keeper stops the workload when its time is over, whatever the gate does.
type keeper struct {
	end, kill gate.Instant
	number    uint64 // of the last wake-up
	told      bool   // the workload was told to stop
}

// job is the workload.
type job struct {
	alive bool
	run   uint64 // of all runs of workloads in the world
	epoch uint64
	until gate.Instant // of its right, as its gate has said last
}

func newGateSite(w *gateWorld, id int) *gateSite {
	s := &gateSite{world: w, id: id, cfg: w.setup.Gate}
	s.clock = bootClock{offset: 1_000_000_000 + gate.Instant(w.hosts.intn(1<<40)), drift: w.setup.Drift[id]}
	s.wall = time.Unix(1_700_000_000, 0).Sub(time.Unix(0, int64(s.clock.offset)))
	s.cfg.Site, s.cfg.Other, s.cfg.Preferred = siteNames[id], siteNames[1-id], id == 0
	s.keeper.end, s.keeper.kill = clock.Never, clock.Never
	return s
}

func (s *gateSite) runs() bool        { return s.up && s.paused == 0 && s.frozen == 0 }
func (s *gateSite) other() *gateSite  { return s.world.sites[1-s.id] }
func (s *gateSite) now() gate.Instant { return s.clock.at(s.world.now) }

// boot has the site come up for the first time.
func (s *gateSite) boot(at moment) {
	s.down++
	f := GateFault{Kind: GateCrash, Site: s.id, At: time.Duration(at)}
	s.world.setup.Faults = append(s.world.setup.Faults, f)
	s.world.queue.push(entry{at: at, what: gateFault, a: int32(len(s.world.setup.Faults) - 1), b: 1})
	s.world.faults++
	if s.world.setup.Apart {
		s.world.queue.push(entry{at: at, what: gateBeat, a: int32(s.id)})
	}
}

// start starts a gate. A workload that was left behind by an earlier one is taken over.
func (s *gateSite) start() {
	if s.up || s.down > 0 || s.stops > 0 {
		return
	}
	w := s.world
	s.life++
	s.up, s.leaving, s.inbox = true, false, s.inbox[:0]
	cfg := s.cfg
	resumes := s.job.alive
	if w.setup.Right != nil {
		s.right = *w.setup.Right
		s.right.Self = siteNames[s.id]
		if !resumes {
			s.session = w.hosts.uint64() | 1
		}
		s.right.Session = s.session
		cfg.Right = &s.right
	}
	if resumes {
		cfg.Resume, cfg.ResumeEnd = max(1, s.job.epoch), s.job.until
	}
	s.sequence = 0
	s.m = gate.New(&cfg)
	w.say(s.id, "gate starts, resumes=%t", resumes)
	s.truth.started(s)
	s.step(func(now gate.Instant) {
		s.m.SetWall(s.wall)
		s.m.Start(now)
	})
}

// kill ends the gate without a word. The keeper and the workload go on.
func (s *gateSite) kill() {
	if s.up {
		s.up = false
		s.world.say(s.id, "gate is dead")
	}
}

// off ends all that runs at the site.
func (s *gateSite) off() {
	s.kill()
	s.endJob("the site is off")
	s.keeper.end, s.keeper.kill = clock.Never, clock.Never
}

// leave has the gate end as an operator asks it to.
func (s *gateSite) leave(park bool) {
	if !s.runs() {
		return
	}
	s.leaving = true
	s.world.queue.push(entry{at: s.world.now.add(20 * time.Second), what: gateExit, a: int32(s.id), number: s.life})
	s.step(func(now gate.Instant) { s.m.Stop(now, park) })
}

// exit ends the process of a gate that was told to end.
func (s *gateSite) exit(life uint64) {
	if s.up && s.life == life && s.leaving {
		s.kill()
	}
}

// hear gives the end of a call to the gate, or to its inbox.
func (s *gateSite) hear(n uint64) {
	if c := &s.world.store.calls[n]; !s.up || c.life != s.life {
		return
	}
	s.tell(func(now gate.Instant) {
		switch c := &s.world.store.calls[n]; c.kind {
		case callRead, callSwap:
			c.result.ID = c.id
			s.m.Done(now, &c.result)
		case callSight:
			s.truth.sees(s, &c.sample)
			s.m.Saw(now, &c.sample)
		case callBeat:
			s.m.Wrote(now, c.result.Outcome == lease.Written, "no answer in time")
		}
	})
}

// heard takes a heartbeat that has come by network.
func (s *gateSite) heard(b []byte) {
	if !s.up || s.cut > 1 {
		return
	}
	sample := gate.FormatStead.Sight(siteNames[1-s.id], b)
	sample.Witness = len(s.cfg.Witnesses) - 1
	s.tell(func(now gate.Instant) { s.m.Saw(now, &sample) })
}

func (s *gateSite) tell(input func(gate.Instant)) {
	if s.runs() {
		s.step(input)
	} else if s.up {
		s.inbox = append(s.inbox, input)
	}
}

// resume lets a gate run that did not.
func (s *gateSite) resume() {
	if !s.runs() {
		return
	}
	inbox := s.inbox
	s.inbox = nil
	s.step(func(now gate.Instant) { s.m.Tick(now) })
	for _, input := range inbox {
		if s.runs() {
			s.step(input)
		}
	}
}

// step runs a step of the gate and carries out what it asks for.
func (s *gateSite) step(input func(gate.Instant)) {
	w, now := s.world, s.now()
	w.trace.mix(uint64(w.now)<<1 | uint64(s.id))
	s.m.Begin(now)
	input(now)
	out := s.m.Finish(now)
	for _, i := range out.Looks {
		w.store.call(gateCall{site: s.id, life: s.life, kind: callSight, witness: i})
	}
	for i := range out.Ops {
		op := &out.Ops[i]
		c := gateCall{site: s.id, life: s.life, kind: callRead, id: op.ID, version: op.Version}
		if op.Swap {
			c.kind, c.bytes = callSwap, append([]byte(nil), op.Bytes...)
			s.truth.swaps(s, op)
		}
		w.store.call(c)
	}
	if out.Beat {
		s.beat(out.Epoch)
	}
	s.obey(out)
	s.sleep()
	if s.leaving && s.m.Phase() == gate.Stopped {
		s.kill()
	}
}

// sleep queues the next wake-up; those before it do not count any more.
func (s *gateSite) sleep() {
	s.wake++
	at := s.clock.reaches(s.m.Deadline())
	if at == never {
		return
	}
	late := s.world.hosts.duration(0, s.world.setup.Late)
	s.world.queue.push(entry{at: max(at, s.world.now).add(late), what: gateWake, a: int32(s.id), number: s.wake})
}

// beat writes a heartbeat, and sends it by network.
func (s *gateSite) beat(epoch uint64) {
	w := s.world
	s.sequence++
	session := s.session ^ s.life<<8
	h := gate.Heartbeat{
		Site: siteNames[s.id], Session: session, Sequence: s.sequence, Epoch: epoch,
		At: time.Unix(0, int64(s.now())+int64(s.wall)).Truncate(time.Millisecond),
	}
	if w.setup.Network {
		at := w.now.add(w.latency())
		if s.cut < 2 && !w.net.permille(20) {
			w.packet = append(w.packet, h.Append(nil))
			w.queue.push(entry{at: at, what: gatePacket, a: int32(1 - s.id), buf: int32(len(w.packet) - 1)})
		}
	}
	b := h.Append(nil)
	if w.setup.Format == gate.FormatTicks {
		b = gate.AppendTicks(nil, time.Unix(0, int64(s.now())+int64(s.wall)))
	}
	w.store.call(gateCall{site: s.id, life: s.life, kind: callBeat, bytes: b})
}

// beatApart is the process that writes the heartbeat where the gate does not.
func (s *gateSite) beatApart() {
	w := s.world
	if s.down == 0 && s.frozen == 0 && s.noBeat == 0 {
		s.beat(0)
	}
	w.queue.push(entry{at: w.now.add(w.setup.Gate.Flatline / 5), what: gateBeat, a: int32(s.id)})
}
