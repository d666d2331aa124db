package bgp

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"

	"stead/internal/testns"
)

// A pair that runs ExaBGP goes on with stead by `stead import exabgp`: one file of
// both, from which the route servers have the same paths as before, and prefer the
// same server.
func TestComeFromExaBGP(t *testing.T) {
	t.Parallel()
	with := terms{}
	n := newRouters(t, with)
	n.a.exabgp(t, with, 0)
	n.b.exabgp(t, with, 2)
	n.comes(t, map[string]int{"a": 1, "b": 3})
	n.sends(t, vip4, "a")
	before := n.have(t)

	dir := t.TempDir()
	file := filepath.Join(dir, "stead.yaml")
	n.a.ns.Run(t, testns.Stead(), "import", "exabgp", "-o", file, "a="+n.a.path("exabgp.conf"), "b="+n.b.path("exabgp.conf"))
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	for _, h := range n.servers() {
		h.kill(t)
	}
	n.comes(t, map[string]int{})
	for _, h := range n.servers() {
		h.ns.Run(t, "ip", "address", "del", prefixOf(vip4).String(), "dev", "lo")
		own := string(text) + "control: { socket: " + h.path("sock") + " }\nstate: { dir: " + h.path("state") + " }\nhttp: { listen: none }\n"
		h.begin(t, testns.Stead(), "run", "-c", h.write(t, "yaml", own), "--node", h.name)
	}
	n.comes(t, map[string]int{"a": 1, "b": 3})
	n.sends(t, vip4, "a")
	if diff := cmp.Diff(before, n.have(t)); diff != "" {
		t.Errorf("of ExaBGP (-) and of stead (+) the route servers have\n%s", diff)
	}
	n.a.kill(t)
	n.comes(t, map[string]int{"b": 3})
	n.sends(t, vip4, "b")
}

// have is which paths each route server has for the service address.
func (n *network) have(t testing.TB) map[string][]path {
	t.Helper()
	all := map[string][]path{}
	for _, rs := range n.routers() {
		all[rs.name] = rs.router.paths(t, rs, prefixOf(vip4))
	}
	return all
}
