package reporttest

import (
	"time"

	"stead/internal/core/reason"
	"stead/internal/report"
)

// Lease is a group that a lease in a store decides, as the node "primary" sees it
// while it has the lease.
func Lease() report.Group {
	return report.Group{
		Name: "db", Role: report.RoleActive, ActiveNode: "primary", Election: "lease", Epoch: 12, Since: At.Add(-time.Minute), Reason: reason.LeaseExpired,
		Ready: true, Fence: "kernel", FenceOpen: true, Addresses: []string{"192.0.2.9/24"}, Applied: true, Priority: 200, EffectivePriority: 200,
		LeaseRemainingMS: 8250,
		Members:          []report.Member{{Name: "primary", Ready: true, Priority: 200, Alive: true}, {Name: "secondary", Priority: 100, Unknown: true}},
		Lease: &report.Lease{
			Store: "blobs", Record: "groups/db", State: "held", Holder: "primary", Held: true, Epoch: 12, TTLMS: 10000, OnStoreLoss: "release", ChangedMSAgo: 1400,
			Operations: report.Operations{Reads: 21, Writes: 100, Conflicts: 2, Failures: 5, ReadFailures: 1, LastMS: 12.5, LongestMS: 340},
		},
	}
}

// Waits makes the group of Lease that of a node that waits for the lease.
func Waits(g *report.Group) {
	l := *g.Lease
	g.Role, g.ActiveNode, g.FenceOpen, g.LeaseRemainingMS = report.RoleStandby, "secondary", false, 0
	g.Members = []report.Member{{Name: "primary", Ready: true, Priority: 200, Alive: true}, {Name: "secondary", Ready: true, Priority: 100, Alive: true}}
	l.Holder, l.Held, l.ClaimableAt = "secondary", false, At.Add(9*time.Second)
	g.Lease = &l
}

// Voting lets a store vote in the first group of a status.
func Voting(s *report.Status) {
	s.Groups[0].WitnessStore = "blobs"
	s.Vote = &report.Vote{
		Store: "blobs", Record: "vote", State: "free", Holder: "secondary",
		Operations: report.Operations{Reads: 3600, Writes: 4, LastMS: 9.5, LongestMS: 80},
	}
}

// HasVote makes the vote of Voting this node's.
func HasVote(s *report.Status) {
	v := *s.Vote
	v.State, v.Holder, v.Held, v.RemainingMS = "held", "primary", true, 7500
	s.Vote = &v
}
