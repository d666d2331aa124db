package keeper

import (
	"encoding/json"
	"time"

	"stead/internal/core/clock"
)

// The descriptors that the gate gives to its keeper.
const (
	ordersFD = 3 + iota // one JSON value a line: a job, then orders
	reportsFD
)

// job is the first thing that the keeper is told.
type job struct {
	Workload  []string      `json:"workload,omitempty"`
	Processes []string      `json:"processes,omitempty"`
	User      string        `json:"user,omitempty"`
	Env       []string      `json:"env"`
	Group     string        `json:"group,omitempty"` // directory of the workload's control group
	Gate      int           `json:"gate"`            // never to be killed by name
	Grace     time.Duration `json:"grace"`
	order
}

// order moves the deadlines, or passes a signal on.
type order struct {
	End    clock.Instant `json:"end,omitempty"`
	Kill   clock.Instant `json:"kill,omitempty"`
	Signal int           `json:"signal,omitempty"`
}

// report is what the keeper tells.
type report struct {
	What  string `json:"what"`
	PID   int    `json:"pid,omitempty"`
	Code  int    `json:"code,omitempty"` // 128 and the signal's number where one has ended it
	Told  bool   `json:"told,omitempty"`
	Count int    `json:"count,omitempty"`
	Text  string `json:"text,omitempty"`
}

// What a report says.
const (
	said        = "said"    // Text is for people
	started     = "started" // PID is the command's
	present     = "present" // Count processes are there, of those that others start
	told        = "told"    // SIGTERM was sent
	killed      = "killed"  // SIGKILL was sent
	ended       = "ended"   // nothing of the workload is left
	failedStart = "failed"  // Text says why
)

// line encodes v for one of the pipes.
func line(v any) []byte {
	b, err := json.Marshal(v)
	if err != nil {
		panic(err) // the types above have nothing that cannot be encoded
	}
	return append(b, '\n')
}
