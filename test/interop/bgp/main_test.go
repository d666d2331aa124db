// Package bgp runs stead against the routers that people have: BIRD, and FRR's
// bgpd with zebra and bfdd, as the distribution packages them, and ExaBGP as the
// other server of a pair. Two servers announce a service address to two route
// servers, which install it in their kernels and forward what their client sends:
//
//	                     10.0.1.0/24
//	a  .10 ── eth1 ─┐                 ┌─ eth1 ── .4 rs1 eth3 ── 10.0.11.0/24 ── client1
//	b  .20 ── eth1 ─┼── br0 (switch) ─┼─ eth1 ── .5 rs2 eth3 ── 10.0.12.0/24 ── client2
//	gw .1  ── eth1 ─┘                 │
//	gw ── 10.0.21.0/24 ── eth2 rs1, gw ── 10.0.22.0/24 ── eth2 rs2
//
// Sessions are between servers and eth2 of the route servers, over gw in both
// directions: two hops, as in a cloud. A test that wants one hop takes eth1.
// IPv6 has the same shape.
//
// What holds is judged from outside: by what the route servers have and forward,
// and by who answers their clients.
package bgp

import (
	"flag"
	"fmt"
	"os"
	"testing"

	"stead/internal/testns"
)

func TestMain(m *testing.M) { os.Exit(run(m)) }

func run(m *testing.M) int {
	// The tests mostly wait.
	flag.Parse()
	if err := flag.Set("test.parallel", "4"); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	return testns.RunBuilt(m)
}
