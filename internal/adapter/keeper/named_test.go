package keeper

import (
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"stead/internal/testns"
)

// nap starts a copy of this program under another name, which somebody else than
// the keeper runs.
func nap(t *testing.T, name string) int {
	t.Helper()
	pid := startNap(t, name)
	testns.Eventually(t, patience, name+" runs", func() bool { return there(pid, name) })
	return pid
}

// startNap is nap for a process that may be gone before it is seen.
func startNap(t *testing.T, name string) int {
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

// there tells whether a process runs and is seen by its name.
func there(pid int, name string) bool {
	return slices.ContainsFunc(named(table(), []string{name}), func(p process) bool { return p.pid == pid })
}

func TestNamedProcesses(t *testing.T) {
	const name, other = "keeper-test-workload", "keeper-test-neighbour"
	workload, neighbour := nap(t, name), nap(t, other)
	present := make(chan bool, 16)
	k, err := Start(Options{Processes: []string{name}, Grace: 100 * time.Millisecond, End: in(forever), Kill: in(forever), Now: bootTime, Present: func(are bool) { present <- are }})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = k.cmd.Process.Kill(); <-k.Done() }()
	if err := k.Until(0, in(patience)); err != nil {
		t.Fatal(err)
	}
	gone(t, workload)
	if !runs(neighbour) {
		t.Error("a process with another name was ended")
	}
	select {
	case are := <-present:
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
	gone(t, startNap(t, name))
	// And runs when it may: at the latest when the keeper has heard so.
	if err := k.Until(in(forever), in(forever)); err != nil {
		t.Fatal(err)
	}
	var back int
	testns.Eventually(t, patience, "what is started runs on", func() bool {
		back = startNap(t, name)
		for end := in(2 * lookEvery); runs(back); time.Sleep(again) {
			if bootTime() > end {
				return true
			}
		}
		return false
	})
	if err := k.orders.Close(); err != nil { // as the end of the gate
		t.Fatal(err)
	}
	gone(t, back)
	finished(t, k)
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
	case <-time.After(lateBy + time.Second):
	}
}
