package interop

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"stead/internal/testns"
)

// process is a program that was started on a host, in a process group of its own.
type process struct {
	name   string
	pid    int
	main   int // what runs in it: see run
	exited chan struct{}
	state  *os.ProcessState // once exited
	log    *testns.Log
}

// begin starts a program on the host. What runs when the test ends is killed.
func (h *host) begin(t testing.TB, program string, args ...string) *process {
	t.Helper()
	cmd := exec.Command(program, args...)
	p := &process{name: filepath.Base(program), exited: make(chan struct{}), log: &testns.Log{}}
	cmd.Stdout, cmd.Stderr = p.log, p.log
	cmd.WaitDelay = time.Second // a child of a killed daemon may hold the log open
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	var err error
	h.ns.Do(func() { err = cmd.Start() })
	if err != nil {
		t.Fatalf("start %s on %s: %v", program, h.name, err)
	}
	p.pid = cmd.Process.Pid
	go func() { defer close(p.exited); _ = cmd.Wait(); p.state = cmd.ProcessState }()
	t.Cleanup(func() {
		_ = syscall.Kill(-p.pid, syscall.SIGKILL)
		<-p.exited
		if t.Failed() {
			t.Logf("%s on %s wrote:\n%s", p.name, h.name, tail(p.log.String(), 25))
		}
	})
	h.running = append(h.running, p)
	return p
}

// tail is the last lines of a text.
func tail(text string, n int) string {
	lines := strings.Split(strings.TrimRight(text, "\n"), "\n")
	return strings.Join(lines[max(0, len(lines)-n):], "\n")
}

// ended tells whether the process has ended.
func (p *process) ended() bool {
	select {
	case <-p.exited:
		return true
	default:
		return false
	}
}

// terminate asks the programs of the host to end, the last one first, and waits for each.
func (h *host) terminate(t testing.TB) {
	t.Helper()
	for i := len(h.running) - 1; i >= 0; i-- {
		p := h.running[i]
		_ = syscall.Kill(p.pid, syscall.SIGTERM)
		testns.Eventually(t, patience, p.name+" on "+h.name+" ends", p.ended)
	}
	h.running = nil
	h.released(t)
}

// kill ends the programs of the host, and what they have started, by SIGKILL.
// They are gone on return.
func (h *host) kill(t testing.TB) {
	t.Helper()
	for _, p := range h.running {
		_ = syscall.Kill(-p.pid, syscall.SIGKILL)
	}
	for _, p := range h.running {
		testns.Eventually(t, patience, p.name+" on "+h.name+" is gone", p.ended)
	}
	h.running = nil
}

// signal sends a signal to the process groups of the host's programs.
func (h *host) signal(t testing.TB, s syscall.Signal) {
	t.Helper()
	for _, p := range h.running {
		if err := syscall.Kill(-p.pid, s); err != nil {
			t.Fatalf("%v to %s on %s: %v", s, p.name, h.name, err)
		}
	}
}
