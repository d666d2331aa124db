package interop

import (
	"syscall"
	"testing"

	"stead/internal/testns"
)

// process is a program that was started on a host.
type process struct {
	*testns.Process
	main int // what runs in it: see run
}

// begin starts a program on the host. What runs when the test ends is killed.
func (h *host) begin(t testing.TB, program string, args ...string) *process {
	t.Helper()
	p := &process{Process: h.ns.Begin(t, h.name, program, args...)}
	h.running = append(h.running, p)
	return p
}

// terminate asks the programs of the host to end, the last one first, and waits for each.
func (h *host) terminate(t testing.TB) {
	t.Helper()
	for i := len(h.running) - 1; i >= 0; i-- {
		h.running[i].Terminate(t, patience)
	}
	h.running = nil
	h.released(t)
}

// kill ends the programs of the host, and what they have started, by SIGKILL.
// They are gone on return.
func (h *host) kill(t testing.TB) {
	t.Helper()
	for _, p := range h.running {
		_ = syscall.Kill(-p.PID, syscall.SIGKILL)
	}
	for _, p := range h.running {
		p.Kill(t, patience)
	}
	h.running = nil
}

// signal sends a signal to the process groups of the host's programs.
func (h *host) signal(t testing.TB, s syscall.Signal) {
	t.Helper()
	for _, p := range h.running {
		p.Signal(t, s)
	}
}
