package sim

import (
	"context"
	"fmt"
	"io"
	"strings"
	"time"

	"stead/internal/core/gate"
	"stead/internal/core/lease"
)

// GateResult is what came out of one world of gates.
type GateResult struct {
	Seed       uint64
	Hash       uint64 // of all that happened: the same for the same seed
	Virtual    time.Duration
	Calm       time.Duration // during which one workload had to run
	Steps      int
	Calls      int // that reached the store
	Opens      int
	Runs       int // of workloads
	Flatlines  int
	Events     int // that the sink has taken
	Twice      int // more than once
	Refused    int // of a stale epoch
	WorstOpen  time.Duration
	Faults     [gateFaultKinds]int
	Violations []Violation
	Log        []string // the last lines, when something was violated
}

// GateSummary is what came out of many worlds.
type GateSummary struct {
	Worlds         int            `json:"worlds"`
	Virtual        time.Duration  `json:"-"`
	VirtualSeconds float64        `json:"virtual_seconds"`
	CalmSeconds    float64        `json:"calm_seconds"`
	Steps          int            `json:"steps"`
	Calls          int            `json:"store_calls"`
	Runs           int            `json:"workload_runs"`
	Flatlines      int            `json:"flatlines"`
	Events         int            `json:"events_taken"`
	Twice          int            `json:"events_taken_twice"`
	Refused        int            `json:"events_of_a_stale_epoch_refused"`
	WorstOpen      float64        `json:"worst_time_to_open_seconds"`
	Faults         map[string]int `json:"faults"`
	Violations     int            `json:"violations"`
}

// Add takes a world in.
func (s *GateSummary) Add(r *GateResult) {
	if s.Faults == nil {
		s.Faults = map[string]int{}
	}
	s.Worlds++
	s.Virtual += r.Virtual
	s.VirtualSeconds = s.Virtual.Seconds()
	s.CalmSeconds += r.Calm.Seconds()
	s.Steps += r.Steps
	s.Calls += r.Calls
	s.Runs += r.Runs
	s.Flatlines += r.Flatlines
	s.Events += r.Events
	s.Twice += r.Twice
	s.Refused += r.Refused
	s.WorstOpen = max(s.WorstOpen, r.WorstOpen.Seconds())
	s.Violations += len(r.Violations)
	for kind, n := range r.Faults {
		if n > 0 {
			s.Faults[GateFaultKind(kind).String()] += n
		}
	}
}

// String is the summary for a person.
func (s *GateSummary) String() string {
	var b strings.Builder
	fmt.Fprintf(&b, "worlds           %d, %s of virtual time, %d steps, %d calls of the store\n",
		s.Worlds, s.Virtual.Round(time.Millisecond), s.Steps, s.Calls)
	total := 0
	for _, n := range s.Faults {
		total += n
	}
	fmt.Fprintf(&b, "faults           %d:", total)
	for _, name := range gateFaultNames {
		if n := s.Faults[name]; n > 0 {
			fmt.Fprintf(&b, " %s %d,", name, n)
		}
	}
	fmt.Fprintf(&b, "\nworkloads        %d started, %d flatlines, %.3fs from the death of a site to the start at the other at most\n", s.Runs, s.Flatlines, s.WorstOpen)
	fmt.Fprintf(&b, "events           %d taken, %d of them twice, %d of a stale epoch refused\n", s.Events, s.Twice, s.Refused)
	fmt.Fprintf(&b, "violations       %d\n", s.Violations)
	return b.String()
}

// GateRuns says which worlds of gates are to be run.
type GateRuns struct {
	From   uint64 // the first seed
	Worlds int
	Length time.Duration // virtual time of each world, at least
	Trace  io.Writer     // every change and fault of every world; nil for none
}

// RunGates runs worlds until all are done, one has a violation or ctx ends. It
// returns the summary and the world with a violation, if any.
func RunGates(ctx context.Context, r GateRuns) (GateSummary, *GateResult) {
	var sum GateSummary
	for i := range uint64(r.Worlds) {
		if ctx.Err() != nil {
			break
		}
		seed := r.From + i
		one := newGateWorld(seed, RandomGateSetup(seed, r.Length), r.Trace).run()
		sum.Add(one)
		if len(one.Violations) > 0 {
			return sum, one
		}
	}
	return sum, nil
}

// RandomGateSetup makes up two sites, their store and its faults from a seed. The
// faulty part of the world lasts for length at least.
func RandomGateSetup(seed uint64, length time.Duration) GateSetup {
	r := newRandom(seed*2 + 0x47415445)
	f := r.duration(4*time.Second, 15*time.Second)
	var s GateSetup
	s.Gate = gate.Config{
		Flatline: f, StopAfter: f * 6 / 10, Grace: f / time.Duration(r.between(6, 12)),
		Beat: f / time.Duration(r.between(5, 9)), Never: []gate.Policy{gate.NeverAuto, gate.NeverFlatlined}[r.intn(2)],
	}
	share := gate.Witness{Name: "share", Every: f / time.Duration(r.between(8, 14))}
	s.Gate.Witnesses = []gate.Witness{share}
	if r.chance(3) {
		s.Network = true
		s.Gate.Witnesses = append(s.Gate.Witnesses, gate.Witness{Name: "network"})
		s.Gate.Any = r.chance(3)
	} else if r.chance(4) {
		s.Format = gate.FormatTicks
	}
	if !r.chance(6) {
		s.Right = randomRight(r, f)
		s.Gate.Never = gate.NeverAuto
		if r.chance(10) { // without a right nothing would keep two sites apart that see nothing
			s.Gate.OpenAfter = 3 * f
		}
		s.Gate.Mute = s.Format == gate.FormatTicks
		if !r.chance(3) {
			s.Gate.StopAfter = 0 // the right alone has to keep the two apart
		}
		if s.Apart = !s.Gate.Mute && r.chance(6); s.Apart {
			s.Gate.Beat, s.Gate.StopAfter = 0, 0
		}
	}
	s.StopFor = s.Gate.Grace * time.Duration([]int{3, 15, 100, 100}[r.intn(4)]) / 10
	s.Latency, s.Jitter = r.duration(time.Millisecond, 60*time.Millisecond), r.duration(0, f/[]time.Duration{40, 20, 10}[r.intn(3)])
	s.Timeout = max(share.Every*time.Duration(r.between(1, 2)), 2*(s.Latency+s.Jitter)+20*time.Millisecond)
	s.Late = r.duration(0, 20*time.Millisecond)
	for i := range s.Drift {
		s.Drift[i] = int64(r.between(-200, 200))
		s.Begin[i] = r.duration(0, 3*f)
	}
	s.schedule(r, length)
	return s
}

// schedule makes up the faults, with calm times in between.
func (s *GateSetup) schedule(r *random, length time.Duration) {
	f := s.Gate.Flatline
	at := 8*f + 60*time.Second
	for n := r.between(2, 6); n > 0 || at < length; n-- {
		one := randomGateFault(r, at, f, s.Right != nil)
		s.Faults = append(s.Faults, one)
		if one.Kind == GateLag { // and then the holder is cut off, most often
			cut := GateFault{Kind: GateCut, At: at + r.duration(f/2, one.For), For: 5 * f, Site: one.Site}
			if one.Amount == 1 {
				cut.Site = 1 - one.Site
			}
			s.Faults = append(s.Faults, cut)
		}
		at += r.duration(0, 2*one.For+time.Second)
		if !r.chance(3) {
			continue
		}
		at += 16*f + 80*time.Second // calm
		at += 14 * f
		switch one := (GateFault{At: at, Site: r.intn(2)}); {
		case r.chance(2):
			one.Kind, one.For = GateCrash, 5*f
			s.Faults = append(s.Faults, one)
			at += 6 * f
		case s.Right != nil:
			one.Kind, one.For = GateSwitchover+GateFaultKind(r.intn(2)), time.Millisecond
			s.Faults = append(s.Faults, one)
			at += 4 * f
		}
	}
	for i := range s.Faults {
		s.Length = max(s.Length, s.Faults[i].At+s.Faults[i].For)
	}
	s.Length += 20*f + 100*time.Second
}

// randomRight is a right with its margins as narrow as they may be, or wider.
func randomRight(r *random, flatline time.Duration) *lease.Config {
	ttl := (flatline * time.Duration(r.between(7, 20)) / 10).Truncate(time.Millisecond)
	use := ttl - ttl/64 - time.Millisecond
	if r.chance(3) {
		use = ttl * time.Duration(r.between(75, 95)) / 100
	}
	return &lease.Config{TTL: ttl, Use: use, Renew: ttl / time.Duration(r.between(4, 8)), Look: ttl / time.Duration(r.between(6, 10))}
}

// timeSuffices are the faults that two sites without a right survive.
var timeSuffices = []GateFaultKind{
	GateCrash, GateKill, GatePause, GateCut, GateCutBoth, GatePartition, GateDeaf, GateHang, GateTorn, GateDelete, GateWall, GateStop,
}

// hardOnRights are the faults that show whether two sites count time alike.
var hardOnRights = []GateFaultKind{GatePause, GateCut, GatePartition, GateDeaf, GateLag, GateLag, GateLag, GateLag, GateSlow, GateHang, GateKill}

func randomGateFault(r *random, at, flatline time.Duration, right bool) GateFault {
	f := GateFault{Kind: GateFaultKind(r.intn(int(gateFaultKinds))), At: at, Site: r.intn(2)}
	switch {
	case right && r.chance(2):
		f.Kind = hardOnRights[r.intn(len(hardOnRights))]
	case !right:
		f.Kind = timeSuffices[r.intn(len(timeSuffices))]
	}
	f.For = r.duration(10*time.Millisecond, []time.Duration{flatline / 4, flatline, 3 * flatline, 8 * flatline}[r.intn(4)])
	switch f.Kind {
	case GateLag:
		f.For, f.Amount = r.duration(flatline, 2*flatline), r.intn(2)
	case GateDeaf:
		f.Amount = r.between(50, 1000)
	case GateWall:
		f.Amount = []int{-3600, 3600}[r.intn(2)]
	case GateStop:
		f.Amount = r.intn(2)
	case GateSwitchover, GateRequest, GateDelete, GateRemove:
		f.For = time.Millisecond
	}
	return f
}
