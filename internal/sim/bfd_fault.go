package sim

import (
	"time"

	"stead/internal/core/bfd"
)

// BFDFaultKind is what goes wrong in a world of BFD, or what somebody does.
type BFDFaultKind uint8

// The kinds of fault.
const (
	BFDCut       BFDFaultKind = iota // nothing of End arrives
	BFDBlackhole                     // nothing arrives
	BFDLossy                         // Amount packets of a thousand of End get lost
	BFDSlow                          // packets of End take up to Extra longer, and overtake each other
	BFDPause                         // End does not run
	BFDKill                          // End dies; started again at the end
	BFDAdmin                         // End is AdminDown
	BFDAdminLost                     // the same, and the first packet that says so gets lost
	BFDChange                        // End gets other intervals
	BFDKeys                          // both ends get another key, in three steps
	bfdFaultKinds
)

var bfdFaultNames = [bfdFaultKinds]string{
	BFDCut: "cut", BFDBlackhole: "black hole", BFDLossy: "loss", BFDSlow: "delay", BFDPause: "pause", BFDKill: "kill",
	BFDAdmin: "admin down", BFDAdminLost: "admin down, first packet lost", BFDChange: "reconfigured", BFDKeys: "keys exchanged",
}

// String is the name of the kind.
func (k BFDFaultKind) String() string { return bfdFaultNames[k] }

// BFDFault is one entry of a schedule.
type BFDFault struct {
	Kind   BFDFaultKind
	At     time.Duration
	For    time.Duration
	End    int
	Amount int
	Extra  time.Duration
	Config bfd.Config // BFDChange: its intervals and its multiplier
}

// harmless tells whether a fault is none: no session may go down for it.
func (f *BFDFault) harmless() bool { return f.Kind == BFDChange || f.Kind == BFDKeys }

// fault begins or ends an entry of the schedule.
func (w *bfdWorld) fault(f *BFDFault, ends bool) {
	step := 1
	if ends {
		step = -1
		w.say(f.End, "fault ends: %v", f.Kind)
	} else {
		w.say(f.End, "fault: %v %d %v", f.Kind, f.Amount, f.Extra)
		w.result.Faults[f.Kind]++
	}
	if !f.harmless() {
		w.faults += step
		w.quiet = w.now
	}
	e := w.ends[f.End]
	switch f.Kind {
	case BFDCut:
		w.disturb(f.End, func(l *link) { l.cuts += step })
	case BFDBlackhole:
		w.disturb(0, func(l *link) { l.cuts += step })
		w.disturb(1, func(l *link) { l.cuts += step })
	case BFDLossy:
		w.disturb(f.End, func(l *link) { l.loss += step * f.Amount })
	case BFDSlow:
		w.slow, w.slowAt = w.slow+step, w.now
		w.disturb(f.End, func(l *link) { l.extra += time.Duration(step) * f.Extra })
	case BFDPause:
		if e.paused += step; ends && e.runs() {
			e.resume()
		}
	case BFDKill:
		w.killOrStart(e, ends)
	case BFDAdmin, BFDAdminLost:
		w.admin(e, f, step)
	case BFDChange:
		if !ends {
			w.change(e, f)
		}
	case BFDKeys:
		w.keys(ends)
	}
}

func (w *bfdWorld) disturb(from int, change func(*link)) {
	change(&w.links[from].link)
	w.links[from].clean = w.now
}

func (w *bfdWorld) killOrStart(e *bfdEnd, start bool) {
	switch {
	case start && !e.up:
		e.start()
	case !start && e.up:
		e.kill()
	}
}

// admin takes an end down on purpose, or no more. One that does not run is when it
// does.
func (w *bfdWorld) admin(e *bfdEnd, f *BFDFault, step int) {
	e.admin += step
	e.truth.toldAdmin = w.now
	w.links[e.id].dropNext = step > 0 && f.Kind == BFDAdminLost && e.state() == bfd.Up
	if e.runs() {
		e.setAdmin()
	}
	w.links[e.id].dropNext = false
}

func (w *bfdWorld) change(e *bfdEnd, f *BFDFault) {
	e.configure(func(c *bfd.Config) {
		c.DesiredMinTX, c.RequiredMinRX, c.DetectMult = f.Config.DesiredMinTX, f.Config.RequiredMinRX, f.Config.DetectMult
	})
	w.say(e.id, "now %v/%v × %d", e.cfg.DesiredMinTX, e.cfg.RequiredMinRX, e.cfg.DetectMult)
}

// keys brings a new key to both ends: first all accept it, then all sign with it.
func (w *bfdWorld) keys(second bool) {
	for _, e := range w.ends {
		if len(e.cfg.Auth.Keys) == 0 {
			return
		}
		e.configure(func(c *bfd.Config) {
			last := c.Auth.Keys[len(c.Auth.Keys)-1]
			if second {
				c.Auth.Keys = []bfd.Key{last, c.Auth.Keys[0]}
				return
			}
			next := bfd.Key{ID: last.ID + 1, Secret: []byte{last.ID + 1, 'k', 'e', 'y'}}
			c.Auth.Keys = []bfd.Key{c.Auth.Keys[0], next}
		})
	}
}
