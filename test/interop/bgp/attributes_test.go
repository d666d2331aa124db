package bgp

import (
	"fmt"
	"net/netip"
	"testing"

	"github.com/google/go-cmp/cmp"

	"stead/internal/testns"
)

// What a group announces arrives at BIRD and FRR as it was meant, in both address
// families, over every kind of session, and their kernels take it.
func TestAttributes(t *testing.T) {
	t.Parallel()
	const routes = `communities: ["65010:100", "65010:1:2", no-export], med: 70, local_pref: 170, prepend: { active: 2 }, room: 0`
	long := []int{serverAS, serverAS, serverAS}
	communities := []string{"65010:100", "no-export"}
	full := path{From: "a", ASPath: long, MED: 70, Origin: "IGP", LocalPref: -1, Communities: communities, Large: []string{"65010:1:2"}, Best: true}
	internal := full
	internal.ASPath, internal.LocalPref = nil, 168 // 2 below: the local AS is not prepended within it
	for _, tt := range []struct {
		name         string
		with         terms
		want         path
		next4, next6 string
	}{
		{"external", terms{}, full, "10.0.1.10", "fd00:1::10"},
		{"external over IPv6, IPv4 next hop", terms{over6: true}, full, "10.0.1.10", "fd00:1::10"},
		{"IPv4 by IPv6", terms{over6: true, nextHop6: true}, full, "fd00:1::10", "fd00:1::10"},
		{"external over one hop", terms{oneHop: true}, full, "10.0.1.10", "fd00:1::10"},
		{"internal", terms{internal: true, oneHop: true}, internal, "10.0.1.10", "fd00:1::10"},
		{"internal over IPv6", terms{internal: true, over6: true}, internal, "10.0.1.10", "fd00:1::10"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			n := newRouters(t, tt.with)
			n.a.stead(t, &pair{net: n, with: tt.with, alone: "a", routes: routes})
			for vip, next := range map[netip.Addr]string{vip4: tt.next4, vip6: tt.next6} {
				n.sends(t, vip, "a")
				for _, rs := range n.routers() {
					want := tt.want
					want.NextHop = next
					got := rs.router.paths(t, rs, prefixOf(vip))
					if diff := cmp.Diff([]path{want}, rs.usual(got)); diff != "" {
						t.Errorf("%s has of %s (-want +got):\n%s", rs.router, vip, diff)
					}
				}
				for _, rs := range n.routers() {
					rs.probe(t, vip).servedBy(t, n.a, window)
				}
			}
			n.refreshes(t)
		})
	}
}

// usual shows paths as both routers would: BIRD gives a preference to external
// paths, too, and knows no-export by its number.
func (h *host) usual(all []path) []path {
	for i := range all {
		p := &all[i]
		if len(p.ASPath) > 0 && p.ASPath[0] == serverAS && p.LocalPref == 100 {
			p.LocalPref = -1
		}
		for j, c := range p.Communities {
			if c == "65535:65281" || c == "noExport" {
				p.Communities[j] = "no-export"
			}
		}
	}
	return all
}

// refreshes lets each router ask for everything again: it gets it, and has what
// it had.
func (n *network) refreshes(t testing.TB) {
	t.Helper()
	for _, rs := range n.routers() {
		before, had := rs.router.updates(t, rs, n.a), fmt.Sprint(rs.router.paths(t, rs, prefixOf(vip4)))
		rs.router.refresh(t, rs, n.a)
		testns.Eventually(t, patience, rs.router.String()+" has everything again", func() bool {
			return rs.router.updates(t, rs, n.a) > before
		})
		if has := fmt.Sprint(rs.router.paths(t, rs, prefixOf(vip4))); has != had {
			t.Errorf("%s had %s, and after a route refresh %s", rs.router, had, has)
		}
		if !rs.router.session(t, rs, n.a).Established {
			t.Errorf("%s has lost its session by a route refresh", rs.router)
		}
	}
}
