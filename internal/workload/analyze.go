package workload

import (
	"time"

	"stead/internal/core/clock"
)

// Settle is the time within which answers of two servers that alternate mean two
// holders at once. Slower than this, an address may have moved and moved back.
// A request that both answered needs no such guess.
const Settle = 20 * time.Millisecond

// Report is what a run of requests tells.
type Report struct {
	Interval clock.Instant // of the requests, in nanoseconds
	From, To clock.Instant // the first and the last request
	Sent     int
	Answered int
	Lost     int
	Late     int           // requests sent more than one interval after their time: the client itself was held up
	ByID     []Count       // answers by server, in the order of their first answers
	Latency  time.Duration // the longest from a request to its answer
	Silence  time.Duration // the longest without any answer arriving, less one interval
	Longest  time.Duration // of the outages
	Outages  []Outage
	Changes  []Change
	Dual     []Dual
}

// Count is how many requests a server answered.
type Count struct {
	ID      string
	Answers int
}

// Outage is a run of requests that nobody answered. It starts with the last
// answered request before it and ends with the first answered one after it:
// its length is the time between their sending, less one interval. A single lost
// request is thus an outage of one interval. At the edges of the samples, where
// there is no answered request, the first or last lost request stands in, and
// the interval is not taken off.
type Outage struct {
	Start  clock.Instant // when the first lost request was sent
	Length time.Duration
	Lost   int
	From   string // who answered before; empty: nobody
	To     string // who answered after; empty: nobody
}

// Change is a change of holder as the client sees it: a request answered by
// another server than the answered one before it, and not part of a Dual.
type Change struct {
	At       clock.Instant // when the first request that the new holder answered was sent
	From, To string
}

// Dual is a time in which two servers answered. A request belongs to it when
// two servers answered that one request; or when server X answered it between
// two answers of another server Y: an answer of Y was received before the
// request was sent, and Y answered a request that was sent after X's answer was
// received, at most Settle after that earlier answer. What was under way while
// the address moved is thus no Dual. Its requests follow each other.
type Dual struct {
	From, To clock.Instant // when its first and last requests were sent
	Requests int
	First    string // the two servers
	Second   string
}

// Length is the time between its first and last request, plus one interval.
func (d *Dual) Length(interval time.Duration) time.Duration {
	return d.To.Sub(d.From) + interval
}

// Analyze tells what the samples say. They are in the order in which they were
// sent, at the given interval.
func Analyze(samples []Sample, interval time.Duration) Report {
	r := Report{Interval: clock.Instant(interval), Sent: len(samples)}
	if len(samples) == 0 {
		return r
	}
	r.From, r.To = samples[0].Sent, samples[len(samples)-1].Sent
	r.count(samples, interval)
	r.findOutages(samples, interval)
	dual := twoHolders(samples)
	r.findDual(samples, dual)
	r.findChanges(samples, dual)
	return r
}

func (r *Report) count(samples []Sample, interval time.Duration) {
	var newest clock.Instant
	for i := range samples {
		s := &samples[i]
		if i > 0 && s.Sent.Sub(samples[i-1].Sent) > 2*interval {
			r.Late++
		}
		if !s.Answered() {
			r.Lost++
			continue
		}
		r.Answered++
		r.countID(s.ID)
		r.Latency = max(r.Latency, s.Received.Sub(s.Sent))
		if newest != 0 {
			r.Silence = max(r.Silence, s.Received.Sub(newest)-interval)
		}
		newest = max(newest, s.Received)
	}
}

func (r *Report) countID(id string) {
	for i := range r.ByID {
		if r.ByID[i].ID == id {
			r.ByID[i].Answers++
			return
		}
	}
	r.ByID = append(r.ByID, Count{ID: id, Answers: 1})
}

func (r *Report) findOutages(samples []Sample, interval time.Duration) {
	last := -1 // the answered request before
	for i := 0; i < len(samples); i++ {
		if samples[i].Answered() {
			last = i
			continue
		}
		first := i
		for i < len(samples) && !samples[i].Answered() {
			i++
		}
		o := Outage{Start: samples[first].Sent, Lost: i - first}
		from, to := samples[first].Sent, samples[i-1].Sent
		if last >= 0 {
			from, o.From = samples[last].Sent, samples[last].ID
		}
		if i < len(samples) {
			to, o.To, last = samples[i].Sent, samples[i].ID, i
		}
		o.Length = to.Sub(from)
		if o.From != "" && o.To != "" {
			o.Length -= interval
		}
		r.Outages = append(r.Outages, o)
		r.Longest = max(r.Longest, o.Length)
	}
}

// Together joins outages between which there is less than gap: those of a client
// whose flows take different ways, of which some are out and some are not.
func Together(outages []Outage, gap time.Duration) (joined []Outage) {
	for _, o := range outages {
		if last := len(joined) - 1; last >= 0 {
			before := &joined[last]
			if end := before.Start.Add(before.Length); o.Start.Sub(end) < gap {
				before.Length = o.Start.Add(o.Length).Sub(before.Start)
				before.Lost += o.Lost
				before.To = o.To
				continue
			}
		}
		joined = append(joined, o)
	}
	return joined
}

func (r *Report) findChanges(samples []Sample, dual []string) {
	holder := ""
	for i := range samples {
		s := &samples[i]
		if !s.Answered() || dual[i] != "" {
			continue
		}
		if holder != "" && s.ID != holder {
			r.Changes = append(r.Changes, Change{At: s.Sent, From: holder, To: s.ID})
		}
		holder = s.ID
	}
}

func (r *Report) findDual(samples []Sample, dual []string) {
	open := false
	for i := range samples {
		s := &samples[i]
		if dual[i] == "" {
			// Lost requests do not end it: they say nothing about who holds.
			open = open && !s.Answered()
			continue
		}
		if !open {
			r.Dual = append(r.Dual, Dual{From: s.Sent, First: s.ID, Second: dual[i]})
			open = true
		}
		d := &r.Dual[len(r.Dual)-1]
		d.To = s.Sent
		d.Requests++
	}
}
