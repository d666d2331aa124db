// Package hook runs the programs that a group's user has named for a change of
// its state.
//
// Each group has one Queue. Its hooks run one after the other in the order of
// the changes, never two at once, each until its deadline, after which its whole
// process group is killed. Nothing waits for a hook: Push returns at once.
//
// What is pending and has not been started may be overtaken: on fast flaps the
// latest state wins, the states in between are dropped and counted. Only a
// standby or fault that is pending is not overtaken by the stop that ends it
// all, because it is what lets go.
package hook

import (
	"encoding/json"
	"net/netip"
	"strconv"
	"strings"
	"time"

	"stead/internal/config"
	"stead/internal/core/reason"
)

// Event is a change that hooks are told of.
type Event struct {
	Kind       config.HookKind
	Group      string
	Node       string // this one
	Epoch      uint64 // of the activation: the fencing token
	Reason     reason.Reason
	Addresses  []netip.Prefix
	ActiveNode string // empty where it is not known
}

// KindOf names the moment that a change of a group's Want is for its hooks.
func KindOf(held, active bool, why reason.Reason) config.HookKind {
	switch {
	case active:
		return config.HookActivate
	case held:
		return config.HookPrepare
	}
	switch why {
	case reason.Stopping:
		return config.HookStop
	case reason.CheckFailed, reason.LinkDown, reason.AddressFailed, reason.PriorityZero, reason.Panicked:
		return config.HookFault
	default:
		return config.HookStandby
	}
}

// environment is what the program finds in its environment.
func (e *Event) environment() []string {
	return []string{
		"STEAD_EVENT=" + string(e.Kind),
		"STEAD_GROUP=" + e.Group,
		"STEAD_NODE=" + e.Node,
		"STEAD_EPOCH=" + strconv.FormatUint(e.Epoch, 10),
		"STEAD_REASON=" + string(e.Reason),
		"STEAD_ADDRESSES=" + strings.Join(e.addresses(), " "),
		"STEAD_ACTIVE_NODE=" + e.ActiveNode,
	}
}

func (e *Event) addresses() []string {
	all := make([]string, len(e.Addresses))
	for i, a := range e.Addresses {
		all[i] = a.String()
	}
	return all
}

// document is the same as JSON: what the program reads from its standard input.
type document struct {
	Event      config.HookKind `json:"event"`
	Group      string          `json:"group"`
	Node       string          `json:"node"`
	Epoch      uint64          `json:"epoch"`
	Reason     reason.Reason   `json:"reason"`
	Addresses  []string        `json:"addresses"`
	ActiveNode string          `json:"active_node"`
}

func (e *Event) document() []byte {
	text, err := json.Marshal(document{
		e.Kind, e.Group, e.Node, e.Epoch, e.Reason, e.addresses(), e.ActiveNode,
	})
	if err != nil {
		return nil // strings and numbers: json.Marshal has no error for these
	}
	return append(text, '\n')
}

// Outcome of a hook.
type Outcome uint8

// The outcomes.
const (
	OK          Outcome = iota
	Failed              // it exited with another code than 0, or by a signal
	TimedOut            // it was killed at its deadline
	CouldNotRun         // it was never started
	Cut                 // it was killed because the daemon could not wait any longer
)

// String returns the word that the event log uses.
func (o Outcome) String() string {
	return [...]string{"ok", "failed", "timed out", "could not run", "cut short"}[min(o, Cut)]
}

// Result is how a hook ended.
type Result struct {
	Event   Event
	Outcome Outcome
	Detail  string // of all but OK: what went wrong, with the last line of output
	Took    time.Duration
	Output  []byte // standard output and error together, the last 4096 bytes
	Last    string // the last line of Output
	Dropped int    // changes before this one for which no hook was started
}
