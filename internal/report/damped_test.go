package report

import (
	"slices"
	"testing"
	"time"
)

// A node that would take over and waits says so, for as long as it does.
func TestANodeSaysThatItWaits(t *testing.T) {
	at := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	const want = "group web: a takes over in 3.9s: damping, another change was a short time ago"
	for _, tt := range []struct {
		name  string
		role  Role
		until time.Time
		says  bool
	}{
		{"waits", RoleStandby, at.Add(3860 * time.Millisecond), true},
		{"does not wait", RoleStandby, time.Time{}, false},
		{"waits no longer", RoleStandby, at, false},
		{"has taken over", RoleActive, at.Add(time.Second), false},
	} {
		s := Status{Node: "a", At: at, Groups: []Group{{Name: "web", Role: tt.role, ActiveNode: "b", DampedUntil: tt.until}}}
		if got := s.Problems(); slices.Contains(got, want) != tt.says {
			t.Errorf("%s: %q", tt.name, got)
		}
	}
}
