package hook

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"stead/internal/config"
)

// The hook for every change runs after the one that is for it, with the same
// event, in the order of the changes.
func TestChangeRunsAfterEachHook(t *testing.T) {
	line := func(word string) config.Hook {
		return config.Hook{Command: []string{"echo " + word + " $STEAD_EVENT"}, Shell: true, Timeout: generous}
	}
	q, results := queue(t, map[config.HookKind]config.Hook{
		config.HookPrepare: line("prepare"), config.HookActivate: line("activate"), config.HookFault: line("fault"),
		config.HookStandby: line("standby"), config.HookChange: line("change"),
	})
	for i, kind := range strings.Fields("standby prepare activate fault standby fault stop") {
		q.pushAndRun(change(config.HookKind(kind), uint64(i)))
	}
	var ran []string
	for len(results) > 0 {
		r := <-results
		ran = append(ran, r.Last)
		if word, _, _ := strings.Cut(r.Last, " "); config.HookKind(word) != r.Hook {
			t.Errorf("%q is told to be the hook %q", r.Last, r.Hook)
		}
	}
	want := "standby standby, change standby, prepare prepare, activate activate, change activate, fault fault, " +
		"change fault, standby standby, change standby, fault fault, change fault, change stop"
	if got := strings.Join(ran, ", "); got != want {
		t.Errorf("ran\n%s, want\n%s", got, want)
	}
}

// Existing scripts for keepalived's `notify` find what keepalived gives them,
// after arguments of their own.
func TestKeepalivedArguments(t *testing.T) {
	script := filepath.Join(t.TempDir(), "notify.sh")
	if err := os.WriteFile(script, []byte("#!/bin/sh\necho \"$@\"\n"), 0o700); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		hook config.Hook
		kind config.HookKind
		want string
	}{
		{config.Hook{Command: []string{script, "mine"}}, config.HookActivate, "mine"},
		{config.Hook{Command: []string{script, "mine"}, Arguments: "keepalived"}, config.HookActivate, "mine INSTANCE web MASTER 102"},
		{config.Hook{Command: []string{script}, Arguments: "keepalived"}, config.HookStandby, "INSTANCE web BACKUP 102"},
		{config.Hook{Command: []string{script}, Arguments: "keepalived"}, config.HookFault, "INSTANCE web FAULT 102"},
		{config.Hook{Command: []string{script}, Arguments: "keepalived"}, config.HookStop, "INSTANCE web STOP 102"},
		{config.Hook{Command: []string{script}, Arguments: "keepalived-group"}, config.HookStandby, "GROUP pair BACKUP 0"},
		{config.Hook{Command: []string{script + ` "$3" "$4"`}, Shell: true, Arguments: "keepalived"}, config.HookActivate, "MASTER 102"},
	} {
		c.hook.Timeout = generous
		q, results := queue(t, map[config.HookKind]config.Hook{config.HookChange: c.hook})
		q.Push(change(c.kind, 1))
		if r := next(t, results); r.Outcome != OK || r.Last != c.want {
			t.Errorf("%s, arguments %q: %v, %q, want %q", c.kind, c.hook.Arguments, r.Outcome, r.Last, c.want)
		}
	}
}

// When the daemon cannot wait any longer, the second hook of a change is not
// started after the first was cut short.
func TestCutEndsBothHooks(t *testing.T) {
	g := newGate(t)
	q, results := queue(t, all(g.line(), config.HookActivate, config.HookChange))
	q.Push(change(config.HookActivate, 1))
	g.wait(t)
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	_ = q.Stop(ctx)
	if r := next(t, results); r.Outcome != Cut || r.Hook != config.HookActivate || len(results) != 0 || q.Dropped() != 1 {
		t.Errorf("%v of %s, %d more, %d dropped", r.Outcome, r.Hook, len(results), q.Dropped())
	}
}
