package systemd

import (
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// manager listens as a service manager does.
func manager(t *testing.T, name string) *net.UnixConn {
	t.Helper()
	conn, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Name: name, Net: "unixgram"})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	return conn
}

func heard(t *testing.T, conn *net.UnixConn) string {
	t.Helper()
	buf := make([]byte, 4096)
	if err := conn.SetReadDeadline(time.Now().Add(5 * time.Second)); err != nil {
		t.Fatal(err)
	}
	n, err := conn.Read(buf)
	if err != nil {
		t.Fatal(err)
	}
	return string(buf[:n])
}

func started(t *testing.T, socket, usec, pid string) *Notifier {
	t.Helper()
	t.Setenv("NOTIFY_SOCKET", socket)
	t.Setenv("WATCHDOG_USEC", usec)
	t.Setenv("WATCHDOG_PID", pid)
	n, err := FromEnvironment()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = n.Close() })
	return n
}

func TestMessages(t *testing.T) {
	for _, name := range []string{filepath.Join(t.TempDir(), "notify"), fmt.Sprintf("@stead-test-%d", os.Getpid())} {
		t.Run(name[:1], func(t *testing.T) {
			conn := manager(t, name)
			n := started(t, name, "3000000", strconv.Itoa(os.Getpid()))
			for _, name := range []string{"NOTIFY_SOCKET", "WATCHDOG_USEC", "WATCHDOG_PID"} {
				if v, ok := os.LookupEnv(name); ok {
					t.Errorf("%s is still %q", name, v)
				}
			}
			if n.Watchdog() != 3*time.Second {
				t.Errorf("watchdog %v", n.Watchdog())
			}
			for want, send := range map[string]func() error{
				"READY=1\nSTATUS=web: active": func() error { return n.Ready("web: active") },
				"STATUS=two lines":            func() error { return n.Status("two\nlines") },
				"WATCHDOG=1":                  n.Alive,
				"STOPPING=1\nSTATUS=ends\nEXTEND_TIMEOUT_USEC=1500000": func() error { return n.Stopping("ends", 1500*time.Millisecond) },
			} {
				if err := send(); err != nil {
					t.Fatal(err)
				}
				if got := heard(t, conn); got != want {
					t.Errorf("heard %q, want %q", got, want)
				}
			}
		})
	}
}

// The time of a reload is of the clock that the manager compares it with.
func TestReloadSaysWhen(t *testing.T) {
	name := filepath.Join(t.TempDir(), "notify")
	conn := manager(t, name)
	n := started(t, name, "", "")
	now := func() int64 {
		var ts unix.Timespec
		if err := unix.ClockGettime(unix.CLOCK_MONOTONIC, &ts); err != nil {
			t.Fatal(err)
		}
		return ts.Nano() / 1000
	}
	before := now()
	if err := n.Reloading(); err != nil {
		t.Fatal(err)
	}
	after := now()
	text, ok := strings.CutPrefix(heard(t, conn), "RELOADING=1\nMONOTONIC_USEC=")
	at, err := strconv.ParseInt(text, 10, 64)
	if !ok || err != nil || at < before || at > after {
		t.Errorf("%q: %v; want %d to %d", text, err, before, after)
	}
}

func TestWithoutAManager(t *testing.T) {
	n := started(t, "", "1000", "")
	if n != nil || n.Watchdog() != 0 || n.Ready("") != nil || n.Reloading() != nil || n.Close() != nil {
		t.Error("a daemon that systemd did not start has a manager")
	}
}

func TestStrangeEnvironment(t *testing.T) {
	name := filepath.Join(t.TempDir(), "notify")
	manager(t, name)
	for _, c := range []struct{ socket, usec, says string }{
		{"vsock:2:1234", "", "$NOTIFY_SOCKET"},
		{name + "x", "", "service manager's socket"},
		{name, "soon", "$WATCHDOG_USEC"},
		{name, "-1", "$WATCHDOG_USEC"},
		{name, "99999999999999999999", "$WATCHDOG_USEC"},
	} {
		t.Setenv("NOTIFY_SOCKET", c.socket)
		t.Setenv("WATCHDOG_USEC", c.usec)
		t.Setenv("WATCHDOG_PID", "")
		n, err := FromEnvironment()
		if n != nil || err == nil || !strings.Contains(err.Error(), c.says) {
			t.Errorf("%+v: %v", c, err)
		}
	}
	// Somebody else is watched.
	if n := started(t, name, "1000000", "1"); n.Watchdog() != 0 {
		t.Errorf("watchdog of another process: %v", n.Watchdog())
	}
}

// A manager that does not read holds nobody up.
func TestAManagerThatDoesNotRead(t *testing.T) {
	name := filepath.Join(t.TempDir(), "notify")
	manager(t, name)
	n := started(t, name, "", "")
	began := time.Now()
	for range 10000 { // far more than a queue holds
		if err := n.Alive(); err != nil {
			if took := time.Since(began); took > 5*time.Second {
				t.Errorf("waited %v", took)
			}
			return
		}
	}
	t.Fatal("the queue never filled up")
}
