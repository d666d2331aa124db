package gate

import (
	"os"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"stead/internal/testns"
)

// As the first process of a container the gate passes signals on, takes leave of
// what is orphaned, and ends with the code of its workload.
func TestFirstProcess(t *testing.T) {
	t.Parallel()
	dir := folder(t)
	args := append([]string{
		"unshare", "--pid", "--fork", "--mount-proc", os.Getenv(builtAt),
		"gate", "--site", "east", "--other", "west", "--preferred", "--store", "folder:" + dir, "--beat", "300ms",
	}, times...)
	script := `trap 'echo heard hup' HUP; trap 'echo heard term; exit 9' TERM
i=0; while [ $i -lt 20 ]; do (sleep 0.01 &); i=$((i+1)); done; echo begun as $$ under $PPID; while :; do sleep 0.02; done`
	p := start(t, "the container", nil, append(args, "--exec", "--", "sh", "-c", script)...)
	p.says(t, "begun as")
	gate := child(t, p.cmd.Process.Pid)
	testns.Eventually(t, patience, "nothing dead is left", func() bool { return zombies(gate) == 0 })
	if err := syscall.Kill(gate, syscall.SIGHUP); err != nil {
		t.Fatal(err)
	}
	p.says(t, "heard hup")
	if err := syscall.Kill(gate, syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	if code := p.wait(t); code != 9 {
		t.Errorf("exit code %d, want that of the workload, 9", code)
	}
	p.says(t, "heard term")
}

// child is the one child of a process.
func child(t testing.TB, pid int) int {
	t.Helper()
	all := below(pid)
	if len(all) < 2 {
		t.Fatalf("process %d has no child", pid)
	}
	return all[1]
}

// zombies counts the dead below a process.
func zombies(root int) (n int) {
	for _, pid := range below(root) {
		stat, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/stat")
		if err == nil && strings.Contains(string(stat), ") Z ") {
			n++
		}
	}
	return n
}
