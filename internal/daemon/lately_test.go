package daemon

import (
	"strings"
	"testing"
	"time"

	"stead/internal/core"
	"stead/internal/report"
)

// What was counted is a problem for a minute, and again when it is counted again.
func TestLately(t *testing.T) {
	var l lately
	start := core.Instant(time.Hour)
	v := &report.VRRP{Refused: map[string]uint64{"bad-auth": 3}}
	for _, step := range []struct {
		after time.Duration
		do    func()
		want  string
	}{
		{0, func() {}, "bad-auth"},
		{59 * time.Second, func() {}, "bad-auth"},
		{time.Minute, func() {}, ""},
		{61 * time.Second, func() { v.OtherAddresses = 1 }, "other-addresses"},
		{90 * time.Second, func() { v.Refused["bad-auth"]++; v.DeviceRepairs = 1 }, "bad-auth device-repairs other-addresses"},
		{121 * time.Second, func() {}, "bad-auth device-repairs"},
		{150 * time.Second, func() {}, ""},
	} {
		step.do()
		l.note("lan", v, start.Add(step.after))
		if got := strings.Join(v.Recent, " "); got != step.want {
			t.Errorf("after %v: %q, want %q", step.after, got, step.want)
		}
	}
	other := &report.VRRP{Refused: map[string]uint64{"bad-auth": 4}}
	if l.note("wan", other, start.Add(150*time.Second)); len(other.Recent) != 1 {
		t.Errorf("another group: %q", other.Recent)
	}
}
