package status

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"stead/internal/core/reason"
	"stead/internal/report"
	"stead/internal/report/reporttest"
)

var update = flag.Bool("update", false, "rewrite the expected texts")

// drawn is a status whose text is in a file of its name.
type drawn struct {
	name   string
	change func(*report.Status)
}

// ofStores are groups that leases decide, and a store that votes.
var ofStores = []drawn{
	{"lease", func(s *report.Status) { s.Groups = append(s.Groups, reporttest.Lease()) }},
	{"lease-waits", func(s *report.Status) {
		g := reporttest.Lease()
		reporttest.Waits(&g)
		g.Lease.WantedBy = "primary"
		s.Groups = append(s.Groups, g)
	}},
	{"lease-lost", func(s *report.Status) {
		holder, none := reporttest.Lease(), reporttest.Lease()
		holder.Lease.Problem = "store \"blobs\": no answer within \x1b[2J1.5s"
		none.Name, none.Role, none.ActiveNode, none.LeaseRemainingMS = "logs", report.RoleStandby, "", 0
		none.Lease = &report.Lease{Store: "share", Record: "groups/logs", Unreadable: true, Operations: report.Operations{Reads: 3, LastMS: 1, LongestMS: 2}}
		s.Groups = append(s.Groups, holder, none)
	}},
	{"vote", func(s *report.Status) { reporttest.Voting(s) }},
	{"vote-held", func(s *report.Status) {
		reporttest.Voting(s)
		reporttest.HasVote(s)
		s.Peers = s.Peers[1:]
		s.Peers[0].Alive, s.Peers[0].Paths[0].Alive, s.Groups[0].Members[1].Alive, s.Groups[0].Quorum.Granted = false, false, false, 2
	}},
	{"vote-lost", func(s *report.Status) {
		reporttest.Voting(s)
		s.Vote.Problem = "store \"blobs\": no answer within 1.5s"
	}},
}

func TestText(t *testing.T) {
	tests := []drawn{
		{"healthy", func(*report.Status) {}},
		{"nothing-known", func(s *report.Status) { *s = report.Status{Node: "primary"} }},
		{"sick", func(s *report.Status) {
			s.Fence = report.Fence{Kind: "none", Detail: "bpf: operation not permitted (needs CAP_BPF)", Stalls: 3}
			s.Realtime = report.Realtime{Mode: "auto", Detail: "needs CAP_SYS_NICE"}
			s.Overlays[0].OK, s.Overlays[0].Detail = false, "vni is 11"
			s.Peers[1].Alive, s.Peers[1].Paths[0].Alive = false, false
			s.Peers[0].Paths[0].Deaf = true
			g := &s.Groups[0]
			g.ActiveNode, g.Role, g.Ready, g.NotReadyBecause, g.NotReadyDetail = "", report.RoleStandby, false, reason.CheckFailed, "web"
			g.EffectivePriority, g.Members[0].Priority, g.Members[0].Ready = 50, 50, false
			g.ApplyError = "add 192.168.0.200/24 to vxlan0: no such device"
			g.Members[1].Alive = false
			g.Checks[1].State, g.Checks[1].Detail = report.CheckDown, "503 \x1b[2Jboo\r\n"
			g.Checks[0].State, g.Checks[0].LastRan = report.CheckUnknown, time.Time{}
		}},
		{"standby-drained", func(s *report.Status) {
			g := &s.Groups[0]
			g.Role, g.ActiveNode, g.Draining, g.Ready = report.RoleStandby, "secondary", true, false
			g.Members[0].Ready = false
		}},
		{"vrrp", func(s *report.Status) { s.Groups = append(s.Groups, reporttest.VRRP()) }},
		{"bgp", func(s *report.Status) { reporttest.Speak(s) }},
		{"bgp-trouble", func(s *report.Status) {
			reporttest.Speak(s)
			s.BGP[0].State, s.BGP[0].LastError, s.BGP[0].Announced = "Active", "connect: connection refused", nil
			s.BGP[1].State, s.BGP[1].Announced = "Idle", nil
			s.BFD[0].State, s.BFD[0].Diagnostic = "Down", "Control Detection Time Expired"
			g := &s.Groups[len(s.Groups)-1]
			g.Announces.Role, g.Announces.Until = "damped", s.At.Add(25*time.Second)
			g.Announces.Prepend = 4
		}},
		{"bgp-drained", func(s *report.Status) {
			reporttest.Speak(s)
			g := &s.Groups[len(s.Groups)-1]
			g.Role, g.ActiveNode, g.Draining, g.Ready, g.Announces.Role, g.Announces.Prepend = report.RoleStandby, "", true, false, "", -1
			s.BGP[0].Announced, s.BGP[1].Announced = nil, nil
			s.BFD[0].State, s.BFD[0].RemoteState = "Down", "AdminDown"
		}},
		{"active-stalled-short-of-votes", func(s *report.Status) {
			g := &s.Groups[0]
			g.Stalled, g.Quorum.Granted = true, 1
		}},
	}
	for _, tt := range append(tests, ofStores...) {
		t.Run(tt.name, func(t *testing.T) {
			s := reporttest.Trial()
			tt.change(&s)
			var b strings.Builder
			if err := Text(&b, &s); err != nil {
				t.Fatal(err)
			}
			if strings.ContainsAny(b.String(), "\x1b\r") {
				t.Error("control characters from outside reach the terminal")
			}
			golden(t, filepath.Join("testdata", tt.name+".txt"), b.String())
		})
	}
}

// Of many groups only those with a problem are drawn whole.
func TestManyGroups(t *testing.T) {
	s := reporttest.Trial()
	for i := range 40 {
		g := s.Groups[0]
		g.Name = fmt.Sprint("g", i)
		g.Stalled = i == 17
		s.Groups = append(s.Groups, g)
	}
	var b strings.Builder
	if err := Text(&b, &s); err != nil {
		t.Fatal(err)
	}
	if n := strings.Count(b.String(), "quorum "); n != 1 || !strings.Contains(b.String(), "\ng17\n") {
		t.Errorf("%d groups are drawn whole:\n%s", n, b.String())
	}
}

func golden(t *testing.T, name, got string) {
	t.Helper()
	if *update {
		if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(name, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), got); diff != "" {
		t.Error(diff)
	}
}

func TestAge(t *testing.T) {
	tests := map[time.Duration]string{
		-time.Second:               "0s",
		4 * time.Millisecond:       "4ms",
		1500 * time.Millisecond:    "1.5s",
		133 * time.Second:          "2m13s",
		3*time.Hour + time.Minute:  "3h01m",
		49*time.Hour + time.Minute: "2d01h",
	}
	for d, want := range tests {
		if got := Age(d); got != want {
			t.Errorf("Age(%s) = %q, want %q", d, got, want)
		}
	}
}
