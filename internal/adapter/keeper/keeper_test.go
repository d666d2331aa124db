package keeper

import (
	"fmt"
	"os"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// forever is a deadline that no test sees pass.
const forever = time.Hour

func TestCommandEndsByItself(t *testing.T) {
	for name, c := range map[string]struct {
		script string
		code   int
	}{
		"with success": {"true", 0},
		"with a code":  {"exit 7", 7},
		"by a signal":  {"kill -9 $$", 137},
	} {
		t.Run(name, func(t *testing.T) {
			k := begin(t, Options{End: in(forever), Kill: in(forever)}, c.script)
			if got := finished(t, k); got != (Exit{Code: c.code}) {
				t.Errorf("ended as %+v, want code %d", got, c.code)
			}
		})
	}
}

func TestEndsAtItsDeadline(t *testing.T) {
	m := newMark(t, "ready")
	k := begin(t, Options{End: in(forever), Kill: in(forever)}, `trap 'exit 3' TERM; echo $$ >`+string(m)+`; while :; do sleep 0.01; done`)
	pid := m.pid(t)
	end := in(300 * time.Millisecond)
	if err := k.Until(end, end.Add(patience)); err != nil {
		t.Fatal(err)
	}
	got := finished(t, k)
	if got != (Exit{Code: 3, Told: true}) {
		t.Errorf("ended as %+v, want code 3 after it was told", got)
	}
	if now := bootTime(); now < end {
		t.Errorf("ended %v before its deadline", end.Sub(now))
	}
	if runs(pid) {
		t.Error("it runs when it is said to have ended")
	}
}

func TestKilledWhenItDoesNotListen(t *testing.T) {
	m := newMark(t, "ready")
	k := begin(t, Options{End: in(forever), Kill: in(forever)}, `trap '' TERM; echo $$ >`+string(m)+`; while :; do sleep 0.01; done`)
	pid := m.pid(t)
	end := in(200 * time.Millisecond)
	kill := end.Add(300 * time.Millisecond)
	if err := k.Until(end, kill); err != nil {
		t.Fatal(err)
	}
	got := finished(t, k)
	if !got.Told || !got.Killed || got.Code != 137 || got.Err != nil {
		t.Errorf("ended as %+v, want killed", got)
	}
	if now := bootTime(); now < kill {
		t.Errorf("killed %v before its deadline", kill.Sub(now))
	}
	if runs(pid) {
		t.Error("it runs when it is said to have ended")
	}
}

func TestStoppedWorkloadHears(t *testing.T) {
	m := newMark(t, "ready")
	k := begin(t, Options{End: in(forever), Kill: in(forever)}, `trap 'exit 4' TERM; echo $$ >`+string(m)+`; while :; do sleep 0.01; done`)
	if err := unix.Kill(m.pid(t), unix.SIGSTOP); err != nil {
		t.Fatal(err)
	}
	if err := k.Until(0, in(patience)); err != nil {
		t.Fatal(err)
	}
	if got := finished(t, k); got.Code != 4 || got.Killed {
		t.Errorf("ended as %+v, want code 4", got)
	}
}

func TestRenewalsMoveTheDeadlines(t *testing.T) {
	m := newMark(t, "ready")
	first := in(5 * time.Second)
	k := begin(t, Options{End: first, Kill: first}, `trap 'exit 3' TERM; echo $$ >`+string(m)+`; while :; do sleep 0.01; done`)
	m.pid(t)
	for i := range 4 {
		next := first.Add(time.Duration(i) * 100 * time.Millisecond)
		if err := k.Until(next, next.Add(patience)); err != nil {
			t.Fatal(err)
		}
	}
	last := first.Add(300 * time.Millisecond)
	if got := finished(t, k); got.Killed || got.Code != 3 {
		t.Errorf("ended as %+v", got)
	}
	if now := bootTime(); now < last {
		t.Errorf("told %v before the deadline that was moved", last.Sub(now))
	}
}

func TestSignalsArePassedOn(t *testing.T) {
	m, heard := newMark(t, "ready"), newMark(t, "heard")
	k := begin(t, Options{End: in(forever), Kill: in(forever)},
		`trap 'echo hup >`+string(heard)+`' HUP; trap 'exit 9' USR1; echo $$ >`+string(m)+`; while :; do sleep 0.01; done`)
	m.pid(t)
	if err := k.Signal(syscall.SIGHUP); err != nil {
		t.Fatal(err)
	}
	if got := heard.wait(t); got != "hup" {
		t.Fatalf("heard %q", got)
	}
	if err := k.Signal(syscall.SIGUSR1); err != nil {
		t.Fatal(err)
	}
	if got := finished(t, k); got != (Exit{Code: 9}) {
		t.Errorf("ended as %+v, want code 9", got)
	}
}

func TestNothingIsLeftBehind(t *testing.T) {
	for _, grouped := range []bool{true, false} {
		t.Run(fmt.Sprintf("group=%v", grouped), func(t *testing.T) {
			m := newMark(t, "pid")
			// The grandchild has its own session, and its parent is gone.
			k := begin(t, Options{End: in(forever), Kill: in(forever), Grace: 100 * time.Millisecond},
				`(setsid sh -c 'trap "" TERM; echo $$ >`+string(m)+`; while :; do sleep 0.01; done' &) ; while :; do sleep 0.01; done`)
			pid := m.pid(t)
			if !grouped {
				// As where control groups may not be written: the keeper has only itself.
				for _, p := range groupPeople(k.group) {
					if err := os.WriteFile(strings.TrimSuffix(k.group, "/"+last(k.group))+"/cgroup.procs", fmt.Append(nil, p), 0); err != nil && runs(p) {
						t.Fatal(err)
					}
				}
			}
			if err := k.Until(0, in(200*time.Millisecond)); err != nil {
				t.Fatal(err)
			}
			if got := finished(t, k); !got.Killed {
				t.Errorf("ended as %+v, want killed", got)
			}
			if runs(pid) {
				t.Error("what has left the session runs when the workload is said to have ended")
			}
		})
	}
}

func last(path string) string { return path[strings.LastIndexByte(path, '/')+1:] }

func TestCommandLeavesSomethingBehind(t *testing.T) {
	m := newMark(t, "pid")
	var told string
	k := begin(t, Options{End: in(forever), Kill: in(forever), Grace: patience, Say: func(text string) { told += text }},
		`setsid sh -c 'echo $$ >`+string(m)+`; exec sleep 600' & while ! [ -s `+string(m)+` ]; do sleep 0.01; done; exit 5`)
	got := finished(t, k)
	if got.Code != 5 || got.Told || got.Killed {
		t.Errorf("ended as %+v, want code 5", got)
	}
	if pid := m.pid(t); runs(pid) {
		t.Error("it runs when the workload is said to have ended")
	}
	if !strings.Contains(told, "left 1 processes behind") {
		t.Errorf("people were told %q", told)
	}
}

func TestStoppedGate(t *testing.T) {
	m := newMark(t, "ready")
	const right = 5 * time.Second
	end := in(right) // not after the gate's own
	gate, _ := gateProcess(t, right, `trap '' TERM; echo $$ >`+string(m)+`; while :; do sleep 0.01; done`)
	pid := m.pid(t)
	if err := gate.Process.Signal(syscall.SIGSTOP); err != nil {
		t.Fatal(err)
	}
	if at := gone(t, pid); at < end {
		t.Errorf("killed %v before its end", end.Sub(at))
	}
}

func TestKilledGate(t *testing.T) {
	m := newMark(t, "ready")
	gate, keeper := gateProcess(t, forever, `trap 'exit 0' TERM; echo $$ >`+string(m)+`; while :; do sleep 0.01; done`)
	pid := m.pid(t)
	if err := gate.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	gone(t, pid)
	gone(t, keeper)
}

func TestKilledGateAndDeafWorkload(t *testing.T) {
	m := newMark(t, "ready")
	gate, keeper := gateProcess(t, forever, `trap '' TERM; echo $$ >`+string(m)+`; while :; do sleep 0.01; done`)
	pid := m.pid(t)
	if err := gate.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	gone(t, pid)
	gone(t, keeper)
}

func TestKilledKeeper(t *testing.T) {
	m, away := newMark(t, "ready"), newMark(t, "away")
	k := begin(t, Options{End: in(forever), Kill: in(forever)},
		`setsid sh -c 'echo $$ >`+string(away)+`; exec sleep 600' & (echo $$ >`+string(m)+`; exec sleep 600)`)
	pid, far := m.pid(t), away.pid(t)
	if k.group == "" {
		t.Fatal("no control group of version 2 can be made here: run as root with cgroup2 mounted")
	}
	if err := k.cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	if got := finished(t, k); got.Err == nil || !got.Told {
		t.Errorf("ended as %+v, want that the keeper has died", got)
	}
	if runs(pid) || runs(far) {
		t.Errorf("runs after its keeper: the command %v, what has left its session %v", runs(pid), runs(far))
	}
}

func TestHangingKeeper(t *testing.T) {
	m := newMark(t, "ready")
	k := begin(t, Options{End: in(forever), Kill: in(forever)}, `echo $$ >`+string(m)+`; while :; do sleep 0.01; done`)
	pid := m.pid(t)
	if err := k.cmd.Process.Signal(syscall.SIGSTOP); err != nil {
		t.Fatal(err)
	}
	if err := k.Until(0, in(50*time.Millisecond)); err != nil {
		t.Fatal(err)
	}
	if got := finished(t, k); got.Err == nil {
		t.Errorf("ended as %+v, want that the keeper has died", got)
	}
	if runs(pid) {
		t.Error("runs after its keeper")
	}
}

func TestNoSuchCommand(t *testing.T) {
	_, err := Start(Options{Workload: []string{"/no/such/program"}, End: in(forever), Kill: in(forever), Now: bootTime})
	if err == nil || !strings.Contains(err.Error(), "/no/such/program") {
		t.Errorf("%v", err)
	}
	_, err = Start(Options{Workload: []string{"true"}, User: "nobody-has-this-name", End: in(forever), Kill: in(forever), Now: bootTime})
	if err == nil || !strings.Contains(err.Error(), "nobody-has-this-name") {
		t.Errorf("%v", err)
	}
}

func TestRunsAsUser(t *testing.T) {
	m := newMark(t, "id")
	if err := os.WriteFile(string(m), nil, 0o666); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(string(m), 0o666); err != nil {
		t.Fatal(err)
	}
	k := begin(t, Options{User: "nobody", End: in(forever), Kill: in(forever)}, `id -un`)
	if got := finished(t, k); got.Code != 0 {
		t.Errorf("ended as %+v", got)
	}
}

// A keeper that was not run until the time of the workload was over starts nothing.
func TestTimeIsOverBeforeTheStart(t *testing.T) {
	m := newMark(t, "ready")
	k, err := Start(Options{
		Workload: []string{"sh", "-c", "echo $$ >" + string(m)}, Env: os.Environ(), Now: bootTime, End: in(-time.Second), Kill: in(time.Hour),
	})
	if err == nil || !strings.Contains(err.Error(), "over before") {
		t.Errorf("started with error %v", err)
	}
	finished(t, k)
	if _, err := os.Stat(string(m)); err == nil {
		t.Error("the workload has run")
	}
}
