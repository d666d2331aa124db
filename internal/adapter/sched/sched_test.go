package sched

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"runtime"
	"runtime/debug"
	"strconv"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"stead/internal/testns"
)

// What is tested changes the whole process: each case is a process of its own,
// named by its first argument, that writes what it has found.
var cases = map[string]func() error{"all": all, "own": own, "ordinary": ordinary, "memory": memory, "show": show, "spin": spin}

func TestMain(m *testing.M) {
	if len(os.Args) > 1 && cases[os.Args[1]] != nil {
		if err := cases[os.Args[1]](); err != nil {
			fmt.Println("refused:", err)
		}
		os.Exit(0)
	}
	os.Exit(m.Run())
}

// child runs a case, as another user where one is named.
func child(t *testing.T, name string, as *syscall.Credential) string {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	cmd := exec.CommandContext(ctx, "/proc/self/exe", name)
	cmd.Dir = "/"
	if name == "spin" { // the runtime lets no goroutine run wild: this one is out of its reach
		cmd.Env = append(os.Environ(), "GODEBUG=asyncpreemptoff=1")
	}
	cmd.SysProcAttr = &syscall.SysProcAttr{Credential: as}
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("%s: %v\n%s", name, err, out)
	}
	return strings.TrimSpace(string(out))
}

var nobody = &syscall.Credential{Uid: 65534, Gid: 65534}

// privileged fails or skips where this process may not have real-time priority.
func privileged(t *testing.T) {
	t.Helper()
	if out := child(t, "own", nil); strings.HasPrefix(out, "refused:") {
		testns.Lacking(t, "CAP_SYS_NICE", errors.New(out))
	}
}

// place is how a thread is scheduled.
func place(tid int) string {
	attr, err := unix.SchedGetAttr(tid, 0)
	if err != nil {
		return err.Error()
	}
	text := map[uint32]string{unix.SCHED_NORMAL: "ordinary", unix.SCHED_FIFO: "fifo"}[attr.Policy]
	if attr.Policy == unix.SCHED_FIFO {
		text += " " + strconv.Itoa(int(attr.Priority))
	}
	if attr.Flags&unix.SCHED_FLAG_RESET_ON_FORK != 0 {
		text += " reset"
	}
	return text
}

func show() error {
	fmt.Println(place(0))
	return nil
}

// all also starts threads afterwards, and says how every thread is scheduled.
func all() error {
	if err := All(); err != nil {
		return err
	}
	release, begun := make(chan struct{}), make(chan struct{})
	for range 8 {
		go func() {
			runtime.LockOSThread() // so that there is a thread for each
			begun <- struct{}{}
			<-release
		}()
		<-begun
	}
	tasks, err := os.ReadDir("/proc/self/task")
	if err != nil {
		return err
	}
	places := map[string]int{}
	for _, task := range tasks {
		tid, err := strconv.Atoi(task.Name())
		if err != nil {
			return err
		}
		places[place(tid)]++
	}
	close(release)
	var limit unix.Rlimit
	if err := unix.Getrlimit(unix.RLIMIT_RTTIME, &limit); err != nil {
		return err
	}
	fmt.Println(places, len(tasks) > 8, limit.Cur, limit.Max)
	return nil
}

// spin has a thread run wild at real-time priority, and takes it from all when the
// kernel warns.
func spin() error {
	debug.SetGCPercent(-1) // a collection would wait for the wild one
	warned := make(chan os.Signal, 1)
	signal.Notify(warned, unix.SIGXCPU)
	if err := All(); err != nil {
		return err
	}
	limit := unix.Rlimit{Cur: 100_000, Max: spinLimit} // a tenth of a second is enough of it
	if err := unix.Setrlimit(unix.RLIMIT_RTTIME, &limit); err != nil {
		return err
	}
	tid, stop := make(chan int), atomic.Bool{}
	go func() {
		runtime.LockOSThread()
		tid <- unix.Gettid()
		for !stop.Load() {
		}
	}()
	wild := <-tid
	<-warned
	err := Relinquish()
	places := []string{place(wild), place(0)}
	stop.Store(true)
	fmt.Println(strings.Join(places, " "))
	return err
}

// startShow is how a program is scheduled that the calling thread starts.
func startShow() (string, error) {
	out, err := exec.Command("/proc/self/exe", "show").CombinedOutput()
	return strings.TrimSpace(string(out)), err
}

func own() error {
	if err := Own(37); err != nil {
		return err
	}
	started, err := startShow()
	fmt.Printf("%s; what it starts: %s\n", place(0), started)
	return err
}

func ordinary() error {
	if err := All(); err != nil {
		return err
	}
	Ordinary()
	started, err := startShow()
	fmt.Printf("%s; what it starts: %s\n", place(0), started)
	return err
}

func memory() error {
	if os.Geteuid() != 0 {
		limit := unix.Rlimit{Cur: 64 << 10, Max: 64 << 10}
		if err := unix.Setrlimit(unix.RLIMIT_MEMLOCK, &limit); err != nil {
			return err
		}
	}
	if err := Memory(); err != nil {
		return err
	}
	text, err := os.ReadFile("/proc/self/status")
	if err != nil {
		return err
	}
	for line := range strings.Lines(string(text)) {
		if fields := strings.Fields(line); len(fields) > 1 && fields[0] == "VmLck:" {
			fmt.Println("locked:", fields[1] != "0")
		}
	}
	return nil
}

// Every thread is raised, those that start later too, and none may run away.
func TestAll(t *testing.T) {
	privileged(t)
	if got, want := child(t, "all", nil), "map[fifo 1:"; !strings.HasPrefix(got, want) || strings.Count(got, "fifo") != 1 ||
		strings.Contains(got, "ordinary") || !strings.HasSuffix(got, " true 2000000 5000000") {
		t.Errorf("threads: %s", got)
	}
}

// A thread that has gone wild costs the process its priority, not its life.
func TestRelinquish(t *testing.T) {
	privileged(t)
	if got := child(t, "spin", nil); got != "ordinary ordinary" {
		t.Error(got)
	}
}

// The engine's thread has its priority, and what it starts does not inherit it.
func TestOwn(t *testing.T) {
	privileged(t)
	if got := child(t, "own", nil); got != "fifo 37 reset; what it starts: ordinary" {
		t.Error(got)
	}
}

// A thread that runs programs of users is ordinary again, and so are they.
func TestOrdinary(t *testing.T) {
	privileged(t)
	if got := child(t, "ordinary", nil); got != "ordinary; what it starts: ordinary" {
		t.Error(got)
	}
}

func TestMemory(t *testing.T) {
	privileged(t)
	if got := child(t, "memory", nil); got != "locked: true" {
		t.Error(got)
	}
}

// Without the capability it is refused, with the advice which one is missing.
func TestWithoutCapability(t *testing.T) {
	privileged(t) // to become another user
	for name, want := range map[string]string{
		"all":    "refused: real-time priority 1: operation not permitted (needs CAP_SYS_NICE or a limit of RLIMIT_RTPRIO)",
		"own":    "refused: real-time priority 37: operation not permitted (needs CAP_SYS_NICE or a limit of RLIMIT_RTPRIO)",
		"memory": "refused: lock memory: cannot allocate memory (needs CAP_IPC_LOCK or a higher RLIMIT_MEMLOCK)",
	} {
		if got := child(t, name, nobody); got != want {
			t.Errorf("%s: %s", name, got)
		}
	}
}
