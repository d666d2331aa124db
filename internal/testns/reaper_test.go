package testns

import (
	"os"
	"os/exec"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
)

// dying has a child of this test program begin a program and end without a word.
const dying = "STEAD_TESTNS_DYING"

// What a test has begun does not outlive a test program that panics.
func TestNothingOutlivesAPanic(t *testing.T) {
	if os.Getenv(dying) != "" {
		p := New(t).Begin(t, "here", "sleep", "600")
		_, _ = os.Stdout.WriteString("began " + strconv.Itoa(p.PID) + "\n")
		os.Exit(3)
	}
	cmd := exec.Command("/proc/self/exe", "-test.run=^TestNothingOutlivesAPanic$")
	cmd.Env = append(os.Environ(), dying+"=1")
	out, _ := cmd.Output()
	_, text, _ := strings.Cut(string(out), "began ")
	pid, err := strconv.Atoi(strings.TrimSpace(strings.SplitN(text, "\n", 2)[0]))
	if err != nil || pid < 2 || cmd.ProcessState.ExitCode() != 3 {
		t.Fatalf("the child did not begin a program: %v, %q", cmd.ProcessState, out)
	}
	Eventually(t, 5*time.Second, "the program is gone", func() bool { return syscall.Kill(pid, 0) != nil })
}
