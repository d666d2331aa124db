package testns

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// Process is a program that runs in a namespace, in a process group of its own,
// until the test ends.
type Process struct {
	Name string
	PID  int
	Log  *Log // what it writes; its end is shown when the test fails

	where  string
	exited chan struct{}
	state  *os.ProcessState // once exited
}

// Begin starts a program that is to run for a while. where names the namespace
// for people.
func (ns *NS) Begin(t testing.TB, where, program string, args ...string) *Process {
	t.Helper()
	cmd := exec.Command(program, args...)
	p := &Process{Name: filepath.Base(program), Log: &Log{}, where: where, exited: make(chan struct{})}
	cmd.Stdout, cmd.Stderr = p.Log, p.Log
	cmd.WaitDelay = time.Second // a child of a killed daemon may hold the log open
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	var err error
	ns.Do(func() { err = cmd.Start() })
	if err != nil {
		t.Fatalf("start %s on %s: %v", program, where, err)
	}
	p.PID = cmd.Process.Pid
	mourned(t, p.PID, true)
	go func() { defer close(p.exited); _ = cmd.Wait(); p.state = cmd.ProcessState }()
	t.Cleanup(func() {
		_ = syscall.Kill(-p.PID, syscall.SIGKILL)
		<-p.exited
		mourned(t, p.PID, false)
		if t.Failed() {
			t.Logf("%s wrote:\n%s", p, Tail(p.Log.String(), 25))
		}
	})
	return p
}

// String names the program and where it runs.
func (p *Process) String() string { return p.Name + " on " + p.where }

// Ended tells whether the process has ended.
func (p *Process) Ended() bool {
	select {
	case <-p.exited:
		return true
	default:
		return false
	}
}

// Signal sends a signal to the program and what it has started.
func (p *Process) Signal(t testing.TB, s syscall.Signal) {
	t.Helper()
	if err := syscall.Kill(-p.PID, s); err != nil {
		t.Fatalf("%v to %s: %v", s, p, err)
	}
}

// Terminate asks the program to end by SIGTERM, and waits until it has.
func (p *Process) Terminate(t testing.TB, limit time.Duration) {
	t.Helper()
	_ = syscall.Kill(p.PID, syscall.SIGTERM)
	Eventually(t, limit, p.String()+" ends", p.Ended)
}

// Kill ends the program, and what it has started, by SIGKILL. They are gone on return.
func (p *Process) Kill(t testing.TB, limit time.Duration) {
	t.Helper()
	_ = syscall.Kill(-p.PID, syscall.SIGKILL)
	Eventually(t, limit, p.String()+" is gone", p.Ended)
}

// ExitCode is how the program ended; -1 while it runs, or by a signal.
func (p *Process) ExitCode() int {
	if !p.Ended() {
		return -1
	}
	return p.state.ExitCode()
}

// Tail is the last lines of a text.
func Tail(text string, n int) string {
	lines := strings.Split(strings.TrimRight(text, "\n"), "\n")
	return strings.Join(lines[max(0, len(lines)-n):], "\n")
}
