package interop

import (
	"testing"
	"time"
)

// With the virtual router's own hardware address nothing changes for clients: it
// is on the same address before and after, whichever router is active.
func TestVirtualMAC(t *testing.T) {
	t.Parallel()
	vmac := steadRouter{election: "virtual_mac: true"}
	for _, tt := range []struct {
		name            string
		ipv6            bool
		active, standby router
	}{
		{"Stead and FRR", false, vmac, frr{}},
		{"FRR and Stead", false, frr{}, vmac},
		{"Stead and FRR over IPv6", true, vmac, frr{}},
		{"FRR and Stead over IPv6", true, frr{}, vmac},
		{"Stead and keepalived", false, vmac, keepalived{}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			s := settings{version: 3, interval: 100 * time.Millisecond, ipv6: tt.ipv6}
			c := begin(t, s, tt.active, tt.standby)
			c.sufferEach(t, stop, cut, blackHole)
			v := c.watch.since(0)
			for _, a := range v.adverts {
				side := &c.active
				if a.host == c.standby.host.name {
					side = &c.standby
				}
				own := side.host.ns.MAC(t, "eth1").String()
				virtual := "00:00:5e:00:01:33"
				if tt.ipv6 {
					virtual = "00:00:5e:00:02:33"
				}
				want := virtual
				if side.String() == "keepalived" {
					want = own
				}
				if a.mac.String() != want {
					t.Fatalf("%v comes from %s, want %s", &a, a.mac, want)
				}
			}
		})
	}
}
