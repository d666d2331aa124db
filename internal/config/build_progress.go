package config

import (
	"time"

	"stead/internal/core/gate"
)

// progress is what a check of the work itself compares.
func (b *builder) progress(v *value, c *Check) {
	if !v.ok() {
		return
	}
	p := b.compared(v, defaultStalled)
	c.Progress, c.Target = &p, p.At.From
}

// compared is what has to move.
func (b *builder) compared(v *value, stalled time.Duration) Progress {
	p := Progress{Stalled: or(v.get("stalled"), stalled)}
	at := v
	if v.entries != nil {
		at = v.get("at")
	}
	p.At = b.number(at)
	if end := v.get("end"); end.ok() {
		n := b.number(end)
		p.End = &n
		if n == p.At && n.From != "" {
			b.of(v, "end is the same number as at", "another number", "at is how far the consumer is, end how far the producer is")
		}
	}
	return p
}

// gateProgress is the work that a gate judges.
func (b *builder) gateProgress(of *value, g *Gate) {
	v := of.get("progress")
	if !v.ok() {
		return
	}
	p := &GateProgress{Progress: b.compared(v, defaultGateStalled), Interval: or(v.get("interval"), defaultProgressInterval)}
	p.Pause = or(v.get("pause"), gate.DefaultStallPause(p.Stalled))
	g.Progress = p
	switch {
	case of.get("exec") == nil && !of.meant["exec"]:
		b.whole(v, "has no meaning without exec", "exec beside it", "the gate runs nothing that could stand still: add exec: [/path/of/program, argument, …], or remove it")
	case !g.Right:
		b.notes.whole(v, "is only told with right: false", "", "there is no right that could be handed over when the work stands still")
	}
	b.standing(v.get("stalled"), v.get("interval"), p.Stalled, p.Interval)
}

// number is where a number is read.
func (b *builder) number(v *value) Number {
	if !v.ok() {
		return Number{}
	}
	from := v
	if v.entries != nil {
		from = v.get("from")
	}
	n := Number{From: or(from, ""), Pointer: or(v.get("pointer"), "")}
	if name, _, found := cutStore(n.From); found {
		b.knowsStore(from, name)
	}
	return n
}

// stalled checks that standing still can be seen in the time that it may last.
func (b *builder) stalled(v *value, c *Check) {
	if c.Progress == nil {
		return
	}
	b.standing(v.get("progress").get("stalled"), v.get("interval"), c.Progress.Stalled, c.Interval)
}

func (b *builder) standing(stalled, interval *value, still, every time.Duration) {
	if still >= 2*every || stalled != nil && stalled.bad || interval != nil && interval.bad {
		return
	}
	const advice = "a number has to be read twice to be seen standing still"
	if stalled == nil {
		b.about(interval, "is longer than half of stalled, "+length(still), "at most "+length(still/2), advice)
		return
	}
	b.about(stalled, "is shorter than two intervals of "+length(every), length(2*every)+" or more", advice)
}

// every is how often a check runs that says nothing of it.
func (k CheckKind) every() time.Duration {
	if k == CheckProgress {
		return defaultProgressInterval
	}
	return defaultCheckInterval
}
