package dr

import (
	"cmp"
	"fmt"
	"slices"
	"time"

	"stead/internal/lab/dr/queue"
)

// Result is one fault that was injected once.
type Result struct {
	Fault    string  `json:"fault"`
	Original bool    `json:"original"` // the construction that the gate replaces went through it
	Number   int     `json:"run"`
	From     Instant `json:"from"`     // when the first workload began
	Injected Instant `json:"injected"` // nanoseconds since boot
	Healed   Instant `json:"healed"`   // 0: there was nothing to heal
	To       Instant `json:"to"`       // the end of what was looked at

	Runs   []queue.Consumer `json:"workloads"` // each run of a workload
	Paused []span           `json:"paused,omitempty"`
	Lines  []Line           `json:"log"` // of the gates
	Counts queue.Counts     `json:"events"`

	Opened  time.Duration `json:"opened"`  // from the injection until the workload ran on the site that the fault is about; 0: it did not while the fault lasted
	Again   time.Duration `json:"again"`   // from the end of the fault until a workload ran that did not before; 0: none did
	Stopped time.Duration `json:"stopped"` // until it ended on the other one; 0: it did not
	Nobody  time.Duration `json:"nobody"`  // how long it ran nowhere, from the injection on
	Both    time.Duration `json:"both"`    // how long it ran on both
	HeldUp  time.Duration `json:"held_up"` // for how long at most the lab itself was not let run
	Tries   int           `json:"tries"`   // how often it was tried until the lab was not held up
	Wrong   []string      `json:"wrong"`   // what must not be
	Unsafe  bool          `json:"unsafe"`  // and of that, what no machine may excuse
	Failed  string        `json:"failed,omitempty"`
}

// spans are when the workload of a site ran, without the time in which it stood still.
func (r *Result) spans(site string) (list []span) {
	for _, c := range r.Runs {
		if c.Site != site {
			continue
		}
		run := span{c.Began, c.Ended}
		if c.Ended == 0 || c.Ended > r.To {
			run.To = r.To
		}
		if site == siteA {
			list = append(list, without(run, r.Paused)...)
		} else {
			list = append(list, run)
		}
	}
	return list
}

// without is what is left of a span outside of others, which do not overlap and
// are in order.
func without(s span, others []span) (list []span) {
	for _, o := range others {
		if o.From >= s.To || o.To <= s.From {
			continue
		}
		if o.From > s.From {
			list = append(list, span{s.From, o.From})
		}
		s.From = o.To
	}
	if s.From < s.To {
		list = append(list, s)
	}
	return list
}

// overlap is for how long spans of one list are together with spans of another.
// The spans of one list do not overlap each other.
func overlap(a, b []span) (all time.Duration) {
	for _, x := range a {
		for _, y := range b {
			all += max(0, min(x.To, y.To).Sub(max(x.From, y.From)))
		}
	}
	return all
}

// uncovered is how much of a span no other one covers.
func uncovered(whole span, spans []span) (all time.Duration) {
	spans = slices.Clone(spans)
	slices.SortFunc(spans, func(a, b span) int { return cmp.Compare(a.From, b.From) })
	at := whole.From
	for _, s := range spans {
		if s.From > at {
			all += min(s.From, whole.To).Sub(at)
		}
		at = min(max(at, s.To), whole.To)
	}
	return all + whole.To.Sub(at)
}

// evaluate fills in what follows from the runs of the workloads.
func (r *Result) evaluate(f *fault) {
	a, b := r.spans(siteA), r.spans(siteB)
	r.Both = overlap(a, b)
	r.Nobody = uncovered(span{r.Injected, r.To}, append(a, b...))
	for _, c := range r.Runs {
		switch {
		case r.Healed != 0 && c.Began > r.Healed && r.Again == 0:
			r.Again = c.Began.Sub(r.Healed)
		case c.Site == f.site() && c.Began > r.Injected && r.Opened == 0 && (r.Healed == 0 || c.Began < r.Healed):
			r.Opened = c.Began.Sub(r.Injected)
		}
		if c.Site != f.site() && c.Ended > r.Injected && r.Stopped == 0 {
			r.Stopped = c.Ended.Sub(r.Injected)
		}
	}
}

// judge notes what must not be.
func (r *Result) judge(f *fault, t Times) {
	wrong := func(is bool, format string, args ...any) bool {
		if is {
			r.Wrong = append(r.Wrong, fmt.Sprintf(format, args...))
		}
		return is
	}
	limit := time.Duration(0)
	if f.pauses {
		limit = t.Grace + late // until what goes on is told that its time is over
	}
	for _, unsafe := range []bool{
		wrong(r.Both > limit, "both sites ran for %s", show(r.Both)),
		wrong(r.Counts.StaleAccepted > 0, "%d events accepted from a stale epoch", r.Counts.StaleAccepted),
		wrong(r.Counts.FencedTwice > 0, "%d events twice in the fencing sink", r.Counts.FencedTwice),
		wrong(r.Counts.Missing > 0, "%d events processed by nobody", r.Counts.Missing),
	} {
		r.Unsafe = r.Unsafe || unsafe
	}
	if wrong(r.Failed != "", "%s", r.Failed); r.Injected == 0 {
		return
	}
	wrong(f.want == open && r.Opened == 0, "the gate of site %s did not open", f.site())
	wrong(f.want == stayClosed && r.Opened > 0, "the gate of site %s opened", f.site())
	wrong(f.goesOn && r.Stopped > 0, "the workload of site %s was stopped", otherSite(f.site()))
	wrong(f.exactly && r.Counts.Twice > 0, "%d events processed twice", r.Counts.Twice)
	wrong(f.again && !has(r.Runs, siteA) && !has(r.Runs, siteB), "no workload runs though the fault is over")
}

// late is how late a machine with much to do lets a process run.
const late = 250 * time.Millisecond

func show(d time.Duration) string { return fmt.Sprintf("%.0f ms", d.Seconds()*1000) }
