package sim

import (
	"time"

	"stead/internal/core/gate"
)

// GateFaultKind is what goes wrong in a world of gates, or what somebody does.
type GateFaultKind uint8

// The kinds of fault.
const (
	GateCrash      GateFaultKind = iota // the site is off
	GateKill                            // the gate dies, and its workload goes on
	GatePause                           // the gate does not run, the keeper of the workload does
	GateFreeze                          // nothing of the site runs
	GateCut                             // the site cannot reach the store
	GateCutBoth                         // no site can
	GatePartition                       // the site reaches neither the store nor the other one
	GateDeaf                            // Amount answers of a thousand get lost
	GateLag                             // calls, or their answers, take nearly as long as their callers wait
	GateSlow                            // half of the calls take effect much later
	GateHang                            // calls hang
	GateStale                           // half of the reads show what was there before
	GateTorn                            // half of the heartbeats are torn
	GateDelete                          // the heartbeat is removed
	GateRemove                          // the register of the right is removed
	GateUnmount                         // the folder is not mounted
	GateNoBeat                          // the process that writes the heartbeat is dead
	GateWall                            // the wall clock is an hour ahead, or behind
	GateStop                            // an operator stops the gate, and starts it again
	GateSwitchover                      // an operator asks the holder to hand over
	GateRequest                         // an operator asks for the right where it is not
	gateFaultKinds
)

var gateFaultNames = [gateFaultKinds]string{
	GateCrash: "crash", GateKill: "gate killed", GatePause: "gate paused", GateFreeze: "site frozen", GateCut: "store cut",
	GateCutBoth: "store gone", GatePartition: "partition", GateDeaf: "lost answers", GateLag: "slow store", GateSlow: "late writes", GateHang: "hang",
	GateStale: "stale reads", GateTorn: "torn", GateDelete: "deleted", GateRemove: "register removed", GateUnmount: "unmounted",
	GateNoBeat: "no heartbeat", GateWall: "clock stepped", GateStop: "stopped", GateSwitchover: "switchover", GateRequest: "right asked for",
}

// String is the name of the kind.
func (k GateFaultKind) String() string { return gateFaultNames[k] }

// GateFault is one entry of a schedule.
type GateFault struct {
	Kind   GateFaultKind
	At     time.Duration
	For    time.Duration
	Site   int
	Amount int
}

// harmless tells whether a fault is none: what runs goes on.
func (f *GateFault) harmless() bool { return f.Kind == GateWall }

// planned tells whether it is an order that has been given.
func (f *GateFault) planned() bool { return f.Kind == GateSwitchover || f.Kind == GateRequest }

// fault begins or ends an entry of the schedule.
func (w *gateWorld) fault(f *GateFault, ends bool) {
	w.truth.faulted(f, ends)
	step, s := 1, w.sites[f.Site]
	if ends {
		step = -1
	}
	if f.For > 0 || !ends {
		word := "fault"
		if ends {
			word = "fault ends"
		}
		w.say(f.Site, "%s: %v %d", word, f.Kind, f.Amount)
	}
	if !ends {
		w.result.Faults[f.Kind]++
	}
	switch {
	case f.harmless():
	case f.planned():
		w.quiet = w.now
	default:
		w.faults += step
		w.quiet = w.now
	}
	w.inflict(f, s, step, ends)
}

func (w *gateWorld) inflict(f *GateFault, s *gateSite, step int, ends bool) {
	switch f.Kind {
	case GateCrash, GateKill, GateStop:
		w.inflictEnd(f, s, step, ends)
	case GatePause:
		s.paused += step
		s.resume()
	case GateFreeze:
		if s.frozen += step; s.frozen == 0 {
			s.keep(s.keeper.number) // its timers are due before anything else runs
			s.resume()
		}
	case GateCut, GateCutBoth, GatePartition:
		w.inflictCut(f, s, step)
	case GateDeaf:
		s.deaf += step * f.Amount
	case GateLag:
		s.lag += step
		s.lagsBack = f.Amount == 0
	case GateSlow:
		s.slow += step
	case GateHang:
		s.hung += step
	case GateStale:
		s.stale += step
		s.truth.staleAt = w.now
	case GateTorn:
		s.torn += step
	case GateDelete:
		w.store.blobs[s.id].bytes = nil
	case GateRemove:
		if !ends {
			w.store.remove()
		}
	case GateUnmount:
		s.unmounted += step
	case GateNoBeat:
		s.noBeat += step
	case GateWall:
		s.wall += time.Duration(step*f.Amount) * time.Second
		if s.up {
			s.m.SetWall(s.wall)
		}
	case GateSwitchover, GateRequest:
		if !ends {
			w.order(f, s)
		}
	}
}

func (w *gateWorld) inflictEnd(f *GateFault, s *gateSite, step int, ends bool) {
	switch f.Kind {
	case GateCrash:
		if s.down += step; s.down > 0 {
			s.off()
		}
	case GateKill:
		s.kill()
	default:
		if s.stops += step; !ends {
			s.leave(f.Amount&1 == 1)
		}
	}
	if ends {
		s.start()
	}
}

func (w *gateWorld) inflictCut(f *GateFault, s *gateSite, step int) {
	s.cut += step
	switch f.Kind {
	case GateCutBoth:
		s.other().cut += step
	case GatePartition:
		s.cut += step // more than one: the network too
	default:
	}
}

// order has an operator ask for a switchover.
func (w *gateWorld) order(f *GateFault, s *gateSite) {
	to := siteNames[1-s.id]
	if f.Kind == GateRequest {
		to, s.truth.asked = siteNames[s.id], w.now
	}
	if s.runs() {
		s.step(func(now gate.Instant) { s.m.HandOver(now, to) })
	}
}
