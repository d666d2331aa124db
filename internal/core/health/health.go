// Package health turns the results of a group's checks on this node into
// what the election needs to know: whether the node is ready, and with which
// priority.
//
// A check is unknown until its first conclusive result, which decides at once:
// a node that starts beside a dead service must not serve for a while first.
// From then on Rise passes in a row bring it up and Fall failures in a row take
// it down. A run that could not be made proves nothing: it moves no check and
// resets no count, and it is counted, so that people see that nobody is looking.
//
// The weights are keepalived's: a negative one is added to the priority while its
// check is down, a positive one while it is up, and neither while it is unknown. A
// check without a weight that fails is a fault (Fatal). A check with Number is
// keepalived's track_file: see number.go.
//
// A Set has no clock and no lock. It belongs to the core's only caller.
package health

import "stead/internal/core/reason"

// Outcome of one run of a check. The values are those of core.Outcome.
type Outcome uint8

// The outcomes.
const (
	CouldNotRun Outcome = iota
	Passed
	Failed
)

// State of a check.
type State uint8

// The states. A check becomes Unknown again by Forget only.
const (
	Unknown State = iota
	Up
	Down
)

// String returns the word that status and the event log use.
func (s State) String() string {
	switch s {
	case Up:
		return "up"
	case Down:
		return "down"
	default:
		return "unknown"
	}
}

// Check is one check of a group. Rise and Fall below 1 count as 1.
type Check struct {
	Name   string
	Rise   int
	Fall   int
	Weight int  // added to the priority: while down when negative, while up when positive
	Fatal  bool // the node is not ready while the check is down or unknown
	Number bool // the weight counts as often as the number that the check reads: Read
}

// Change is what a result did to a check.
type Change struct {
	Check    int
	From, To State
}

// Set is the checks of one group on one node, in the order of New.
type Set struct {
	entries []entry
	least   int // what weights leave of a priority
}

type entry struct {
	Check
	state   State
	streak  int // results in a row that speak against state
	unrun   uint64
	unrunIn uint64 // runs in a row that could not be made
	value   int    // the number as last read
}

// New returns the set of these checks, all unknown.
func New(checks []Check) *Set {
	s := &Set{entries: make([]entry, len(checks))}
	for i, c := range checks {
		c.Rise, c.Fall = max(c.Rise, 1), max(c.Fall, 1)
		s.entries[i].Check = c
	}
	return s
}

// Inherit takes over what old knows of the checks that have the same name here,
// so that a changed configuration does not make the node forget that it is well.
// A count towards a limit that has changed starts again.
func (s *Set) Inherit(old *Set) {
	if old == nil {
		return
	}
	for i := range s.entries {
		e := &s.entries[i]
		for j := range old.entries {
			o := &old.entries[j]
			if o.Name != e.Name {
				continue
			}
			e.state, e.unrun, e.unrunIn = o.state, o.unrun, o.unrunIn
			if e.Number && o.Number {
				e.value = o.value
			}
			if o.Rise == e.Rise && o.Fall == e.Fall {
				e.streak = o.streak
			}
			break
		}
	}
}

// Forget makes a check Unknown that looks at something else from now on.
func (s *Set) Forget(check int) { s.entries[check].state, s.entries[check].streak = Unknown, 0 }

// Len returns the number of checks.
func (s *Set) Len() int { return len(s.entries) }

// Result takes in the outcome of one run. It returns true when the check
// changed its state. A check that the set does not have, and an outcome that is
// none of the three, change nothing.
func (s *Set) Result(check int, outcome Outcome) (change Change, changed bool) {
	if check < 0 || check >= len(s.entries) {
		return Change{}, false
	}
	e := &s.entries[check]
	switch outcome {
	case CouldNotRun:
		e.unrun++
		e.unrunIn++
		return Change{}, false
	case Passed:
		return e.conclude(check, Up, e.Rise)
	case Failed:
		return e.conclude(check, Down, e.Fall)
	default:
		return Change{}, false
	}
}

// conclude counts a result that speaks for the state to, of which it takes need
// in a row to get there.
func (e *entry) conclude(check int, to State, need int) (Change, bool) {
	e.unrunIn = 0
	if e.state == to {
		e.streak = 0
		return Change{}, false
	}
	e.streak++
	if e.state != Unknown && e.streak < need {
		return Change{}, false
	}
	c := Change{Check: check, From: e.state, To: to}
	e.state, e.streak = to, 0
	return c, true
}

// Status is what people are shown of a check.
type Status struct {
	Name       string
	State      State
	Fatal      bool
	Weight     int
	Number     bool
	Value      int    // of a check with Number: as last read
	Streak     int    // results in a row that speak against State
	Unrun      uint64 // runs that could not be made, ever
	UnrunInRow uint64 // and since the last conclusive result
}

// Status returns what is known of a check. The index must be in 0 to Len()-1.
func (s *Set) Status(check int) Status {
	e := &s.entries[check]
	return Status{
		Name: e.Name, State: e.state, Fatal: e.Fatal, Weight: e.Weight, Number: e.Number, Value: e.value,
		Streak: e.streak, Unrun: e.unrun, UnrunInRow: e.unrunIn,
	}
}

// Ready reports whether all fatal checks are up and no number is a fault. A number
// without a weight need not have been read. Where
// that is not so, it returns the reason and the name of the first check that is
// down or a fault, or else of the first that is unknown: what is known to be
// wrong is said before what is not known.
func (s *Set) Ready() (ready bool, why reason.Reason, detail string) {
	unknown := -1
	for i := range s.entries {
		e := &s.entries[i]
		if e.fault() {
			return false, reason.CheckFailed, e.Name
		}
		if !e.Fatal || e.state == Up || e.state == Unknown && e.Number && e.Weight == 0 {
			continue // of the last, the number decides: it is 0 before it is read
		}
		if e.state == Down {
			return false, reason.CheckFailed, e.Name
		}
		if unknown < 0 {
			unknown = i
		}
	}
	if unknown >= 0 {
		return false, reason.CheckUnknown, s.entries[unknown].Name
	}
	return true, reason.None, ""
}
