package keeper

import (
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"stead/internal/testns"
)

// nap starts a copy of this program under another name, which somebody else than
// the keeper runs.
func nap(t *testing.T, name string) *exec.Cmd {
	t.Helper()
	self, err := os.Open("/proc/self/exe")
	if err != nil {
		t.Fatal(err)
	}
	defer self.Close()
	path := filepath.Join(t.TempDir(), name)
	file, err := os.OpenFile(path, os.O_CREATE|os.O_WRONLY, 0o755)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := io.Copy(file, self); err != nil {
		t.Fatal(err)
	}
	if err := file.Close(); err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(path, "nap")
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = cmd.Process.Kill() })
	go func() { _ = cmd.Wait() }()
	testns.Eventually(t, patience, name+" runs", func() bool { return len(named(table(), []string{name})) == 1 })
	return cmd
}

func TestNamedProcesses(t *testing.T) {
	const name, other = "keeper-test-workload", "keeper-test-neighbour"
	workload, neighbour := nap(t, name), nap(t, other)
	there := make(chan bool, 16)
	k, err := Start(Options{Processes: []string{name}, Grace: 100 * time.Millisecond, End: in(forever), Kill: in(forever), Now: bootTime, Present: func(are bool) { there <- are }})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = k.cmd.Process.Kill(); <-k.Done() }()
	if err := k.Until(0, in(patience)); err != nil {
		t.Fatal(err)
	}
	gone(t, workload.Process.Pid)
	if !runs(neighbour.Process.Pid) {
		t.Error("a process with another name was ended")
	}
	select {
	case are := <-there:
		if are {
			t.Error("the keeper tells that they are there")
		}
	case <-time.After(patience):
		t.Fatal("the keeper does not tell that they are gone")
	}
	// What is started again while it may not run is killed again.
	if err := k.Until(0, 0); err != nil {
		t.Fatal(err)
	}
	gone(t, nap2(t, name))
	// And runs when it may.
	if err := k.Until(in(forever), in(forever)); err != nil {
		t.Fatal(err)
	}
	back := nap(t, name)
	if err := k.orders.Close(); err != nil { // as the end of the gate
		t.Fatal(err)
	}
	gone(t, back.Process.Pid)
	finished(t, k)
}

// nap2 is nap for a process that may be gone before it is seen.
func nap2(t *testing.T, name string) int {
	t.Helper()
	self, err := os.ReadFile("/proc/self/exe")
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(path, self, 0o755); err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(path, "nap")
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = cmd.Process.Kill() })
	go func() { _ = cmd.Wait() }()
	return cmd.Process.Pid
}

// A keeper that hangs when processes are to be killed is killed itself, so that
// another one can take its place; one that has killed them is not, whatever they do.
func TestNamedKeeperThatHangs(t *testing.T) {
	const name = "keeper-test-hung"
	nap(t, name)
	k, err := Start(Options{Processes: []string{name}, End: in(forever), Kill: in(forever), Now: bootTime})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = k.cmd.Process.Kill(); <-k.Done() }()
	if err := unix.Kill(k.PID(), unix.SIGSTOP); err != nil {
		t.Fatal(err)
	}
	if err := k.Until(0, 0); err != nil {
		t.Fatal(err)
	}
	if got := finished(t, k); got.Err == nil {
		t.Errorf("ended as %+v, want an error", got)
	}
}

func TestNamedKeeperThatHasActedLives(t *testing.T) {
	const name = "keeper-test-closed"
	killed := make(chan struct{}, 16)
	k, err := Start(Options{Processes: []string{name}, Now: bootTime, Present: func(are bool) {
		if !are {
			killed <- struct{}{}
		}
	}})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = k.cmd.Process.Kill(); <-k.Done() }()
	<-killed
	for range 3 { // as a gate does that stays closed
		if err := k.Until(0, 0); err != nil {
			t.Fatal(err)
		}
	}
	select {
	case <-k.Done():
		t.Fatalf("the keeper was killed: %+v", k.Exit())
	case <-time.After(2 * lateBy):
	}
}
