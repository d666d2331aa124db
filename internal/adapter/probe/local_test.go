package probe

import (
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"stead/internal/config"
	"stead/internal/core"
)

func TestExec(t *testing.T) {
	for _, c := range []struct {
		line    string
		outcome core.Outcome
		detail  string
	}{
		{"exit 0", core.Passed, ""},
		{"echo fine; exit 0", core.Passed, ""},
		{"echo first; echo the disk is full >&2; exit 3", core.Failed, "exit code 3: the disk is full"},
		{"exit 1", core.Failed, "exit code 1"},
		{"kill -SEGV $$", core.Failed, "signal segmentation fault"},
		{"no-such-program-here", core.CouldNotRun, "exit code 127"},
		{`test "$STEAD_GROUP/$STEAD_CHECK/$STEAD_NODE" = web/check/primary`, core.Passed, ""},
	} {
		p := build(t, config.Check{Kind: config.CheckExec, Command: []string{c.line}, Shell: true})
		r := run(p, generous)
		if r.Outcome != c.outcome || !strings.Contains(r.Detail, c.detail) {
			t.Errorf("%s: outcome %d, detail %q; want %d, %q", c.line, r.Outcome, r.Detail, c.outcome, c.detail)
		}
	}
}

func TestExecWithoutAShell(t *testing.T) {
	p := build(t, config.Check{Kind: config.CheckExec, Command: []string{"test", "$HOME;exit 1", "=", "$HOME;exit 1"}})
	want(t, run(p, generous), core.Passed, "")
	// 127 is the shell's word only where there is a shell.
	p = build(t, config.Check{Kind: config.CheckExec, Command: []string{"sh", "-c", "exit 127"}})
	want(t, run(p, generous), core.Failed, "exit code 127")
}

func TestExecThatCannotStartHasNotFailed(t *testing.T) {
	path := filepath.Join(t.TempDir(), "prog")
	if err := os.WriteFile(path, []byte("#!/bin/sh\nexit 0\n"), 0o700); err != nil {
		t.Fatal(err)
	}
	p := build(t, config.Check{Kind: config.CheckExec, Command: []string{path}})
	want(t, run(p, generous), core.Passed, "")
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
	want(t, run(p, generous), core.CouldNotRun, "no such file")
}

func TestExecTimeoutKillsTheGrandchildToo(t *testing.T) {
	fifo := filepath.Join(t.TempDir(), "alive")
	if err := unix.Mkfifo(fifo, 0o600); err != nil {
		t.Fatal(err)
	}
	// The reader sees the end of the file when the last of them has died.
	line := fmt.Sprintf("exec > %s; (sh -c 'echo started; sleep 600 & wait' & wait)", fifo)
	p := build(t, config.Check{Kind: config.CheckExec, Command: []string{line}, Shell: true, Timeout: 300 * time.Millisecond})
	written := make(chan string, 1)
	go func() {
		file, err := os.Open(fifo)
		if err != nil {
			written <- err.Error()
			return
		}
		defer file.Close()
		all, _ := io.ReadAll(file)
		written <- string(all)
	}()
	r := run(p, 300*time.Millisecond)
	want(t, r, core.Failed, "not done within 300ms")
	if !r.TimedOut {
		t.Error("not marked as a timeout")
	}
	select {
	case got := <-written:
		if got != "started\n" {
			t.Errorf("the grandchild wrote %q", got)
		}
	case <-time.After(generous):
		t.Fatal("somebody of the process group is still alive")
	}
}

func TestExecAsAnotherUser(t *testing.T) {
	needRoot(t)
	p := build(t, config.Check{Kind: config.CheckExec, Command: []string{`test "$(id -un)" = nobody`}, Shell: true, User: "nobody"})
	want(t, run(p, generous), core.Passed, "")
}

func TestTooManyProgramsIsNotAFailure(t *testing.T) {
	for range execLimit {
		execSlots <- struct{}{}
	}
	p := build(t, config.Check{Kind: config.CheckExec, Command: []string{"true"}})
	want(t, run(p, generous), core.CouldNotRun, "running already")
	for range execLimit {
		<-execSlots
	}
	want(t, run(p, generous), core.Passed, "")
}

func TestFile(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "beat")
	if err := os.WriteFile(path, []byte("state: ok\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	old := time.Now().Add(-time.Hour)
	check := func(c config.Check, target string) Probe {
		c.Kind, c.Target = config.CheckFile, target
		return build(t, c)
	}
	want(t, run(check(config.Check{}, path), generous), core.Passed, "")
	want(t, run(check(config.Check{}, dir), generous), core.Passed, "")
	want(t, run(check(config.Check{}, path+"x"), generous), core.Failed, "no such file")
	want(t, run(check(config.Check{}, path+"/x"), generous), core.Failed, "not a directory")
	want(t, run(check(config.Check{Expect: "ok"}, path), generous), core.Passed, "")
	want(t, run(check(config.Check{Expect: "bad"}, path), generous), core.Failed, "unexpected content of 10 bytes")
	want(t, run(check(config.Check{Expect: "ok"}, dir), generous), core.Failed, "is a directory")

	aged := check(config.Check{MaxAge: time.Minute}, path)
	want(t, run(aged, generous), core.Passed, "")
	if err := os.Chtimes(path, old, old); err != nil {
		t.Fatal(err)
	}
	// It changed since the last look, whatever its own time says.
	want(t, run(aged, generous), core.Passed, "")
	want(t, run(check(config.Check{MaxAge: time.Minute}, path), generous), core.Failed, "unchanged for 1h")

	fifo := filepath.Join(dir, "fifo")
	if err := unix.Mkfifo(fifo, 0o600); err != nil {
		t.Fatal(err)
	}
	want(t, run(check(config.Check{Expect: "x"}, fifo), generous), core.Failed, "unexpected content")
}

// The age of a file counts on from the first look, whatever the wall clock does.
func TestAgeOfAFile(t *testing.T) {
	var a ager
	stat := unix.Stat_t{Mtim: unix.NsecToTimespec(time.Now().Add(-10 * time.Second).UnixNano())}
	at := time.Now()
	if age := a.look(&stat, at); age < 9*time.Second || age > 12*time.Second {
		t.Errorf("age %v at the first look, want 10 s", age)
	}
	if age := a.look(&stat, at.Add(time.Minute)); age < 69*time.Second || age > 72*time.Second {
		t.Errorf("age %v a minute later, want 70 s", age)
	}
	stat.Size++
	if age := a.look(&stat, at.Add(62*time.Second)); age != 2*time.Second {
		t.Errorf("age %v after a change, want the 2 s since the last look", age)
	}
	stat.Mtim = unix.NsecToTimespec(at.Add(time.Hour).UnixNano())
	if age := a.look(&stat, at.Add(63*time.Second)); age != 0 {
		t.Errorf("age %v of a file from the future, want 0", age)
	}
}

// A look that hangs ends its run by the deadline, and no other is started.
func TestALookThatHangs(t *testing.T) {
	release, looks := make(chan struct{}), make(chan struct{}, 10)
	p := detach(func() Result { looks <- struct{}{}; <-release; return passed() }, func() {},
		func() Result { return timedOut("hangs") })
	defer p.Close()
	want(t, run(p, brief), core.Failed, "hangs")
	want(t, run(p, brief), core.Failed, "hangs")
	if len(looks) != 1 {
		t.Errorf("%d looks, want 1", len(looks))
	}
	close(release)
	want(t, run(p, generous), core.Passed, "")
	want(t, run(p, generous), core.Passed, "")
	if len(looks) != 2 {
		t.Errorf("%d looks, want 2", len(looks))
	}
}

func TestInterface(t *testing.T) {
	check := func(name string) Result {
		return run(build(t, config.Check{Kind: config.CheckInterface, Target: name}), generous)
	}
	want(t, check("no-such-dev"), core.Failed, "no interface")
	want(t, check("lo"), core.Passed, "")
}

// begin starts a program under a name of its own and ends it with the test.
func begin(t *testing.T, name string) *exec.Cmd {
	t.Helper()
	cmd := exec.Command("sleep", "600")
	cmd.Args[0] = name
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = cmd.Process.Kill(); _ = cmd.Wait() })
	return cmd
}

func TestProcess(t *testing.T) {
	name := fmt.Sprintf("stead-test-%d", os.Getpid())
	check := config.Check{Kind: config.CheckProcess, Target: name}
	want(t, run(build(t, check), generous), core.Failed, "no process "+name)

	one := begin(t, "/usr/lib/"+name)
	p := build(t, check)
	want(t, run(p, generous), core.Passed, "")
	want(t, run(p, generous), core.Passed, "")

	two := begin(t, name)
	kill := func(cmd *exec.Cmd) {
		_ = cmd.Process.Kill()
		// It stays a zombie until Wait: dead all the same.
		waitid(t, cmd.Process.Pid)
	}
	kill(one)
	want(t, run(p, generous), core.Passed, "")
	kill(two)
	want(t, run(p, generous), core.Failed, "no process")
}

func waitid(t *testing.T, pid int) {
	t.Helper()
	if err := unix.Waitid(unix.P_PID, pid, nil, unix.WEXITED|unix.WNOWAIT, nil); err != nil {
		t.Fatal(err)
	}
}

func TestProcessByItsCommandName(t *testing.T) {
	comm, err := os.ReadFile("/proc/self/comm")
	if err != nil {
		t.Fatal(err)
	}
	p := build(t, config.Check{Kind: config.CheckProcess, Target: strings.TrimSpace(string(comm))})
	want(t, run(p, generous), core.Passed, "")
}

// fakeProc is a directory in the shape of /proc.
func fakeProc(t *testing.T, stats map[string]string) *processProbe {
	t.Helper()
	dir := t.TempDir()
	for pid, stat := range stats {
		if err := os.Mkdir(filepath.Join(dir, pid), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(dir, pid, "stat"), []byte(stat), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return &processProbe{proc: dir, name: []byte("db"), buf: make([]byte, 4096)}
}

const zeros = " 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 "

func TestProcessThatIsHiddenHasNotFailed(t *testing.T) {
	want(t, fakeProc(t, map[string]string{"77": "77 (other) S" + zeros + "9 0\n"}).look(), core.CouldNotRun, "hidden")
	gone := fakeProc(t, nil)
	gone.proc += "/none"
	want(t, gone.look(), core.CouldNotRun, "no such file")
}

func TestProcessNumberOfAnother(t *testing.T) {
	p := fakeProc(t, map[string]string{"1": "1 (init) S" + zeros + "1 0\n", "77": "77 (db) S" + zeros + "9 0\n"})
	want(t, p.look(), core.Passed, "")
	stat := filepath.Join(p.proc, "77", "stat")
	for _, content := range []string{
		"77 (other) S" + zeros + "12 0\n", // the number was given to another
		"77 (db) Z" + zeros + "9 0\n",     // a zombie
	} {
		if err := os.WriteFile(stat, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
		want(t, p.look(), core.Failed, "no process db")
		p.pause = 0
	}
}

func TestScanThatFindsNothingIsFollowedByAPause(t *testing.T) {
	p := fakeProc(t, map[string]string{"1": "1 (init) S" + zeros + "1 0\n"})
	want(t, p.look(), core.Failed, "no process")
	if p.pause <= 0 {
		t.Fatal("no pause")
	}
	p.pause, p.proc = time.Hour, "/nonexistent"
	want(t, p.look(), core.Failed, "no process") // what the last scan found
	p.pause = 0
	want(t, p.look(), core.CouldNotRun, "no such file")
}

func FuzzParseStat(f *testing.F) {
	f.Add([]byte("77 (a b) c) S" + zeros + "9 0\n"))
	f.Add([]byte("1 (x) "))
	f.Add([]byte(")("))
	f.Fuzz(func(t *testing.T, line []byte) {
		if s, ok := parseStat(line); ok && (len(s.start) == 0 || s.state == 0 && len(line) < 4) {
			t.Fatalf("%q: %+v", line, s)
		}
	})
}

func TestParseStat(t *testing.T) {
	s, ok := parseStat([]byte("77 (a) b (c) R" + zeros + "4711 0\n"))
	if !ok || string(s.comm) != "a) b (c" || s.state != 'R' || string(s.start) != "4711" {
		t.Errorf("%v %q %c %q", ok, s.comm, s.state, s.start)
	}
}
