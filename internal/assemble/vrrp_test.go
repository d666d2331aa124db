package assemble

import (
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	adapter "stead/internal/adapter/vrrp"
	"stead/internal/config"
	"stead/internal/core"
	"stead/internal/core/vrrp"
)

var exact = cmp.Options{cmpopts.EquateComparable(netip.Addr{}, netip.AddrPort{})}

const nodeLines = `
nodes:
  a: { address: 10.0.1.10 }
  b: { address: 10.0.1.20 }
  w: { address: 10.0.1.30, role: witness }
security: { key_file: /etc/stead/key }
groups:
`

// parse loads a configuration as the node self reads it, with keys that say their ID.
func parse(t *testing.T, self, text string) *config.Config {
	t.Helper()
	cfg, err := config.Parse("stead.yaml", []byte(text))
	if err != nil {
		t.Fatal(err)
	}
	cfg.Self = self
	for _, g := range cfg.Groups {
		if r := g.Election.VRRP; r != nil && r.Auth != nil {
			r.Auth.Keys = map[uint8][]byte{}
			for id := range r.Auth.KeyFiles {
				r.Auth.Keys[id] = slices.Repeat([]byte{id}, 32)
			}
		}
	}
	return cfg
}

func groupOf(t *testing.T, cfg *config.Config, floors map[string]uint64) core.Group {
	t.Helper()
	got, err := CoreConfig(cfg, 1, floors)
	if err != nil {
		t.Fatal(err)
	}
	return got.Groups[0]
}

func addrs(list ...string) []netip.Addr {
	var out []netip.Addr
	for _, s := range list {
		out = append(out, netip.MustParseAddr(s))
	}
	return out
}

// TestRouterWithDefaults: what the file leaves out is as in RFC 9568.
func TestRouterWithDefaults(t *testing.T) {
	cfg := parse(t, "a", nodeLines+`
  lan:
    members: { a: 102, b: 101 }
    election: { type: vrrp, vrid: 51, interface: eth0 }
    addresses:
      - { address: 10.0.1.200/24, interface: eth0 }
      - { address: "fd00::200/64", interface: eth1, advertised: false }
      - { address: 10.0.1.201/32, interface: lo }
`)
	got := groupOf(t, cfg, map[string]uint64{"lan": 17})
	want := core.Group{
		Name:    "lan",
		Members: []core.Member{{Node: 0, Priority: 102}, {Node: 1, Priority: 101}},
		Preempt: true, Linger: 20 * time.Millisecond, Refresh: 5 * time.Second, EpochFloor: 17,
		Router: &vrrp.Config{
			VRID: 51, Version: 3, Interval: time.Second, Addresses: addrs("10.0.1.200", "10.0.1.201"), To: addrs("224.0.0.18"),
			MinTTL: 255, DownAdverts: 3, Preempt: true, Accept: true, Floor: 17,
		},
		RouterLink: "eth0",
		Interfaces: []string{"eth0", "eth1", "lo"},
	}
	if diff := cmp.Diff(want, got, exact); diff != "" {
		t.Errorf("group (-want +got):\n%s", diff)
	}
	all, err := CoreConfig(cfg, 1, nil)
	if err != nil || all.Interval != 0 {
		t.Errorf("heartbeats every %v where no group needs any (%v)", all.Interval, err)
	}
	routers := []adapter.Router{{Group: 0, Name: "lan", VRID: 51, Interface: "eth0", Multicast: netip.MustParseAddr("224.0.0.18"), TTL: 255}}
	if diff := cmp.Diff(routers, Routers(cfg), exact); diff != "" {
		t.Errorf("routers (-want +got):\n%s", diff)
	}
}

// TestRouterWithEverything: each key arrives where it belongs.
func TestRouterWithEverything(t *testing.T) {
	const text = nodeLines + `
  lan:
    members: { a: 102, b: 101 }
    election:
      type: vrrp
      vrid: 52
      interface: eth0
      interval: 40ms
      unicast: true
      peers: [10.0.2.20, 10.0.2.10, 10.0.2.30]
      source: { a: 10.0.2.10, b: 10.0.2.20 }
      ttl: 64
      min_ttl: 60
      checksum: pseudo-header
      auth: { type: hmac, key_id: 7, key_file: /k7, previous_key_id: 3, previous_key_file: /k3, replay: monotonic }
      accept: false
      detect: heartbeat
      timing: lan
      down_adverts: 2
    preempt: { enabled: false, delay: 5s }
    start_delay: 3s
    addresses: [ { address: 10.0.1.200/24, interface: eth0 } ]
    checks: { load: { file: /run/n, number: true, weight: -2 } }
`
	for self, peers := range map[string][]netip.Addr{
		"a": addrs("10.0.2.20", "10.0.2.30"),
		"b": addrs("10.0.2.10", "10.0.2.30"),
	} {
		cfg := parse(t, self, text)
		got := groupOf(t, cfg, nil)
		want := &vrrp.Config{
			VRID: 52, Version: 3, Interval: 40 * time.Millisecond, Addresses: addrs("10.0.1.200"),
			To: peers, Unicast: true, Peers: peers, MinTTL: 60, Checksum: vrrp.ChecksumPseudoHeader,
			Auth: vrrp.Auth{Type: vrrp.AuthHMAC, Monotonic: true, Keys: []vrrp.Key{
				{ID: 7, Secret: slices.Repeat([]byte{7}, 32)}, {ID: 3, Secret: slices.Repeat([]byte{3}, 32)}}},
			DownAdverts: 2, PreemptDelay: 5 * time.Second, StartDelay: 3 * time.Second,
			Detector: vrrp.Detector{Interval: 10 * time.Millisecond, Lease: 40 * time.Millisecond},
		}
		if diff := cmp.Diff(want, got.Router, exact); diff != "" {
			t.Errorf("router of %s (-want +got):\n%s", self, diff)
		}
		members := []core.Member{
			{Node: 0, Priority: 102, Router: netip.MustParseAddr("10.0.2.10")},
			{Node: 1, Priority: 101, Router: netip.MustParseAddr("10.0.2.20")},
		}
		if diff := cmp.Diff(members, got.Members, exact); diff != "" {
			t.Errorf("members (-want +got):\n%s", diff)
		}
		if got.Interval != 10*time.Millisecond || got.Multiplier != 4 || len(got.Voters) != 0 || !got.Checks[0].Number {
			t.Errorf("group %+v", got)
		}
		routers := Routers(cfg)
		if len(routers) != 1 || routers[0].Source != cfg.Groups[0].Election.VRRP.Sources[self] || routers[0].TTL != 64 || routers[0].Multicast.IsValid() {
			t.Errorf("routers of %s: %+v", self, routers)
		}
	}
	if routers := Routers(parse(t, "w", text)); len(routers) != 0 {
		t.Errorf("a witness has the routers %+v", routers)
	}
}

// TestPasswordAndIPv6 are what only one version or family has.
func TestPasswordAndIPv6(t *testing.T) {
	got := groupOf(t, parse(t, "b", nodeLines+`
  old:
    members: { a: 102, b: 101 }
    election: { type: vrrp, vrid: 1, version: 2, interval: 2s, auth: { type: password, password_file: /p } }
    addresses: [ { address: 10.0.1.200/24, interface: eth0 } ]
`), nil)
	if r := got.Router; r.Version != 2 || r.Auth.Type != vrrp.AuthPassword || len(r.Auth.Keys) != 1 || len(r.Auth.Keys[0].Secret) != 32 {
		t.Errorf("version 2: %+v", r)
	}
	cfg := parse(t, "b", nodeLines+`
  six:
    members: { a: 102, b: 101 }
    election: { type: vrrp, vrid: 1, virtual_mac: true, interface: eth0 }
    addresses: [ { address: "fe80::51/64", interface: eth0 } ]
`)
	if r := Routers(cfg)[0]; !r.IPv6 || !r.VirtualMAC || r.Multicast != netip.MustParseAddr("ff02::12") {
		t.Errorf("IPv6: %+v", r)
	}
	if got := groupOf(t, cfg, nil); !slices.Equal(got.Interfaces, []string{"eth0"}) || got.RouterLink != "eth0" {
		t.Errorf("the parent of the virtual MAC does not count: %+v", got)
	}
}

// TestHeartbeatsOfTheGroupsThatNeedThem: a slow group sets the pace where a faster
// one is decided by advertisements alone.
func TestHeartbeatsOfTheGroupsThatNeedThem(t *testing.T) {
	cfg := parse(t, "a", nodeLines+`
  lan:
    members: { a: 102, b: 101 }
    election: { type: vrrp, vrid: 1, interval: 10ms }
    addresses: [ { address: 10.0.1.200/24, interface: eth0 } ]
  slow:
    members: { a: 102, b: 101 }
    election: { type: peer, timing: wan }
    addresses: [ { address: 10.0.1.201/24, interface: eth0 } ]
`)
	got, err := CoreConfig(cfg, 1, nil)
	if err != nil || got.Interval != 500*time.Millisecond {
		t.Errorf("interval %v, %v", got.Interval, err)
	}
}

// TestKeysThatWereNotRead: a router that should sign never runs without its keys.
func TestKeysThatWereNotRead(t *testing.T) {
	for _, auth := range []string{"{ type: hmac, key_file: /k }", "{ type: password, password_file: /k }"} {
		version := "3"
		if strings.Contains(auth, "password") {
			version = "2"
		}
		cfg := parse(t, "a", nodeLines+`
  lan:
    members: { a: 102, b: 101 }
    election: { type: vrrp, vrid: 1, version: `+version+`, auth: `+auth+` }
    addresses: [ { address: 10.0.1.200/24, interface: eth0 } ]
`)
		cfg.Groups[0].Election.VRRP.Auth.Keys = nil
		_, err := CoreConfig(cfg, 1, nil)
		if err == nil || !strings.Contains(err.Error(), `group "lan": auth: `) || !strings.Contains(err.Error(), "/k: not read yet") {
			t.Errorf("%s: error %v", auth, err)
		}
		cfg.Self = "w" // holds no group, reads no key of one, and needs none
		if _, err := CoreConfig(cfg, 1, nil); err != nil {
			t.Errorf("%s: on a witness: %v", auth, err)
		}
	}
}
