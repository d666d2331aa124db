package daemon

import (
	"fmt"
	"net/netip"
	"strings"
	"testing"
	"time"

	"stead/internal/report"
	"stead/internal/testns"
)

// places is where service addresses may live; every group has several addresses,
// of both families.
const places = `nic:
  members: { primary: 200, secondary: 100 }
  election: { interval: 20ms, multiplier: 5 }
  preempt: { enabled: false }
  addresses:
    - { address: 10.0.1.201/24, interface: eth1 }
    - { address: 10.0.1.202/24, interface: eth1 }
    - { address: "fd00:1::c9/64", interface: eth1 }
loopback:
  members: { primary: 100, secondary: 200 }
  election: { interval: 20ms, multiplier: 5 }
  preempt: { enabled: false }
  addresses:
    - { address: 10.7.0.1/32, interface: lo }
    - { address: 10.7.0.2/32, interface: lo }
    - { address: "fd00:7::1/128", interface: lo }
bridge:
  members: { primary: 200, secondary: 100 }
  election: { interval: 20ms, multiplier: 5 }
  preempt: { enabled: false }
  addresses:
    - { address: 10.8.0.1/24, interface: br7 }
    - { address: "fd00:8::1/64", interface: br7 }
`

// inGroups are the addresses of places, by group.
var inGroups = map[string][]string{
	"nic":      {"10.0.1.201", "10.0.1.202", "fd00:1::c9"},
	"loopback": {"10.7.0.1", "10.7.0.2", "fd00:7::1"},
	"bridge":   {"10.8.0.1", "fd00:8::1"},
}

var devices = map[string]string{"nic": "eth1", "loopback": "lo", "bridge": "br7"}

// Groups are decided each for itself: they may live on different nodes, and move
// alone. When a node dies all that it held are served by the other.
func TestGroups(t *testing.T) {
	tr := newTrial(t, conf{overlay: true, groups: places})
	for _, h := range []*host{tr.primary, tr.secondary} {
		testns.Veth(t, h.ns, "port7", h.ns, "end7")
		testns.Bridge(t, h.ns, "br7", "port7")
		// Until its bridge has a carrier a node is not ready, and the other one's may be earlier.
		testns.Eventually(t, patience, "the bridge has a carrier", func() bool {
			return strings.Contains(h.ns.Run(t, "ip", "-o", "link", "show", "br7"), "LOWER_UP")
		})
	}
	tr.start(t)
	holds := func(group string, h *host) {
		t.Helper()
		h.becomes(t, group, report.RoleActive)
		other := tr.primary
		if h == tr.primary {
			other = tr.secondary
		}
		other.becomes(t, group, report.RoleStandby)
		for _, address := range inGroups[group] {
			// The role is told when the fence has closed; the address goes after it.
			testns.Eventually(t, patience, address+" is on "+h.name+" alone", func() bool {
				return h.has(t, devices[group], address) && !other.has(t, devices[group], address)
			})
		}
	}
	holds("nic", tr.primary)
	holds("loopback", tr.secondary)
	holds("bridge", tr.primary)
	tr.reach(t, tr.primary, "nic", "bridge")
	tr.reach(t, tr.secondary, "loopback")

	tr.primary.do(t, "switchover", "nic", "--to", "secondary", "--wait")
	holds("nic", tr.secondary)
	holds("bridge", tr.primary)
	tr.reach(t, tr.secondary, "nic", "loopback")

	tr.secondary.kill(t, true)
	for _, group := range []string{"nic", "loopback", "bridge", "web"} {
		tr.primary.becomes(t, group, report.RoleActive)
	}
	tr.reach(t, tr.primary, "nic", "loopback", "bridge")
	tr.secondary.start(t)
	for group := range inGroups {
		holds(group, tr.primary)
	}
}

// reach waits until the client gets answers from all addresses of groups, by way
// of a host.
func (tr *trial) reach(t testing.TB, h *host, groups ...string) {
	t.Helper()
	for _, group := range groups {
		for _, text := range inGroups[group] {
			address, via := netip.MustParseAddr(text), h.address
			family := "-4"
			if address.Is6() {
				family, via = "-6", strings.Replace(h.address, "10.0.1.", "fd00:1::", 1)
			}
			if group != "nic" {
				tr.client.ns.Run(t, "ip", family, "route", "replace", fmt.Sprintf("%s/%d", address, address.BitLen()), "via", via, "dev", "eth1")
			}
			testns.Eventually(t, patience, text+" of "+group+" answers from "+h.name, func() bool {
				return tr.client.ns.Ping(t, address, 200*time.Millisecond) == nil
			})
		}
	}
}
