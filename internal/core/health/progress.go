package health

import (
	"time"

	"stead/internal/core/clock"
)

// Progress judges work by its checkpoint: how far the consumer is, and, where it is
// known, the end: how far the producer is. The checkpoint has to move while there
// is work left, which is as long as it is before the end. One that is beyond the
// end has work left while the end moves. Without an end there always is work left.
//
// Both have to count the same. Beside an end that is the number of the next item, a
// checkpoint that is the number of the last one done always has work left.
//
// A number that is seen for the first time proves nothing about moving, nor does
// one that goes backwards: the log was cut, or the work has begun another epoch.
// From then on the checkpoint has the full time, and so it has when nobody looked
// for longer than Late. What could not be read is neither good nor bad.
//
// A Progress has no clock. It belongs to one caller.
type Progress struct {
	Stalled time.Duration // for how long the checkpoint may stand still while work is left
	Late    time.Duration // between two looks at both numbers; after more, the time starts again
	Ends    bool          // there is an end

	at, end known
	mark    known         // the end when the time started
	working bool          // there has been work left at every look since...
	since   clock.Instant // ...this one
	moving  bool          // since the time started, the checkpoint has moved or had nothing to do
	last    clock.Instant // the last look that told something
}

// known is a number that may not have been read yet.
type known struct {
	Count
	yes bool
}

// Look takes in both numbers as they are now, nil for one that could not be read. It
// returns what that says of the work, and in words why unless it has Passed.
func (p *Progress) Look(now clock.Instant, at, end *Count) (Outcome, string) {
	if at == nil {
		return CouldNotRun, "the checkpoint cannot be read"
	}
	if !p.Ends {
		end = nil
	}
	moved := p.at.yes && at.Compare(p.at.Count) > 0
	again := !p.at.yes || at.Compare(p.at.Count) < 0
	if end != nil {
		again = again || p.end.yes && end.Compare(p.end.Count) < 0
		p.end = known{*end, true}
	}
	p.at = known{*at, true}
	seen := end != nil || !p.Ends
	again = again || seen && now.Sub(p.last) > p.Late
	if moved || again {
		p.working, p.moving, p.mark = false, moved, p.end
	}
	if !p.mark.yes {
		p.mark = p.end
	}
	if moved || again || seen {
		p.last = now
	}
	if !seen {
		if moved {
			return Passed, ""
		}
		return CouldNotRun, "the end cannot be read"
	}
	return p.judge(now)
}

// judge says what the numbers as they are now mean.
func (p *Progress) judge(now clock.Instant) (Outcome, string) {
	if !p.workLeft() {
		p.working, p.moving = false, true
		return Passed, ""
	}
	if !p.working {
		p.working, p.since = true, now
	}
	stood := now.Sub(p.since)
	switch {
	case stood >= p.Stalled:
		return Failed, p.standing(stood)
	case p.moving:
		return Passed, ""
	default:
		return CouldNotRun, "not seen to move yet: " + p.standing(stood)
	}
}

func (p *Progress) workLeft() bool {
	if !p.Ends {
		return true
	}
	if c := p.end.Compare(p.at.Count); c >= 0 {
		return c > 0
	}
	return p.mark.yes && p.end.Compare(p.mark.Count) > 0
}

// standing says how the checkpoint stands still.
func (p *Progress) standing(d time.Duration) string {
	text := "the checkpoint has stood at " + p.at.String() + " for " + d.Round(time.Millisecond).String()
	switch {
	case !p.Ends:
		return text
	case p.end.Compare(p.at.Count) < 0:
		return text + ", beyond the end, which has moved from " + p.mark.String() + " to " + p.end.String()
	default:
		return text + " while the end is " + p.end.String()
	}
}
