package keeper

import (
	"bufio"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"stead/internal/core/clock"
	"stead/internal/testns"
)

// patience is how long a test waits for what has to happen.
const patience = 30 * time.Second

// TestMain is also the body of the processes that tests start.
func TestMain(m *testing.M) {
	body := map[string]func() error{
		"keeper": func() error { return Run(bootTime) },
		"gate":   beGate,
		"nap":    func() error { time.Sleep(time.Minute); return nil },
	}
	if len(os.Args) > 1 && body[os.Args[1]] != nil {
		if err := body[os.Args[1]](); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		os.Exit(0)
	}
	lateBy = 4 * time.Second
	os.Exit(m.Run())
}

// bootTime is the clock of the keeper.
func bootTime() clock.Instant {
	var ts unix.Timespec
	if err := unix.ClockGettime(unix.CLOCK_BOOTTIME, &ts); err != nil {
		panic(err)
	}
	return clock.Instant(ts.Nano())
}

// in is the moment so long from now.
func in(d time.Duration) clock.Instant { return bootTime().Add(d) }

// beGate is a gate that starts a shell script, says who its keeper is, and does
// what it is told on its standard input: a number moves both deadlines so many
// milliseconds ahead.
func beGate() error {
	end, err := time.ParseDuration(os.Args[2])
	if err != nil {
		return err
	}
	k, err := Start(Options{
		Workload: []string{"sh", "-c", os.Args[3]}, Env: os.Environ(), Grace: 300 * time.Millisecond,
		End: in(end), Kill: in(end + 300*time.Millisecond), Now: bootTime,
	})
	if err != nil {
		return err
	}
	fmt.Println(k.PID())
	for lines := bufio.NewScanner(os.Stdin); lines.Scan(); {
		ms, err := strconv.Atoi(lines.Text())
		if err != nil {
			return err
		}
		if err := k.Until(in(time.Duration(ms)*time.Millisecond), in(time.Duration(ms+300)*time.Millisecond)); err != nil {
			return err
		}
	}
	return nil
}

// gateProcess starts beGate in a process of its own. It returns it and its keeper's ID.
func gateProcess(t *testing.T, end time.Duration, script string) (*exec.Cmd, int) {
	t.Helper()
	cmd := exec.Command("/proc/self/exe", "gate", end.String(), script)
	cmd.Stderr = os.Stderr
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if _, err := cmd.StdinPipe(); err != nil { // held open, so that it waits
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = cmd.Process.Kill(); _ = cmd.Wait() })
	text, err := bufio.NewReader(out).ReadString('\n')
	if err != nil {
		t.Fatal(err)
	}
	pid, err := strconv.Atoi(strings.TrimSpace(text))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = unix.Kill(pid, unix.SIGKILL) })
	return cmd, pid
}

// begin starts a shell script under a keeper.
func begin(t *testing.T, opts Options, script string) *Keeper {
	t.Helper()
	opts.Workload = []string{"sh", "-c", script}
	opts.Env, opts.Now = os.Environ(), bootTime
	if opts.Say == nil {
		opts.Say = func(text string) { t.Log(text) }
	}
	k, err := Start(opts)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = k.cmd.Process.Kill()
		<-k.Done()
	})
	return k
}

// finished waits for the end of the workload.
func finished(t *testing.T, k *Keeper) Exit {
	t.Helper()
	select {
	case <-k.Done():
	case <-time.After(patience):
		t.Fatalf("the workload runs after %v", patience)
	}
	return k.Exit()
}

// mark is a file that a script makes, and what it holds then.
type mark string

func newMark(t *testing.T, name string) mark { return mark(filepath.Join(t.TempDir(), name)) }

// wait waits until the script has written a line.
func (m mark) wait(t *testing.T) string {
	t.Helper()
	var text []byte
	testns.Eventually(t, patience, "the script writes "+string(m), func() bool {
		text, _ = os.ReadFile(string(m))
		return strings.HasSuffix(string(text), "\n")
	})
	return strings.TrimSpace(string(text))
}

// pid waits for a process ID.
func (m mark) pid(t *testing.T) int {
	t.Helper()
	pid, err := strconv.Atoi(m.wait(t))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = syscall.Kill(pid, syscall.SIGKILL) })
	return pid
}

// gone waits until the process does not run any more. It returns when that was.
func gone(t *testing.T, pid int) clock.Instant {
	t.Helper()
	testns.Eventually(t, patience, fmt.Sprintf("process %d is gone", pid), func() bool { return !runs(pid) })
	return bootTime()
}

func runs(pid int) bool {
	p, ok := readProcess(strconv.Itoa(pid))
	return ok && !p.zombie
}
