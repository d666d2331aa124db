// Package daemon tests stead as users run it: the real binary on three hosts, in
// network namespaces, through its command line, its sockets and its signals.
//
// The hosts are on one switch. Over it goes the service address itself, or a
// VXLAN overlay that carries it:
//
//	primary   10.0.1.10 ── eth1 ─┐
//	secondary 10.0.1.20 ── eth1 ─┼─ br0 (switch)
//	client    10.0.1.4  ── eth1 ─┘        the client is the witness
//
// Nothing here measures speed: what a test waits for has seconds to come. What
// must never happen is judged exactly, by when each question was sent.
package daemon

import (
	"fmt"
	"os"
	"testing"

	"stead/internal/lab/share/sharetest"
	"stead/internal/testns"
)

func TestMain(m *testing.M) { os.Exit(run(m)) }

func run(m *testing.M) int {
	if len(os.Args) > 3 && os.Args[1] == withoutBPF {
		fmt.Fprintln(os.Stderr, runWithoutBPF(os.Args[2:]))
		return 1
	}
	if os.Geteuid() != 0 {
		return testns.RunBuilt(m)
	}
	return testns.RunBuiltBy(sharetest.Run, m) // mounts of the tests are gone with them
}
