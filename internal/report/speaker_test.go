package report

import (
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"
)

// speaking is a node that announces a group to two peers, one of them watched by BFD.
func speaking() *Status {
	return &Status{
		Node: "a", At: time.Unix(1000, 0), Fence: Fence{Kind: "kernel"},
		Groups: []Group{{Name: "routed", Role: RoleActive, ActiveNode: "a", Election: "none", Ready: true, Applied: true,
			Members: []Member{{Name: "a"}, {Name: "b"}}, Announces: &Announces{Role: "active", To: []string{"rs1", "rs2"}}}},
		BGP: []BGPSession{{Name: "rs1", State: Established}, {Name: "rs2", State: Established}},
		BFD: []BFDSession{{Name: "rs1", State: BFDUp, RemoteState: BFDUp}},
	}
}

func TestProblemsOfSessions(t *testing.T) {
	for _, c := range []struct {
		name   string
		change func(*Status)
		want   []string
	}{
		{"none", func(*Status) {}, nil},
		{"nobody is elected", func(s *Status) {
			s.Groups[0].ActiveNode, s.Groups[0].Role, s.Groups[0].Announces.Role = "", RoleStandby, ""
		}, nil},
		{"one session", func(s *Status) { s.BGP[0].State, s.BGP[0].LastError = "Active", "connection refused" },
			[]string{"bgp rs1: no session (BGP Active state): connection refused"}},
		{"no session", func(s *Status) { s.BGP[0].State, s.BGP[1].State = "Idle", "OpenSent" },
			[]string{"group routed: no session is established over which it could be announced", "bgp rs1: no session (Idle)", "bgp rs2: no session (OpenSent)"}},
		{"nothing announced", func(s *Status) { s.Groups[0].Announces.Role = "" }, []string{"group routed: is active and announces nothing"}},
		{"damped", func(s *Status) {
			s.Groups[0].Announces.Role, s.Groups[0].Announces.Until = "damped", s.At.Add(25*time.Second)
		}, []string{"group routed: announced as a last choice for 25s more: another change was a short time ago"}},
		{"path down", func(s *Status) {
			s.BFD[0].State, s.BFD[0].Diagnostic, s.BFD[0].Received = "Down", "Control Detection Time Expired", 9
		},
			[]string{"bfd rs1: Down: Control Detection Time Expired"}},
		{"path never up", func(s *Status) { s.BFD[0] = BFDSession{Name: "rs1", State: "Down", RemoteState: "Down"} }, []string{"bfd rs1: Down: nothing was heard yet"}},
		{"path refused", func(s *Status) {
			s.BFD[0] = BFDSession{Name: "rs1", State: "Down", RemoteState: "Down", LastRefusal: "TTL 63"}
		}, []string{"bfd rs1: Down: TTL 63"}},
		{"path out of service", func(s *Status) { s.BFD[0].State, s.BFD[0].RemoteState = "Down", "AdminDown" },
			[]string{"bfd rs1: the other system was taken out of service"}},
	} {
		s := speaking()
		c.change(s)
		if got := s.Problems(); !slices.Equal(got, c.want) {
			t.Errorf("%s: got\n%s\nwant\n%s", c.name, strings.Join(got, "\n"), strings.Join(c.want, "\n"))
		}
	}
}

func TestCommunityText(t *testing.T) {
	for c, want := range map[uint32]string{
		65010<<16 | 100: "65010:100", 0: "0:0", 0xffffff01: "no-export", 0xffffff02: "no-advertise", 0xffffff03: "no-export-subconfed",
		0xffffff04: "no-peer", 0xffff029a: "blackhole", 0xffff0000: "graceful-shutdown", 0xffffffff: "65535:65535",
	} {
		if got := CommunityText(c); got != want {
			t.Errorf("%#x is %q, want %q", c, got, want)
		}
	}
	if AddrText(netip.Addr{}) != "" || AddrText(netip.MustParseAddr("fd00::1")) != "fd00::1" {
		t.Error("the text of an address")
	}
}
