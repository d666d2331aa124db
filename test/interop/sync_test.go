package interop

import (
	"fmt"
	"testing"
	"time"
)

// synced is a router that holds an address of each family, by a virtual router
// each; both change together. The check is that of the first one.
type synced interface {
	String() string
	startBoth(t testing.TB, h *host, priority int)
}

func (steadRouter) startBoth(t testing.TB, h *host, priority int) {
	t.Helper()
	h.well(t)
	h.stead(t, fmt.Sprintf(`nodes:
  %[1]s: { address: %[2]s }
groups:
  web:
    members: { %[1]s: %[3]d }
    election: { type: vrrp, vrid: %[4]d, interval: 100ms }
    sync: pair
    addresses: [ { address: %[5]s/24, interface: eth1 } ]
    checks: { health: { file: %[6]s, expect: "0", interval: 10ms, rise: 1, fall: 1, fatal: true } }
  web6:
    members: { %[1]s: %[3]d }
    election: { type: vrrp, vrid: %[4]d, interval: 100ms }
    sync: pair
    addresses: [ { address: "%[7]s/64", interface: eth1 } ]
control: { socket: %[8]s }
state: { dir: %[9]s }
http: { listen: none }
`, h.name, h.address4, priority, vrid, vip4, h.path(checkFile), vip6, h.path("sock"), h.path("state")))
}

func (keepalived) startBoth(t testing.TB, h *host, priority int) {
	t.Helper()
	h.well(t)
	instance := func(name, check, address string) string {
		return fmt.Sprintf(`vrrp_instance %s {
  state BACKUP
  interface eth1
  virtual_router_id %d
  priority %d
  advert_int 0.1
%s  virtual_ipaddress {
    %s dev eth1
  }
}
`, name, vrid, priority, check, address)
	}
	h.keepalived(t, fmt.Sprintf(`global_defs {
  router_id %s
  vrrp_version 3
}
track_file check {
  file %q
  weight 0
}
vrrp_sync_group pair {
  group {
    web
    web6
  }
}
`, h.name, h.path(checkFile))+
		instance("web", "  track_file {\n    check weight 0\n  }\n", vip4.String()+"/24")+
		instance("web6", "", vip6.String()+"/64"))
}

// What goes wrong with one of two groups that are in sync moves both, and both
// come back.
func TestSync(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name            string
		active, standby synced
	}{
		{"Stead active", steadRouter{}, keepalived{}},
		{"Stead standby", keepalived{}, steadRouter{}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			n := newLAN(t)
			w4, w6 := n.watched(t, vip4), n.watched(t, vip6)
			s := settings{version: 3, interval: 100 * time.Millisecond}
			bothOn := func(h *host) {
				t.Helper()
				w4.settles(t, h, s)
				w6.settles(t, h, s)
			}
			tt.active.startBoth(t, n.first, higher)
			bothOn(n.first)
			tt.standby.startBoth(t, n.second, lower)
			w4.alone(t, n.first, s.down(lower)+s.interval, now())
			w6.alone(t, n.first, s.down(lower)+s.interval, 0)
			n.first.ill(t)
			bothOn(n.second)
			n.first.well(t)
			bothOn(n.first)
			n.first.terminate(t)
			bothOn(n.second)
		})
	}
}
