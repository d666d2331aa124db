package sim

import (
	"fmt"
	"time"
)

// The checkers, by the names that violations carry.
const (
	checkOneHolder  = "one-holder"
	checkSomeHolder = "some-holder"
	checkSick       = "no-sick-holder"
	checkLate       = "no-late-holder"
	checkEpochs     = "epochs-grow"
	checkCalm       = "calm-is-quiet"
	checkWorld      = "world-follows-want"
	checkClients    = "clients-follow"
	checkNotes      = "notes-are-true"
	checkPlanned    = "planned-loses-nothing"
	checkPreempt    = "preemption"
	checkIntruder   = "intruder-changes-nothing"
	checkOrder      = "best-takes-over"
	checkContract   = "contract"
	checkKeeps      = "holder-keeps"

	checkInPlace  = "announced-in-place"
	checkBest     = "best-path-serves"
	checkHeard    = "no-unheard-holder"
	checkDamping  = "damping"
	checkSessions = "sessions-come-back"
)

// Result is what came out of one world.
type Result struct {
	Seed        uint64
	Hash        uint64 // of the trace: the same for the same seed and setup
	Virtual     time.Duration
	Steps       int
	Packets     int
	Lost        int
	Injected    int // packets of the adversary
	Commands    int
	Activations int
	Stalls      int
	Duals       int
	Sessions    int // of BGP that were established
	Losses      int // and that have ended
	Faults      [len(faultNames)]int

	HeartbeatBytes int           // of a heartbeat in a calm time; 0 when there was none
	WorstQuorum    time.Duration // the longest time without a holder, with quorum
	WorstNoQuorum  time.Duration // and without
	WorstDual      time.Duration // as reported by the nodes themselves

	Violations []Violation
	Log        []string // the last lines of the trace, when something was violated
}

// Violation is a promise that was not kept.
type Violation struct {
	Check  string
	At     time.Duration
	Node   string
	Group  string
	What   string
	Number int64 // that belongs to What: nanoseconds where it is a time
}

// String is the violation in one line.
func (v Violation) String() string {
	return fmt.Sprintf("%s at %v: node %s, group %s: %s %d", v.Check, v.At, v.Node, v.Group, v.What, v.Number)
}

// mostViolations is how many of them are kept of one world.
const mostViolations = 8

func (w *World) violate(check string, node, group int, what string, number int64) {
	if len(w.result.Violations) >= mostViolations {
		return
	}
	w.result.Violations = append(w.result.Violations, Violation{
		Check: check, At: time.Duration(w.now), Node: w.nodeName(node), Group: w.groupName(group), What: what, Number: number,
	})
}

// gap takes in a time without a holder.
func (r *Result) gap(quorum bool, gap time.Duration) {
	if quorum {
		r.WorstQuorum = max(r.WorstQuorum, gap)
	} else {
		r.WorstNoQuorum = max(r.WorstNoQuorum, gap)
	}
}
