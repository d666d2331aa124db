package bgp

import (
	"fmt"
	"strings"
	"testing"
)

// exabgp announces the service address from a server as the original trial did:
// ExaBGP with a static route, and the address on the loopback. It never runs with
// the priority of a real-time thread: it would spin.
func (h *host) exabgp(t testing.TB, with terms, prepend int) {
	t.Helper()
	h.running = nil
	h.holds(t)
	var text strings.Builder
	as := strings.TrimSpace(strings.Repeat(fmt.Sprintf("%d ", serverAS), 1+prepend))
	for _, rs := range []*host{h.net.rs1, h.net.rs2} {
		fmt.Fprintf(&text, `neighbor %s {
	router-id %s;
	local-address %s;
	local-as %d;
	peer-as %d;
	hold-time %d;
	family { ipv4 unicast; }
	static { route %s/32 next-hop %s as-path [ %s ]; }
}
`, with.local(rs), h.link4, h.link4, serverAS, with.as(), with.holdTime(), vip4, h.link4, as)
	}
	h.begin(t, "env", "exabgp.daemon.user=root", "exabgp.log.level=INFO", "exabgp.api.cli=false", "exabgp.tcp.bind=",
		"exabgp", h.write(t, "exabgp.conf", text.String()))
}

// holds puts the service address on the loopback of a server, as an operator does.
func (h *host) holds(t testing.TB) {
	t.Helper()
	h.ns.Run(t, "ip", "address", "replace", prefixOf(vip4).String(), "dev", "lo")
}
