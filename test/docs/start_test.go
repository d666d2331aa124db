package docs

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"stead/internal/testns"
)

// TestStart does what docs/start.md tells people to do, command by command, and
// looks whether the address is where the page says.
func TestStart(t *testing.T) {
	if os.Geteuid() != 0 {
		testns.Lacking(t, "root", os.ErrPermission)
	}
	bin := t.TempDir()
	build := exec.Command("go", "build", "-buildvcs=false", "-o", bin+"/stead", "stead/cmd/stead")
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	script := script(t)
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, "unshare", "--net", "--mount", "--pid", "--fork", "--kill-child", "--mount-proc", "bash", "-c", script)
	cmd.Env = append(os.Environ(), "PATH="+bin+":"+os.Getenv("PATH"))
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	t.Logf("%s", out)
	for _, want := range []string{"AFTER-5 two", "AFTER-6 one", ", 0 lost,"} {
		if !strings.Contains(string(out), want) {
			t.Errorf("no %q in what the page's commands print:\n%s", want, out)
		}
	}
}

// script joins the page's commands, and asks after the sections that move the
// address who has it.
func script(t *testing.T) string {
	t.Helper()
	root, err := filepath.Abs(root)
	if err != nil {
		t.Fatal(err)
	}
	page, err := os.ReadFile(root + "/docs/start.md")
	if err != nil {
		t.Fatal(err)
	}
	var text strings.Builder
	text.WriteString("set -e; set -m\n")
	for number, section := range strings.Split(string(page), "\n## ") {
		if number < 2 {
			continue // the demo, which is a test of its own
		}
		file := filepath.Join(t.TempDir(), "section.md")
		if err := os.WriteFile(file, []byte(section), 0o600); err != nil {
			t.Fatal(err)
		}
		for _, commands := range blocks(t, file, "sh") {
			if !strings.HasPrefix(commands, "sudo unshare") && !strings.HasPrefix(commands, "make demo") {
				text.WriteString(strings.ReplaceAll(commands, "export PATH=$PWD/bin:$PATH\n", ""))
			}
		}
		if number == 5 || number == 6 {
			text.WriteString("echo AFTER-" + string(rune('0'+number)) + " $(stead status --json --socket third.sock | tr -d ' \\n' | sed 's/.*\"active_node\":\"\\([a-z]*\\)\".*/\\1/')\n")
		}
	}
	text.WriteString("exit 0\n")
	// What moves the address is shown here, not how fast: a lease that no busy
	// machine misses.
	return strings.ReplaceAll(text.String(), "timing: fast", "timing: cloud")
}
