package config

import "time"

// progress is what a check of the work itself compares.
func (b *builder) progress(v *value, c *Check) {
	if !v.ok() {
		return
	}
	p := &Progress{Stalled: or(v.get("stalled"), defaultStalled)}
	c.Progress = p
	at := v
	if v.entries != nil {
		at = v.get("at")
	}
	p.At = b.number(at)
	c.Target = p.At.From
	if end := v.get("end"); end.ok() {
		n := b.number(end)
		p.End = &n
		if n == p.At && n.From != "" {
			b.of(v, "end is the same number as at", "another number", "at is how far the consumer is, end how far the producer is")
		}
	}
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
	stalled, interval := v.get("progress").get("stalled"), v.get("interval")
	if c.Progress.Stalled >= 2*c.Interval || stalled != nil && stalled.bad || interval != nil && interval.bad {
		return
	}
	const advice = "a number has to be read twice to be seen standing still"
	if stalled == nil {
		b.about(interval, "is longer than half of stalled, "+length(c.Progress.Stalled), "at most "+length(c.Progress.Stalled/2), advice)
		return
	}
	b.about(stalled, "is shorter than two intervals of "+length(c.Interval), length(2*c.Interval)+" or more", advice)
}

// every is how often a check runs that says nothing of it.
func (k CheckKind) every() time.Duration {
	if k == CheckProgress {
		return defaultProgressInterval
	}
	return defaultCheckInterval
}
