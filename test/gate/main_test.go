// Package gate tests `stead beat` and `stead gate` as users run them: the real
// binary, two sites on one machine with a folder between them, a workload that
// writes what it does to a log, and beside them a program that does what the one
// did whose place they take.
//
// Times are shorter than the usual ones, and so long that a machine that hangs for a
// second takes nobody's right. What has to happen has seconds to come;
// what must never happen is judged exactly, by what the workloads have written.
package gate

import (
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"stead/internal/lab/share/sharetest"
	"stead/internal/testns"
)

// patience is how long a test waits for what has to happen.
const patience = 60 * time.Second

// The times of the gates.
const (
	flatline = 4 * time.Second
	period   = 300 * time.Millisecond
)

// aFlatline is how often a workload works, at least, in the time in which a flatline is found.
const aFlatline = 1600

// times are their flags.
var times = []string{"--flatline", "4s", "--stop-after", "2s", "--grace", "300ms", "--timeout", "1s"}

// builtAt names the binary for the child in the mount namespace of its own.
const builtAt = "STEAD_TEST_GATE_BINARY"

// TestMain is also the body of the processes that tests start.
func TestMain(m *testing.M) {
	bodies := map[string]func(args []string) error{
		"original-beat": originalBeat, "original-gate": originalGate, "work": work, "consume": consume,
	}
	if len(os.Args) > 1 && bodies[os.Args[1]] != nil {
		if err := bodies[os.Args[1]](os.Args[2:]); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		os.Exit(0)
	}
	os.Exit(run(m))
}

func run(m *testing.M) int {
	if os.Getenv(builtAt) == "" {
		dir, err := os.MkdirTemp("", "stead-gate-")
		if err != nil {
			fmt.Fprintln(os.Stderr, err)
			return 1
		}
		defer os.RemoveAll(dir)
		binary := filepath.Join(dir, "stead")
		build := exec.Command("go", "build", "-buildvcs=false", "-o", binary, "stead/cmd/stead")
		build.Env = append(os.Environ(), "CGO_ENABLED=0")
		if out, err := build.CombinedOutput(); err != nil {
			fmt.Fprintf(os.Stderr, "go build: %v\n%s", err, out)
			return 1
		}
		if err := os.Setenv(builtAt, binary); err != nil {
			fmt.Fprintln(os.Stderr, err)
			return 1
		}
	}
	// The tests wait more than they work.
	if err := flag.Set("test.parallel", "6"); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	return sharetest.Run(m)
}

// program is a process that a test has started.
type program struct {
	name   string
	cmd    *exec.Cmd
	out    testns.Log // both outputs
	exited chan struct{}
}

// start starts a program with variables in its environment. It is killed with the test.
func start(t testing.TB, name string, env []string, args ...string) *program {
	t.Helper()
	p := &program{name: name, cmd: exec.Command(args[0], args[1:]...), exited: make(chan struct{})}
	p.cmd.Stdout, p.cmd.Stderr = &p.out, &p.out
	p.cmd.Env = append(os.Environ(), env...)
	p.cmd.WaitDelay = patience
	p.cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGTERM}
	if err := p.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	go func() { defer close(p.exited); _ = p.cmd.Wait() }()
	t.Cleanup(func() {
		_ = p.cmd.Process.Signal(syscall.SIGCONT)
		_ = p.cmd.Process.Kill()
		<-p.exited
		if t.Failed() {
			t.Logf("%s wrote:\n%s", name, testns.Tail(p.out.String(), 30))
		}
	})
	return p
}

// stead starts the binary.
func stead(t testing.TB, name string, args ...string) *program {
	t.Helper()
	return start(t, name, nil, append([]string{os.Getenv(builtAt)}, args...)...)
}

// itself starts this test program with one of its other bodies.
func itself(t testing.TB, name string, args ...string) *program {
	t.Helper()
	return start(t, name, nil, append([]string{"/proc/self/exe"}, args...)...)
}

func (p *program) ended() bool {
	select {
	case <-p.exited:
		return true
	default:
		return false
	}
}

// wait waits for the end and returns the exit code.
func (p *program) wait(t testing.TB) int {
	t.Helper()
	select {
	case <-p.exited:
	case <-time.After(patience):
		t.Fatalf("%s runs after %v", p.name, patience)
	}
	return p.cmd.ProcessState.ExitCode()
}

// says waits until the program has written a text.
func (p *program) says(t testing.TB, text string) {
	t.Helper()
	testns.Eventually(t, patience, p.name+" says "+text, func() bool { return strings.Contains(p.out.String(), text) })
}

func (p *program) signal(t testing.TB, s syscall.Signal) {
	t.Helper()
	if err := p.cmd.Process.Signal(s); err != nil {
		t.Fatalf("%v to %s: %v", s, p.name, err)
	}
}

// folder makes a folder in memory.
func folder(t testing.TB) string {
	t.Helper()
	dir, err := os.MkdirTemp("/dev/shm", "stead-gate-")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	return dir
}

// entry is a line of the log that workloads write.
type entry struct {
	site  string
	epoch uint64
	what  string
}

// journal is the log to which the workloads of both sites append. One line is one
// write, so that the lines stand in the order in which the work was done.
type journal string

func newJournal(t testing.TB) journal { return journal(filepath.Join(folder(t), "journal")) }

// work is the workload: it appends a line each few milliseconds until SIGTERM.
func work(args []string) error {
	file, err := os.OpenFile(args[0], os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o644)
	if err != nil {
		return err
	}
	deaf := len(args) > 1 && args[1] == "deaf"
	stop := asked(deaf)
	ticker := time.NewTicker(3 * time.Millisecond)
	for {
		if _, err := fmt.Fprintf(file, "%s %s %d\n", os.Getenv("STEAD_SITE"), os.Getenv("STEAD_EPOCH"), os.Getpid()); err != nil {
			return err
		}
		select {
		case <-stop:
			return nil
		case <-ticker.C:
		}
	}
}

// entries reads the log.
func (j journal) entries(t testing.TB) []entry {
	t.Helper()
	text, err := os.ReadFile(string(j))
	if err != nil && !os.IsNotExist(err) {
		t.Fatal(err)
	}
	var all []entry
	for line := range strings.Lines(string(text)) {
		f := strings.Fields(line)
		if len(f) != 3 || !strings.HasSuffix(line, "\n") {
			continue
		}
		epoch, err := strconv.ParseUint(f[1], 10, 64)
		if err != nil {
			t.Fatalf("the workload had the epoch %q", f[1])
		}
		all = append(all, entry{f[0], epoch, f[2]})
	}
	return all
}

// works waits until a site has done some more work.
func (j journal) works(t testing.TB, site string, more int) {
	t.Helper()
	count := func() (n int) {
		for _, e := range j.entries(t) {
			if e.site == site {
				n++
			}
		}
		return n
	}
	before := count()
	testns.Eventually(t, patience, fmt.Sprintf("the workload of %s does %d things", site, more), func() bool { return count() >= before+more })
}

// check judges the log: epochs never go back, each is one run's. Two workloads
// that run at once write by turns, which is one that goes back.
func (j journal) check(t testing.TB) {
	t.Helper()
	last := entry{}
	whose := map[uint64]string{}
	for i, e := range j.entries(t) {
		run := e.site + " " + e.what
		if was, ok := whose[e.epoch]; ok && was != run {
			t.Fatalf("line %d: epoch %d is that of %s and of %s", i+1, e.epoch, was, run)
		}
		whose[e.epoch] = run
		if e.epoch < last.epoch {
			t.Fatalf("line %d: %s works with epoch %d after %s has with epoch %d: both ran at once", i+1, e.site, e.epoch, last.site, last.epoch)
		}
		last = e
	}
}

// runs tells how many processes have worked, by site.
func (j journal) runs(t testing.TB) map[string]int {
	t.Helper()
	seen, count := map[string]bool{}, map[string]int{}
	for _, e := range j.entries(t) {
		if !seen[e.what] {
			seen[e.what] = true
			count[e.site]++
		}
	}
	return count
}
