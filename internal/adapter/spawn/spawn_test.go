package spawn

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/user"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"go.uber.org/goleak"
	"golang.org/x/sys/unix"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// needRoot fails a test that cannot show what it is for, unless the person who
// runs it said that privileges are missing.
func needRoot(t *testing.T) {
	t.Helper()
	if os.Geteuid() == 0 {
		return
	}
	if os.Getenv("STEAD_UNPRIVILEGED") == "1" {
		t.Skip("missing: CAP_SETUID, CAP_SETGID (running programs as another user)")
	}
	t.Fatal("needs root: CAP_SETUID and CAP_SETGID")
}

func sh(t *testing.T, line string) *Program {
	t.Helper()
	p, err := Resolve([]string{line}, true, "")
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func TestRunTellsHowItEnded(t *testing.T) {
	for _, c := range []struct {
		line   string
		end    End
		code   int
		output string
	}{
		{"exit 0", Exited, 0, ""},
		{"echo one; echo two >&2; exit 3", Exited, 3, "one\ntwo\n"},
		{"kill -9 $$", Signalled, 9, ""},
		{"kill -TERM $$", Signalled, 15, ""},
	} {
		r := sh(t, c.line).Run(context.Background(), Run{Timeout: time.Minute})
		if r.End != c.end || r.Code != c.code || string(r.Output) != c.output {
			t.Errorf("%s: end %d code %d output %q, want %d %d %q", c.line, r.End, r.Code, r.Output, c.end, c.code, c.output)
		}
		if r.OK() != (c.end == Exited && c.code == 0) {
			t.Errorf("%s: OK is %v", c.line, r.OK())
		}
	}
}

func TestEnvironmentIsMinimal(t *testing.T) {
	t.Setenv("SECRET_OF_THE_DAEMON", "x")
	p, err := Resolve([]string{"env"}, false, "")
	if err != nil {
		t.Fatal(err)
	}
	r := p.Run(context.Background(), Run{Timeout: time.Minute, Env: []string{"STEAD_GROUP=web"}})
	var names []string
	for line := range strings.Lines(string(r.Output)) {
		name, _, _ := strings.Cut(line, "=")
		names = append(names, name)
	}
	if got, want := strings.Join(names, " "), "PATH HOME USER LOGNAME SHELL LANG STEAD_GROUP"; got != want {
		t.Errorf("environment has %s, want %s", got, want)
	}
}

func TestStdinReachesTheProgram(t *testing.T) {
	in := strings.Repeat("0123456789", 20_000) // more than a pipe holds
	r := sh(t, "wc -c; head -c 0").Run(context.Background(), Run{Timeout: time.Minute, Stdin: []byte(in)})
	if got := strings.TrimSpace(string(r.Output)); got != strconv.Itoa(len(in)) {
		t.Errorf("the program read %q bytes, want %d", got, len(in))
	}
	r = sh(t, "exit 0").Run(context.Background(), Run{Timeout: time.Minute, Stdin: []byte(in)})
	if !r.OK() {
		t.Errorf("a program that does not read ended with %+v", r)
	}
}

func TestOutputIsBoundedAndReadToTheEnd(t *testing.T) {
	r := sh(t, "i=0; while [ $i -lt 30000 ]; do echo line $i; i=$((i+1)); done; echo last").
		Run(context.Background(), Run{Timeout: time.Minute})
	if !r.OK() || len(r.Output) > OutputLimit || LastLine(r.Output) != "last" {
		t.Errorf("end %d code %d, %d bytes, last line %q", r.End, r.Code, len(r.Output), LastLine(r.Output))
	}
}

// A program that stays behind and holds the output open is not waited for.
func TestRemainsDoNotHoldTheRun(t *testing.T) {
	for _, kill := range []bool{false, true} {
		r := sh(t, "sleep 600 & echo $!").Run(context.Background(), Run{Timeout: time.Minute, KillRemains: kill})
		pid, err := strconv.Atoi(strings.TrimSpace(string(r.Output)))
		if err != nil || !r.OK() {
			t.Fatalf("run %+v: %v", r, err)
		}
		if !kill {
			if err := syscall.Kill(pid, 0); err != nil {
				t.Errorf("a process that was to stay behind is gone: %v", err)
			}
			_ = syscall.Kill(pid, syscall.SIGKILL)
		}
		waitGone(t, pid)
	}
}

// waitGone waits until the process has ended. One without a parent is reaped by
// init, or in a container without one stays a zombie.
func waitGone(t *testing.T, pid int) {
	t.Helper()
	fd, err := unix.PidfdOpen(pid, 0)
	if errors.Is(err, unix.ESRCH) {
		return
	}
	if err != nil {
		t.Fatal(err)
	}
	defer unix.Close(fd)
	for {
		n, err := unix.Poll([]unix.PollFd{{Fd: int32(fd), Events: unix.POLLIN}}, 10_000)
		if errors.Is(err, unix.EINTR) {
			continue
		}
		if err != nil || n != 1 {
			_ = unix.Kill(pid, unix.SIGKILL)
			t.Fatalf("process %d is still there: %v", pid, err)
		}
		return
	}
}

// family starts a program with a child and a grandchild that write their
// numbers into a FIFO, and waits until all three are there.
func family(t *testing.T) (p *Program, pids <-chan []int) {
	t.Helper()
	fifo := filepath.Join(t.TempDir(), "pids")
	if err := unix.Mkfifo(fifo, 0o600); err != nil {
		t.Fatal(err)
	}
	p = sh(t, fmt.Sprintf(`(sh -c 'echo $$; sleep 600 & echo $!; wait' & wait) > %s`, fifo))
	found := make(chan []int, 1)
	go func() {
		file, err := os.Open(fifo)
		if err != nil {
			found <- nil
			return
		}
		defer file.Close()
		var child, grandchild int
		_, _ = fmt.Fscan(file, &child, &grandchild)
		found <- []int{child, grandchild}
	}()
	return p, found
}

func TestTimeoutKillsTheWholeGroup(t *testing.T) {
	p, pids := family(t)
	r := p.Run(context.Background(), Run{Timeout: 300 * time.Millisecond})
	if r.End != TimedOut {
		t.Fatalf("end %d, want a timeout", r.End)
	}
	for _, pid := range <-pids {
		waitGone(t, pid)
	}
}

func TestContextKillsTheWholeGroup(t *testing.T) {
	p, pids := family(t)
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan Result)
	go func() { ended <- p.Run(ctx, Run{Timeout: time.Hour}) }()
	all := <-pids
	if len(all) != 2 || all[0] == 0 || all[1] == 0 {
		t.Fatalf("processes %v", all)
	}
	cancel()
	if r := <-ended; r.End != Cancelled {
		t.Errorf("end %d, want cancelled", r.End)
	}
	for _, pid := range all {
		waitGone(t, pid)
	}
}

func TestARunThatWillNotDieKeepsOthersFromStarting(t *testing.T) {
	p := sh(t, "exit 0")
	p.lingering.Add(1)
	if r := p.Run(context.Background(), Run{}); r.End != TimedOut {
		t.Errorf("end %d, want a timeout", r.End)
	}
	p.lingering.Add(-1)
	if r := p.Run(context.Background(), Run{}); !r.OK() {
		t.Errorf("run %+v", r)
	}
}

func TestNotStarted(t *testing.T) {
	path := filepath.Join(t.TempDir(), "prog")
	write(t, path, "#!/bin/sh\n", 0o755)
	p, err := Resolve([]string{path}, false, "")
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
	if r := p.Run(context.Background(), Run{Timeout: time.Minute}); r.End != NotStarted || !errors.Is(r.Err, syscall.ENOENT) {
		t.Errorf("end %d, error %v", r.End, r.Err)
	}
	write(t, path, "#!/nonexistent/interpreter\n", 0o755)
	if r := p.Run(context.Background(), Run{Timeout: time.Minute}); r.End != NotStarted {
		t.Errorf("end %d, error %v", r.End, r.Err)
	}
}

func TestAsAnotherUser(t *testing.T) {
	needRoot(t)
	nobody, err := user.Lookup("nobody")
	if err != nil {
		t.Fatal(err)
	}
	p, err := Resolve([]string{"id -u; id -G; echo $USER; cat; echo ok > /dev/stderr"}, true, "nobody")
	if err != nil {
		t.Fatal(err)
	}
	r := p.Run(context.Background(), Run{Timeout: time.Minute, Stdin: []byte("in\n")})
	want := nobody.Uid + "\n" + nobody.Gid + "\nnobody\nin\nok\n"
	if !r.OK() || string(r.Output) != want {
		t.Errorf("%+v output %q, want %q", r, r.Output, want)
	}
	if _, err := Resolve([]string{"id"}, false, "no-such-user-here"); err == nil || !strings.Contains(err.Error(), "no such user") {
		t.Errorf("an unknown user: %v", err)
	}
}
