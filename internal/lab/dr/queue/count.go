package queue

// Counts are what became of the events.
type Counts struct {
	Processed     int `json:"processed"` // different events
	Twice         int `json:"twice"`     // of them, processed again since the fault, as the plain sink has them
	ByBoth        int `json:"by_both"`   // of those, by both sites
	FencedTwice   int `json:"fenced_twice"`
	StaleAccepted int `json:"stale_accepted"` // by the fencing sink, of an epoch lower than one that had begun
	StaleRefused  int `json:"stale_refused"`
	Missing       int `json:"missing"` // events that nobody has processed though later ones were
}

// Count looks at what the sinks hold. What was processed twice before since does
// not count. It does not believe the fencing sink: what was stale is known from
// when the consumers have begun.
func Count(records []Record, consumers []Consumer, since Instant) (c Counts) {
	type seen struct {
		times, fenced int
		sites         map[string]bool
		late          bool
	}
	events := map[int]*seen{}
	last := -1
	for _, r := range records {
		s := events[r.Event]
		if s == nil {
			s = &seen{sites: map[string]bool{}}
			events[r.Event] = s
		}
		s.times++
		s.sites[r.Site] = true
		s.late = s.late || r.At >= since
		last = max(last, r.Event)
		switch r.Fenced {
		case Accepted:
			s.fenced++
			if staleAt(r, consumers) {
				c.StaleAccepted++
			}
		case Stale:
			c.StaleRefused++
		}
	}
	c.Processed, c.Missing = len(events), last+1-len(events)
	for _, s := range events {
		if s.times > 1 && s.late {
			c.Twice++
		}
		if len(s.sites) > 1 && s.late {
			c.ByBoth++
		}
		if s.fenced > 1 {
			c.FencedTwice++
		}
	}
	return c
}

// staleAt tells whether a consumer with a higher epoch had begun before a record.
func staleAt(r Record, consumers []Consumer) bool {
	for _, c := range consumers {
		if c.Epoch > r.Epoch && c.Known < r.At {
			return true
		}
	}
	return false
}
