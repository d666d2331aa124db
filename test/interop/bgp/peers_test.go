package bgp

import (
	"fmt"
	"testing"
	"time"
)

// What ExaBGP, BIRD and FRR do among themselves is the measure of what can be
// asked of Stead, and shows that this package sees what happens: the better path
// is taken by both routers, their clients are served by its server, and by the
// other one when it is killed.
func TestPeersAmongThemselves(t *testing.T) {
	t.Parallel()
	n := newRouters(t, terms{})
	n.b.exabgp(t, terms{}, 2)
	n.sends(t, vip4, "b")
	n.a.exabgp(t, terms{}, 0)
	n.sends(t, vip4, "a")
	for _, p := range []*probe{n.rs1.probe(t, vip4), n.rs2.probe(t, vip4)} {
		p.servedBy(t, n.a, 100*time.Millisecond)
	}
	for _, rs := range n.routers() {
		t.Log(rs.router, rs.router.paths(t, rs, prefixOf(vip4)), rs.router.session(t, rs, n.a))
	}
	n.a.kill(t)
	n.sends(t, vip4, "b")
}

// ExaBGP is the other server of the pair: the routers prefer Stead's shorter path
// while it is there, and the other way round.
func TestBesideExaBGP(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name       string
		stead, exa int // how often they prepend
	}{
		{"Stead is active", 0, 2},
		{"ExaBGP is active", 2, 0},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			n := newRouters(t, terms{})
			p := &pair{net: n, alone: "a", only4: true, routes: fmt.Sprintf("prepend: { active: %d }", tt.stead)}
			n.b.exabgp(t, terms{}, tt.exa)
			n.sends(t, vip4, "b")
			n.a.stead(t, p)
			n.comes(t, map[string]int{"a": 1 + tt.stead, "b": 1 + tt.exa})
			better, other := n.a, n.b
			if tt.exa < tt.stead {
				better, other = n.b, n.a
			}
			probes := []*probe{n.rs1.probe(t, vip4), n.rs2.probe(t, vip4)}
			for _, end := range []func(testing.TB){better.terminate, better.kill} {
				n.sends(t, vip4, better.name)
				for _, p := range probes {
					p.servedBy(t, better, window)
				}
				before := now()
				end(t)
				for _, p := range probes {
					p.servedBy(t, other, window)
					r := p.around(before)
					t.Logf("through %s: out for %v", p.router.name, r.Longest)
					if r.Longest > 2*time.Second || len(r.Changes) != 1 {
						t.Errorf("through %s: out for %v, changes %v", p.router.name, r.Longest, r.Changes)
					}
				}
				if better == n.a {
					n.a.stead(t, p)
				} else {
					n.b.exabgp(t, terms{}, tt.exa)
				}
			}
			n.sends(t, vip4, better.name)
		})
	}
}
