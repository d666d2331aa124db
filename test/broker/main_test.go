// Package broker proves the gate with a real broker: two sites that pull events
// from a Redis stream, and write what they make of them to another one under the
// epoch of the gate.
package broker

import (
	"fmt"
	"os"
	"testing"

	"stead/internal/lab/share/sharetest"
	"stead/internal/testns"
)

// workerEnv makes the test program the workload of a site: its value is the
// socket of Redis.
const workerEnv = "STEAD_BROKER_WORKER"

func TestMain(m *testing.M) {
	if socket := os.Getenv(workerEnv); socket != "" {
		fmt.Fprintln(os.Stderr, work(socket))
		os.Exit(1)
	}
	os.Exit(sharetest.Run(func() int { return testns.RunBuilt(m) }))
}
