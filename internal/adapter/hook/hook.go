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
//
// A change may have two hooks: the one that is for it, and after that the one
// that is for every change.
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
	At         time.Time
	Group      string
	Sync       string // the name of the groups that change together with it; empty: none
	Node       string // this one
	Epoch      uint64 // of the activation: the fencing token
	Priority   int    // effective, of this node in the group
	Reason     reason.Reason
	Detail     string // what was seen, in words that may change
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
	case why == reason.Stopping:
		return config.HookStop
	case IsFault(why):
		return config.HookFault
	default:
		return config.HookStandby
	}
}

// IsFault tells whether a reason says that something is broken on this node.
func IsFault(why reason.Reason) bool {
	switch why {
	case reason.CheckFailed, reason.LinkDown, reason.AddressFailed, reason.PriorityZero, reason.NoSource, reason.Panicked:
		return true
	}
	return false
}

// Role is what the node is in the group after the event.
func (e *Event) Role() string {
	if e.Kind == config.HookActivate {
		return "active"
	}
	return "standby"
}

// environment is what the program finds in its environment.
func (e *Event) environment() []string {
	return []string{
		"STEAD_EVENT=" + string(e.Kind),
		"STEAD_GROUP=" + e.Group,
		"STEAD_SYNC=" + e.Sync,
		"STEAD_NODE=" + e.Node,
		"STEAD_ROLE=" + e.Role(),
		"STEAD_EPOCH=" + strconv.FormatUint(e.Epoch, 10),
		"STEAD_PRIORITY=" + strconv.Itoa(e.Priority),
		"STEAD_REASON=" + string(e.Reason),
		"STEAD_DETAIL=" + strings.ReplaceAll(e.Detail, "\x00", " "),
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

// Document is an event as JSON: what programs read from their standard input,
// and webhooks send. Keys are only ever added.
type Document struct {
	Event      config.HookKind `json:"event"`
	At         time.Time       `json:"at"`
	Group      string          `json:"group"`
	Sync       string          `json:"sync,omitempty"`
	Node       string          `json:"node"`
	Role       string          `json:"role"`
	Epoch      uint64          `json:"epoch"`
	Priority   int             `json:"priority"`
	Reason     reason.Reason   `json:"reason"`
	Detail     string          `json:"detail,omitempty"`
	Addresses  []string        `json:"addresses"`
	ActiveNode string          `json:"active_node"`
}

// Document returns the event as it is told outside.
func (e *Event) Document() Document {
	return Document{
		Event: e.Kind, At: e.At, Group: e.Group, Sync: e.Sync, Node: e.Node, Role: e.Role(), Epoch: e.Epoch,
		Priority: e.Priority, Reason: e.Reason, Detail: e.Detail, Addresses: e.addresses(), ActiveNode: e.ActiveNode,
	}
}

func (e *Event) input() []byte {
	text, err := json.Marshal(e.Document())
	if err != nil {
		return nil // strings, numbers and a time: json.Marshal has no error for these
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
	Hook    config.HookKind // which one ran: that of the event, standby in its place, or change
	Outcome Outcome
	Detail  string // of all but OK: what went wrong, with the last line of output
	Took    time.Duration
	Output  []byte // standard output and error together, the last 4096 bytes
	Last    string // the last line of Output
	Dropped int    // changes before this one for which no hook was started
}
