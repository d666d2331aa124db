package assemble

import (
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"stead/internal/config"
	"stead/internal/core"
)

func trial() *config.Config {
	return &config.Config{
		Self: "primary",
		Nodes: []config.Node{
			{Name: "client", Addresses: []netip.Addr{netip.MustParseAddr("10.0.1.4")}, Role: config.RoleWitness},
			{Name: "primary", Addresses: []netip.Addr{netip.MustParseAddr("10.0.1.10")}, Role: config.RoleMember},
			{Name: "secondary", Addresses: []netip.Addr{netip.MustParseAddr("10.0.1.20")}, Role: config.RoleMember},
		},
		Security:  config.Security{Keys: [][]byte{[]byte("0123456789abcdef")}},
		Heartbeat: config.Heartbeat{Port: 9176},
		Groups: []config.Group{{
			Name:    "web",
			Members: []config.Member{{Node: "primary", Priority: 200}, {Node: "secondary", Priority: 100}},
			Election: config.Election{
				Type: "peer", Interval: 5 * time.Millisecond, Multiplier: 3, Quorum: true,
				Voters: []string{"client", "primary", "secondary"}, OnQuorumLoss: "hold",
			},
			Preempt:    config.Preempt{Enabled: true, Delay: 30 * time.Second},
			StartDelay: time.Second,
			Linger:     20 * time.Millisecond,
			Addresses: []config.Address{
				{Prefix: netip.MustParsePrefix("192.168.0.200/24"), Interface: "vxlan0"},
				{Prefix: netip.MustParsePrefix("192.168.0.201/24"), Interface: "vxlan0"},
			},
			Checks: []config.Check{{Name: "web", Rise: 1, Fall: 2, Fatal: true, Weight: -5}},
		}, {
			Name:     "slow",
			Members:  []config.Member{{Node: "secondary", Priority: 7}},
			Election: config.Election{Type: "peer", Interval: time.Second, Multiplier: 4, Voters: []string{"secondary"}},
		}},
	}
}

func TestCoreConfigHoldsAllThatTheFileSays(t *testing.T) {
	got, err := CoreConfig(trial(), 42, map[string]uint64{"web": 17})
	if err != nil {
		t.Fatal(err)
	}
	at := func(s string) []netip.AddrPort { return []netip.AddrPort{netip.MustParseAddrPort(s)} }
	want := core.Config{
		Self: 1,
		Nodes: []core.Node{
			{Name: "client", Witness: true, Paths: at("10.0.1.4:9176")},
			{Name: "primary", Paths: at("10.0.1.10:9176")},
			{Name: "secondary", Paths: at("10.0.1.20:9176")},
		},
		Groups: []core.Group{{
			Name:    "web",
			Members: []core.Member{{Node: 1, Priority: 200}, {Node: 2, Priority: 100}},
			Voters:  []core.NodeID{0, 1, 2}, Quorum: true,
			Interval: 5 * time.Millisecond, Multiplier: 3,
			Preempt: true, PreemptDelay: 30 * time.Second,
			StartDelay: time.Second, Linger: 20 * time.Millisecond,
			HoldOnQuorumLoss: true, EpochFloor: 17,
			Checks:     []core.Check{{Name: "web", Rise: 1, Fall: 2, Weight: -5, Fatal: true}},
			Interfaces: []string{"vxlan0"},
		}, {
			Name:     "slow",
			Members:  []core.Member{{Node: 2, Priority: 7}},
			Voters:   []core.NodeID{2},
			Interval: time.Second, Multiplier: 4,
		}},
		Incarnation: 42,
		Keys:        [][]byte{[]byte("0123456789abcdef")},
		Interval:    5 * time.Millisecond,
	}
	if diff := cmp.Diff(want, got, cmpopts.EquateComparable(netip.AddrPort{}, netip.Addr{})); diff != "" {
		t.Errorf("core configuration (-want +got):\n%s", diff)
	}
}

func TestCoreConfigRefusesNamesThatDoNotResolve(t *testing.T) {
	for name, tc := range map[string]struct {
		change func(*config.Config)
		want   string
	}{
		"self":   {func(c *config.Config) { c.Self = "other" }, `node "other"`},
		"member": {func(c *config.Config) { c.Groups[0].Members[0].Node = "gone" }, `group "web": member "gone"`},
		"voter":  {func(c *config.Config) { c.Groups[0].Election.Voters[0] = "gone" }, `group "web": voter "gone"`},
		"many":   {func(c *config.Config) { c.Nodes = make([]config.Node, core.MaxNodes+1) }, "64 is the limit"},
	} {
		t.Run(name, func(t *testing.T) {
			cfg := trial()
			tc.change(cfg)
			_, err := CoreConfig(cfg, 1, nil)
			if err == nil || !strings.Contains(err.Error(), tc.want) {
				t.Errorf("error %v, want one with %q", err, tc.want)
			}
		})
	}
}
