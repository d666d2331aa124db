package lease

import (
	"time"

	"stead/internal/core/clock"
	"stead/internal/core/reason"
)

// Instant is the time of the core.
type Instant = clock.Instant

// Config is what a Machine has to know.
type Config struct {
	Self    string        // who claims: ValidName
	Session uint64        // random, not 0, of this run; one that takes a right over from an earlier run on purpose has that one's
	TTL     time.Duration // for how long the others wait for this holder after the last change that they saw
	Use     time.Duration // for how long the holder relies on a renewal: less than TTL - TTL/64
	Renew   time.Duration // how often the holder renews
	Look    time.Duration // how often the others look
	Rank    int           // how many others are to claim first where they can: each delays this one by 2 Look
	Before  []string      // the names of those: one whose right it was does not count, for it has left
	Floor   uint64        // epochs up to here may have been used
	// Inherit: a right that this holder's name has is this run's own at once, without
	// the wait for the end of the earlier run. Only where that one is known to have ended.
	Inherit bool
	// Resume is the epoch of a right that Session has claimed before: it goes on with
	// that one where the register still says so; 0: none.
	Resume uint64
	// Ready makes a register that is not there, and one that waits in Made Free,
	// before anybody claims: the first claim then need not wait.
	Ready bool
}

// Record is what the register holds.
type Record struct {
	Epoch   uint64        // grows with each claim: the fencing token
	Turn    uint64        // grows with each write
	Holder  string        // who has the right, or had it last
	Session uint64        // of the holder's run
	TTL     time.Duration // whole milliseconds
	State   State
	// Priority of the holder, 0 to 255: others with a higher one may ask for the right.
	Priority int
	To       string // Free: for whom it was given up, others leave it to that one for one TTL; Held: to whom it is asked to be handed over
}

// State of a right.
type State uint8

// The states of a right.
const (
	Held   State = iota + 1
	Parked       // its holder has stopped what it did, and comes back: another run of the same holder may have it at once
	Free         // given up: anybody may have it at once
	Made         // the register was not there and has been made: everybody waits, for who had the right before may not know that it is gone
)

// Op is an operation on the register. One is under way at a time. Bytes are valid
// until the next call of the Machine.
type Op struct {
	ID      uint64
	Swap    bool   // else a read
	Version string // Swap: what is to be replaced; empty: nothing is there
	Bytes   []byte // Swap: the new value
}

// Outcome of an operation.
type Outcome uint8

// The outcomes.
const (
	Failed   Outcome = iota // nothing is known: a write may have taken effect, or may do so later
	Got                     // read: Version and Bytes are set
	Absent                  // read: there is no register
	Written                 // swap: Version is set
	Conflict                // swap: refused, the register has another version
)

// Result is the end of an operation. Bytes belong to the caller again when the
// call returns.
type Result struct {
	ID      uint64
	Outcome Outcome
	Version string
	Bytes   []byte
	Detail  string // Failed: what went wrong
}

// Kind is the kind of a Change.
type Kind uint8

// The kinds of Change.
const (
	Acquired    Kind = iota + 1 // this node has the right, with Epoch
	Lost                        // it has it no more
	Released                    // it has given it up, and the store knows
	SawHolder                   // Holder has the right, another one than before; empty: nobody has
	Asked                       // somebody asks this holder to hand the right over to Holder
	Unreachable                 // the store cannot be read or written; Detail says why
	Reachable                   // and can again, or holds a record again
	Unreadable                  // the register holds something that is no record; Detail says what
	Stretched                   // the right goes on without the store, because it is vouched for
)

// Change tells what has happened.
type Change struct {
	Kind   Kind
	Epoch  uint64
	Holder string
	Reason reason.Reason
	Detail string
}

// Out is what a call asked for. It is valid until the next call of the Machine.
type Out struct {
	Ops     []Op
	Changes []Change
	// Until is when the right ends unless it is renewed; 0 without it. Moved tells
	// that it is another moment than before.
	Until Instant
	Moved bool
}
