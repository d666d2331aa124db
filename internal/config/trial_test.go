package config

import (
	"net/netip"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// TestTrial: the example of the design loads as what it says.
func TestTrial(t *testing.T) {
	cfg, err := Load("testdata/good/trial.yaml")
	if err != nil {
		t.Fatal(err)
	}
	addr, prefix := netip.MustParseAddr, netip.MustParsePrefix
	want := &Config{
		File: "testdata/good/trial.yaml",
		Nodes: []Node{
			{Name: "client", Addresses: []netip.Addr{addr("10.0.1.4")}, Role: RoleWitness},
			{Name: "primary", Addresses: []netip.Addr{addr("10.0.1.10")}, Role: RoleMember},
			{Name: "secondary", Addresses: []netip.Addr{addr("10.0.1.20")}, Role: RoleMember},
		},
		Security:  Security{KeyFiles: []string{"/etc/stead/key"}},
		Heartbeat: Heartbeat{Port: 9176},
		Overlays: []Overlay{{Name: "vxlan0", Type: "vxlan", VNI: 10, Port: 4789, Underlay: "eth1", MAC: map[string]string{},
			Addresses: map[string]netip.Prefix{"primary": prefix("192.168.0.10/24"), "secondary": prefix("192.168.0.20/24"), "client": prefix("192.168.0.4/24")}}},
		Groups: []Group{{
			Name:    "web",
			Members: []Member{{"primary", 200}, {"secondary", 100}},
			Election: Election{Type: "peer", Timing: "fast", Interval: 5 * time.Millisecond, Multiplier: 3, Quorum: true,
				Voters: []string{"client", "primary", "secondary"}, OnQuorumLoss: "release"},
			Preempt:   Preempt{Enabled: true, Delay: 30 * time.Second},
			Linger:    20 * time.Millisecond,
			Addresses: []Address{{Prefix: prefix("192.168.0.200/24"), Interface: "vxlan0"}},
			Checks: []Check{
				{Name: "haproxy", Kind: CheckProcess, Target: "haproxy", Interval: 2 * time.Second, Timeout: time.Second, Rise: 2, Fall: 2, Weight: -150},
				{Name: "web", Kind: CheckHTTP, Target: "http://127.0.0.1:3000/", Interval: 50 * time.Millisecond, Timeout: 40 * time.Millisecond, Rise: 2, Fall: 2, Fatal: true},
			},
			Hooks:    map[HookKind]Hook{HookActivate: {Command: []string{"/etc/stead/activated"}, Timeout: 5 * time.Second}},
			Announce: Announce{Refresh: time.Minute},
		}},
		Control:  Control{Socket: "/run/stead/stead.sock"},
		HTTP:     HTTP{Listen: "127.0.0.1:9177"},
		Log:      Log{Target: "stderr", Format: "text", Level: "info", Syslog: "/dev/log"},
		State:    State{Dir: "/var/lib/stead"},
		Realtime: Realtime{Mode: "auto", Priority: 50},
		Fence:    FenceAuto,
	}
	if diff := cmp.Diff(want, cfg, exact); diff != "" {
		t.Error(diff)
	}
}
