package assemble

import (
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	pathadapter "stead/internal/adapter/bfd"
	adapter "stead/internal/adapter/bgp"
	"stead/internal/config"
	"stead/internal/core"
	"stead/internal/core/bfd"
	"stead/internal/core/bgp"
)

const speaking = `
nodes:
  a: { addresses: [10.0.1.10, "fd00:1::10"] }
  b: { addresses: [10.0.1.20, "fd00:1::20"] }
  w: { addresses: [10.0.1.30, "fd00:1::30"], role: witness }
security: { key_file: /etc/stead/key }
bgp:
  local_as: 65010
  router_id: { b: 192.0.2.2 }
  peers:
    four: { address: 10.0.2.4, as: 65515, hold_time: 6s, connect_retry: 1m, multihop: 3, ttl_security: true, password_file: /p, source: { a: 10.0.3.1 },
            graceful_shutdown: true, bfd: { interval: 10ms, min_rx: 20ms, multiplier: 5, auth: { type: meticulous-sha1, key_id: 7, key_file: /k7, previous_key_id: 3, previous_key_file: /k3 } } }
    six: { address: "fd00:1::1", as: 65010, passive: true, extended_next_hop: true }
    unused: { address: 10.0.2.9, as: 65516 }
groups:
  everywhere:
    members: [a, b]
    election: { type: none }
    addresses: [ { address: 10.1.0.6/32, interface: lo }, { address: "fd00:2::6/128", interface: lo } ]
    bgp: { peers: [six], next_hop: ["fd00:1::9"] }
  web:
    members: { a: 200, b: 100 }
    election: { type: peer, timing: fast }
    addresses: [ { address: 10.1.0.5/32, interface: lo } ]
    checks:
      gateway: { bfd: 10.0.1.1, multihop: 1, interval: 5ms, weight: -10 }
      page: { process: nginx }
      same: { bfd: 10.0.2.4, multihop: 3 }
    bgp:
      peers: [four, six]
      med: 5
      communities: ["65010:1:2", no-export]
      prepend: { active: 3, standby: 6, drain: 9 }
      room: 1
      linger: 2s
      per_node: { b: { med: 9, local_pref: 99, next_hop: 10.0.1.21 } }
`

func speakingAs(t *testing.T, self string) *config.Config {
	t.Helper()
	cfg := parse(t, self, speaking)
	config.StandInKeys(cfg)
	return cfg
}

func coreOf(t *testing.T, cfg *config.Config, incarnation uint64) core.Config {
	t.Helper()
	out, err := CoreConfig(cfg, incarnation, nil)
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// TestSessionsOfANode: each key arrives where it belongs.
func TestSessionsOfANode(t *testing.T) {
	cfg := speakingAs(t, "a")
	got := coreOf(t, cfg, 42)
	addr := netip.MustParseAddr
	keys := cfg.BGP.Peers[0].BFD.Auth.Keys
	paths := []core.Path{
		{Name: "four", Local: addr("10.0.3.1"), Remote: addr("10.0.2.4"), Multihop: true, Session: bfd.Config{
			DesiredMinTX: 10 * time.Millisecond, RequiredMinRX: 20 * time.Millisecond, DetectMult: 5, MinTTL: 1,
			Auth: bfd.Auth{Type: bfd.AuthMeticulousSHA1, Keys: []bfd.Key{{ID: 7, Secret: keys[7]}, {ID: 3, Secret: keys[3]}}}}},
		{Name: "10.0.1.1", Remote: addr("10.0.1.1"), Session: bfd.Config{
			DesiredMinTX: 5 * time.Millisecond, RequiredMinRX: 5 * time.Millisecond, DetectMult: 3, MinTTL: 255}},
	}
	seen := map[uint32]bool{0: true}
	for i := range got.BFD {
		s := &got.BFD[i].Session
		if seen[s.Discriminator] || s.Seed == 0 {
			t.Errorf("session %d: discriminator %d, seed %d", i, s.Discriminator, s.Seed)
		}
		seen[s.Discriminator] = true
		s.Discriminator, s.Seed = 0, 0
	}
	if diff := cmp.Diff(paths, got.BFD, exact); diff != "" {
		t.Errorf("BFD sessions (-want +got):\n%s", diff)
	}
	peers := []core.Peer{
		{Name: "four", BFD: 0, Session: bgp.Config{LocalAS: 65010, PeerAS: 65515, RouterID: addr("10.0.1.10"), Peer: addr("10.0.2.4"), HoldTime: 6 * time.Second,
			Retry: time.Minute, MaxRetry: time.Minute, IPv4: true, NextHop6: addr("fd00:1::10"), WaitForBFD: true}},
		{Name: "six", BFD: -1, Session: bgp.Config{LocalAS: 65010, PeerAS: 65010, RouterID: addr("10.0.1.10"), Peer: addr("fd00:1::1"), HoldTime: 9 * time.Second,
			Retry: time.Second, MaxRetry: 30 * time.Second, Passive: true, IPv4: true, IPv6: true, ExtendedNextHop: true}},
	}
	for i := range got.Peers {
		got.Peers[i].Session.Seed = 0
	}
	if diff := cmp.Diff(peers, got.Peers, exact); diff != "" {
		t.Errorf("peers (-want +got):\n%s", diff)
	}
}

// TestAnnouncementsOfANode: what each node announces is its own.
func TestAnnouncementsOfANode(t *testing.T) {
	prefix, addr := netip.MustParsePrefix, netip.MustParseAddr
	web := func(self string) core.Group { return coreOf(t, speakingAs(t, self), 1).Groups[1] }
	want := core.Routes{
		Peers: []int{0, 1}, Graceful: []bool{true, false}, Prepend: core.Prepend{Active: 3, Standby: 6, Unhealthy: core.Withdrawn, Drain: 9}, Room: 1, LastChoice: 5, Stale: 10 * time.Second, Needed: true,
		Paths: []bgp.Path{{Prefix: prefix("10.1.0.5/32"), MED: 5, HasMED: true, LocalPref: 100, Communities: []bgp.Community{0xffffff01},
			Large: []bgp.LargeCommunity{{Global: 65010, Local1: 1, Local2: 2}}}},
	}
	a := web("a")
	if diff := cmp.Diff(&want, a.Routes, exact, cmp.Comparer(func(x, y netip.Prefix) bool { return x == y })); diff != "" {
		t.Errorf("a announces (-want +got):\n%s", diff)
	}
	b := web("b").Routes.Paths[0]
	if b.MED != 9 || b.LocalPref != 99 || b.NextHop != addr("10.0.1.21") {
		t.Errorf("b announces %+v", b)
	}
	if a.Linger != 2*time.Second || a.Damping != 40*time.Second || a.Everyone {
		t.Errorf("linger %v, damping %v, everyone %t", a.Linger, a.Damping, a.Everyone)
	}
	all := coreOf(t, speakingAs(t, "a"), 1).Groups[0]
	if !all.Everyone || all.Routes.Needed || len(all.Routes.Paths) != 2 || all.Routes.Paths[0].NextHop != addr("fd00:1::9") || all.Interval != 0 {
		t.Errorf("without an election: %+v %+v", all, all.Routes)
	}
	checks := a.Checks
	if !checks[0].IsBFD || checks[0].BFD != 1 || checks[1].IsBFD || !checks[2].IsBFD || checks[2].BFD != 0 {
		t.Errorf("checks %+v", checks)
	}
}

// TestSessionsBelongToMembers: a witness has none, and needs no secret of theirs.
func TestSessionsBelongToMembers(t *testing.T) {
	got := coreOf(t, parse(t, "w", speaking), 1)
	if len(got.Peers)+len(got.BFD) > 0 || got.Groups[1].Routes != nil || got.Groups[1].Checks[0].IsBFD {
		t.Errorf("a witness has %+v %+v %+v", got.Peers, got.BFD, got.Groups[1])
	}
	if peers, listen := Speakers(parse(t, "w", speaking)); len(peers) > 0 || listen != 0 || len(Paths(parse(t, "w", speaking))) > 0 {
		t.Errorf("a witness listens at %d for %+v", listen, peers)
	}
}

// TestConnections: what the adapters are told is in the order of the core.
func TestConnections(t *testing.T) {
	cfg := speakingAs(t, "a")
	want := []adapter.Peer{
		{Name: "four", Remote: netip.MustParseAddrPort("10.0.2.4:179"), Source: netip.MustParseAddr("10.0.3.1"), TTL: 255, MinTTL: 253, MD5: cfg.BGP.Peers[0].Password, UserTimeout: 6 * time.Second},
		{Name: "six", Remote: netip.MustParseAddrPort("[fd00:1::1]:179"), TTL: 1, Passive: true, UserTimeout: 9 * time.Second},
	}
	got, listen := Speakers(cfg)
	if diff := cmp.Diff(want, got, exact); diff != "" || listen != 179 {
		t.Errorf("port %d, peers (-want +got):\n%s", listen, diff)
	}
	if err := adapter.Check(got); err != nil {
		t.Error(err)
	}
	paths := []pathadapter.Session{
		{Name: "four", Local: netip.MustParseAddr("10.0.3.1"), Remote: netip.MustParseAddr("10.0.2.4"), Multihop: true},
		{Name: "10.0.1.1", Remote: netip.MustParseAddr("10.0.1.1")},
	}
	if diff := cmp.Diff(paths, Paths(cfg), exact); diff != "" {
		t.Errorf("paths (-want +got):\n%s", diff)
	}
	if err := pathadapter.Check(Paths(cfg)); err != nil {
		t.Error(err)
	}
}

// TestNumbersOfARun: they stay over a reload that adds sessions, and change with a restart.
func TestNumbersOfARun(t *testing.T) {
	cfg := speakingAs(t, "a")
	was := coreOf(t, cfg, 7)
	cfg.BGP.Peers = cfg.BGP.Peers[1:]
	now, again := coreOf(t, cfg, 7), coreOf(t, speakingAs(t, "a"), 8)
	if was.BFD[1].Session.Discriminator != now.BFD[0].Session.Discriminator && was.BFD[1].Remote == now.BFD[0].Remote {
		t.Error("a reload changes a discriminator")
	}
	if was.Peers[1].Session.Seed != now.Peers[0].Session.Seed {
		t.Error("a reload changes a seed")
	}
	if was.BFD[0].Session.Discriminator == again.BFD[0].Session.Discriminator || was.Peers[0].Session.Seed == again.Peers[0].Session.Seed {
		t.Error("a restart changes nothing")
	}
	taken := map[uint32]bool{}
	p := path{remote: netip.MustParseAddr("10.0.0.1")}
	if first, second := discriminator(1, p, taken), discriminator(1, p, taken); first == second || first == 0 || second == 0 {
		t.Errorf("discriminators %d and %d", first, second)
	}
}

func TestSecretsAreNeeded(t *testing.T) {
	for want, change := range map[string]func(*config.Config){
		`bgp peer "four": password file /p: not read yet`:             func(c *config.Config) { c.BGP.Peers[0].Password = nil },
		`bfd session with 10.0.2.4: auth: key file /k7: not read yet`: func(c *config.Config) { delete(c.BGP.Peers[0].BFD.Auth.Keys, 7) },
	} {
		cfg := speakingAs(t, "a")
		change(cfg)
		if _, err := CoreConfig(cfg, 1, nil); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v, want %s", err, want)
		}
	}
}
