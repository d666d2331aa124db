package daemon

import (
	"strings"
	"testing"

	"stead/internal/core/reason"
	"stead/internal/report"
	"stead/internal/testns"
)

// A virtual router that has no address to advertise from says what is wrong and
// what to do, and takes part as soon as it has one.
func TestVirtualRouterWithoutASource(t *testing.T) {
	tr := newTrial(t, conf{groups: `router:
  members: { primary: 200, secondary: 100 }
  election: { type: vrrp, vrid: 51, interval: 50ms, interface: eth2 }
  addresses: [ { address: 10.0.1.202/24, interface: eth1 } ]
`})
	testns.Veth(t, tr.primary.ns, "eth2", tr.secondary.ns, "eth2")
	tr.secondary.ns.Addr(t, "eth2", "10.2.0.20/24")
	tr.start(t)
	tr.secondary.becomes(t, "router", report.RoleActive)
	const missing = "eth2 has no IPv4 address of its own: add one"
	tr.primary.until(t, "it says that there is no source", func(s *report.Status) bool {
		g := s.Group("router")
		return !g.Ready && g.NotReadyBecause == reason.NoSource && strings.HasPrefix(g.NotReadyDetail, missing) &&
			strings.HasPrefix(g.VRRP.Problem, missing) && g.VRRP.State == "initialize"
	})
	if text, _ := tr.primary.try(t, "status"); !strings.Contains(text, "group router: primary is not ready: ") || !strings.Contains(text, missing) {
		t.Errorf("status does not say it:\n%s", text)
	}
	if text, _ := tr.primary.try(t, "events"); !strings.Contains(text, "primary is not ready to serve: "+report.ReasonText(reason.NoSource)) {
		t.Errorf("the events do not say it:\n%s", text)
	}
	tr.primary.ns.Addr(t, "eth2", "10.2.0.10/24")
	tr.primary.becomes(t, "router", report.RoleActive)
	if g := tr.primary.status(t).Group("router"); !g.Ready || g.VRRP.Problem != "" || g.VRRP.Source != "10.2.0.10" {
		t.Errorf("ready %v, %+v", g.Ready, g.VRRP)
	}
	tr.primary.ns.Run(t, "ip", "link", "set", "dev", "eth2", "down")
	tr.secondary.becomes(t, "router", report.RoleActive)
	tr.primary.until(t, "it says that the interface is down", func(s *report.Status) bool {
		g := s.Group("router")
		return !g.Ready && strings.Contains(g.NotReadyDetail, "eth2 is down: set it up") && s.Counters.VRRPSendFailures != nil
	})
}
