package daemon

import (
	"context"
	"errors"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"stead/internal/core"
	"stead/internal/report"
)

// watchedFor is the watchdog of the tests: as short as a busy machine allows.
const watchedFor = 400 * time.Millisecond

// manager listens as a service manager does, and is what the next daemon finds in
// its environment.
func manager(t *testing.T) *net.UnixConn {
	t.Helper()
	name := filepath.Join(t.TempDir(), "notify") // an abstract name is of one network namespace
	conn, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Name: name, Net: "unixgram"})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	t.Setenv("NOTIFY_SOCKET", name)
	t.Setenv("WATCHDOG_USEC", strconv.FormatInt(watchedFor.Microseconds(), 10))
	t.Setenv("WATCHDOG_PID", strconv.Itoa(os.Getpid()))
	return conn
}

// next is the next message that is as wanted, or none within the time.
func next(t *testing.T, conn *net.UnixConn, within time.Duration, is func(string) bool) (text string, ok bool) {
	t.Helper()
	buf := make([]byte, 4096)
	if err := conn.SetReadDeadline(time.Now().Add(within)); err != nil {
		t.Fatal(err)
	}
	for {
		n, err := conn.Read(buf)
		if errors.Is(err, os.ErrDeadlineExceeded) {
			return "", false
		}
		if err != nil {
			t.Fatal(err)
		}
		if text = string(buf[:n]); is(text) {
			return text, true
		}
	}
}

func begins(with string) func(string) bool {
	return func(text string) bool { return strings.HasPrefix(text, with) }
}

func says(what string) func(string) bool {
	return func(text string) bool { return strings.Contains(text, what) }
}

func mustHear(t *testing.T, conn *net.UnixConn, is func(string) bool, what string) string {
	t.Helper()
	text, ok := next(t, conn, patience, is)
	if !ok {
		t.Fatalf("no message: %s", what)
	}
	return text
}

func anything(string) bool { return true }

func noSignOfLife(text string) bool { return text != "WATCHDOG=1" }

// The manager hears that the daemon is ready, who is active, of a reload in its
// order whether it is refused or not, and of the end.
func TestTheManagerIsTold(t *testing.T) {
	conn := manager(t)
	_, d, ended := serving(t)
	if first := mustHear(t, conn, anything, "the first"); !strings.HasPrefix(first, "READY=1\nSTATUS=") {
		t.Fatalf("the first message is %q", first)
	}
	if _, ok := os.LookupEnv("NOTIFY_SOCKET"); ok {
		t.Error("what the daemon starts would inherit the manager's socket")
	}
	mustHear(t, conn, says("STATUS=web: active"), "who is active")

	if _, err := d.Reload(context.Background()); err != nil {
		t.Fatal(err)
	}
	mustHear(t, conn, begins("RELOADING=1\nMONOTONIC_USEC="), "a reload begins")
	if end := mustHear(t, conn, noSignOfLife, "a reload ends"); end != "READY=1\nSTATUS=web: active" {
		t.Errorf("a reload ends with %q", end)
	}
	if err := os.WriteFile(d.file, []byte("nonsense: 1\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := d.Reload(context.Background()); err == nil {
		t.Fatal("nonsense was accepted")
	}
	mustHear(t, conn, begins("RELOADING=1"), "a reload begins")
	if end := mustHear(t, conn, noSignOfLife, "a reload ends"); end != "READY=1\nSTATUS=web: active; the last reload was refused" {
		t.Errorf("a refused reload ends with %q", end)
	}

	d.engine.Between(func(core.Instant) { panic("not today") })
	if err := <-ended; err == nil {
		t.Error("a panic is no error")
	}
}

// A loop that hangs gives no sign of life, and one that goes on does again.
func TestTheWatchdogIsOfTheEngine(t *testing.T) {
	conn := manager(t)
	_, d, _ := serving(t)
	alive := func(s string) bool { return s == "WATCHDOG=1" }
	for range 3 {
		mustHear(t, conn, alive, "a sign of life")
	}
	hangs, goesOn := make(chan struct{}), make(chan struct{})
	d.engine.Between(func(core.Instant) { close(hangs); <-goesOn })
	<-hangs
	// One may be under way that was answered before.
	last := time.Now()
	for {
		if _, ok := next(t, conn, watchedFor, alive); !ok {
			break
		}
		if time.Since(last) > watchedFor {
			close(goesOn)
			t.Fatal("a sign of life from a loop that hangs")
		}
	}
	close(goesOn)
	mustHear(t, conn, alive, "a sign of life of a loop that goes on")
}

// An end has its own bounds: the watchdog does not cut it short.
func TestTheManagerIsToldOfTheEnd(t *testing.T) {
	conn := manager(t)
	_, d, _ := serving(t)
	mustHear(t, conn, begins("READY=1"), "ready")
	d.manager.stops(75 * time.Second)
	d.manager.stops(time.Second)
	if text := mustHear(t, conn, begins("STOPPING=1\nSTATUS="), "the end"); !strings.HasSuffix(text, "\nEXTEND_TIMEOUT_USEC=75000000") {
		t.Errorf("heard %q, and not how long it may take", text)
	}
	hang := make(chan struct{})
	d.engine.Between(func(core.Instant) { <-hang })
	for range 3 {
		if text := mustHear(t, conn, anything, "a sign of life"); text != "WATCHDOG=1" {
			t.Errorf("heard %q", text)
		}
	}
	close(hang)
}

func TestSentence(t *testing.T) {
	active := report.Group{Name: "a", Role: report.RoleActive, ActiveNode: "n0"}
	standby := report.Group{Name: "b", Role: report.RoleStandby, ActiveNode: "n1"}
	nobody := report.Group{Name: "c", Role: report.RoleStandby}
	for _, c := range []struct {
		s    *report.Status
		want string
	}{
		{nil, "runs"},
		{&report.Status{}, "no groups"},
		{&report.Status{Groups: []report.Group{active}}, "a: active"},
		{&report.Status{Groups: []report.Group{active, standby, nobody}}, "a: active, b: n1 is active, c: nobody is active"},
		{&report.Status{Groups: []report.Group{{Name: "d", Role: report.RoleStandby, ActiveAddress: "192.0.2.7"}}}, "d: 192.0.2.7 is active"},
		{&report.Status{Groups: []report.Group{active, standby, nobody, active}}, "active for 2 of 4 groups, nobody is for 1"},
		{&report.Status{Groups: []report.Group{standby}, Draining: true}, "b: n1 is active; drained"},
	} {
		if got := sentence(c.s); got != c.want {
			t.Errorf("%q, want %q", got, c.want)
		}
	}
}
