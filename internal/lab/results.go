package lab

import (
	"slices"
	"time"
)

// Setup is what a trial ran on, and how.
type Setup struct {
	Version  string `json:"version"`
	Kernel   string `json:"kernel"`
	CPUs     int    `json:"cpus"`
	User     string `json:"user"`            // root, or user in a user namespace
	Timing   string `json:"timing"`          // of the election
	LeaseMS  int64  `json:"lease_ms"`        // interval × multiplier
	Family   string `json:"family"`          // ipv4 or ipv6
	Fence    string `json:"fence"`           // which fence the daemons have
	Realtime bool   `json:"realtime"`        // whether the daemons have real-time priority
	Client   bool   `json:"client_realtime"` // whether the asking client had it

	// Of NetworkBGP alone.
	Network  string `json:"network,omitempty"`
	Router   string `json:"router,omitempty"`
	Election string `json:"election,omitempty"`
	HoldMS   int64  `json:"hold_ms,omitempty"`
	BFDMS    int64  `json:"bfd_ms,omitempty"` // the interval, three of which are the detection time; 0: no BFD
}

// setup is what the options say of a Setup.
func (o *Options) setup() Setup {
	s := Setup{User: "root", Timing: o.Timing, LeaseMS: o.lease().Milliseconds(), Family: "ipv4"}
	if o.IPv6 {
		s.Family = "ipv6"
	}
	if o.bgp() {
		s.Network, s.Router, s.Election = o.Network, o.Router, o.Election
		s.HoldMS, s.BFDMS = o.Hold.Milliseconds(), o.BFD.Milliseconds()
	}
	return s
}

// Results are all runs of a trial.
type Results struct {
	Setup  Setup
	Faults []FaultResult
}

// Spread is how a measure is distributed over the runs.
type Spread struct{ P50, P99, Max time.Duration }

// FaultResult is what the runs of one fault come to.
type FaultResult struct {
	Name, About string
	Own         string // what it cost in the original trial; empty: see TrialsOwn
	Quorum      bool
	Budget      Budget
	Runs        []Run

	Sent, Lost  int
	RestoreLost int
	Outage      Spread
	Detect      Spread
	Settled     Spread
	DualMax     time.Duration // two hosts answered on the network, or two servers the client
	Late        int           // runs in which the client itself was held up
	Failed      []string      // of runs after which the service was not restored
	Missed      []string      // which promises were not kept, and by how much
}

// percentile is the smallest of the values that is at least as large as the
// given share of them (nearest rank). Of fewer than 100 values, the 99th is the largest.
func percentile(values []time.Duration, percent int) time.Duration {
	if len(values) == 0 {
		return 0
	}
	sorted := slices.Sorted(slices.Values(values))
	rank := (len(sorted)*percent + 99) / 100
	return sorted[max(rank, 1)-1]
}

func spread(values []time.Duration) Spread {
	return Spread{P50: percentile(values, 50), P99: percentile(values, 99), Max: percentile(values, 100)}
}

// summarize makes a FaultResult of the runs of one fault.
func summarize(f *fault, runs []Run, opt *Options, quorum bool) FaultResult {
	r := FaultResult{Name: f.name, About: f.about, Quorum: quorum, Budget: budgetOf(f, opt, quorum), Runs: runs}
	if opt.bgp() {
		r.Own = ownFigure(f.name, opt.Router)
	}
	var outages, detects, settles []time.Duration
	for i := range runs {
		run := &runs[i]
		if run.Failed != "" {
			r.Failed = append(r.Failed, run.Failed)
		}
		if run.Injected == 0 {
			continue
		}
		r.Sent += run.Sent
		r.Lost += run.Lost
		r.RestoreLost += run.RestoreLost
		r.DualMax = max(r.DualMax, run.DualNetwork, run.DualService)
		if run.Late {
			r.Late++
		}
		outages = append(outages, run.Outage)
		if run.Detected != 0 {
			detects = append(detects, run.Detected.Sub(run.Injected))
		}
		if f.budget == healed {
			settles = append(settles, run.Settled)
		}
	}
	r.Outage, r.Detect, r.Settled = spread(outages), spread(detects), spread(settles)
	r.judge()
	return r
}

// judge compares what was measured with what is promised.
func (r *FaultResult) judge() {
	over := func(what string, got, limit time.Duration) {
		// A client that asks every millisecond sees no tenth of one.
		if got = got.Round(100 * time.Microsecond); limit > 0 && got > limit {
			r.Missed = append(r.Missed, what+" over by "+showMS(got-limit))
		}
	}
	over("outage p50", r.Outage.P50, r.Budget.OutageP50)
	over("outage p99", r.Outage.P99, r.Budget.OutageP99)
	over("settling", r.Settled.Max, r.Budget.SettledMax)
	if r.Budget.NoLoss && r.Lost > 0 {
		r.Missed = append(r.Missed, plural(r.Lost, "request")+" lost")
	}
	if r.Budget.NoDual && r.DualMax > 0 {
		r.Missed = append(r.Missed, "two holders for "+showMS(r.DualMax))
	}
	if len(r.Failed) > 0 {
		r.Missed = append(r.Missed, "service not restored in "+plural(len(r.Failed), "run"))
	}
}

// Restored tells whether every fault ended with the service restored.
func (r *Results) Restored() bool {
	for i := range r.Faults {
		if len(r.Faults[i].Failed) > 0 {
			return false
		}
	}
	return true
}
