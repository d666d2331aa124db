package doctor

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// breakage is one thing that is wrong in a world, and what is found then: all of
// it, as severity and ID, the worst first.
type breakage struct {
	name   string
	change func(*world)
	want   []string
}

var breakages = slices.Concat(onConfiguration, onDaemon, onRights, onLimits, onInterfaces, onSysctls, onNetwork, onPeers, onHolders, onManagers, onPrograms, onGroups, onRouters, onSpeakers, onStores)

// always is what one host can never see.
const always = "whether the network lets announcements through to clients"

// found are the findings but for what is fine and for what is never seen.
func found(r *Report) []Finding {
	return slices.DeleteFunc(slices.Clone(r.Findings), func(f Finding) bool { return f.Severity == OK || f.Subject == always })
}

func TestHealthy(t *testing.T) {
	for name, change := range map[string]func(*world){
		"active": func(*world) {}, "standby": (*world).standby, "stopped": (*world).stopped,
	} {
		w := healthy(t)
		change(w)
		r := Examine(t.Context(), w.Env, Checks)
		for _, f := range found(r) {
			if name != "stopped" || f.ID != daemonMissing.ID {
				t.Errorf("%s: %+v", name, f)
			}
		}
		if !r.Healthy() {
			t.Errorf("%s: not healthy", name)
		}
	}
}

// Each breakage gives what it should and nothing else. testdata/findings.golden
// shows how they read.
func TestBreakages(t *testing.T) {
	var text strings.Builder
	seen := map[string]bool{notChecked.ID: true}
	for _, b := range breakages {
		w := healthy(t)
		b.change(w)
		fmt.Fprintf(&text, "# %s\n", b.name)
		var got []string
		for _, f := range found(Examine(t.Context(), w.Env, Checks)) {
			seen[f.ID] = true
			got = append(got, string(f.Severity)+" "+f.ID)
			fmt.Fprintf(&text, "%s %s | %s | %s\n", f.Severity, f.ID, f.Subject, f.Seen)
			if advice := fmt.Sprintf("  means: %s\n  do: %s\n", f.Means, f.Do); !strings.Contains(text.String(), advice) {
				text.WriteString(advice)
			}
			if unfilled(f) {
				t.Errorf("%s: a word in braces is not filled in: %+v", b.name, f)
			}
		}
		if !slices.Equal(got, b.want) {
			t.Errorf("%s:\n got %q\nwant %q", b.name, got, b.want)
		}
		text.WriteString("\n")
	}
	golden(t, "testdata/findings.golden", text.String())
	for _, c := range Checks {
		for _, p := range c.Problems {
			if !seen[p.ID] {
				t.Errorf("check %s: no breakage shows problem %s", c.Name, p.ID)
			}
		}
	}
}

// unfilled finds {name}; what stands in a YAML flow mapping has a space behind its brace.
func unfilled(f Finding) bool {
	for _, part := range strings.Split(f.Means+f.Do, "{")[1:] {
		name, _, closed := strings.Cut(part, "}")
		if closed && !strings.Contains(name, " ") {
			return true
		}
	}
	return false
}

// Whoever can look at nothing passes nothing.
func TestBlind(t *testing.T) {
	denied := fmt.Errorf("look: %w", unix.EPERM)
	for _, running := range []bool{true, false} {
		w := healthy(t)
		if !running {
			w.stopped()
		}
		e := w.Env
		// Every reader that can fail does.
		v := reflect.ValueOf(e).Elem()
		for i := range v.NumField() {
			f := v.Field(i)
			if f.Kind() != reflect.Func || f.Type().NumOut() == 0 || f.IsNil() {
				continue
			}
			last := f.Type().Out(f.Type().NumOut() - 1)
			if last != reflect.TypeFor[error]() {
				continue
			}
			f.Set(reflect.MakeFunc(f.Type(), func([]reflect.Value) []reflect.Value {
				var out []reflect.Value
				for i := range f.Type().NumOut() - 1 {
					out = append(out, reflect.Zero(f.Type().Out(i)))
				}
				return append(out, reflect.ValueOf(&denied).Elem())
			}))
		}
		e.Features = func() Features { return Features{Untried: denied} }
		e.PathMTU = func(_ context.Context, paths []Path) (out []PathMTU) {
			for _, p := range paths {
				out = append(out, PathMTU{Path: p, Problem: denied.Error()})
			}
			return out
		}
		for _, f := range Examine(t.Context(), e, Checks).Findings {
			// What the configuration and the daemon say needs no reader.
			told := []string{"configuration", "daemon", "fence", "real-time", "loop", "overlays", "peers", "packets", "groups"}
			if f.Severity == OK && !slices.Contains(told, f.ID) {
				t.Errorf("daemon runs: %v: passed without having looked: %+v", running, f)
			}
		}
	}
}

// An interruption ends it, and what was not looked at is said.
func TestInterrupted(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	r := Examine(ctx, healthy(t).Env, Checks)
	if len(r.Findings) != len(Checks) {
		t.Errorf("%d findings of %d checks", len(r.Findings), len(Checks))
	}
	for _, f := range r.Findings {
		if f.ID != notChecked.ID || f.Seen != "interrupted" {
			t.Errorf("%+v", f)
		}
	}
}

// Names of problems and checks are unique, and said in full sentences' worth.
func TestDeclarations(t *testing.T) {
	ids := map[string]*Problem{notChecked.ID: notChecked}
	names := map[string]bool{}
	for _, c := range Checks {
		if names[c.Name] || c.Run == nil {
			t.Errorf("check %q", c.Name)
		}
		names[c.Name] = true
		for _, p := range c.Problems {
			if other := ids[p.ID]; other != nil && other != p {
				t.Errorf("two problems are called %s", p.ID)
			}
			ids[p.ID] = p
			if p.Title == "" || p.Means == "" || p.Do == "" || p.Severity.rank() < Hint.rank() {
				t.Errorf("incomplete: %+v", p)
			}
		}
	}
	for id := range ids {
		if names[id] {
			t.Errorf("%s is both a check and a problem", id)
		}
	}
}

func TestPercentile(t *testing.T) {
	var ms []time.Duration
	for i := range 100 {
		ms = append(ms, time.Duration(100-i)*time.Millisecond)
	}
	for share, want := range map[float64]time.Duration{0: time.Millisecond, 0.5: 51 * time.Millisecond, 0.99: 100 * time.Millisecond, 1: 100 * time.Millisecond} {
		if got := percentile(ms, share); got != want {
			t.Errorf("%v: %v, want %v", share, got, want)
		}
	}
}

// golden compares text with a file, or with -update writes it.
func golden(t *testing.T, file, text string) {
	t.Helper()
	if flag.Lookup("update").Value.String() == "true" {
		if err := os.WriteFile(file, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(file)
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		t.Fatal(err)
	}
	if string(want) != text {
		t.Errorf("%s has drifted: run this test with -update, and read what changes:\n%s", file, text)
	}
}
