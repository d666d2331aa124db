package sim

import (
	"context"
	"fmt"
	"io"
	"strings"
	"time"

	"stead/internal/core/bfd"
)

// BFDResult is what came out of one world of BFD.
type BFDResult struct {
	Seed       uint64
	Hash       uint64 // of all that happened: the same for the same seed
	Virtual    time.Duration
	Steps      int
	Packets    int
	Lost       int
	Refused    int
	Ups, Downs int
	Detections int
	Faults     [bfdFaultKinds]int
	Violations []Violation
	Log        []string // the last lines, when something was violated
}

// BFDSummary is what came out of many worlds.
type BFDSummary struct {
	Worlds         int            `json:"worlds"`
	Virtual        time.Duration  `json:"-"`
	VirtualSeconds float64        `json:"virtual_seconds"`
	Steps          int            `json:"steps"`
	Packets        int            `json:"packets"`
	Lost           int            `json:"packets_lost"`
	Refused        int            `json:"packets_refused"`
	Ups            int            `json:"ups"`
	Downs          int            `json:"downs"`
	Detections     int            `json:"detections"`
	Faults         map[string]int `json:"faults"`
	Violations     int            `json:"violations"`
}

// Add takes a world in.
func (s *BFDSummary) Add(r *BFDResult) {
	if s.Faults == nil {
		s.Faults = map[string]int{}
	}
	s.Worlds++
	s.Virtual += r.Virtual
	s.VirtualSeconds = s.Virtual.Seconds()
	s.Steps += r.Steps
	s.Packets += r.Packets
	s.Lost += r.Lost
	s.Refused += r.Refused
	s.Ups += r.Ups
	s.Downs += r.Downs
	s.Detections += r.Detections
	s.Violations += len(r.Violations)
	for kind, n := range r.Faults {
		if n > 0 {
			s.Faults[BFDFaultKind(kind).String()] += n
		}
	}
}

// String is the summary for a person.
func (s *BFDSummary) String() string {
	var b strings.Builder
	fmt.Fprintf(&b, "worlds           %d, %s of virtual time, %d steps, %d packets (%d lost, %d refused)\n",
		s.Worlds, s.Virtual.Round(time.Millisecond), s.Steps, s.Packets, s.Lost, s.Refused)
	total := 0
	for _, n := range s.Faults {
		total += n
	}
	fmt.Fprintf(&b, "faults           %d:", total)
	for _, name := range bfdFaultNames {
		if n := s.Faults[name]; n > 0 {
			fmt.Fprintf(&b, " %s %d,", name, n)
		}
	}
	fmt.Fprintf(&b, "\nsessions         up %d times, down %d times, silence found %d times\n", s.Ups, s.Downs, s.Detections)
	fmt.Fprintf(&b, "violations       %d\n", s.Violations)
	return b.String()
}

// BFDRuns says which worlds of BFD are to be run.
type BFDRuns struct {
	From   uint64 // the first seed
	Worlds int
	Length time.Duration // virtual time of each world, at least
	Trace  io.Writer     // every change and fault of every world; nil for none
}

// RunBFD runs worlds until all are done, one has a violation or ctx ends. It
// returns the summary and the world with a violation, if any.
func RunBFD(ctx context.Context, r BFDRuns) (BFDSummary, *BFDResult) {
	var sum BFDSummary
	for i := range uint64(r.Worlds) {
		if ctx.Err() != nil {
			break
		}
		seed := r.From + i
		one := newBFDWorld(seed, RandomBFDSetup(seed, r.Length), r.Trace).run()
		sum.Add(one)
		if len(one.Violations) > 0 {
			return sum, one
		}
	}
	return sum, nil
}

var bfdIntervals = []time.Duration{
	5 * time.Millisecond, 5 * time.Millisecond, 10 * time.Millisecond, 10 * time.Millisecond, 20 * time.Millisecond,
	50 * time.Millisecond, 100 * time.Millisecond, 300 * time.Millisecond,
}

// RandomBFDSetup makes up two ends, their network and its faults from a seed. The
// faulty part of the world lasts for length at least.
func RandomBFDSetup(seed uint64, length time.Duration) BFDSetup {
	r := newRandom(seed*2 + 0x424644)
	var s BFDSetup
	shortest := time.Hour
	for i := range s.Ends {
		s.Ends[i] = randomBFD(r)
		shortest = min(shortest, s.Ends[i].DesiredMinTX)
		s.Drift[i] = int64(r.between(-200, 200))
	}
	s.Ends[1].Passive = r.chance(4)
	if auth := r.intn(3); auth > 0 {
		kind := []bfd.AuthType{bfd.AuthNone, bfd.AuthSHA1, bfd.AuthMeticulousSHA1}[auth]
		for i := range s.Ends {
			s.Ends[i].Auth = bfd.Auth{Type: kind, Keys: []bfd.Key{{ID: 1, Secret: []byte("key")}}}
		}
	}
	s.Late = r.duration(0, time.Millisecond/2)
	s.Network = NetworkProfile{
		Latency: r.duration(20*time.Microsecond, 20*time.Millisecond), Jitter: []time.Duration{0, 0, 100 * time.Microsecond, time.Millisecond / 2}[r.intn(4)],
		Duplicate: []int{0, 0, 10, 300}[r.intn(4)],
	}
	if r.chance(10) {
		s.Network.Loss = r.between(1, 50)
	}
	at := 5 * time.Second
	for n := r.between(2, 6); n > 0 || at < length; n-- {
		f := randomBFDFault(r, at)
		s.Faults = append(s.Faults, f)
		at += r.duration(0, 2*f.For)
		if r.chance(3) {
			at += 20 * time.Second // calm
		}
	}
	for i := range s.Faults {
		s.Length = max(s.Length, s.Faults[i].At+s.Faults[i].For)
	}
	s.Length += 30 * time.Second
	return s
}

func randomBFD(r *random) bfd.Config {
	return bfd.Config{
		DesiredMinTX:  bfdIntervals[r.intn(len(bfdIntervals))],
		RequiredMinRX: bfdIntervals[r.intn(len(bfdIntervals))],
		DetectMult:    uint8([]int{2, 3, 3, 4, 5}[r.intn(5)]), MinTTL: 255,
	}
}

func randomBFDFault(r *random, at time.Duration) BFDFault {
	f := BFDFault{Kind: BFDFaultKind(r.intn(int(bfdFaultKinds))), At: at, End: r.intn(2)}
	f.For = r.duration(time.Millisecond, []time.Duration{50 * time.Millisecond, 500 * time.Millisecond, 5 * time.Second}[r.intn(3)])
	switch f.Kind {
	case BFDLossy:
		f.Amount = r.between(10, 900)
	case BFDSlow:
		f.Extra = r.duration(time.Millisecond, 200*time.Millisecond)
	case BFDChange:
		f.Config = randomBFD(r)
	}
	return f
}
