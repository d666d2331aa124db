package daemon

import (
	"strconv"
	"strings"
	"testing"

	"stead/internal/report"
	"stead/internal/testns"
)

// A stranger takes the service addresses away: they come back, the role does not
// change, and it is counted.
func TestAddressRemovedByStranger(t *testing.T) {
	for _, overlay := range []bool{false, true} {
		name := map[bool]string{false: "lan", true: "overlay"}[overlay]
		t.Run(name, func(t *testing.T) {
			tr := newTrial(t, conf{overlay: overlay})
			tr.start(t)
			device := tr.conf.device()
			v4, v6 := tr.conf.service()
			epoch := tr.primary.status(t).Group("web").Epoch
			for i, address := range []string{v4, v6} {
				tr.primary.removes(t, device, address)
				testns.Eventually(t, patience, address+" is back", func() bool { return tr.primary.has(t, device, address) })
				tr.primary.until(t, "the repair is counted", func(s *report.Status) bool { return s.Counters.AddressRepairs == uint64(i+1) })
			}
			testns.Eventually(t, patience, "the metric follows", func() bool { return tr.primary.metric(t, "stead_address_repairs_total") == "2" })
			if n := tr.primary.count(t, report.Repaired, "web"); n != 2 {
				t.Errorf("%d events of a repair", n)
			}
			g := tr.primary.becomes(t, "web", report.RoleActive)
			if g.Epoch != epoch || tr.primary.count(t, report.BecameActive, "web") != 1 || tr.primary.count(t, report.BecameStandby, "web") != 0 {
				t.Errorf("the role has changed: %+v", tr.primary.events(t))
			}
			a := tr.ask(t)
			a.serves(t, tr.primary, 0)
		})
	}
}

// removes has a stranger take an address away.
func (h *host) removes(t testing.TB, device, address string) {
	t.Helper()
	for field := range strings.FieldsSeq(h.ns.Run(t, "ip", "-o", "address", "show", "dev", device)) {
		if strings.HasPrefix(field, address+"/") {
			h.ns.Run(t, "ip", "address", "del", field, "dev", device)
			return
		}
	}
	t.Fatalf("%s has no %s on %s", h.name, address, device)
}

// A stranger removes a forwarding entry, then the whole device, of the overlay:
// both come back, and the service address with them.
func TestOverlayRemovedByStranger(t *testing.T) {
	tr := newTrial(t, conf{overlay: true})
	tr.start(t)
	entry := "00:00:00:00:00:00 dst 10.0.1.4"
	entries := func() string { return tr.primary.ns.Run(t, "bridge", "fdb", "show", "dev", "vxlan0") }
	if !strings.Contains(entries(), entry) {
		t.Fatalf("no entry %s:\n%s", entry, entries())
	}
	tr.primary.ns.Run(t, "bridge", "fdb", "del", "00:00:00:00:00:00", "dev", "vxlan0", "dst", "10.0.1.4")
	testns.Eventually(t, patience, "the entry is back", func() bool { return strings.Contains(entries(), entry) })
	tr.primary.until(t, "the repair is counted", func(s *report.Status) bool { return s.Overlays[0].Repairs >= 1 })
	if n, err := strconv.Atoi(tr.primary.metric(t, `stead_overlay_repairs_total{overlay="vxlan0"}`)); err != nil || n < 1 {
		testns.Eventually(t, patience, "the metric follows", func() bool {
			n, err := strconv.Atoi(tr.primary.metric(t, `stead_overlay_repairs_total{overlay="vxlan0"}`))
			return err == nil && n >= 1
		})
	}

	// Without its device a host cannot serve: another takes over, while it makes
	// the device anew.
	tr.primary.ns.Run(t, "ip", "link", "del", "vxlan0")
	testns.Eventually(t, patience, "the device is back, up, with its own address", func() bool {
		out, err := tr.primary.ns.Try(t, "ip", "-o", "address", "show", "dev", "vxlan0")
		return err == nil && strings.Contains(out, "192.168.0.10/24")
	})
	s := tr.primary.until(t, "it is ready again", func(s *report.Status) bool { return s.Overlays[0].OK && s.Group("web").Ready })
	active := s.Group("web").ActiveNode
	for _, h := range []*host{tr.primary, tr.secondary} {
		want := report.RoleStandby
		if h.name == active {
			want = report.RoleActive
		}
		h.becomes(t, "web", want)
		if got := h.has(t, "vxlan0", overlayService4); got != (h.name == active) {
			t.Errorf("%s is active; %s has the address: %v", active, h.name, got)
		}
	}
}
