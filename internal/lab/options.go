package lab

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"
)

// The presets of the election, and their leases: interval × multiplier.
var leases = map[string]time.Duration{
	"fast": 15 * time.Millisecond, "lan": 40 * time.Millisecond, "cloud": 200 * time.Millisecond, "wan": 2 * time.Second,
}

// MaxRuns is how often a fault can be run.
const MaxRuns = 1000

// Options are what a trial goes through.
type Options struct {
	Faults   []string `json:"faults"` // by name, in order; empty: all
	Runs     int      `json:"runs"`   // of each fault
	Timing   string   `json:"timing"` // of the election
	IPv6     bool     `json:"ipv6"`   // underlay, overlay and address
	NoQuorum bool     `json:"no_quorum"`
	Binary   string   `json:"binary"` // stead; empty: this program
}

// Check tells what is wrong with the options, all of it, or nil. It fills in defaults.
func (o *Options) Check() error {
	var wrong []error
	if len(o.Faults) == 0 {
		o.Faults = FaultNames()
	}
	for _, name := range o.Faults {
		if !slices.Contains(FaultNames(), name) {
			wrong = append(wrong, fmt.Errorf("fault %q: choose from %s", name, strings.Join(FaultNames(), " ")))
		}
	}
	if o.Runs < 1 || o.Runs > MaxRuns {
		wrong = append(wrong, fmt.Errorf("runs %d: choose 1 to %d", o.Runs, MaxRuns))
	}
	if leases[o.Timing] == 0 {
		wrong = append(wrong, fmt.Errorf("timing %q: choose fast, lan, cloud or wan", o.Timing))
	}
	if o.Binary == "" {
		o.Binary = "/proc/self/exe"
	}
	return errors.Join(wrong...)
}

// lease is the detection time of the timing.
func (o *Options) lease() time.Duration { return leases[o.Timing] }

// patience is how long the trial waits for something that should come at once.
func (o *Options) patience() time.Duration { return 20*time.Second + 20*o.lease() }
