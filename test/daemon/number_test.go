package daemon

import (
	"os"
	"path/filepath"
	"testing"

	"stead/internal/core/reason"
	"stead/internal/report"
)

// A number in a file counts as soon as it is read: in the priority, and as a fault.
// What is no number, and no file, changes nothing.
func TestNumberInAFile(t *testing.T) {
	tr := newTrial(t, conf{preempt: "{ enabled: true, delay: 1ms }"})
	number := func(h *host, text string) {
		t.Helper()
		path := filepath.Join(tr.dir, h.name+".number")
		writeFile(t, path+".new", text, 0o644)
		if err := os.Rename(path+".new", path); err != nil {
			t.Fatal(err)
		}
	}
	for _, h := range tr.hosts() {
		tr.conf.group = "checks: { load: { file: " + filepath.Join(tr.dir, h.name+".number") + ", number: true, weight: 2, interval: 50ms } }\n"
		h.start(t)
	}
	tr.primary.becomes(t, "web", report.RoleActive) // without a file: its number counts 0
	tr.settled(t, tr.primary)

	number(tr.primary, "-60\n")
	tr.secondary.becomes(t, "web", report.RoleActive)
	if g := tr.primary.becomes(t, "web", report.RoleStandby); !g.Ready || g.EffectivePriority != 80 || g.Checks[0].Detail != "holds -60" {
		t.Errorf("priority %d, ready %v, want 80 and ready: %+v", g.EffectivePriority, g.Ready, g.Checks)
	}
	number(tr.primary, "0\n")
	tr.primary.becomes(t, "web", report.RoleActive)
	tr.settled(t, tr.primary)

	number(tr.primary, "-127")
	tr.secondary.becomes(t, "web", report.RoleActive)
	if g := tr.primary.becomes(t, "web", report.RoleStandby); g.Ready || g.NotReadyBecause != reason.CheckFailed || g.NotReadyDetail != "load" {
		t.Errorf("ready %v because %q %q", g.Ready, g.NotReadyBecause, g.NotReadyDetail)
	}
	number(tr.primary, "well again")
	tr.primary.logged(t, "there is no number", func(e *report.Event) bool {
		return e.Kind == report.CheckUnrun && e.Detail != ""
	})
	if g := tr.primary.status(t).Group("web"); g.Ready {
		t.Error("what is no number has taken the last one back")
	}
	number(tr.primary, "1")
	tr.primary.becomes(t, "web", report.RoleActive)
	if got := tr.primary.status(t).Group("web").EffectivePriority; got != 202 {
		t.Errorf("priority %d, want 202", got)
	}
}
