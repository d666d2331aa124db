package interop

import (
	"fmt"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"stead/internal/testns"
)

// machine lets programs of the host see each other and nobody else: a process
// namespace, with its /proc. A check that looks for a process of some name would
// otherwise find that of another host.
func (h *host) machine(t testing.TB) {
	t.Helper()
	init := h.begin(t, "unshare", "--pid", "--mount", "--fork", "--kill-child", "--mount-proc", "sleep", "600")
	h.running = nil
	testns.Eventually(t, patience, h.name+" has processes of its own", func() bool {
		h.init = child(init.PID)
		name, err := os.ReadFile(fmt.Sprintf("/proc/%d/comm", h.init))
		return h.init != 0 && err == nil && strings.TrimSpace(string(name)) == "sleep"
	})
}

// child is the only child of a process, or 0.
func child(pid int) int {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/task/%d/children", pid, pid))
	if err != nil {
		return 0
	}
	number, _ := strconv.Atoi(strings.TrimSpace(string(text)))
	return number
}

// inside is a program and its arguments as they are run among the host's processes.
func (h *host) inside(program string, args ...string) []string {
	return append([]string{"nsenter", "--target", strconv.Itoa(h.init), "--pid", "--mount", "--", program}, args...)
}

// run starts a program among the host's processes.
func (h *host) run(t testing.TB, program string, args ...string) *process {
	t.Helper()
	line := h.inside(program, args...)
	p := h.begin(t, line[0], line[1:]...)
	p.Name = program
	testns.Eventually(t, patience, program+" runs on "+h.name, func() bool {
		p.main = child(p.PID)
		if p.Ended() {
			t.Fatalf("%s on %s has ended:\n%s", program, h.name, p.Log)
		}
		path, err := os.Readlink(fmt.Sprintf("/proc/%d/exe", p.main))
		return p.main != 0 && err == nil && !strings.HasSuffix(path, "/nsenter")
	})
	return p
}

// ask runs a program among the host's processes and returns what it wrote.
func (h *host) ask(t testing.TB, program string, args ...string) string {
	t.Helper()
	line := h.inside(program, args...)
	var out []byte
	var err error
	h.ns.Do(func() { out, err = exec.CommandContext(t.Context(), line[0], line[1:]...).Output() })
	if err != nil {
		text := ""
		if exit, ok := err.(*exec.ExitError); ok {
			text = string(exit.Stderr)
		}
		t.Fatalf("%s %s on %s: %v\n%s%s", program, strings.Join(args, " "), h.name, err, out, text)
	}
	return string(out)
}

// ends sends a signal to a program that run has started, and waits for its end.
func (p *process) ends(t testing.TB, s syscall.Signal) {
	t.Helper()
	if err := syscall.Kill(p.main, s); err != nil {
		t.Fatalf("%v to %s: %v", s, p.Name, err)
	}
	testns.Eventually(t, patience, p.Name+" ends", p.Ended)
}
