package dr

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"stead/internal/lab/dr/queue"
)

// Setup is what a trial ran on, and how.
type Setup struct {
	Version    string        `json:"version"`
	Kernel     string        `json:"kernel"`
	CPUs       int           `json:"cpus"`
	Timing     string        `json:"timing"`
	Times      Times         `json:"times"`
	Original   Times         `json:"original"` // those of the construction that the gate replaces
	EventEvery time.Duration `json:"event_every"`
}

// Results are all runs of a trial.
type Results struct {
	Setup  Setup
	Faults []FaultResult // of the gates, then of the construction that they replace
}

// FaultResult is what the runs of one fault come to.
type FaultResult struct {
	Name, About string
	Original    bool
	Want        string // what has to become of the gate
	Runs        []Result
}

// add takes in a run.
func (r *Results) add(run Result) {
	f := faultNamed(run.Fault)
	i := slices.IndexFunc(r.Faults, func(have FaultResult) bool { return have.Name == run.Fault && have.Original == run.Original })
	if i < 0 {
		i = len(r.Faults)
		if !run.Original { // before the construction's
			i = slices.IndexFunc(r.Faults, func(have FaultResult) bool { return have.Original })
			if i < 0 {
				i = len(r.Faults)
			}
		}
		r.Faults = slices.Insert(r.Faults, i, FaultResult{Name: run.Fault, About: f.about, Original: run.Original, Want: f.site() + " " + f.want.String()})
	}
	r.Faults[i].Runs = append(r.Faults[i].Runs, run)
}

// OK tells whether nothing went wrong that must not. What the construction does
// is not judged.
func (r *Results) OK() bool {
	for i := range r.Faults {
		if f := &r.Faults[i]; !f.Original && len(f.Wrong()) > 0 {
			return false
		}
	}
	return len(r.Faults) > 0
}

// Wrong is what went wrong in any of the runs.
func (f *FaultResult) Wrong() (all []string) {
	for _, run := range f.Runs {
		for _, text := range run.Wrong {
			if !slices.Contains(all, text) {
				all = append(all, text)
			}
		}
	}
	return all
}

// Verdict is what is said of a fault in a table.
func (f *FaultResult) Verdict() string {
	if wrong := f.Wrong(); len(wrong) > 0 {
		return strings.Join(wrong, "; ")
	}
	return "as it has to be"
}

// worst is the largest of a measure over all runs.
func (f *FaultResult) worst(measure func(*Result) time.Duration) (most time.Duration) {
	for i := range f.Runs {
		most = max(most, measure(&f.Runs[i]))
	}
	return most
}

// Opened is the largest of all runs.
func (f *FaultResult) Opened() time.Duration {
	return f.worst(func(r *Result) time.Duration { return r.Opened })
}

// Again: see Opened.
func (f *FaultResult) Again() time.Duration {
	return f.worst(func(r *Result) time.Duration { return r.Again })
}

// Stopped: see Opened.
func (f *FaultResult) Stopped() time.Duration {
	return f.worst(func(r *Result) time.Duration { return r.Stopped })
}

// Nobody: see Opened.
func (f *FaultResult) Nobody() time.Duration {
	return f.worst(func(r *Result) time.Duration { return r.Nobody })
}

// Both: see Opened.
func (f *FaultResult) Both() time.Duration {
	return f.worst(func(r *Result) time.Duration { return r.Both })
}

// Counts are the sums over all runs.
func (f *FaultResult) Counts() (all queue.Counts) {
	for i := range f.Runs {
		c := &f.Runs[i].Counts
		all.Processed += c.Processed
		all.Twice += c.Twice
		all.ByBoth += c.ByBoth
		all.FencedTwice += c.FencedTwice
		all.StaleAccepted += c.StaleAccepted
		all.StaleRefused += c.StaleRefused
		all.Missing += c.Missing
	}
	return all
}

// Said are the verdicts of the gate that a fault is about, from the fault on, in
// words: the one that it had first.
func (f *FaultResult) Said() string {
	if len(f.Runs) == 0 {
		return ""
	}
	return f.Runs[len(f.Runs)-1].said(strings.Fields(f.Want)[0])
}

func (r *Result) said(site string) string {
	var words []string
	for _, line := range r.Lines {
		if line.Site != site || line.Kind != kindVerdict || line.At > r.To {
			continue
		}
		if line.At < r.Injected {
			words = words[:0]
		}
		if n := len(words); n == 0 || words[n-1] != line.Verdict {
			words = append(words, line.Verdict)
		}
	}
	return strings.Join(words, ", ")
}

// String is how reports show the times.
func (t Times) String() string {
	return fmt.Sprintf("beat %s, flatline %s, stop after %s, grace %s", t.Beat, t.Flatline, t.StopAfter, t.Grace)
}

// Gates are the faults that the gates went through.
func (r *Results) Gates() []FaultResult { return r.of(false) }

// Originals are those that the construction went through that they replace.
func (r *Results) Originals() []FaultResult { return r.of(true) }

func (r *Results) of(original bool) (list []FaultResult) {
	for i := range r.Faults {
		if r.Faults[i].Original == original {
			list = append(list, r.Faults[i])
		}
	}
	return list
}
