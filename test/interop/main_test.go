// Package interop runs stead against the routers that people have: keepalived and
// FRR's vrrpd, as the distribution packages them. Up to three routers and a client
// are on one switch, each in a network namespace:
//
//	first  10.0.1.10 ── eth1 ─┐
//	second 10.0.1.20 ── eth1 ─┼─ br0 (switch)
//	third  10.0.1.30 ── eth1 ─┤
//	client 10.0.1.4  ── eth1 ─┘
//
// Who is active is judged from outside, by what passes the ports of the switch:
// the advertisements that each router sends, and who answers the client, who asks
// for the service address every few milliseconds (see watch). What a router writes
// about itself is shown when a test fails, and judged nowhere.
package interop

import (
	"flag"
	"fmt"
	"os"
	"testing"

	"stead/internal/testns"
)

func TestMain(m *testing.M) { os.Exit(run(m)) }

func run(m *testing.M) int {
	// The contests mostly wait.
	flag.Parse()
	if err := flag.Set("test.parallel", "4"); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	return testns.RunBuilt(m)
}
