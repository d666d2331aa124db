package testns

import (
	"context"
	"errors"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"
	"time"
)

// runLimit ends a program that a test started and that does not end by itself.
const runLimit = 20 * time.Second

// Run runs a program in the namespace and returns what it wrote.
// The test fails where the program does.
func (ns *NS) Run(t testing.TB, args ...string) string {
	t.Helper()
	out, err := ns.Try(t, args...)
	if err != nil {
		t.Fatalf("%s: %v\n%s", strings.Join(args, " "), err, out)
	}
	return out
}

// Try is Run for a program that may fail.
func (ns *NS) Try(t testing.TB, args ...string) (string, error) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), runLimit)
	defer cancel()
	var out []byte
	var err error
	ns.Do(func() {
		out, err = exec.CommandContext(ctx, args[0], args[1:]...).CombinedOutput()
	})
	if errors.Is(err, exec.ErrNotFound) {
		t.Fatalf("%s is not installed", args[0])
	}
	return string(out), err
}

// Start starts cmd in the namespace, in a process group of its own. The group is
// killed when the test ends. The caller may Wait for cmd.
func (ns *NS) Start(t testing.TB, cmd *exec.Cmd) {
	t.Helper()
	if cmd.SysProcAttr == nil {
		cmd.SysProcAttr = &syscall.SysProcAttr{}
	}
	cmd.SysProcAttr.Setpgid = true
	var err error
	ns.Do(func() { err = cmd.Start() })
	if err != nil {
		t.Fatalf("start %s: %v", strings.Join(cmd.Args, " "), err)
	}
	group := cmd.Process.Pid
	mourned(t, group, true)
	t.Cleanup(func() {
		_ = syscall.Kill(-group, syscall.SIGKILL)
		_ = cmd.Wait()
		mourned(t, group, false)
	})
}

// Sysctl sets a setting of the namespace, such as "net/ipv4/ip_forward".
func (ns *NS) Sysctl(t testing.TB, name, value string) {
	t.Helper()
	var err error
	ns.Do(func() { err = os.WriteFile("/proc/sys/"+name, []byte(value), 0) })
	if err != nil {
		t.Fatalf("set %s to %s: %v", name, value, err)
	}
}

// Eventually waits until done says so. The test fails when limit has passed;
// what names the thing that it waited for.
func Eventually(t testing.TB, limit time.Duration, what string, done func() bool) {
	t.Helper()
	const pause = 2 * time.Millisecond
	for end := time.Now().Add(limit); !done(); time.Sleep(pause) {
		if time.Now().After(end) {
			t.Fatalf("not within %v: %s", limit, what)
		}
	}
}
