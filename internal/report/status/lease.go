package status

import (
	"fmt"
	"strings"

	"stead/internal/report"
)

// lease draws the lease of a group that a record in a store decides.
func lease(b *strings.Builder, s *report.Status, g *report.Group) {
	l := g.Lease
	if l == nil {
		return
	}
	fmt.Fprintf(b, indent+"lease   in %s: ", l.Store)
	switch {
	case l.Unreadable:
		fmt.Fprintf(b, "what is at %s is no lease", l.Record)
	case l.State == "":
		b.WriteString("there is none, as far as is known")
	default:
		fmt.Fprintf(b, "%s, epoch %d, changed %.1fs ago", stateOf(l.State, l.Holder), l.Epoch, l.ChangedMSAgo/1000)
	}
	if l.WantedBy != "" {
		fmt.Fprintf(b, ", wanted by %s", l.WantedBy)
	}
	switch {
	case l.Held:
		fmt.Fprintf(b, ", ours for %.1fs more", g.LeaseRemainingMS/1000)
	case !l.ClaimableAt.IsZero():
		fmt.Fprintf(b, ", to be had in %.1fs unless it is renewed", l.ClaimableAt.Sub(s.At).Seconds())
	}
	b.WriteString("\n")
	operations(b, l.Problem, &l.Operations)
}

// vote draws the vote of a store beside the quorum that it counts in.
func vote(b *strings.Builder, s *report.Status, g *report.Group) {
	v := s.Vote
	if v == nil || g.WitnessStore != v.Store {
		return
	}
	fmt.Fprintf(b, indent+"vote    of the store %s: ", v.Store)
	switch {
	case v.Unreadable:
		fmt.Fprintf(b, "what is at %s is no vote", v.Record)
	case v.Held:
		fmt.Fprintf(b, "ours for %.1fs more", v.RemainingMS/1000)
	case v.State == "":
		b.WriteString("not known yet")
	case v.State == "free":
		b.WriteString("nobody needs it")
	default:
		b.WriteString(stateOf(v.State, v.Holder))
	}
	b.WriteString("\n")
	operations(b, v.Problem, &v.Operations)
}

// stateOf words the state of a record.
func stateOf(state, holder string) string {
	switch state {
	case "held":
		return "held by " + holder
	case "free":
		return "given up by " + holder
	case "made":
		return "just made by " + holder
	}
	return state + " by " + holder
}

// operations draws whether the store is reached, and how fast.
func operations(b *strings.Builder, problem string, n *report.Operations) {
	switch {
	case problem != "":
		fmt.Fprintf(b, indent+"store   not reached: %s", report.Printable(problem, 200))
	case n.LastMS > 0:
		fmt.Fprintf(b, indent+"store   answers in %.1f ms, at most %.1f ms", n.LastMS, n.LongestMS)
	default:
		return
	}
	fmt.Fprintf(b, "; %d reads, %d writes, %d failed\n", n.Reads, n.Writes, n.Failures)
}
