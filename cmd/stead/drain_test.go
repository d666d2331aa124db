package main

import (
	"testing"

	"stead/internal/config"
	"stead/internal/report"
)

// Without an election no node knows who else serves: a drain has come true when
// the path that lingers is gone.
func TestDrainWithoutAnElection(t *testing.T) {
	d := &drained{served: map[string]bool{}, drains: map[string]bool{}}
	for _, step := range []struct {
		role     report.Role
		announce string
		missing  string
	}{
		{report.RoleActive, "active", "one is still active for web"},
		{report.RoleStandby, "leaving", "routers are leaving the path of web"},
		{report.RoleStandby, "drain", ""},
		{report.RoleStandby, "", ""},
	} {
		s := report.Status{Node: "one", Groups: []report.Group{{
			Name: "web", Election: config.ElectionNone, Role: step.role, Draining: step.role != report.RoleActive, Announces: &report.Announces{Role: step.announce},
		}}}
		if got := d.missing(&s, ""); got != step.missing {
			t.Errorf("%s, announced as %q: %q is missing, want %q", step.role, step.announce, got, step.missing)
		}
	}
	if by := d.servedBy(&report.Status{Groups: []report.Group{{Name: "web"}}}); len(by) != 1 || by[0].ActiveNode != "" {
		t.Errorf("served by %+v", by)
	}
}
