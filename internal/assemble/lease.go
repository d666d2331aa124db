package assemble

import (
	"cmp"
	"fmt"
	"time"

	"stead/internal/config"
	"stead/internal/core"
	"stead/internal/core/lease"
)

// Looks of nodes that wait for a lease: often enough to take over soon after it
// has ended, and not so often that a store that is paid by the request is dear.
const (
	looksPerTTL = 10
	leastLook   = 20 * time.Millisecond
	mostLook    = time.Second
)

// useDivisor is the share of a TTL that a holder does not use: clocks of two
// machines may differ in rate, and a fence closes a little after it was told to.
const useDivisor = 32

// right returns the lease of a group as the node self sees it, or nil for a group
// that no lease decides, or of which self is no member. Session is a random number of this run.
func right(g *config.Group, self string, session uint64) (*lease.Config, error) {
	r := g.Election.Right
	if r == nil || !isMember(g, self) {
		return nil, nil
	}
	if !lease.ValidName(self) {
		return nil, fmt.Errorf("node %q cannot hold a lease: its name has to have 1 to 32 letters, digits, '.', '_' or '-'", self)
	}
	before := better(g, self)
	return &lease.Config{
		Self:    self,
		Session: session,
		TTL:     r.TTL,
		Use:     r.TTL - r.TTL/useDivisor,
		Renew:   r.Renew,
		Look:    min(max(r.TTL/looksPerTTL, leastLook), mostLook),
		Rank:    len(before),
		Before:  before,
	}, nil
}

// better are the members that come before self: by priority, then by name as in
// every election here.
func better(g *config.Group, self string) (before []string) {
	own := 0
	for _, m := range g.Members {
		if m.Node == self {
			own = m.Priority
		}
	}
	for _, m := range g.Members {
		if cmp.Or(cmp.Compare(m.Priority, own), cmp.Compare(m.Node, self)) > 0 {
			before = append(before, m.Node)
		}
	}
	return before
}

// LeaseTimeout is how long one operation on the register of a group may take: no
// longer than the store allows, and never so long that the next one comes too late.
func LeaseTimeout(cfg *config.Config, g *config.Group) time.Duration {
	timeout := g.Election.Right.TTL / 3
	if s, ok := cfg.Store(g.Election.Right.Store); ok {
		timeout = min(timeout, s.Timeout)
	}
	return timeout
}

// RegisterKey is where the lease of a group is in its store.
func RegisterKey(group string) string { return "groups/" + group }

// What a vote of a store is kept by: long enough for a store far away, and no
// longer than a pair may be without its third voter after a double fault.
const (
	voteTTL   = 10 * time.Second
	voteRenew = 2 * time.Second
)

// voter returns the lease by which a store votes in the elections of all groups
// that name one and self is a member of, and its name; nil where there is none.
func voter(cfg *config.Config, session uint64) (*lease.Config, string, error) {
	name := ""
	for i := range cfg.Groups {
		w := cfg.Groups[i].Election.Witness
		if w == "" || !isMember(&cfg.Groups[i], cfg.Self) {
			continue
		}
		if name != "" && w != name {
			return nil, "", fmt.Errorf("group %q: its witness is the store %q, that of another group %q: one store votes for all groups", cfg.Groups[i].Name, w, name)
		}
		name = w
	}
	if name == "" {
		return nil, "", nil
	}
	if !lease.ValidName(cfg.Self) {
		return nil, "", fmt.Errorf("node %q cannot ask a store for its vote: its name has to have 1 to 32 letters, digits, '.', '_' or '-'", cfg.Self)
	}
	return &lease.Config{
		Self: cfg.Self, Session: session, TTL: voteTTL, Use: voteTTL - voteTTL/useDivisor, Renew: voteRenew, Look: mostLook, Ready: true,
	}, name, nil
}

// Stores are the names of the stores that the node cfg.Self reaches: for the leases
// and votes of groups that it is a member of, for their checks, and for its gate.
func Stores(cfg *config.Config) []string {
	used := map[string]bool{}
	for i := range cfg.Groups {
		g := &cfg.Groups[i]
		if !isMember(g, cfg.Self) {
			continue
		}
		used[g.Election.Witness] = true
		if g.Election.Right != nil {
			used[g.Election.Right.Store] = true
		}
		for _, c := range g.Checks {
			if c.Progress == nil {
				continue
			}
			used[c.Progress.At.Store()] = true
			if c.Progress.End != nil {
				used[c.Progress.End.Store()] = true
			}
		}
	}
	var names []string
	for _, s := range cfg.Stores {
		if used[s.Name] {
			names = append(names, s.Name)
		}
	}
	return names
}

// VoteTimeout is how long one operation on the register of the vote may take.
func VoteTimeout(cfg *config.Config, name string) time.Duration {
	if s, ok := cfg.Store(name); ok {
		return min(s.Timeout, voteTTL/3)
	}
	return voteTTL / 3
}

// VoteKey is where the vote of a store is kept.
const VoteKey = "vote"

// takeLease gives a group its lease.
func takeLease(g *config.Group, self string, session uint64, out *core.Group) (err error) {
	if out.Right, err = right(g, self, session); err != nil || out.Right == nil {
		return err
	}
	out.Store = g.Election.Right.Store
	out.HoldWithoutStore = g.Election.Right.OnLoss == config.StoreLossHold
	out.Pledged = g.Election.Right.OnLoss == config.StoreLossPeer
	return nil
}
