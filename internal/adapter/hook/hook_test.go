package hook

import (
	"context"
	"encoding/json"
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"
	"golang.org/x/sys/unix"

	"stead/internal/config"
	"stead/internal/core/reason"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// generous is a timeout that is not to be reached.
const generous = 30 * time.Second

func needRoot(t *testing.T) {
	t.Helper()
	if os.Geteuid() == 0 {
		return
	}
	if os.Getenv("STEAD_UNPRIVILEGED") == "1" {
		t.Skip("missing: CAP_SETUID, CAP_SETGID (running hooks as another user)")
	}
	t.Fatal("needs root: CAP_SETUID and CAP_SETGID")
}

// all names the same shell line for these kinds of hooks.
func all(line string, kinds ...config.HookKind) map[config.HookKind]config.Hook {
	hooks := map[config.HookKind]config.Hook{}
	for _, k := range kinds {
		hooks[k] = config.Hook{Command: []string{line}, Shell: true, Timeout: generous}
	}
	return hooks
}

// queue starts a queue whose results go to a channel.
func queue(t *testing.T, hooks map[config.HookKind]config.Hook) (*Queue, <-chan Result) {
	t.Helper()
	results := make(chan Result, 100)
	q, err := New("web", hooks, func(r Result) { results <- r })
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		ctx, cancel := context.WithCancel(context.Background())
		cancel()
		_ = q.Stop(ctx)
	})
	return q, results
}

func next(t *testing.T, results <-chan Result) Result {
	t.Helper()
	select {
	case r := <-results:
		return r
	case <-time.After(generous):
		t.Fatal("no result")
		return Result{}
	}
}

func change(kind config.HookKind, epoch uint64) Event {
	return Event{
		Kind: kind, Group: "web", Node: "primary", Epoch: epoch, Reason: reason.PeerSilent, ActiveNode: "primary",
		At: time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC), Sync: "pair", Priority: 102, Detail: "nothing heard",
		Addresses: []netip.Prefix{netip.MustParsePrefix("192.0.2.1/24"), netip.MustParsePrefix("2001:db8::1/64")},
	}
}

func TestHookIsToldWhatChanged(t *testing.T) {
	q, results := queue(t, all("env | grep ^STEAD_ | sort; cat", config.HookActivate))
	q.Push(change(config.HookActivate, 7))
	r := next(t, results)
	env, text, _ := strings.Cut(string(r.Output), "{")
	want := `STEAD_ACTIVE_NODE=primary
STEAD_ADDRESSES=192.0.2.1/24 2001:db8::1/64
STEAD_DETAIL=nothing heard
STEAD_EPOCH=7
STEAD_EVENT=activate
STEAD_GROUP=web
STEAD_NODE=primary
STEAD_PRIORITY=102
STEAD_REASON=peer-silent
STEAD_ROLE=active
STEAD_SYNC=pair
`
	if r.Outcome != OK || env != want {
		t.Errorf("outcome %v, environment\n%swant\n%s", r.Outcome, env, want)
	}
	var got map[string]any
	if err := json.Unmarshal([]byte("{"+text), &got); err != nil {
		t.Fatal(err)
	}
	wantJSON := map[string]any{
		"event": "activate", "group": "web", "node": "primary", "epoch": 7.0, "reason": "peer-silent",
		"addresses": []any{"192.0.2.1/24", "2001:db8::1/64"}, "active_node": "primary",
		"at": "2026-01-02T03:04:05Z", "sync": "pair", "role": "active", "priority": 102.0, "detail": "nothing heard",
	}
	if fmt.Sprint(got) != fmt.Sprint(wantJSON) {
		t.Errorf("standard input %v, want %v", got, wantJSON)
	}
}

func TestOutcomes(t *testing.T) {
	gone := filepath.Join(t.TempDir(), "gone")
	if err := os.WriteFile(gone, []byte("#!/bin/sh\n"), 0o700); err != nil {
		t.Fatal(err)
	}
	hooks := all("echo a; echo b; exit 4", config.HookStandby)
	hooks[config.HookPrepare] = config.Hook{Command: []string{gone}, Timeout: generous}
	hooks[config.HookActivate] = config.Hook{Command: []string{"true"}, Timeout: generous}
	hooks[config.HookFault] = config.Hook{Command: []string{"echo on it; sleep 600"}, Shell: true, Timeout: 200 * time.Millisecond}
	q, results := queue(t, hooks)
	if err := os.Remove(gone); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		kind    config.HookKind
		outcome Outcome
		detail  string
		last    string
	}{
		{config.HookPrepare, CouldNotRun, "no such file", ""},
		{config.HookActivate, OK, "", ""},
		{config.HookStandby, Failed, "exit code 4: b", "b"},
		{config.HookFault, TimedOut, "killed after 200ms: on it", "on it"},
	} {
		q.Push(change(c.kind, 1))
		r := next(t, results)
		if r.Event.Kind != c.kind || r.Outcome != c.outcome || !strings.Contains(r.Detail, c.detail) || r.Last != c.last || (r.Detail == "") != (c.outcome == OK) {
			t.Errorf("%s: %v, detail %q, last line %q; want %v, %q, %q", c.kind, r.Outcome, r.Detail, r.Last, c.outcome, c.detail, c.last)
		}
		if c.outcome != CouldNotRun && r.Took <= 0 {
			t.Errorf("%s took %v", c.kind, r.Took)
		}
	}
}

func TestNewNamesAllHooksThatCannotRun(t *testing.T) {
	_, err := New("web", map[config.HookKind]config.Hook{
		config.HookActivate: {Command: []string{"no-such-program-here"}},
		config.HookStandby:  {Command: []string{"true"}, User: "no-such-user-here"},
		config.HookStop:     {Command: []string{"true"}},
	}, func(Result) {})
	if err == nil || !strings.Contains(err.Error(), `hook "activate": no-such-program-here`) ||
		!strings.Contains(err.Error(), `hook "standby": run as no-such-user-here`) || strings.Contains(err.Error(), "stop") {
		t.Errorf("error %v", err)
	}
}

func TestAsAnotherUser(t *testing.T) {
	needRoot(t)
	hooks := all("id -un", config.HookActivate)
	h := hooks[config.HookActivate]
	h.User = "nobody"
	hooks[config.HookActivate] = h
	q, results := queue(t, hooks)
	q.Push(change(config.HookActivate, 1))
	if r := next(t, results); r.Outcome != OK || r.Last != "nobody" {
		t.Errorf("%v %q", r.Outcome, r.Last)
	}
}

// gate is a hook that tells when it has started and waits to be let go.
type gate struct{ started, release string }

func newGate(t *testing.T) *gate {
	t.Helper()
	g := &gate{filepath.Join(t.TempDir(), "started"), filepath.Join(t.TempDir(), "release")}
	for _, path := range []string{g.started, g.release} {
		if err := unix.Mkfifo(path, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return g
}

func (g *gate) line() string {
	return fmt.Sprintf("echo $STEAD_EVENT > %s; read word < %s", g.started, g.release)
}

// wait returns once a hook has started, and which.
func (g *gate) wait(t *testing.T) string {
	t.Helper()
	text, err := os.ReadFile(g.started)
	if err != nil {
		t.Fatal(err)
	}
	return strings.TrimSpace(string(text))
}

func (g *gate) open(t *testing.T) {
	t.Helper()
	if err := os.WriteFile(g.release, []byte("go\n"), 0); err != nil {
		t.Fatal(err)
	}
}

var everyKind = []config.HookKind{
	config.HookPrepare, config.HookActivate, config.HookStandby, config.HookFault, config.HookStop,
}

// While a hook runs, the latest change wins; order is kept; the last stop does
// not overtake what lets go.
func TestFastFlaps(t *testing.T) {
	for _, c := range []struct{ name, pushed, ran string }{
		{"one after the other", "standby", "activate standby"},
		{"the states in between are dropped", "standby activate standby activate standby", "activate standby"},
		{"back to where it was, with a new epoch", "standby activate", "activate activate"},
		{"a stop overtakes what takes", "standby activate stop", "activate stop"},
		{"but not what lets go", "activate standby stop", "activate standby stop"},
		{"nor a fault", "fault stop", "activate fault stop"},
	} {
		t.Run(c.name, func(t *testing.T) {
			g := newGate(t)
			q, results := queue(t, all(g.line(), everyKind...))
			q.Push(change(config.HookActivate, 1))
			ran := []string{g.wait(t)}
			pushed := strings.Fields(c.pushed)
			for i, kind := range pushed {
				q.Push(change(config.HookKind(kind), uint64(i+2)))
			}
			wanted := strings.Fields(c.ran)
			dropped, reported := 0, uint64(0)
			for i := range wanted {
				g.open(t)
				r := next(t, results)
				dropped += r.Dropped
				if r.Outcome != OK || reported >= r.Event.Epoch {
					t.Errorf("hook %d: %v %s, epoch %d after %d", i, r.Outcome, r.Detail, r.Event.Epoch, reported)
				}
				reported = r.Event.Epoch
				if i+1 < len(wanted) {
					ran = append(ran, g.wait(t))
				}
			}
			if !slices.Equal(ran, wanted) {
				t.Errorf("ran %v, want %v", ran, wanted)
			}
			if lost := 1 + len(pushed) - len(wanted); dropped != lost || q.Dropped() != uint64(lost) {
				t.Errorf("dropped %d, counted %d, want %d", dropped, q.Dropped(), lost)
			}
		})
	}
}

func TestStopWaitsForTheHooks(t *testing.T) {
	g := newGate(t)
	q, results := queue(t, all(g.line(), config.HookStandby, config.HookStop))
	q.Push(change(config.HookStandby, 1))
	g.wait(t)
	q.Push(change(config.HookStop, 2))
	stopped := make(chan error)
	go func() { stopped <- q.Stop(context.Background()) }()
	g.open(t)
	if got := g.wait(t); got != "stop" {
		t.Errorf("after standby runs %s", got)
	}
	select {
	case err := <-stopped:
		t.Fatalf("Stop returned %v while a hook runs", err)
	default:
	}
	g.open(t)
	if err := <-stopped; err != nil {
		t.Error(err)
	}
	if a, b := next(t, results), next(t, results); a.Event.Kind != config.HookStandby || b.Event.Kind != config.HookStop || b.Outcome != OK {
		t.Errorf("results %v %v", a, b)
	}
	q.Push(change(config.HookStandby, 3))
	if err := q.Stop(context.Background()); err != nil || len(results) != 0 {
		t.Errorf("after Stop: %v, %d results", err, len(results))
	}
}

func TestStopCutsShortWhatDoesNotEnd(t *testing.T) {
	g := newGate(t)
	q, results := queue(t, all(g.line(), config.HookActivate, config.HookStop))
	q.Push(change(config.HookActivate, 1))
	g.wait(t)
	q.Push(change(config.HookStop, 2))
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if err := q.Stop(ctx); err != context.Canceled {
		t.Errorf("Stop returned %v", err)
	}
	if r := next(t, results); r.Outcome != Cut || r.Event.Kind != config.HookActivate {
		t.Errorf("result %v %s", r.Outcome, r.Event.Kind)
	}
	if len(results) != 0 || q.Dropped() != 1 {
		t.Errorf("%d more results, %d dropped; want 0 and 1", len(results), q.Dropped())
	}
}

func TestFaultAndStopFallBackOnStandby(t *testing.T) {
	for _, c := range []struct{ pushed, ran string }{
		{"activate fault", "activate fault"},
		{"activate stop", "activate stop"},
		{"prepare fault", "fault"},
		{"standby fault stop", "standby"}, // it had let go already
		{"standby fault standby", "standby"},
		{"activate fault standby activate", "activate fault activate"}, // standby ran in place of fault
		{"fault", ""},
	} {
		q, results := queue(t, all("true", config.HookActivate, config.HookStandby))
		for i, kind := range strings.Fields(c.pushed) {
			q.pushAndRun(change(config.HookKind(kind), uint64(i)))
		}
		var ran []string
		for len(results) > 0 {
			ran = append(ran, string((<-results).Event.Kind))
		}
		if got := strings.Join(ran, " "); got != c.ran {
			t.Errorf("%s: hooks ran for %q, want %q", c.pushed, got, c.ran)
		}
	}
}

// pushAndRun is Push, but returns when the change has been dealt with.
func (q *Queue) pushAndRun(e Event) {
	q.mu.Lock()
	q.enqueue(e)
	q.busy = true
	q.mu.Unlock()
	q.work()
}

func TestReplace(t *testing.T) {
	q, results := queue(t, all("echo old", config.HookActivate))
	if err := q.Replace("web", all("no", config.HookActivate, config.HookKind("x"))); err != nil {
		t.Fatal(err)
	}
	bad := map[config.HookKind]config.Hook{config.HookActivate: {Command: []string{"no-such-program-here"}}}
	if err := q.Replace("web", bad); err == nil {
		t.Error("a hook that cannot run is accepted")
	}
	if err := q.Replace("web", all("echo new", config.HookActivate)); err != nil {
		t.Fatal(err)
	}
	q.Push(change(config.HookActivate, 1))
	if r := next(t, results); r.Last != "new" {
		t.Errorf("ran %q", r.Last)
	}
}

func TestKindOf(t *testing.T) {
	for _, c := range []struct {
		held, active bool
		why          reason.Reason
		want         config.HookKind
	}{
		{true, true, reason.PeerSilent, config.HookActivate},
		{true, false, reason.Switchover, config.HookPrepare},
		{false, false, reason.Switchover, config.HookStandby},
		{false, false, reason.CheckFailed, config.HookFault},
		{false, false, reason.LinkDown, config.HookFault},
		{false, false, reason.Stopping, config.HookStop},
	} {
		if got := KindOf(c.held, c.active, c.why); got != c.want {
			t.Errorf("held %v active %v %q: %s, want %s", c.held, c.active, c.why, got, c.want)
		}
	}
}
