package doctor

import (
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"stead/internal/testns"
)

const routers = `nodes:
  primary: { address: 10.0.1.10 }
  secondary: { address: 10.0.1.20 }
groups:
  lan:
    members: { primary: 101, secondary: 100 }
    election: { type: vrrp, vrid: 51, interval: 50ms }
    addresses: [ { address: 10.0.1.200/24, interface: eth1 } ]
control: { socket: DIR/HOST.sock }
state: { dir: DIR/HOST.state }
http: { listen: none }
`

// router starts stead on a host as a virtual router, with a change to its configuration.
func (tr *trial) router(t *testing.T, host, from, to string) {
	t.Helper()
	text := strings.NewReplacer("DIR", tr.dir, "HOST", host).Replace(strings.Replace(routers, from, to, 1))
	if err := os.WriteFile(tr.file(host), []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
	tr.start(t, host)
}

// stop ends stead on a host.
func (tr *trial) stop(t *testing.T, host string) {
	t.Helper()
	if err := tr.runs[host].Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	_ = tr.runs[host].Wait()
}

// Two virtual routers that agree are found well. What keeps them from believing each
// other is found from what the running daemon has counted.
func TestVirtualRouters(t *testing.T) {
	tr := newTrial(t)
	key := filepath.Join(tr.dir, "vrrp.key")
	if err := os.WriteFile(key, []byte(strings.Repeat("not-a-secret", 3)), 0o600); err != nil {
		t.Fatal(err)
	}
	tr.router(t, "primary", "", "")
	active := func(host string) func() bool {
		return func() bool {
			g := tr.status(t, host).Group("lan")
			return g != nil && g.Serves()
		}
	}
	testns.Eventually(t, patience, "the primary is active", active("primary"))
	tr.router(t, "secondary", "", "")
	testns.Eventually(t, patience, "the secondary hears it", func() bool {
		g := tr.status(t, "secondary").Group("lan")
		return g != nil && g.ActiveNode == "primary"
	})
	tr.expect(t, "primary")
	tr.expect(t, "secondary")

	// Another address.
	tr.stop(t, "secondary")
	tr.router(t, "secondary", "10.0.1.200", "10.0.1.201")
	testns.Eventually(t, patience, "the secondary hears it", func() bool {
		g := tr.status(t, "secondary").Group("lan")
		return g != nil && g.VRRP.OtherAddresses > 0
	})
	tr.expect(t, "secondary", "vrrp-other-addresses", "nobody-answers")

	// A key that only one has.
	tr.stop(t, "secondary")
	tr.router(t, "secondary", "interval: 50ms", "interval: 50ms, auth: { type: hmac, key_file: "+key+" }")
	testns.Eventually(t, patience, "the secondary is active, too", active("secondary"))
	tr.expect(t, "secondary", "two-holders", "vrrp-other-key")
	tr.expect(t, "primary", "two-holders", "vrrp-other-key")

	// No multicast, and a packet filter.
	tr.stop(t, "secondary")
	tr.stop(t, "primary")
	tr.hosts["primary"].Run(t, "ip", "link", "set", "eth1", "multicast", "off")
	tr.hosts["primary"].Run(t, "nft", "add table inet t; add chain inet t in { type filter hook input priority 0; policy drop; }; add rule inet t in meta l4proto { icmp, udp } accept")
	tr.expect(t, "primary", "vrrp-no-multicast", "daemon-not-running", "vrrp-may-be-blocked")
}
