// Package report has the words in which Stead tells people and machines what it
// does: a Status is how things are, an Event is what changed and why.
//
// The packages below tell it: eventlog keeps the history, status and explain
// draw for people, metrics and web serve HTTP, api serves the control socket.
// All of them read copies. None of them can make the engine wait: it hands over
// what it has and goes on, and who reads too slowly loses the oldest.
package report

import (
	"context"
	"time"

	"stead/internal/core/reason"
)

// Daemon is what the report needs of the running engine.
// Its methods may be called from any goroutine and return when ctx ends.
type Daemon interface {
	// Status asks the engine for a fresh status. An answer proves that its loop makes progress.
	Status(ctx context.Context) (Status, error)
	// Do hands a command to the engine and waits for its reply. An error says that
	// there was no reply; a refusal is a Result that is not OK.
	Do(ctx context.Context, c Command) (Result, error)
	// Reload applies the configuration file and says in words what changed.
	Reload(ctx context.Context) (string, error)
}

// MaxSnapshotAge is how old a snapshot may be to be believed. An engine publishes
// one at every change and at least four times in this time.
const MaxSnapshotAge = 2 * time.Second

// Snapshotter has a recent status at hand. Snapshot neither waits nor copies:
// what it returns is never written again. It is nil before the first one.
// Its At is a wall time that time.Now gave, so that its age is exact.
type Snapshotter interface {
	Snapshot() *Status
}

// Verb is what a Command asks for.
type Verb string

// The verbs of a Command.
const (
	Switchover Verb = "switchover"
	Drain      Verb = "drain"
	Resume     Verb = "resume"
)

// Command is what an operator asks the daemon for.
type Command struct {
	Verb  Verb   `json:"verb"`
	Group string `json:"group,omitempty"` // empty: every group of the node; Switchover needs one
	To    string `json:"to,omitempty"`    // of a Switchover; empty leaves the choice to the active node
	Site  string `json:"site,omitempty"`  // of a Switchover without a Group: the site that is to run the workload
}

// Result is the engine's reply to a Command.
type Result struct {
	OK     bool          `json:"ok"`
	Reason reason.Reason `json:"reason,omitempty"` // of a refusal
	Group  string        `json:"group,omitempty"`
	To     string        `json:"to,omitempty"` // the node that takes over, where there is one
	Epoch  uint64        `json:"epoch,omitempty"`
}
