package bgp

import (
	"fmt"
	"regexp"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"stead/internal/testns"
)

// fault is something that silences a server without a word to its routers.
type fault struct {
	name         string
	quorum       bool // gw votes
	unseen       bool // the routers keep its path until the hold time is over
	strike, mend func(t testing.TB, n *network, p *pair)
}

var faults = []fault{
	{
		"SIGKILL", false, false,
		func(t testing.TB, n *network, _ *pair) { n.a.kill(t) },
		func(t testing.TB, n *network, p *pair) { n.a.stead(t, p) },
	},
	{
		"freeze", false, true,
		func(t testing.TB, n *network, _ *pair) { n.a.running[0].Signal(t, syscall.SIGSTOP) },
		func(t testing.TB, n *network, _ *pair) { n.a.running[0].Signal(t, syscall.SIGCONT) },
	},
	{
		"black hole", false, true,
		func(t testing.TB, n *network, _ *pair) { n.a.isolate(t) },
		func(t testing.TB, n *network, _ *pair) { n.a.heal(t) },
	},
	{
		"black hole with a witness", true, true,
		func(t testing.TB, n *network, _ *pair) { n.a.isolate(t); n.a.role(t, "standby") },
		func(t testing.TB, n *network, _ *pair) { n.a.heal(t) },
	},
	{
		"power off", false, true,
		func(t testing.TB, n *network, _ *pair) { n.a.isolate(t); n.a.kill(t) },
		func(t testing.TB, n *network, p *pair) { n.a.heal(t); n.a.stead(t, p) },
	},
	{
		"link cut", false, true,
		func(t testing.TB, n *network, _ *pair) { n.a.cut(t) },
		func(t testing.TB, n *network, _ *pair) { n.a.plug(t) },
	},
}

// When the active server falls silent, the other one takes its clients long before
// the routers' hold time is over: its path is shorter than the one that stays
// behind. With paths of the same length these routers would share the traffic with
// the silent server. When that path is gone, the path is as it always is, so that
// there is room again; the mended server takes over again as planned work.
func TestFaults(t *testing.T) {
	t.Parallel()
	for _, f := range faults {
		t.Run(f.name, func(t *testing.T) {
			t.Parallel()
			with := terms{share: true, hold: 6, errorWait: "1,1"}
			n := newRouters(t, with)
			p := &pair{net: n, with: with, witness: f.quorum, group: "    damping: { window: 0s }\n    preempt: { enabled: true, delay: 2s }\n"}
			p.starts(t)
			n.comes(t, map[string]int{"a": 3})
			probes := []*probe{n.rs1.flows(t, vip4, 16), n.rs2.flows(t, vip4, 16), n.rs2.flows(t, vip6, 16)}
			for _, p := range probes {
				p.servedBy(t, n.a, window)
			}
			before := now()
			f.strike(t, n, p)
			for _, p := range probes {
				at := p.servedBy(t, n.b, window)
				r := p.between(before.Add(-window/2), at.Add(window))
				t.Logf("%s through %s: out for %v", f.name, p.router.name, out(&r))
				if out(&r) > 3*time.Second || len(r.Changes) != 1 || len(r.Dual) > 0 {
					t.Errorf("%s through %s: out for %v, changes %v, shared %v", f.name, p.router.name, out(&r), r.Changes, r.Dual)
				}
			}
			if f.unseen {
				n.comes(t, map[string]int{"a": 3, "b": 2})
			}
			n.comes(t, map[string]int{"b": 3})
			n.sends(t, vip4, "b")
			lost := now()
			f.mend(t, n, p)
			for _, p := range probes {
				p.servedBy(t, n.a, window)
				// While the old path lingers, it and the new one are equal for a moment,
				// and both servers serve.
				r := p.around(lost)
				if last := len(r.Changes) - 1; r.Lost > 0 || r.Changes[last].At.Sub(r.Changes[0].At) > time.Second {
					t.Errorf("%s mended, through %s:\n%s", f.name, p.router.name, told(&r))
				}
			}
			n.comes(t, map[string]int{"a": 3})
		})
	}
}

// To internal routers preference is LOCAL_PREF, as AS_PATH does not grow within an
// AS: what would be prepended is taken off it.
func TestInternalTakeover(t *testing.T) {
	t.Parallel()
	with := terms{internal: true, share: true, hold: 6}
	n := newRouters(t, with)
	p := &pair{net: n, with: with, routes: "prepend: { active: 2 }, local_pref: 150"}
	p.starts(t)
	probes := []*probe{n.rs1.flows(t, vip4, 16), n.rs2.flows(t, vip4, 16)}
	for _, p := range probes {
		p.servedBy(t, n.a, window)
	}
	n.a.isolate(t)
	for _, p := range probes {
		p.servedBy(t, n.b, window)
	}
	for _, want := range []map[string]int{{"a": 148, "b": 149}, {"b": 148}} {
		for _, rs := range n.routers() {
			testns.Eventually(t, patience, fmt.Sprintf("%s has the preferences %v", rs.router, want), func() bool {
				got := map[string]int{}
				for _, p := range rs.router.paths(t, rs, prefixOf(vip4)) {
					got[p.From] = p.LocalPref
				}
				return cmp.Equal(got, want)
			})
		}
	}
	for _, p := range probes {
		p.servedBy(t, n.b, window)
	}
}

// damped is how status says that a change waits.
var damped = regexp.MustCompile(`(?i)damping`)

// A second change that nothing forces waits until the window is over, and status
// tells why.
func TestDamping(t *testing.T) {
	t.Parallel()
	n := newRouters(t, terms{})
	p := &pair{net: n, routes: "linger: 100ms", group: "    damping: { window: 4s }\n    preempt: { enabled: true, delay: 100ms }\n"}
	p.starts(t)
	n.b.role(t, "standby")
	probe := n.rs1.probe(t, vip4)
	probe.servedBy(t, n.a, window)
	// The forced change is not held back, neither is it the window's end.
	n.a.kill(t)
	taken := probe.servedBy(t, n.b, window)
	n.a.stead(t, p)
	testns.Eventually(t, patience, "status tells that a waits, and why", func() bool {
		out, err := n.a.ns.Try(t, testns.Stead(), "status", "--socket", n.a.path("sock"))
		return err == nil && damped.MatchString(out)
	})
	back := probe.servedBy(t, n.a, window)
	t.Logf("a has the address again %v after b took over", back.Sub(taken))
	if back.Sub(taken) < 3500*time.Millisecond {
		t.Errorf("the second change came %v after the first, within the window", back.Sub(taken))
	}
	if r := probe.between(taken, back.Add(window)); r.Lost > 0 {
		t.Errorf("%d of %d lost on the way back", r.Lost, r.Sent)
	}
}
