package report

import (
	"fmt"
	"strings"
	"time"
)

// Lease is the election of a group with the type lease, as this node sees it.
type Lease struct {
	Store        string    `json:"store"`
	Record       string    `json:"record"`              // the key of the record in the store
	State        string    `json:"state,omitempty"`     // held, free, parked, made; empty: there is none, or it was not read yet
	Holder       string    `json:"holder,omitempty"`    // who has it, or had it last
	Held         bool      `json:"held"`                // by this run
	Epoch        uint64    `json:"epoch,omitempty"`     // of the record in the store
	WantedBy     string    `json:"wanted_by,omitempty"` // who asks for it
	TTLMS        float64   `json:"ttl_ms"`
	OnStoreLoss  string    `json:"on_store_loss"`
	ChangedMSAgo float64   `json:"changed_ms_ago"` // since this node saw the record change
	ClaimableAt  time.Time `json:"claimable_at,omitzero"`
	Problem      string    `json:"problem,omitempty"` // why the store is not reached
	Unreadable   bool      `json:"unreadable"`        // what is there is no record
	Operations
}

// Vote is the vote of a store in elections among nodes, as this node sees it. It is
// one for all groups that name the store.
type Vote struct {
	Store       string  `json:"store"`
	Record      string  `json:"record"`           // its key in the store
	State       string  `json:"state,omitempty"`  // held, free, made; empty: there is none, or it was not read yet
	Holder      string  `json:"holder,omitempty"` // who has it, or had it last
	Held        bool    `json:"held"`             // by this run
	RemainingMS float64 `json:"remaining_ms"`     // of it, while it is held
	Problem     string  `json:"problem,omitempty"`
	Unreadable  bool    `json:"unreadable"`
	Operations
}

// Operations are how many operations on a record ended how. They only grow.
type Operations struct {
	Reads        uint64  `json:"reads"`
	Writes       uint64  `json:"writes"`
	Conflicts    uint64  `json:"conflicts"`     // writes: another node has been there
	Failures     uint64  `json:"failures"`      // reads and writes
	ReadFailures uint64  `json:"read_failures"` // reads
	LastMS       float64 `json:"last_ms"`       // of the last operation that has not failed
	LongestMS    float64 `json:"longest_ms"`
}

// problems says what is wrong with a lease. Active tells whether this node serves.
func (l *Lease) problems(active bool, worst, rest func(format string, args ...any)) {
	switch {
	case l.Unreadable:
		worst("what is at %s in the store %s is no lease: nobody becomes active before it is removed", l.Record, l.Store)
	case l.Problem == "":
	case !active:
		rest("the store %s is not reached, so this node cannot take over: %s", l.Store, without(l.Store, l.Problem))
	case l.OnStoreLoss == "hold":
		worst("the store %s is not reached: this node goes on, and another one that reaches it may serve, too: %s", l.Store, without(l.Store, l.Problem))
	case l.OnStoreLoss == "hold-if-peer-agrees":
		worst("the store %s is not reached: this node goes on as long as the other members agree: %s", l.Store, without(l.Store, l.Problem))
	default:
		worst("the store %s is not reached: this node lets go when the lease ends: %s", l.Store, without(l.Store, l.Problem))
	}
}

// problems says what is wrong with the store that votes.
func (v *Vote) problems() []string {
	switch {
	case v.Unreadable:
		return []string{fmt.Sprintf("what is at %s in the store %s is no vote: it stands by nobody before that is removed, and a further fault may leave nobody active", v.Record, v.Store)}
	case v.Problem != "":
		return []string{fmt.Sprintf("the store %s, which votes, is not reached: a further fault may leave nobody active: %s", v.Store, without(v.Store, v.Problem))}
	}
	return nil
}

// without takes the name of the store away from what is wrong with it.
func without(store, problem string) string {
	return strings.TrimPrefix(problem, fmt.Sprintf("store %q: ", store))
}
