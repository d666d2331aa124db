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
	"os/exec"
	"path/filepath"
	"testing"

	"stead/internal/testns"
)

// builtAt names the directory with the binary, so that a child of this program
// does not build it again.
const builtAt = "STEAD_TEST_BUILT_AT"

func TestMain(m *testing.M) { os.Exit(run(m)) }

func run(m *testing.M) int {
	if len(os.Args) > 3 && os.Args[1] == withoutBPF {
		fmt.Fprintln(os.Stderr, runWithoutBPF(os.Args[2:]))
		return 1
	}
	if os.Getenv(builtAt) == "" {
		dir, err := os.MkdirTemp("", "stead-built-")
		if err != nil {
			fmt.Fprintln(os.Stderr, err)
			return 1
		}
		defer os.RemoveAll(dir)
		if err := build(dir); err != nil {
			fmt.Fprintln(os.Stderr, err)
			return 1
		}
	}
	return testns.Run(m)
}

// build makes the static binary, and lets every user run it.
func build(dir string) error {
	cmd := exec.Command("go", "build", "-buildvcs=false", "-o", filepath.Join(dir, "stead"), "stead/cmd/stead")
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("go build: %w\n%s", err, out)
	}
	if err := os.Chmod(dir, 0o755); err != nil {
		return err
	}
	return os.Setenv(builtAt, dir)
}

// stead is the path of stead.
func stead() string { return filepath.Join(os.Getenv(builtAt), "stead") }
