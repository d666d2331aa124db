package dr

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"
)

// Network is the name of this trial among the networks of `stead lab`.
const Network = "dr"

// MaxRuns is how often a fault can be run.
const MaxRuns = 1000

// Options are what a trial goes through.
type Options struct {
	Faults   []string `json:"faults"`   // by name, in order; empty: all
	Runs     int      `json:"runs"`     // of each fault
	Timing   string   `json:"timing"`   // TimingFast or TimingOriginal
	Original bool     `json:"original"` // run the construction that the gate replaces, too
	Binary   string   `json:"binary"`   // stead; empty: this program
}

// The timings of the gates.
const (
	TimingFast     = "fast"     // short, for a trial that ends soon
	TimingOriginal = "original" // those of the construction that the gate replaces
)

// Times are those of both sites.
type Times struct {
	Beat      time.Duration `json:"beat"`
	Flatline  time.Duration `json:"flatline"`
	StopAfter time.Duration `json:"stop_after"`
	Grace     time.Duration `json:"grace"`
	Timeout   time.Duration `json:"timeout"` // of one operation on the share
}

var timings = map[string]Times{
	TimingFast:     {200 * time.Millisecond, time.Second, 600 * time.Millisecond, 150 * time.Millisecond, 200 * time.Millisecond},
	TimingOriginal: {5 * time.Second, 10 * time.Second, 6 * time.Second, 2 * time.Second, 1500 * time.Millisecond},
}

// theOriginal are the times of the construction, which knows no others.
var theOriginal = timings[TimingOriginal]

// Check tells what is wrong with the options, all of it, or nil. It fills in defaults.
func (o *Options) Check() error {
	var wrong []error
	names := FaultNames()
	if len(o.Faults) == 0 {
		o.Faults = names
	}
	for _, name := range o.Faults {
		if !slices.Contains(names, name) {
			wrong = append(wrong, fmt.Errorf("fault %q: choose from %s", name, strings.Join(names, " ")))
		}
	}
	if o.Runs < 1 || o.Runs > MaxRuns {
		wrong = append(wrong, fmt.Errorf("runs %d: choose 1 to %d", o.Runs, MaxRuns))
	}
	if _, ok := timings[o.Timing]; !ok {
		wrong = append(wrong, fmt.Errorf("timing %q: choose %s or %s", o.Timing, TimingFast, TimingOriginal))
	}
	if o.Binary == "" {
		o.Binary = "/proc/self/exe"
	}
	return errors.Join(wrong...)
}

func (o *Options) times() Times { return timings[o.Timing] }
