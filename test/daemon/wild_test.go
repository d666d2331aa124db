package daemon

import (
	"strings"
	"syscall"
	"testing"

	"stead/internal/report"
)

// When the kernel warns that a thread has gone wild at real-time priority the
// daemon gives that up, says so, and goes on serving.
func TestWildThreadCostsThePriority(t *testing.T) {
	tr := newTrial(t, conf{})
	tr.start(t)
	tr.primary.becomes(t, "web", report.RoleActive)
	if s := tr.primary.status(t); !s.Realtime.Active {
		t.Fatalf("not real-time before: %+v", s.Realtime)
	}
	tr.primary.signal(t, syscall.SIGXCPU, false)
	s := tr.primary.until(t, "real-time priority is given up", func(s *report.Status) bool { return !s.Realtime.Active })
	if !strings.Contains(s.Realtime.Detail, "given up") || s.Group("web").Role != report.RoleActive {
		t.Errorf("%+v, %s", s.Realtime, s.Group("web").Role)
	}
}
