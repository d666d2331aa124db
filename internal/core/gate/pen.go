package gate

import (
	"time"

	"stead/internal/core/clock"
)

// retryPart is by which part of Beat a heartbeat is tried again that could not be written.
const retryPart = 5

// pen is the writing of this site's own heartbeat.
type pen struct {
	every   time.Duration
	limit   time.Duration // StopAfter
	writing bool          // one is being written
	asked   Instant       // since when, or when the last one was
	next    Instant
	good    bool    // one was written
	goodAt  Instant // when the last of them was begun
	endedAt Instant // and when it was known to be written
	wrong   string  // why the last one was not; empty: it was
}

// begin has the first heartbeat written, for which there is as much time as for
// those after it.
func (p *pen) begin(now Instant) {
	p.good, p.goodAt, p.next, p.wrong = true, now, now, ""
}

// due asks for a heartbeat if it is time for one.
func (p *pen) due(now Instant) bool {
	if p.every == 0 || p.writing || now < p.next {
		return false
	}
	p.writing, p.asked, p.next = true, now, now.Add(p.every)
	return true
}

// wrote takes the end of a write in.
func (p *pen) wrote(now Instant, ok bool, detail string) {
	if !p.writing {
		return
	}
	p.writing = false
	if !ok {
		p.next = max(now, p.asked.Add(p.every/retryPart))
		if p.wrong = detail; detail == "" {
			p.wrong = "no answer"
		}
		return
	}
	p.next = max(now, p.next)
	p.good, p.goodAt, p.endedAt, p.wrong = true, p.asked, now, ""
}

// end is when a workload has to stop because the other site may see no heartbeat
// any more.
func (p *pen) end() Instant {
	switch {
	case p.every == 0 || p.limit == 0:
		return clock.Never
	case !p.good:
		return 0
	}
	return p.goodAt.Add(p.limit)
}

// deadline is when the next heartbeat is due.
func (p *pen) deadline() Instant {
	if p.every == 0 || p.writing {
		return clock.Never
	}
	return p.next
}
