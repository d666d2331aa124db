package bgp

import (
	"regexp"
	"slices"
	"testing"

	"stead/internal/testns"
)

// newRouters is a network in which rs1 runs BIRD and rs2 runs FRR.
func newRouters(t testing.TB, with terms) *network {
	t.Helper()
	n := newNetwork(t)
	n.serve(t)
	n.rs1.runs(t, bird{}, with)
	n.rs2.runs(t, frr{}, with)
	return n
}

// runs starts a router on a host.
func (h *host) runs(t testing.TB, r router, with terms) {
	t.Helper()
	h.router = r
	r.start(t, h, with)
}

// routers are the route servers.
func (n *network) routers() []*host { return []*host{n.rs1, n.rs2} }

// servers are the servers.
func (n *network) servers() []*host { return []*host{n.a, n.b} }

// wrote waits until a program of the host has written what matches.
func (h *host) wrote(t testing.TB, what string) {
	t.Helper()
	pattern := regexp.MustCompile(what)
	testns.Eventually(t, patience, h.name+" writes "+what, func() bool {
		return slices.ContainsFunc(h.running, func(p *testns.Process) bool { return pattern.MatchString(p.Log.String()) })
	})
}
