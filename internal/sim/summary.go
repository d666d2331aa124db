package sim

import (
	"fmt"
	"strings"
	"time"
)

// Summary is what came out of many worlds.
type Summary struct {
	Worlds         int            `json:"worlds"`
	Virtual        time.Duration  `json:"-"`
	VirtualSeconds float64        `json:"virtual_seconds"`
	Steps          int            `json:"steps"`
	Packets        int            `json:"packets"`
	Lost           int            `json:"packets_lost"`
	Injected       int            `json:"packets_injected"`
	Faults         map[string]int `json:"faults"`
	Commands       int            `json:"commands"`
	Activations    int            `json:"activations"`
	Stalls         int            `json:"stalls"`
	Duals          int            `json:"dual_active_seen"`
	Sessions       int            `json:"bgp_sessions_established,omitempty"`
	Losses         int            `json:"bgp_sessions_ended,omitempty"`

	WorstQuorumMS   float64 `json:"worst_outage_quorum_ms"`
	WorstNoQuorumMS float64 `json:"worst_outage_no_quorum_ms"`
	WorstDualMS     float64 `json:"worst_dual_active_ms"`
	HeartbeatBytes  int     `json:"heartbeat_bytes"`
	Violations      int     `json:"violations"`
}

// Add takes a world in. Heartbeats have one size in all worlds, whatever the
// number of groups: a world in which they have another is one more violation,
// which Add appends to r.
func (s *Summary) Add(r *Result) {
	if s.Faults == nil {
		s.Faults = map[string]int{}
	}
	if r.HeartbeatBytes != 0 && s.HeartbeatBytes != 0 && r.HeartbeatBytes != s.HeartbeatBytes {
		r.Violations = append(r.Violations, Violation{
			Check: checkCalm, At: r.Virtual, Node: "-", Group: "-",
			What: "heartbeats have another size than in other worlds: bytes", Number: int64(r.HeartbeatBytes),
		})
	}
	s.HeartbeatBytes = max(s.HeartbeatBytes, r.HeartbeatBytes)
	s.Worlds++
	s.Virtual += r.Virtual
	s.VirtualSeconds = s.Virtual.Seconds()
	s.Steps += r.Steps
	s.Packets += r.Packets
	s.Lost += r.Lost
	s.Injected += r.Injected
	s.Commands += r.Commands
	s.Activations += r.Activations
	s.Stalls += r.Stalls
	s.Duals += r.Duals
	s.Sessions += r.Sessions
	s.Losses += r.Losses
	for kind, n := range r.Faults {
		if n > 0 {
			s.Faults[FaultKind(kind).String()] += n
		}
	}
	s.WorstQuorumMS = max(s.WorstQuorumMS, milliseconds(r.WorstQuorum))
	s.WorstNoQuorumMS = max(s.WorstNoQuorumMS, milliseconds(r.WorstNoQuorum))
	s.WorstDualMS = max(s.WorstDualMS, milliseconds(r.WorstDual))
	s.Violations += len(r.Violations)
}

func milliseconds(d time.Duration) float64 { return float64(d) / float64(time.Millisecond) }

// String is the summary for a person.
func (s *Summary) String() string {
	var b strings.Builder
	total := 0
	for kind := Cut; kind <= StoreWiped; kind++ {
		total += s.Faults[kind.String()]
	}
	fmt.Fprintf(&b, "worlds           %d, %s of virtual time, %d steps, %d packets (%d lost, %d by an intruder)\n",
		s.Worlds, s.Virtual.Round(time.Millisecond), s.Steps, s.Packets, s.Lost, s.Injected)
	fmt.Fprintf(&b, "faults           %d:", total)
	for kind := Cut; kind <= StoreWiped; kind++ {
		if n := s.Faults[kind.String()]; n > 0 {
			fmt.Fprintf(&b, " %s %d,", kind, n)
		}
	}
	fmt.Fprintf(&b, "\nactivations      %d, stalls %d, two actives met %d times\n", s.Activations, s.Stalls, s.Duals)
	if s.Sessions > 0 {
		fmt.Fprintf(&b, "BGP sessions     %d established, %d ended\n", s.Sessions, s.Losses)
	}
	fmt.Fprintf(&b, "worst outage     %.1f ms with quorum, %.1f ms without (cut-off and broken majorities included)\n",
		s.WorstQuorumMS, s.WorstNoQuorumMS)
	fmt.Fprintf(&b, "worst dual       %.1f ms, without quorum, as the nodes report it\n", s.WorstDualMS)
	fmt.Fprintf(&b, "heartbeat        %d bytes\n", s.HeartbeatBytes)
	fmt.Fprintf(&b, "violations       %d\n", s.Violations)
	return b.String()
}
