package bgp

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"stead/internal/testns"
	"stead/internal/workload"
)

// lengths are the lengths of the AS_PATHs that a router has for an address, by server.
func (h *host) lengths(t testing.TB) map[string]int {
	t.Helper()
	all := map[string]int{}
	for _, p := range h.router.paths(t, h, prefixOf(vip4)) {
		all[p.From] = len(p.ASPath)
	}
	return all
}

// comes waits until both routers have paths of these lengths, and no others.
func (n *network) comes(t testing.TB, want map[string]int) {
	t.Helper()
	for _, rs := range n.routers() {
		var got map[string]int
		testns.Eventually(t, patience, fmt.Sprintf("%s has %v", rs.router, want), func() bool {
			got = rs.lengths(t)
			return cmp.Equal(got, want)
		})
	}
}

// What each role announces is what the routers have, and the client is served
// accordingly.
func TestRoles(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name, election, routes string
		first, both, after     map[string]int // lengths: before b is there, with both, after a has stopped
		to                     []string
	}{
		{
			"only the active one announces", "", "",
			map[string]int{"a": 3}, map[string]int{"a": 3}, map[string]int{"b": 3}, []string{"a"},
		},
		{
			"the standby one announces a longer path", "", "prepend: { active: 0, standby: 2 }",
			map[string]int{"a": 1}, map[string]int{"a": 1, "b": 3}, map[string]int{"b": 1}, []string{"a"},
		},
		{
			"all are equal", "{ type: none }", "",
			map[string]int{"a": 1}, map[string]int{"a": 1, "b": 1}, map[string]int{"b": 1}, []string{"a", "b"},
		},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			with := terms{share: true}
			n := newRouters(t, with)
			p := &pair{net: n, with: with, election: tt.election, routes: tt.routes}
			n.a.stead(t, p)
			n.comes(t, tt.first)
			n.sends(t, vip4, "a")
			n.b.stead(t, p)
			testns.Eventually(t, patience, "b is ready", func() bool {
				s, ok := n.b.status(t)
				return ok && len(s.Groups) == 1 && s.Groups[0].Ready
			})
			n.comes(t, tt.both)
			n.sends(t, vip4, tt.to...)
			n.sends(t, vip6, tt.to...)
			for _, rs := range n.routers() {
				rs.served(t, tt.to)
			}
			n.a.terminate(t)
			n.comes(t, tt.after)
			n.sends(t, vip4, "b")
			n.sends(t, vip6, "b")
		})
	}
}

// served asks by many flows: all of the servers have a part in the answers.
func (h *host) served(t testing.TB, by []string) {
	t.Helper()
	p := h.flows(t, vip4, 64)
	testns.Eventually(t, patience, "enough is asked", func() bool { return len(p.client.All()) >= 300 })
	p.stop()
	r := workload.Analyze(p.client.All(), asking)
	var who []string
	for _, c := range r.ByID {
		who = append(who, c.ID)
		if share := float64(c.Answers) / float64(r.Answered); len(by) > 1 && (share < 0.2 || share > 0.8) {
			t.Errorf("through %s %s has %.0f %% of the load", h.name, c.ID, 100*share)
		}
	}
	slices.Sort(who)
	if r.Lost > 0 || !slices.Equal(who, by) {
		t.Errorf("through %s the client is served by %v, want %v: %+v", h.name, who, by, r)
	}
}

// A planned change of the active node loses no request: the new one announces, the
// old one goes on to serve behind a longer path, and withdraws it.
func TestSwitchover(t *testing.T) {
	t.Parallel()
	with := terms{share: true}
	n := newRouters(t, with)
	p := &pair{net: n, with: with, routes: "linger: 500ms", group: "    damping: { window: 0s }\n    preempt: { enabled: false }\n"}
	p.starts(t)
	// BIRD takes an IPv6 route out of the kernel before it puts the next one in:
	// whoever asks through it then may lose a request, whatever the servers do.
	probes := []*probe{n.rs1.probe(t, vip4), n.rs2.probe(t, vip4), n.rs2.probe(t, vip6)}
	for _, change := range []struct {
		from, to *host
		command  []string
	}{
		{n.a, n.b, []string{"switchover", "web"}},
		{n.b, n.a, []string{"switchover", "web", "--to", "a"}},
		{n.a, n.b, []string{"drain", "--wait"}},
	} {
		for _, p := range probes {
			p.servedBy(t, change.from, window)
		}
		before := now()
		change.from.cli(t, change.command...)
		for i, p := range probes {
			p.servedBy(t, change.to, window)
			r := p.around(before)
			t.Logf("%v, probe %d: %d sent, %d lost, changes %d", change.command, i, r.Sent, r.Lost, len(r.Changes))
			if r.Lost > 0 || len(r.Changes) != 1 || len(r.Dual) > 0 {
				t.Errorf("%v through %s:\n%s", change.command, p.router.name, told(&r))
			}
		}
		n.sends(t, vip4, change.to.name)
		n.comes(t, map[string]int{change.to.name: 3})
	}
}

// Without an election, too, a server that is drained loses no request, and has its
// part of the traffic again when it is resumed.
func TestDrainOfOneOfEquals(t *testing.T) {
	t.Parallel()
	with := terms{share: true}
	n := newRouters(t, with)
	p := &pair{net: n, with: with, election: "{ type: none }", routes: "linger: 300ms", group: "    damping: { window: 0s }\n"}
	for _, h := range n.servers() {
		h.stead(t, p)
	}
	n.sends(t, vip4, "a", "b")
	probes := []*probe{n.rs1.flows(t, vip4, 32), n.rs2.flows(t, vip4, 32)}
	for _, p := range probes {
		p.shared(t)
	}
	before := now()
	n.a.cli(t, "drain", "--wait")
	n.comes(t, map[string]int{"b": 1})
	for _, p := range probes {
		p.servedBy(t, n.b, window)
	}
	n.a.cli(t, "resume")
	n.sends(t, vip4, "a", "b")
	for _, p := range probes {
		p.shared(t)
		if r := p.since(before); r.Lost > 0 {
			t.Errorf("through %s: %d of %d lost", p.router.name, r.Lost, r.Sent)
		}
	}
}

// ceaseText is what a router writes of the end of a session with a reason.
const ceaseText = `(?i)Administrative Shutdown.*stead: stopping`

// A server that stops withdraws its path, says why it ends its sessions, and then
// removes the address. The other one takes over at once.
func TestGracefulStop(t *testing.T) {
	t.Parallel()
	n := newRouters(t, terms{})
	p := &pair{net: n}
	p.starts(t)
	probes := []*probe{n.rs1.probe(t, vip4), n.rs2.probe(t, vip4)}
	for _, p := range probes {
		p.servedBy(t, n.a, window)
	}
	wire := n.a.listen(t)
	before := now()
	n.a.terminate(t)
	for _, p := range probes {
		p.servedBy(t, n.b, window)
		r := p.around(before)
		t.Logf("through %s: %d lost, longest outage %v", p.router.name, r.Lost, r.Longest)
		if r.Longest > time.Second || len(r.Changes) != 1 {
			t.Errorf("through %s: out for %v, changes %v", p.router.name, r.Longest, r.Changes)
		}
	}
	wire.order(t)
	for _, rs := range n.routers() {
		rs.wrote(t, ceaseText)
	}
	if out := n.a.ns.Run(t, "ip", "address", "show", "dev", "lo"); strings.Contains(out, vip4.String()) {
		t.Errorf("a has the address still:\n%s", out)
	}
}

// A node that is not ready, and one that is drained, may go on to announce paths
// that are taken only where there is no other; that of a drained one asks routers
// for that besides (RFC 8326).
func TestLastChoices(t *testing.T) {
	t.Parallel()
	n := newRouters(t, terms{})
	check := fmt.Sprintf("    checks:\n      health: { file: %s, expect: \"0\", interval: 20ms, rise: 1, fall: 1, fatal: true }\n", n.dir.Write(t, "health", "0"))
	p := &pair{
		net: n, peer: "graceful_shutdown: true",
		routes: "prepend: { active: 1, standby: 3, unhealthy: 5, drain: 7 }, linger: 100ms",
		group:  check + "    damping: { window: 0s }\n    preempt: { enabled: true, delay: 100ms }\n",
	}
	p.starts(t)
	n.comes(t, map[string]int{"a": 2, "b": 4})
	n.a.cli(t, "drain", "--wait")
	n.comes(t, map[string]int{"a": 8, "b": 2})
	n.sends(t, vip4, "b")
	for _, rs := range n.routers() {
		for _, p := range rs.router.paths(t, rs, prefixOf(vip4)) {
			asks := slices.Contains(p.Communities, "65535:0") || slices.Contains(p.Communities, "gracefulShutdown") || slices.Contains(p.Communities, "graceful-shutdown")
			if asks != (p.From == "a") {
				t.Errorf("%s has %+v", rs.router, p)
			}
		}
	}
	n.a.cli(t, "resume")
	n.comes(t, map[string]int{"a": 2, "b": 4})
	n.b.terminate(t)
	n.dir.Write(t, "health", "1")
	n.comes(t, map[string]int{"a": 6})
	n.sends(t, vip4, "a") // there is no other
	n.dir.Write(t, "health", "0")
	n.comes(t, map[string]int{"a": 2})
}

// The last server that stops has nobody to hand over to: the routers are told all
// the same, in the same order, and have no path.
func TestStopOfTheLast(t *testing.T) {
	t.Parallel()
	n := newRouters(t, terms{})
	n.a.stead(t, &pair{net: n, alone: "a"})
	n.sends(t, vip4, "a")
	wire := n.a.listen(t)
	n.a.terminate(t)
	wire.order(t)
	n.comes(t, map[string]int{})
	n.sends(t, vip4)
	n.sends(t, vip6)
}
