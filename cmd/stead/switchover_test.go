package main

import (
	"testing"

	"stead/internal/report"
)

// How a switchover goes on, as one poll shows it.
func TestSwitchoverProgress(t *testing.T) {
	was := report.Group{Name: "lan", Role: report.RoleActive, ActiveNode: "a", Epoch: 4, VRRP: &report.VRRP{}}
	for _, tt := range []struct {
		name    string
		now     report.Group
		to      string
		missing string
		givenUp bool
	}{
		{"hands over", report.Group{Role: report.RoleActive, ActiveNode: "a", Epoch: 4, VRRP: &report.VRRP{HandingOver: true}}, "", "a is still active", false},
		{"given up", report.Group{Role: report.RoleActive, ActiveNode: "a", Epoch: 4, VRRP: &report.VRRP{}}, "", "a is still active", true},
		{"took it back", report.Group{Role: report.RoleActive, ActiveNode: "a", Epoch: 5, VRRP: &report.VRRP{}}, "", "a is still active", false},
		{"nobody yet", report.Group{Role: report.RoleStandby, Epoch: 4, VRRP: &report.VRRP{}}, "b", "nobody is active", false},
		{"the other one", report.Group{Role: report.RoleStandby, ActiveNode: "b", VRRP: &report.VRRP{}}, "", "", false},
		{"the one that was named", report.Group{Role: report.RoleStandby, ActiveNode: "b", VRRP: &report.VRRP{}}, "b", "", false},
		{"one that the file does not name", report.Group{Role: report.RoleStandby, VRRP: &report.VRRP{ActiveAddress: "192.0.2.9"}}, "", "", false},
		{"not the one that was named", report.Group{Role: report.RoleStandby, VRRP: &report.VRRP{ActiveAddress: "192.0.2.9"}}, "b", "192.0.2.9 is active", false},
		{"peer election", report.Group{Role: report.RoleActive, ActiveNode: "a", Epoch: 4}, "", "a is still active", false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if got := notMoved(was, tt.now, tt.to); got != tt.missing {
				t.Errorf("missing: %q, want %q", got, tt.missing)
			}
			if got := givenUp(was, tt.now); got != tt.givenUp {
				t.Errorf("given up: %v", got)
			}
		})
	}
}
