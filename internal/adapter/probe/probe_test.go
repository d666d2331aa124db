package probe

import (
	"context"
	"net"
	"os"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"
	"golang.org/x/sys/unix"

	"stead/internal/config"
	"stead/internal/core"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// generous is a timeout that is not to be reached, brief one that is.
const (
	generous = 30 * time.Second
	brief    = 30 * time.Millisecond
)

// needRoot fails a test that cannot show what it is for, unless the person who
// runs it said that privileges are missing.
func needRoot(t *testing.T) {
	t.Helper()
	if os.Geteuid() == 0 {
		return
	}
	if os.Getenv("STEAD_UNPRIVILEGED") == "1" {
		t.Skip("missing: CAP_SETUID, CAP_SETGID (running checks as another user)")
	}
	t.Fatal("needs root: CAP_SETUID and CAP_SETGID")
}

// build returns the probe of a check and closes it with the test.
func build(t testing.TB, c config.Check) Probe {
	t.Helper()
	if c.Timeout == 0 {
		c.Timeout = generous
	}
	c.Name = "check"
	p, err := New(Target{Check: c, Group: "web", Node: "primary"})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(p.Close)
	return p
}

func run(p Probe, timeout time.Duration) Result {
	return p.Run(context.Background(), time.Now().Add(timeout))
}

// want fails unless the result has the outcome and a detail with the text.
func want(t *testing.T, r Result, outcome core.Outcome, detail string) {
	t.Helper()
	if r.Outcome != outcome || !strings.Contains(r.Detail, detail) {
		t.Errorf("outcome %d, detail %q; want %d, %q", r.Outcome, r.Detail, outcome, detail)
	}
	if (r.Outcome == core.Passed) != (r.Detail == "") {
		t.Errorf("outcome %d with detail %q", r.Outcome, r.Detail)
	}
}

// listen opens a loopback listener that closes with the test.
func listen(t testing.TB) net.Listener {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	return l
}

// each calls serve for every connection, until the listener is closed.
func each(t testing.TB, l net.Listener, serve func(net.Conn)) {
	t.Helper()
	done := make(chan struct{})
	go func() {
		defer close(done)
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			serve(conn)
		}
	}()
	t.Cleanup(func() { _ = l.Close(); <-done })
}

func TestNewRefuses(t *testing.T) {
	for _, c := range []struct {
		check config.Check
		want  string
	}{
		{config.Check{Kind: "smoke"}, "no such kind"},
		{config.Check{Kind: config.CheckHTTP, Target: "ftp://127.0.0.1/"}, "want http://"},
		{config.Check{Kind: config.CheckHTTP, Target: "http:///path"}, "no host"},
		{config.Check{Kind: config.CheckTCP, Target: "127.0.0.1"}, "missing port"},
		{config.Check{Kind: config.CheckUDP, Target: "127.0.0.1"}, "missing port"},
		{config.Check{Kind: config.CheckExec, Command: []string{"no-such-program-here"}}, "not found"},
		{config.Check{Kind: config.CheckInterface, Target: "a-name-longer-than-15"}, "not a name of an interface"},
		{config.Check{Kind: config.CheckProcess}, "no process"},
		{config.Check{Kind: config.CheckFile}, "no file"},
	} {
		c.check.Name = "front"
		_, err := New(Target{Check: c.check, Group: "web"})
		if err == nil || !strings.Contains(err.Error(), c.want) || !strings.Contains(err.Error(), `group "web": check "front": `) {
			t.Errorf("%s %q: error %v, want one with %q", c.check.Kind, c.check.Target, err, c.want)
		}
	}
}

// With no descriptor to be had, no kind of check says that its service failed.
func TestNoDescriptorsIsNotAFailure(t *testing.T) {
	l := listen(t)
	probes := map[string]Probe{
		"http":      build(t, config.Check{Kind: config.CheckHTTP, Target: "http://" + l.Addr().String()}),
		"tcp":       build(t, config.Check{Kind: config.CheckTCP, Target: l.Addr().String()}),
		"udp":       build(t, config.Check{Kind: config.CheckUDP, Target: l.Addr().String()}),
		"file":      build(t, config.Check{Kind: config.CheckFile, Target: "/etc/passwd"}),
		"process":   build(t, config.Check{Kind: config.CheckProcess, Target: "no-such-process-here"}),
		"interface": build(t, config.Check{Kind: config.CheckInterface, Target: "lo"}),
		"exec":      build(t, config.Check{Kind: config.CheckExec, Command: []string{"true"}}),
	}
	var old unix.Rlimit
	if err := unix.Getrlimit(unix.RLIMIT_NOFILE, &old); err != nil {
		t.Fatal(err)
	}
	if err := unix.Setrlimit(unix.RLIMIT_NOFILE, &unix.Rlimit{Cur: 0, Max: old.Max}); err != nil {
		t.Fatal(err)
	}
	results := map[string]Result{}
	for kind, p := range probes {
		results[kind] = run(p, generous)
	}
	if err := unix.Setrlimit(unix.RLIMIT_NOFILE, &old); err != nil {
		t.Fatal(err)
	}
	for kind, r := range results {
		if r.Outcome != core.CouldNotRun || !strings.Contains(r.Detail, "too many open files") {
			t.Errorf("%s: outcome %d, detail %q", kind, r.Outcome, r.Detail)
		}
	}
}
