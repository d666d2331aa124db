package daemon

import (
	"net/netip"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"stead/internal/config"
	"stead/internal/core"
	"stead/internal/core/bfd"
	"stead/internal/core/bgp"
	"stead/internal/engine"
	"stead/internal/report"
)

// TestDescribeSpeaker: what the core knows of sessions is told with the names and
// addresses of the configuration, and of a session that is down only what holds then.
func TestDescribeSpeaker(t *testing.T) {
	addr := netip.MustParseAddr
	med := uint32(20)
	path := bgp.Path{Prefix: netip.MustParsePrefix("10.1.0.5/32"), HasMED: true, MED: med, LocalPref: 100,
		Communities: []bgp.Community{65010<<16 | 100, bgp.GracefulShutdown}, Large: []bgp.LargeCommunity{{Global: 65010, Local1: 1, Local2: 2}}}
	sent := []bgp.Sent{{Path: path, NextHop: "10.0.2.10", ASPath: []uint32{65010, 65010}, LocalPref: 100}}
	cfg := &config.Config{BGP: &config.BGP{LocalAS: 65010, Peers: []config.BGPPeer{
		{Name: "in", Address: addr("10.0.2.5"), AS: 65010}, {Name: "out", Address: addr("10.0.2.4"), AS: 65515}}}}
	var v engine.View
	v.At = core.Instant(100e9)
	v.Groups = []core.GroupState{{}, {Routes: &core.RoutesState{Role: core.RouteDamped, Prepend: 4, Until: core.Instant(130e9), Peers: []int{1, 0}}},
		{Routes: &core.RoutesState{Prepend: core.Withdrawn, Peers: []int{0}}}}
	v.Sessions = []core.SessionState{
		{Name: "out", BFD: 0, Status: bgp.Status{State: bgp.EstablishedState, Since: core.Instant(90e9), RouterID: "10.0.2.4", HoldTime: 9, FourOctet: true, IPv4: true, Paths: sent, Attempts: 2, Flaps: 1, In: 3, Out: 4}},
		{Name: "in", BFD: -1, Status: bgp.Status{State: bgp.ActiveState, HoldTime: 9, LastError: "refused", Paths: sent}},
	}
	v.Paths = []core.PathState{{Name: "out", Remote: addr("10.0.2.4"), Multihop: true, Status: bfd.Status{State: bfd.Up, RemoteState: bfd.Up, Since: core.Instant(80e9), RemoteDiag: bfd.DiagPathDown,
		TXInterval: 10 * time.Millisecond, DetectionTime: 30 * time.Millisecond, LastHeard: core.Instant(99990e6), MaxGap: 12 * time.Millisecond, Ups: 2, Downs: 1, Sent: 5, Received: 6, Refused: 7}}}
	s := report.Status{At: time.Unix(1000, 0).UTC(), Groups: make([]report.Group, 3)}
	(&Daemon{}).describeSpeaker(&s, cfg, &v)

	ago := func(d time.Duration) time.Time { return s.At.Add(-d) }
	want := report.Status{At: s.At, Groups: []report.Group{{},
		{Announces: &report.Announces{Role: "damped", Prepend: 4, Until: s.At.Add(30 * time.Second), To: []string{"in", "out"}}},
		{Announces: &report.Announces{To: []string{"out"}}}},
		BGP: []report.BGPSession{
			{Name: "out", Address: "10.0.2.4", AS: 65515, State: report.Established, Since: ago(10 * time.Second), HoldTime: 9, RouterID: "10.0.2.4", Families: []string{"ipv4"}, FourOctet: true,
				Attempts: 2, Flaps: 1, Received: 3, Sent: 4, BFD: "Up", Announced: []report.Path{{Prefix: "10.1.0.5/32", NextHop: "10.0.2.10", ASPath: []uint32{65010, 65010}, MED: &med,
					Communities: []string{"65010:100", "graceful-shutdown", "65010:1:2"}}}},
			{Name: "in", Address: "10.0.2.5", AS: 65010, State: "Active", Families: []string{}, LastError: "refused", Announced: []report.Path{}},
		},
		BFD: []report.BFDSession{{Name: "out", Remote: "10.0.2.4", Multihop: true, State: "Up", RemoteState: "Up", Since: ago(20 * time.Second), RemoteDiag: "Path Down", TXInterval: 10000,
			DetectionTime: 30000, LastHeard: 10, MaxGap: 12000, Ups: 2, Downs: 1, Sent: 5, Received: 6, Refused: 7}},
	}
	if diff := cmp.Diff(want, s); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}

	v.Sessions[1].Status.State = bgp.EstablishedState
	s.BGP = nil
	(&Daemon{}).describeSpeaker(&s, cfg, &v)
	if p := s.BGP[1].Announced; len(p) != 1 || p[0].LocalPref == nil || *p[0].LocalPref != 100 {
		t.Errorf("an internal peer is told %+v", p)
	}
}
