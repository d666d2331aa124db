package bgp

import (
	"syscall"
	"testing"

	"stead/internal/testns"
)

// reload gives a server's daemon another configuration.
func (h *host) reload(t testing.TB, p *pair) {
	t.Helper()
	h.write(t, "yaml", p.file(t, h))
	h.running[0].Signal(t, syscall.SIGHUP)
}

// A reload changes what is announced within the sessions that are there, brings
// sessions with new peers, and ends those with peers that are gone, which are told
// so. Nobody who is served notices.
func TestReload(t *testing.T) {
	t.Parallel()
	with := terms{}
	n := newRouters(t, with)
	p := &pair{net: n, with: with, alone: "a", routes: "med: 10"}
	n.a.stead(t, p)
	n.sends(t, vip4, "a")
	probes := []*probe{n.rs1.probe(t, vip4), n.rs2.probe(t, vip4)}
	for _, p := range probes {
		p.servedBy(t, n.a, window)
	}
	from := now()
	wire := n.a.listen(t)

	p.routes = `med: 20, communities: ["65010:7"], prepend: { active: 4 }`
	n.a.reload(t, p)
	for _, rs := range n.routers() {
		testns.Eventually(t, patience, rs.router.String()+" has what is announced now", func() bool {
			all := rs.router.paths(t, rs, prefixOf(vip4))
			return len(all) == 1 && all[0].MED == 20 && len(all[0].ASPath) == 5 && len(all[0].Communities) == 1
		})
	}
	wire.silent(t)

	frr := n.rs2.router
	n.rs2.router = nil
	n.a.reload(t, p)
	n.rs2.router = frr
	n.rs2.sends(t, vip4)
	wire.told(t, n.rs2.far4, [2]byte{6, 3})
	n.rs1.sends(t, vip4, "a")
	n.a.reload(t, p)
	n.rs2.sends(t, vip4, "a")
	if r := probes[0].since(from); r.Lost > 0 {
		t.Errorf("the client behind the router whose session stayed lost %d of %d", r.Lost, r.Sent)
	}
	probes[1].servedBy(t, n.a, window)
}
