package main

import (
	"bufio"
	"context"
	"errors"
	"io"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"stead/internal/core/reason"
	"stead/internal/report"
	"stead/internal/report/api"
	"stead/internal/report/reporttest"
)

// The scripts in testdata/report talk to a daemon without an engine, which the
// command "daemon" starts.
func TestReportScripts(t *testing.T) {
	testscript.Run(t, testscript.Params{
		Dir:                 "testdata/report",
		UpdateScripts:       *updateScripts,
		RequireExplicitExec: true,
		RequireUniqueNames:  true,
		Setup: func(env *testscript.Env) error {
			env.Setenv("TZ", "UTC")
			env.Setenv("GORACE", "atexit_sleep_ms=0") // a program with the race detector ends a second late otherwise
			env.Setenv("STEAD_SOCKET", filepath.Join(env.WorkDir, "stead.sock"))
			return nil
		},
		Cmds: map[string]func(*testscript.TestScript, bool, []string){"daemon": scriptDaemon},
	})
}

// scriptDaemon runs "daemon [refuse REASON | stuck | badfile | nobody | router | unready]".
func scriptDaemon(ts *testscript.TestScript, _ bool, args []string) {
	d := reporttest.New()
	switch {
	case len(args) == 2 && args[0] == "refuse":
		d.Refuse = reason.Reason(args[1])
	case len(args) == 1 && args[0] == "stuck":
		d.Stuck = true
	case len(args) == 1 && args[0] == "badfile":
		d.Changed = ""
	case len(args) == 1 && args[0] == "nobody":
		d.Drained = func(g *report.Group) { g.ActiveNode, g.Reason = "", reason.Drained }
	case len(args) == 1 && args[0] == "router":
		d.Drained = func(g *report.Group) { g.ActiveNode, g.ActiveAddress = "", "192.0.2.7" }
	case len(args) == 1 && args[0] == "unready":
		d.Set(func(s *report.Status) {
			s.Groups[0].Ready, s.Groups[0].NotReadyBecause, s.Groups[0].NotReadyDetail = false, reason.CheckFailed, "web"
		})
	case len(args) != 0:
		ts.Fatalf("usage: daemon [refuse REASON | stuck | badfile | nobody | router | unready]")
	}
	stop, err := startDaemon(d, ts.Getenv("STEAD_SOCKET"))
	ts.Check(err)
	ts.Defer(func() { ts.Check(stop()) })
}

func startDaemon(d *reporttest.Daemon, socket string) (stop func() error, err error) {
	listener, err := api.Listen(socket)
	if err != nil {
		return nil, err
	}
	writers, err := api.NewWriters(nil)
	if err != nil {
		return nil, errors.Join(err, listener.Close())
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	server := &api.Server{Daemon: d, Log: d.Log, Writers: writers}
	go func() { done <- server.Serve(ctx, listener) }()
	return func() error {
		cancel()
		return <-done
	}, nil
}

// events --follow prints what was and what comes, and ends well when it is interrupted.
func TestFollow(t *testing.T) {
	d := reporttest.New()
	socket := filepath.Join(t.TempDir(), "stead.sock")
	stop, err := startDaemon(d, socket)
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := stop(); err != nil {
			t.Error(err)
		}
	}()
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	r, w := io.Pipe()
	done := make(chan error, 1)
	go func() {
		done <- showEvents(ctx, api.NewClient(socket), w, &eventsFlags{follow: true, last: 1}, since{})
	}()
	buf := make([]byte, 4096)
	for _, want := range []string{"peer-up", "not-ready"} {
		n, err := r.Read(buf)
		if err != nil {
			t.Fatal(err)
		}
		if !strings.Contains(string(buf[:n]), want) {
			t.Errorf("got %q, want an event %s", buf[:n], want)
		}
		d.Log.Append(report.Event{Kind: report.NotReady, Group: "web"})
	}
	cancel()
	// The event that was appended last may be under way: it is read and dropped.
	go func() { _, _ = io.Copy(io.Discard, r) }()
	if err := <-done; err != nil {
		t.Error(err)
	}
}

func TestParseSince(t *testing.T) {
	now := reporttest.At
	tests := []struct {
		text string
		want since
		bad  bool
	}{
		{"", since{}, false},
		{"17", since{seq: 17}, false},
		{"10m", since{wall: now.Add(-10 * time.Minute)}, false},
		{"2026-01-02T03:04:05.678Z", since{wall: now}, false},
		{"-5m", since{}, true},
		{"yesterday", since{}, true},
	}
	for _, tt := range tests {
		got, err := parseSince(tt.text, now)
		if (err != nil) != tt.bad || got.seq != tt.want.seq || !got.wall.Equal(tt.want.wall) {
			t.Errorf("parseSince(%q) = %v, %v", tt.text, got, err)
		}
	}
}

func TestExitCodes(t *testing.T) {
	socket := filepath.Join(t.TempDir(), "stead.sock")
	t.Setenv(socketEnv, socket)
	d := reporttest.New()
	d.Refuse = reason.NoSuccessor
	if got := Main([]string{"status"}); got != exitUnreachable {
		t.Errorf("no daemon: exit %d", got)
	}
	stop, err := startDaemon(d, socket)
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := stop(); err != nil {
			t.Error(err)
		}
	}()
	tests := []struct {
		args []string
		want int
	}{
		{[]string{"drain"}, exitRefused},
		{[]string{"switchover", "nowhere"}, exitRefused},
		{[]string{"switchover"}, exitUsage},
		{[]string{"status", "--colour"}, exitUsage},
		{[]string{"status", "-c", "no-such-file.yaml"}, exitUsage},
		{[]string{"events", "--since", "yesterday"}, exitUsage},
	}
	for _, tt := range tests {
		if got := Main(tt.args); got != tt.want {
			t.Errorf("stead %s: exit %d, want %d", strings.Join(tt.args, " "), got, tt.want)
		}
	}
	if err := wait(t.Context(), api.NewClient(socket), 0, func(*report.Status) string { return "it" }); exitCode(err) != exitFailed {
		t.Errorf("a wait that ends: %v", err)
	}
}

// status --watch draws over what it drew, and goes on while nobody answers.
func TestWatch(t *testing.T) {
	d := reporttest.New()
	socket := filepath.Join(t.TempDir(), "stead.sock")
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	r, w := io.Pipe()
	done := make(chan error, 1)
	go func() { done <- watchStatus(ctx, api.NewClient(socket), w, false) }()
	frames := bufio.NewScanner(r)
	see := func(want string) {
		t.Helper()
		for frames.Scan() {
			if strings.Contains(frames.Text(), want) {
				return
			}
		}
		t.Fatalf("no %q", want)
	}
	see(eraseScreen + home + "! control socket ")
	stop, err := startDaemon(d, socket)
	if err != nil {
		t.Fatal(err)
	}
	see(home + "primary · stead v1.2.3")
	see("All is well." + eraseLine)
	see(home + "primary · stead v1.2.3")
	if err := stop(); err != nil {
		t.Fatal(err)
	}
	see(home + "! control socket ")
	cancel()
	go func() { _, _ = io.Copy(io.Discard, r) }()
	if err := <-done; err != nil {
		t.Error(err)
	}
}
