package workload

import "stead/internal/core/clock"

// twoHolders names, for each sample that belongs to a Dual, the other server.
func twoHolders(samples []Sample) []string {
	other := make([]string, len(samples))
	for i := range samples {
		if samples[i].Answered() && samples[i].Second != "" {
			other[i] = samples[i].Second
		}
	}
	before := rivals(samples)
	for i := range samples {
		if !samples[i].Answered() || other[i] != "" {
			continue
		}
		for _, y := range before[i] {
			if answersAgain(samples[i+1:], samples[i].Received, y) {
				other[i] = y.id
				break
			}
		}
	}
	return other
}

// answersAgain tells whether a server answered a request that was sent after
// the given moment, and within Settle of when it was last known to answer.
func answersAgain(later []Sample, after clock.Instant, y moment) bool {
	for i := range later {
		s := &later[i]
		if s.Sent.Sub(y.at) > Settle {
			return false
		}
		if s.Answered() && s.ID == y.id && s.Sent > after {
			return true
		}
	}
	return false
}

// idSet is a small set of servers: there are two or three of them.
type idSet []string

func (set idSet) has(id string) bool {
	for _, member := range set {
		if member == id {
			return true
		}
	}
	return false
}

// moment is when a server was last known to answer.
type moment struct {
	id string
	at clock.Instant
}

// rivals lists, for each answered sample, the other servers of which an answer
// had arrived before it was sent, at most Settle earlier, and when the last one had.
func rivals(samples []Sample) [][]moment {
	sets := make([][]moment, len(samples))
	var seen []moment
	arrived := 0
	for i := range samples {
		s := &samples[i]
		// Answers arrive in the order of the requests, nearly: those that
		// overtake are counted when the ones before them have been.
		for arrived < i && (!samples[arrived].Answered() || samples[arrived].Received < s.Sent) {
			if a := &samples[arrived]; a.Answered() {
				seen = remember(seen, a.ID, a.Received)
			}
			arrived++
		}
		if !s.Answered() {
			continue
		}
		for _, m := range seen {
			if m.id != s.ID && s.Sent.Sub(m.at) <= Settle {
				sets[i] = append(sets[i], m)
			}
		}
	}
	return sets
}

func remember(seen []moment, id string, at clock.Instant) []moment {
	for i := range seen {
		if seen[i].id == id {
			seen[i].at = at
			return seen
		}
	}
	return append(seen, moment{id, at})
}
