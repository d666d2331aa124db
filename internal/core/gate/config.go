package gate

import (
	"time"

	"stead/internal/core/clock"
	"stead/internal/core/lease"
	"stead/internal/core/reason"
)

// Instant is the time of the core.
type Instant = clock.Instant

// Verdict is what is known of the other site.
type Verdict uint8

// The verdicts.
const (
	CannotTell Verdict = iota
	Alive
	Flatlined
)

// String returns the word that logs and metrics use.
func (v Verdict) String() string {
	return [...]string{"cannot-tell", "alive", "flatlined"}[min(v, Flatlined)]
}

// Config is what a Machine has to know.
type Config struct {
	Site      string
	Other     string
	Preferred bool // this site starts where nothing was ever heard of the other; the other way round it waits

	Witnesses []Witness     // what tells whether the other site lives
	Any       bool          // one flatlined witness is enough; else all have to be
	Flatline  time.Duration // T2: for how long nothing may have changed
	Never     Policy        // a witness that has never seen a heartbeat
	OpenAfter time.Duration // a gate that cannot tell opens after that long: 0 never

	// Right is the register of the right to run; nil: none is claimed, and two sites
	// are kept apart by time alone, as the program that this replaces did it.
	Right *lease.Config
	Grace time.Duration // between being told to stop and being killed: within Right.Use

	// Beat is how often this site writes its own heartbeat: 0 never. A workload
	// whose site could not write for StopAfter (T1) is stopped; 0: it is not.
	Beat      time.Duration
	StopAfter time.Duration
	// StallPause is for how long a right that was handed over is not handed over for
	// a stall: see Machine.Progress.
	StallPause time.Duration
	// Mute: this site's heartbeats cannot say whether it has the right (ticks). They are
	// written while the workload may run, and not before: a site that waits would
	// look like one that runs.
	Mute bool
	// Resume is the epoch of a right that this site has claimed before, in an init
	// container, and guards from now on. The workload may run already, until
	// ResumeEnd at the latest unless the right is renewed; 0: Right.Use from the start.
	Resume    uint64
	ResumeEnd Instant
}

// Policy is what becomes of a witness that has never seen a heartbeat.
type Policy uint8

// The policies.
const (
	NeverAuto      Policy = iota // Flatlined where this site is preferred, else CannotTell
	NeverWait                    // CannotTell
	NeverFlatlined               // Flatlined after Flatline
)

// Witness is one way to know of the other site.
type Witness struct {
	Name  string
	Every time.Duration // how often it is looked at; 0: it tells by itself
}

// Sight is how a look at a witness has ended.
type Sight uint8

// The sights.
const (
	Unseen  Sight = iota // it could not be read
	Nothing              // it was read, and there is no heartbeat
	Garbled              // what is there is no heartbeat: torn, empty, of another kind
	Beaten               // a heartbeat
)

// Sample is one look at a witness. For a witness that tells by itself, each
// heartbeat that arrives is one; Unseen says that it cannot tell any more, and
// Nothing that it can again.
type Sample struct {
	Witness int
	Sight   Sight
	Mark    string // Beaten: differs between any two heartbeats of one site, for example session and sequence
	Order   uint64 // Beaten: does not shrink within Series; a smaller one is an old heartbeat
	Series  uint64 // Beaten: of the writer's run
	Place   uint64 // what was read: another file system than before is none that can be trusted
	Epoch   uint64 // Beaten: of the right that the other site has; 0 none
	Mute    bool   // Beaten: the heartbeat tells of no right, though there may be one: its workload may run
	// At is what the writer's wall clock showed: information only. Zero: not told.
	At     time.Time
	Detail string // Unseen and Garbled: what is wrong
}

// Kind is the kind of a Change.
type Kind uint8

// The kinds of Change.
const (
	Judged  Kind = iota + 1 // the verdict on the other site, or its reason, is another one
	Opened                  // the workload may run, with Epoch
	MustEnd                 // the workload is to be stopped; it is killed at By
	Closed                  // the workload has been stopped, and the right is gone or given up
	Noted                   // something that people should know; Detail says it
)

// Change tells what has happened.
type Change struct {
	Kind    Kind
	Verdict Verdict
	Epoch   uint64
	Reason  reason.Reason
	Detail  string
	By      Instant // MustEnd
}

// Out is what a call asked for. It is valid until the next call of the Machine.
type Out struct {
	Looks   []int      // witnesses to look at now: each answers by a Sample
	Ops     []lease.Op // on the register of the right
	Beat    bool       // write the heartbeat now
	Epoch   uint64     // of the right that this site has; for the heartbeat
	Changes []Change
	// End and Kill are when the workload is told to stop and when it is killed
	// unless they are moved before: the keeper of the workload has them, so that a
	// gate that hangs cannot keep it running. clock.Never where nothing limits it.
	End, Kill Instant
	Moved     bool
}
