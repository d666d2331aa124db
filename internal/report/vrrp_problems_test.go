package report_test

import (
	"strings"
	"testing"

	"stead/internal/core/reason"
	"stead/internal/report"
	"stead/internal/report/reporttest"
)

// What keeps a virtual router from advertising is said, with what to do.
func TestProblemsOfAVirtualRouter(t *testing.T) {
	for _, tt := range []struct {
		name   string
		change func(s *report.Status, g *report.Group)
		want   string // one problem; empty: none
	}{
		{"well", func(*report.Status, *report.Group) {}, ""},
		{"no source", func(_ *report.Status, g *report.Group) {
			g.Ready, g.NotReadyBecause, g.NotReadyDetail = false, reason.NoSource, "eth0 is down: set it up"
		}, "group lan: primary is not ready: the interface of the virtual router has no address to advertise from: eth0 is down: set it up"},
		{"repaired", func(_ *report.Status, g *report.Group) {
			g.VRRP.DeviceRepairs, g.VRRP.Recent = 3, []string{report.DeviceRepairs}
		},
			"group lan: another program changes vrrp4-51-eth0, the device of the virtual MAC: it was put right 3 times"},
		{"repaired long ago", func(_ *report.Status, g *report.Group) { g.VRRP.DeviceRepairs = 3 }, ""},
		{"another key", func(_ *report.Status, g *report.Group) {
			g.VRRP.Refused, g.VRRP.Recent = map[string]uint64{"bad-auth": 7}, []string{"bad-auth"}
		}, "group lan: 7 advertisements refused (bad-auth): the routers do not share the key"},
		{"another key, long ago", func(_ *report.Status, g *report.Group) { g.VRRP.Refused = map[string]uint64{"bad-auth": 7} }, ""},
		{"strangers", func(s *report.Status, _ *report.Group) { s.Counters.VRRPStrangers = 5 }, ""},
		{"interface away", func(s *report.Status, _ *report.Group) {
			s.Counters.VRRPSendFailures = map[string]uint64{"no-interface": 1, "unreachable": 2, "no-buffer": 3}
		}, ""},
		{"refused", func(s *report.Status, _ *report.Group) { s.Counters.VRRPSendFailures = map[string]uint64{"refused": 2} },
			"2 advertisements could not be sent since the daemon has started (refused): a packet filter or a security module forbids them, let protocol 112 out"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			s := report.Status{Node: "primary", Groups: []report.Group{reporttest.VRRP()}, Fence: report.Fence{Kind: "kernel"}}
			tt.change(&s, &s.Groups[0])
			if got := strings.Join(s.Problems(), "\n"); got != tt.want {
				t.Errorf("%s\nwant %s", got, tt.want)
			}
		})
	}
}
