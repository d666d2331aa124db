package reporttest

import (
	"time"

	"stead/internal/core/reason"
	"stead/internal/report"
)

// Speak adds a group that two nodes announce to two route servers, one of them
// watched by BFD, as the node "primary" sees it.
func Speak(s *report.Status) {
	med, ago := uint32(100), func(d time.Duration) time.Time { return At.Add(-d) }
	path := report.Path{Prefix: "10.1.0.5/32", NextHop: "10.0.1.10", ASPath: []uint32{65010}, Communities: []string{"65010:100", "65010:1:2"}, MED: &med}
	s.Groups = append(s.Groups, report.Group{
		Name: "routed", Role: report.RoleActive, ActiveNode: "primary", Election: "none", Epoch: 2, Since: ago(time.Hour), Reason: reason.NoElection,
		Ready: true, Fence: "kernel", FenceOpen: true, Addresses: []string{"10.1.0.5/32"}, Applied: true, Priority: 100, EffectivePriority: 100,
		Members:   []report.Member{{Name: "primary", Ready: true, Priority: 100, Alive: true}},
		Announces: &report.Announces{Role: "active", Prepend: 0, To: []string{"rs1", "rs2"}},
	})
	s.BGP = []report.BGPSession{
		{Name: "rs1", Address: "10.0.1.4", AS: 65515, State: report.Established, Since: ago(2 * time.Hour), HoldTime: 9, RouterID: "10.0.1.4", Families: []string{"ipv4"},
			FourOctet: true, Refresh: true, Attempts: 3, Flaps: 1, Received: 2400, Sent: 2401, LastError: "hold timer expired", Announced: []report.Path{path}, BFD: report.BFDUp},
		{Name: "rs2", Address: "10.0.1.5", AS: 65515, State: report.Established, Since: ago(time.Minute), HoldTime: 9, Families: []string{"ipv4"}, Attempts: 1,
			Received: 20, Sent: 21, Announced: []report.Path{path}},
	}
	s.BFD = []report.BFDSession{{Name: "10.0.1.4", Remote: "10.0.1.4", State: report.BFDUp, RemoteState: report.BFDUp, Since: ago(2 * time.Hour), TXInterval: 10000,
		DetectionTime: 30000, LastHeard: 4.5, MaxGap: 12345, Ups: 2, Downs: 1, Sent: 100000, Received: 100001, Refused: 3, LastRefusal: "bad TTL"}}
}
