// Package broker proves the gate with a real broker: two sites that pull events
// from a Redis stream, and write what they make of them to another one under the
// epoch of the gate.
package broker

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"stead/internal/lab/share/sharetest"
)

const (
	// workerEnv makes the test program the workload of a site: its value is the
	// socket of Redis.
	workerEnv = "STEAD_BROKER_WORKER"
	// builtEnv is where the binary is.
	builtEnv = "STEAD_BROKER_BUILT"
)

func TestMain(m *testing.M) {
	if socket := os.Getenv(workerEnv); socket != "" {
		fmt.Fprintln(os.Stderr, work(socket))
		os.Exit(1)
	}
	os.Exit(run(m))
}

// run builds the binary once, and runs the tests where their mounts go away with them.
func run(m *testing.M) int {
	if os.Getenv(builtEnv) == "" {
		dir, err := os.MkdirTemp("", "stead-broker-")
		if err != nil {
			fmt.Fprintln(os.Stderr, err)
			return 1
		}
		defer os.RemoveAll(dir)
		build := exec.Command("go", "build", "-buildvcs=false", "-o", filepath.Join(dir, "stead"), "stead/cmd/stead")
		build.Env = append(os.Environ(), "CGO_ENABLED=0")
		if out, err := build.CombinedOutput(); err != nil {
			fmt.Fprintf(os.Stderr, "go build: %v\n%s", err, out)
			return 1
		}
		_ = os.Setenv(builtEnv, dir)
	}
	return sharetest.Run(m)
}

func stead() string { return filepath.Join(os.Getenv(builtEnv), "stead") }
