package gate

import (
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"stead/internal/testns"
)

// guarded starts the gate of a site with a workload that writes to j.
func guarded(t testing.TB, dir, site string, j journal, more ...string) *program {
	t.Helper()
	other := map[string]string{"east": "west", "west": "east"}[site]
	args := append([]string{"gate", "--site", site, "--other", other, "--store", "folder:" + dir, "--beat", "300ms"}, times...)
	if site == "east" {
		args = append(args, "--preferred")
	}
	workload := []string{"--exec", "--", "/proc/self/exe", "work", string(j)}
	if len(more) > 0 && more[0] == "deaf" {
		workload, more = append(workload, "deaf"), more[1:]
	}
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	workload[2] = self
	return stead(t, "the gate of "+site, append(append(args, more...), workload...)...)
}

// Of two gates that start at once one opens, six times; when it ends, or dies
// with all that belongs to it, the other one does.
func TestNeverBoth(t *testing.T) {
	t.Parallel()
	dir, j := folder(t), newJournal(t)
	chance := rand.New(rand.NewPCG(1, 2))
	for round := range 6 {
		gates := map[string]*program{}
		for _, site := range []string{"east", "west"} {
			gates[site] = guarded(t, dir, site, j, "--on-stop", "release", "--never", "flatlined", "--preferred=false")
		}
		before := len(j.entries(t))
		testns.Eventually(t, patience, "a workload works", func() bool { return len(j.entries(t)) > before+30 })
		all := j.entries(t)
		first := all[len(all)-1].site
		second := map[string]string{"east": "west", "west": "east"}[first]
		switch chance.IntN(3) {
		case 0:
			gates[first].signal(t, syscall.SIGTERM)
		case 1:
			gates[first].signal(t, syscall.SIGKILL)
		case 2:
			kill(t, gates[first])
		}
		gates[first].wait(t)
		j.works(t, second, 30)
		gates[second].signal(t, syscall.SIGTERM)
		gates[second].wait(t)
		j.check(t)
		if t.Failed() {
			t.Fatalf("in round %d", round+1)
		}
	}
	t.Logf("%d lines of work, runs by site: %v", len(j.entries(t)), j.runs(t))
}

// The preferred site starts, the other one waits; a planned hand-over and back:
// each workload ends before the other begins, and the epoch grows.
func TestSwitchover(t *testing.T) {
	t.Parallel()
	dir, j := folder(t), newJournal(t)
	east := guarded(t, dir, "east", j)
	west := guarded(t, dir, "west", j)
	j.works(t, "east", 20)
	moved := stead(t, "switchover", "gate", "switchover", "--to", "west", "--store", "folder:"+dir, "--json")
	if code := moved.wait(t); code != 0 {
		t.Fatalf("switchover has ended with %d", code)
	}
	if code := east.wait(t); code != 75 {
		t.Errorf("the gate that has handed over has ended with %d, want 75", code)
	}
	j.works(t, "west", 20)
	// Somebody starts it again, as a supervisor does: it waits.
	east = guarded(t, dir, "east", j)
	east.says(t, "verdict=alive")
	j.works(t, "west", aFlatline)
	if n := j.runs(t); n["east"] != 1 || n["west"] != 1 {
		t.Fatalf("runs: %v", n)
	}
	if code := stead(t, "switchover back", "gate", "switchover", "--to", "east", "--store", "folder:"+dir).wait(t); code != 0 {
		t.Fatalf("switchover has ended with %d", code)
	}
	if code := west.wait(t); code != 75 {
		t.Errorf("the gate that has handed over has ended with %d, want 75", code)
	}
	j.works(t, "east", 20)
	east.signal(t, syscall.SIGTERM)
	if code := east.wait(t); code != 0 {
		t.Errorf("the gate that was told to end has ended with %d", code)
	}
	j.check(t)
	all := j.entries(t)
	if last := all[len(all)-1]; last.epoch < 3 {
		t.Errorf("the third run has epoch %d", last.epoch)
	}
}

// The site dies: gate, keeper and workload at once. The other one starts, not
// before the flatline; when the first returns it waits.
func TestSiteDiesAndReturns(t *testing.T) {
	t.Parallel()
	dir, j := folder(t), newJournal(t)
	east := guarded(t, dir, "east", j)
	j.works(t, "east", 20)
	west := guarded(t, dir, "west", j)
	west.says(t, "verdict=alive")
	kill(t, east)
	j.works(t, "west", 20)
	j.check(t)
	again := guarded(t, dir, "east", j)
	again.says(t, "verdict=alive")
	j.works(t, "west", aFlatline)
	if n := j.runs(t); n["east"] != 1 || n["west"] != 1 {
		t.Fatalf("runs: %v", n)
	}
	if west.ended() {
		t.Fatal("the gate of the site that runs has ended")
	}
	j.check(t)
}

// kill kills a gate with all that belongs to it.
func kill(t testing.TB, p *program) {
	t.Helper()
	for _, pid := range below(p.cmd.Process.Pid) {
		_ = syscall.Kill(pid, syscall.SIGKILL)
	}
	p.wait(t)
}

// below are a process and its descendants, which end first what would start others.
func below(root int) []int {
	found := []int{root}
	for i := 0; i < len(found); i++ {
		tasks, _ := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/children", found[i]))
		for _, task := range tasks {
			text, _ := os.ReadFile(task)
			for _, word := range strings.Fields(string(text)) {
				var pid int
				if _, err := fmt.Sscan(word, &pid); err == nil {
					found = append(found, pid)
				}
			}
		}
	}
	return found
}

// The gate alone hangs, with a workload that does not listen to SIGTERM: the
// keeper kills the workload before the other site opens. When the gate goes on it
// finds that it has lost.
func TestStoppedGate(t *testing.T) {
	t.Parallel()
	dir, j := folder(t), newJournal(t)
	east := guarded(t, dir, "east", j, "deaf")
	j.works(t, "east", 20)
	west := guarded(t, dir, "west", j)
	west.says(t, "verdict=alive")
	east.signal(t, syscall.SIGSTOP)
	j.works(t, "west", 20)
	j.check(t)
	east.signal(t, syscall.SIGCONT)
	if code := east.wait(t); code != 75 {
		t.Errorf("the gate that had hung has ended with %d, want 75", code)
	}
	j.works(t, "west", 20)
	j.check(t)
}

// The gate alone is killed: the workload ends with it.
func TestKilledGate(t *testing.T) {
	t.Parallel()
	dir, j := folder(t), newJournal(t)
	east := guarded(t, dir, "east", j, "deaf")
	j.works(t, "east", 20)
	west := guarded(t, dir, "west", j)
	west.says(t, "verdict=alive")
	east.signal(t, syscall.SIGKILL)
	j.works(t, "west", 20)
	j.check(t)
}

// A workload that ends by itself gives its exit code, and its site's next run has
// the right at once.
func TestWorkloadEndsByItself(t *testing.T) {
	t.Parallel()
	dir := folder(t)
	args := append([]string{
		"gate", "--site", "east", "--other", "west", "--store", "folder:" + dir, "--beat", "300ms", "--preferred",
		"--epoch-file", filepath.Join(dir, "epoch"),
	}, times...)
	run := func(script string) *program {
		return stead(t, "gate", append(args[:len(args):len(args)], "--exec", "--", "sh", "-c", script, "sh", "{epoch}")...)
	}
	first := run(`echo "$STEAD_EPOCH $STEAD_SITE $1 $(cat ` + filepath.Join(dir, "epoch") + `)"; exit 7`)
	if code := first.wait(t); code != 7 {
		t.Errorf("exit code %d, want 7", code)
	}
	if out := first.out.String(); !strings.Contains(out, "\n1 east 1 1\n") {
		t.Errorf("the workload has seen something else:\n%s", out)
	}
	second := run("echo its epoch is $1")
	if code := second.wait(t); code != 0 {
		t.Errorf("exit code %d, want 0", code)
	}
	second.says(t, "its epoch is 2")
}
