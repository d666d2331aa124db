package sim

import (
	"time"

	"stead/internal/core/clock"
	"stead/internal/core/gate"
	"stead/internal/core/lease"
)

// obey carries out what the gate says of the workload.
func (s *gateSite) obey(out *gate.Out) {
	w, moved := s.world, out.Moved
	for i := range out.Changes {
		c := &out.Changes[i]
		w.say(s.id, "%s", gateWords(c))
		s.truth.changed(s, c)
		switch c.Kind {
		case gate.Opened:
			s.open(c)
		case gate.MustEnd:
			s.keeper.end, moved = min(s.keeper.end, s.now()), true
		case gate.Closed:
			if s.job.alive {
				w.violate(checkGateEnded, s.id, "closed, and the workload runs", 0)
			}
		case gate.Judged, gate.Noted:
		}
	}
	if out.Moved {
		s.keeper.end, s.keeper.kill = out.End, out.Kill
		if s.job.alive {
			s.job.until = out.Kill
			if w.setup.Right != nil && s.m.Phase() != gate.Ending {
				s.job.until = s.m.State(s.now()).Right.Until
			}
		}
	}
	switch {
	case s.job.alive && moved:
		s.truth.limits(s, out)
		s.guard()
	case !s.job.alive && s.endedLate():
		s.step(func(now gate.Instant) { s.m.Ended(now) })
	}
}

// endedLate tells whether the gate waits for the end of a workload that does not run.
func (s *gateSite) endedLate() bool {
	return s.m.Phase() == gate.Ending
}

// open starts the workload, or lets the one that runs go on.
func (s *gateSite) open(c *gate.Change) {
	w := s.world
	w.result.Opens++
	if s.job.alive {
		return
	}
	w.result.Runs++
	s.job = job{alive: true, run: uint64(w.result.Runs), epoch: c.Epoch}
	s.keeper.told = false
	w.truth.runs(s, c)
	w.queue.push(entry{at: w.now, what: gateWork, a: int32(s.id), number: s.job.run})
}

// guard waits for the next limit.
func (s *gateSite) guard() {
	k := &s.keeper
	k.number++
	at := k.kill
	if !k.told {
		at = min(at, k.end)
	}
	if at != clock.Never {
		s.world.queue.push(entry{at: max(s.world.now, s.clock.reaches(at)), what: gateKeeper, a: int32(s.id), number: k.number})
	}
}

// keep tells the workload to stop, or kills it, when it is time.
func (s *gateSite) keep(number uint64) {
	w, k := s.world, &s.keeper
	if number != k.number || !s.job.alive || s.frozen > 0 {
		return
	}
	now := s.now()
	switch {
	case now >= k.kill:
		s.endJob("killed")
		return
	case now >= k.end && !k.told:
		k.told = true
		w.queue.push(entry{at: w.now.add(w.hosts.duration(0, w.setup.StopFor)), what: gateGone, a: int32(s.id), number: s.job.run})
	}
	s.guard()
}

// gone ends the workload as it was told to.
func (s *gateSite) gone(run uint64) {
	switch {
	case !s.job.alive || s.job.run != run:
	case s.frozen > 0:
		s.world.queue.push(entry{at: s.world.now.add(time.Second), what: gateGone, a: int32(s.id), number: run})
	default:
		s.endJob("stopped")
	}
}

func (s *gateSite) endJob(how string) {
	if !s.job.alive {
		return
	}
	s.world.say(s.id, "workload %d %s", s.job.run, how)
	s.job.alive = false
	s.truth.ended(s)
	if s.up {
		s.tell(func(now gate.Instant) { s.m.Ended(now) })
	}
}

// work takes an event from the queue to the sink.
func (s *gateSite) work(run uint64) {
	if !s.job.alive || s.job.run != run {
		return
	}
	w := s.world
	if s.frozen == 0 {
		w.sink.send(s.id, s.job.epoch, run)
	}
	w.queue.push(entry{at: w.now.add(workEvery), what: gateWork, a: int32(s.id), number: run})
}

// gateWords is a change in one line.
func gateWords(c *gate.Change) string {
	kind := [...]string{"", "judged", "opened", "must end", "closed", "noted"}[c.Kind]
	words := kind + " " + c.Verdict.String() + " " + string(c.Reason)
	if c.Epoch != 0 {
		words += " epoch " + time.Duration(c.Epoch).String()[:len(time.Duration(c.Epoch).String())-2]
	}
	return words + " " + c.Detail
}

// claims tells whether a swap asks for the right, and what it replaces.
func (st *gateStore) claims(op *lease.Op, site int) (before lease.Record, present, claim bool) {
	after, err := lease.Parse(op.Bytes)
	if err != nil || after.State != lease.Held || after.Holder != siteNames[site] {
		return before, false, false
	}
	before, present = st.recordOf(op.Version)
	return before, present, !present || before.Epoch != after.Epoch
}
