// Package register carries the operations of leases to the registers of their
// groups, and the outcomes back. It decides nothing and tries nothing twice.
//
// Each group has a goroutine of its own: a store that hangs holds up nobody else's
// lease, and never the caller.
package register

import (
	"context"
	"errors"
	"sync"
	"time"

	"stead/internal/adapter/store"
	"stead/internal/core"
	"stead/internal/core/lease"
)

// Lease is the register of a group.
type Lease struct {
	Group    string
	Store    string // its name: the same one keeps what is under way over a Replace
	Register store.Register
	Timeout  time.Duration // of one operation
}

// Options are what Open needs. Both functions are called on goroutines of the Set.
type Options struct {
	Leases  []Lease // by core.GroupID; without a Register for groups that have no lease
	Vote    *Lease  // that of core.WitnessGroup; nil: no store votes. Its Group is empty
	Done    func(group string, r lease.Result)
	Changed func(group string)
	Now     func() core.Instant
}

// Counts are how the operations on a group's register have ended.
type Counts struct {
	Group               string
	Store               string
	Reads, Writes       uint64
	Conflicts, Failures uint64
	ReadFailures        uint64        // among the Failures
	Last                time.Duration // of the last operation that has not failed
	Longest             time.Duration // of all of them
}

// Set carries the operations of all groups of a daemon.
type Set struct {
	options  Options
	carriers []*carrier // by core.GroupID: the caller's thread
	vote     *carrier
	life     context.Context
	end      context.CancelFunc
	running  sync.WaitGroup

	mu   sync.Mutex // guards what Status reads
	list []*carrier
}

// Open makes a Set. Nothing is done before the first Do.
func Open(o Options) *Set {
	s := &Set{options: o}
	s.life, s.end = context.WithCancel(context.Background())
	if o.Vote != nil {
		s.vote = s.newCarrier(*o.Vote)
	}
	s.Replace(o.Leases)
	return s
}

// Do begins an operation. It does not wait: its end is told by Done.
func (s *Set) Do(o *core.StoreOp) {
	c := s.vote
	if o.Group != core.WitnessGroup {
		c = s.carriers[o.Group]
	}
	op := o.Op
	op.Bytes = append([]byte(nil), o.Op.Bytes...)
	if !c.begin(op) { // the core has one under way at a time: those before have been retired with their core
		go s.options.Done(c.Group, lease.Result{ID: op.ID, Outcome: lease.Failed, Detail: "operations wait for the store"})
	}
}

// Replace takes other leases over. What is under way for a group that stays goes on.
// It is called on the thread that calls Do.
func (s *Set) Replace(leases []Lease) {
	before := map[string]*carrier{}
	for _, c := range s.carriers {
		if c != nil {
			before[c.Group] = c
		}
	}
	next := make([]*carrier, len(leases))
	var list []*carrier
	for i, l := range leases {
		if l.Register == nil {
			continue
		}
		if c := before[l.Group]; c != nil && c.Store == l.Store {
			delete(before, l.Group)
			c.timeout.Store(int64(l.Timeout))
			next[i] = c
		} else {
			next[i] = s.newCarrier(l)
		}
		list = append(list, next[i])
	}
	for _, c := range before {
		c.retire()
	}
	s.mu.Lock()
	s.list = list
	s.mu.Unlock()
	s.carriers = next
}

// Status counts the operations of each group that has a lease; those of the vote
// come first, without a group.
func (s *Set) Status() []Counts {
	s.mu.Lock()
	defer s.mu.Unlock()
	var out []Counts
	if s.vote != nil {
		out = append(out, s.vote.count())
	}
	for _, c := range s.list {
		out = append(out, c.count())
	}
	return out
}

// Close ends what is under way, and waits for it.
func (s *Set) Close() {
	s.end()
	s.running.Wait()
}

// CarryOut does one operation on a register, and puts its end into the words of the
// core.
func CarryOut(ctx context.Context, register store.Register, op *lease.Op) lease.Result {
	if op.Swap {
		version, err := register.Swap(ctx, op.Version, op.Bytes)
		return outcome(op, nil, version, err)
	}
	value, version, err := register.Read(ctx)
	return outcome(op, value, version, err)
}

func outcome(op *lease.Op, value []byte, version string, err error) lease.Result {
	r := lease.Result{ID: op.ID, Version: version, Bytes: value}
	switch {
	case err == nil && op.Swap:
		r.Outcome = lease.Written
	case err == nil:
		r.Outcome = lease.Got
	case op.Swap && errors.Is(err, store.ErrConflict):
		r.Outcome = lease.Conflict
	case !op.Swap && errors.Is(err, store.ErrAbsent):
		r.Outcome = lease.Absent
	default:
		r.Outcome, r.Detail = lease.Failed, err.Error()
	}
	return r
}
