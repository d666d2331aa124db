package testns

import (
	"bufio"
	"fmt"
	"io"
	"os"
	"os/exec"
	"sync"
	"syscall"
	"testing"
)

// isReaper marks the child of a test program that waits for its end.
const isReaper = "STEAD_TESTNS_REAPER"

// reaper is a child that kills the programs which still run when the test program
// has ended. Tests end their own; a panic or the time limit of a test program ends
// it before they can.
var reaper struct {
	mu   sync.Mutex
	tell io.Writer // + or - and a process group, on a line; nil: not started
}

// A test program need not call Run.
func init() {
	if os.Getenv(isReaper) != "" {
		reap(os.Stdin)
		os.Exit(0)
	}
}

// mourned has the process group killed with the test program, from now on or no more.
func mourned(t testing.TB, group int, from bool) {
	t.Helper()
	reaper.mu.Lock()
	defer reaper.mu.Unlock()
	if reaper.tell == nil {
		if err := startReaper(); err != nil {
			t.Fatalf("start what ends programs after a panic: %v", err)
		}
	}
	sign := '-'
	if from {
		sign = '+'
	}
	if _, err := fmt.Fprintf(reaper.tell, "%c%d\n", sign, group); err != nil {
		t.Errorf("tell what ends programs after a panic: %v", err)
	}
}

func startReaper() error {
	read, write, err := os.Pipe()
	if err != nil {
		return err
	}
	defer read.Close()
	child := exec.Command("/proc/self/exe")
	child.Env = append(os.Environ(), isReaper+"=1")
	child.Stdin = read
	child.SysProcAttr = &syscall.SysProcAttr{Setsid: true} // not to be killed with the test program
	if err := child.Start(); err != nil {
		_ = write.Close()
		return err
	}
	reaper.tell = write
	return nil
}

// reap is what the child does.
func reap(told io.Reader) {
	groups := map[int]bool{}
	for lines := bufio.NewScanner(told); lines.Scan(); {
		var sign rune
		var group int
		if n, _ := fmt.Sscanf(lines.Text(), "%c%d", &sign, &group); n == 2 && group > 1 {
			if groups[group] = true; sign == '-' {
				delete(groups, group)
			}
		}
	}
	for group := range groups {
		_ = syscall.Kill(-group, syscall.SIGKILL)
	}
}
