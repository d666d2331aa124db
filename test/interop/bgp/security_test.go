package bgp

import (
	"testing"
	"time"

	"stead/internal/testns"
)

// established waits until all route servers have a session with a server.
func (n *network) established(t testing.TB, server *host) {
	t.Helper()
	for _, rs := range n.routers() {
		testns.Eventually(t, patience, rs.router.String()+" has a session with "+server.name, func() bool {
			return rs.router.session(t, rs, server).Established
		})
	}
}

// Sessions that are signed or limited to near peers come up where both ends agree,
// whoever connects, and do not come up where they do not.
func TestSecurity(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name         string
		theirs, ours terms
		refused      bool
	}{
		{"the same password", terms{password: "tongue-tied"}, terms{password: "tongue-tied"}, false},
		{"the same password over IPv6", terms{password: "tongue-tied", over6: true}, terms{password: "tongue-tied", over6: true}, false},
		{"the same password, they connect", terms{password: "tongue-tied", active: true}, terms{password: "tongue-tied", active: true}, false},
		{"another password", terms{password: "tongue-tied"}, terms{password: "tongue-free"}, true},
		{"no password here", terms{password: "tongue-tied"}, terms{}, true},
		{"no password there", terms{}, terms{password: "tongue-tied"}, true},
		{"TTL security over one hop", terms{hops: 1, oneHop: true}, terms{hops: 1, oneHop: true}, false},
		{"TTL security over two hops", terms{hops: 2}, terms{hops: 2}, false},
		{"TTL security over two hops of IPv6", terms{hops: 2, over6: true}, terms{hops: 2, over6: true}, false},
		{"TTL security there only", terms{hops: 2}, terms{}, true},
		{"TTL security here only", terms{}, terms{hops: 2}, true},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			n := newRouters(t, tt.theirs)
			p := &pair{net: n, with: tt.ours, alone: "a"}
			n.a.stead(t, p)
			if !tt.refused {
				n.established(t, n.a)
				n.sends(t, vip4, "a")
				return
			}
			// Time enough for what would come up.
			n.a.role(t, "standby")
			for end := time.Now().Add(3 * time.Second); time.Now().Before(end); time.Sleep(50 * time.Millisecond) {
				for _, rs := range n.routers() {
					if rs.router.session(t, rs, n.a).Established {
						t.Fatalf("%s has a session", rs.router)
					}
				}
			}
		})
	}
}

// Whoever connects: routers that wait, and routers that alone connect.
func TestWhoConnects(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name string
		with terms
	}{
		{"they wait", terms{passive: true}},
		{"they connect", terms{active: true}},
		{"they connect over IPv6", terms{active: true, over6: true}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			n := newRouters(t, tt.with)
			p := &pair{net: n, with: tt.with}
			p.starts(t)
			n.established(t, n.b)
			for _, rs := range n.routers() {
				rs.probe(t, vip4).servedBy(t, n.a, window)
			}
		})
	}
}
