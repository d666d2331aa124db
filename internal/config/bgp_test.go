package config

import (
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

const speaking = "nodes:\n  a: { address: 10.0.1.10 }\n  b: { address: 10.0.1.20 }\nsecurity: { key_file: /k }\n"

// announced is a file with a peer and a group, with further words in each.
func announced(peer, group string) string {
	return speaking + "bgp:\n  local_as: 65010\n  peers:\n    rs1: { address: 10.0.1.2, as: 65515, " + peer + " }\n" +
		"groups:\n  web:\n    members: { a: 200, b: 100 }\n    addresses: [ { address: 10.1.0.5/32, interface: lo } ]\n" + group
}

func parsed(t *testing.T, text string) *Config {
	t.Helper()
	cfg, err := Parse("stead.yaml", []byte(text))
	if err != nil {
		t.Fatal(err)
	}
	if err := invariants(cfg); err != nil {
		t.Fatal(err)
	}
	return cfg
}

// TestDesignOfBGP: the example of the design loads as what it says.
func TestDesignOfBGP(t *testing.T) {
	cfg, err := Load("testdata/good/routed.yaml")
	if err != nil {
		t.Fatal(err)
	}
	addr := netip.MustParseAddr
	ids := map[string]netip.Addr{"primary": addr("10.0.1.10"), "secondary": addr("10.0.1.20")}
	want := &BGP{LocalAS: 65010, RouterIDs: ids, Peers: []BGPPeer{{
		Name: "rs1", Address: addr("10.0.1.4"), Port: 179, AS: 65515, HoldTime: 9 * time.Second, ConnectRetry: time.Second, Multihop: 2, IPv4: true,
		BFD: &BFD{Interval: 10 * time.Millisecond, MinRX: 10 * time.Millisecond, Multiplier: 3, Multihop: 2}}}}
	if diff := cmp.Diff(want, cfg.BGP, exact); diff != "" {
		t.Error(diff)
	}
	g, _ := cfg.Group("routed")
	routes := &Routes{Prefixes: []netip.Prefix{netip.MustParsePrefix("10.1.0.5/32")}, Peers: []string{"rs1"}, Communities: []uint32{65010<<16 | 100},
		Prepend: Prepend{Active: 0, Standby: 2, Unhealthy: Withdrawn, Drain: Withdrawn}, Linger: time.Second}
	if diff := cmp.Diff(routes, g.Routes, exact); diff != "" {
		t.Error(diff)
	}
	if g.Damping != 40*time.Second || g.Preempt.Delay != 30*time.Second || len(cfg.Warnings) > 0 {
		t.Errorf("damping %v, preempt %v, warnings %v", g.Damping, g.Preempt, cfg.Warnings)
	}
}

// TestRoomAndPrepend are the defaults that depend on each other.
func TestRoomAndPrepend(t *testing.T) {
	const none = "    election: { type: none }\n"
	for _, tc := range []struct {
		peer, group  string
		active, room int
	}{
		{"", "    bgp: {}\n", 2, 2},
		{"", "    bgp: { prepend: 0 }\n", 0, 0},
		{"", "    bgp: { prepend: 3 }\n", 3, 3},
		{"", "    bgp: { prepend: { active: 4 }, room: 1 }\n", 4, 1},
		{"", "    bgp: { room: 1 }\n", 1, 1},
		{"", "    bgp: { room: 0 }\n", 0, 0},
		{"", "    bgp: { prepend: { standby: 5 } }\n", 2, 2},
		{"", none + "    bgp: {}\n", 0, 0},
		{"", none + "    bgp: { prepend: 3 }\n", 3, 0},
	} {
		r := first(t, announced("passive: false"+tc.peer, tc.group)).Routes
		if r.Prepend.Active != tc.active || r.Room != tc.room {
			t.Errorf("%s: active %d, room %d, want %d, %d", tc.group, r.Prepend.Active, r.Room, tc.active, tc.room)
		}
	}
	internal := strings.Replace(announced("passive: false", "    bgp: {}\n"), "65515", "65010", 1)
	if r := first(t, internal).Routes; r.Prepend.Active != 2 || r.Room != 2 || r.preference(2) != 98 {
		t.Errorf("internal peers only: %+v", r)
	}
}

// TestPerNode: what a node leaves out is as in the group.
func TestPerNode(t *testing.T) {
	cfg := parsed(t, announced("passive: true", "    bgp: { med: 5, prepend: { active: 1, standby: 9 }, communities: [no-export], per_node: { b: { prepend: 3, communities: [\"1:2:3\"], next_hop: 10.0.1.21 } } }\n"))
	a, b := cfg.Groups[0].Routes.For("a"), cfg.Groups[0].Routes.For("b")
	if a.Prepend.Active != 1 || a.Prepend.Standby != 9 || !slices.Equal(a.Communities, []uint32{0xffffff01}) || a.NextHop != nil {
		t.Errorf("a: %+v", a)
	}
	if b.Prepend.Active != 3 || b.Prepend.Standby != 9 || *b.MED != 5 || b.Communities != nil || !slices.Equal(b.Large, [][3]uint32{{1, 2, 3}}) || b.NextHop[0] != netip.MustParseAddr("10.0.1.21") {
		t.Errorf("b: %+v", b)
	}
	if cfg.BGP.Port != 179 || cfg.BGP.For("b").RouterID != netip.MustParseAddr("10.0.1.20") {
		t.Errorf("bgp: %+v", cfg.BGP.For("b"))
	}
	if _, err := Resolve(cfg, "b", "", nil); err != nil {
		t.Fatal(err)
	}
	if cfg.Groups[0].Routes.Prepend.Active != 3 || cfg.Groups[0].Routes.For("a").Prepend.Active != 1 || cfg.BGP.RouterID != netip.MustParseAddr("10.0.1.20") {
		t.Errorf("as b: %+v %+v", cfg.Groups[0].Routes, cfg.BGP)
	}
}

// TestCheckSharesThePeersSession: a check of a path that a BGP session watches is the
// same session.
func TestCheckSharesThePeersSession(t *testing.T) {
	const check = "    bgp: {}\n    checks: { up: { bfd: 10.0.1.2 } }\n"
	cfg := parsed(t, announced("source: { a: 10.0.3.1, b: 10.0.3.2 }, multihop: 3, bfd: { interval: 7ms, multiplier: 5, auth: { type: sha1, key_file: /k } }", check))
	if diff := cmp.Diff(cfg.BGP.Peers[0].BFD, cfg.Groups[0].Checks[0].BFD, exact); diff != "" {
		t.Error(diff)
	}
	alone := parsed(t, announced("multihop: 3", check)).Groups[0].Checks[0].BFD
	if alone.Interval != 50*time.Millisecond || alone.Multihop != 1 || alone.Sources != nil {
		t.Errorf("no session to share: %+v", alone)
	}
}

func TestWarningsOfBGP(t *testing.T) {
	for _, tc := range []struct{ text, want string }{
		{announced("port: 179", ""), `stead.yaml:8:10: bgp: peer "rs1": no group is announced to it (name it in the peers of a group, or remove it)`},
		{announced("bfd: { interval: 4s }", "    bgp: {}\n"), `stead.yaml:8:47: bgp: peer "rs1": bfd finds a fault after 12s, and the hold time after 9s (BFD is there to be sooner: lower interval or multiplier)`},
		{announced("port: 179", "    bgp: { prefixes: [10.2.0.0/24] }\n"), `stead.yaml:13:23: group "web": bgp: prefixes: "10.2.0.0/24" holds no address of the group (packets for it arrive here: another program has to have its addresses, or forward them)`},
		{strings.Replace(announced("port: 179", "    bgp: {}\n"), ".5/32", ".5/24", 1), `stead.yaml:12:29: group "web": addresses: entry 1: address "10.1.0.5/24" makes all of 10.1.0.0/24 local to the node (on lo the kernel takes every address of the prefix for its own: write 10.1.0.5/32)`},
		{announced("port: 179", "    bgp: { local_pref: 200 }\n"), `stead.yaml:13:24: group "web": bgp: local_pref 200 reaches nobody (LOCAL_PREF goes to internal peers only, and none has the AS of this network: use prepend or med)`},
		{announced("port: 179", "    bgp: { prepend: { active: 0, standby: 2 } }\n"), `stead.yaml:13:21: group "web": bgp: prepend leaves no room for a node that takes over from a silent one (routers keep the silent node's path until its hold time is over, and share traffic with it or prefer it: write prepend: { active: 2, … } and the same local_pref on all nodes, so that room is 2, or give the peers bfd)`},
		{announced("port: 179", "    bgp: { per_node: { b: { prepend: 4 } } }\n"), `stead.yaml:13:10: group "web": bgp leaves no room`},
		{strings.Replace(announced("port: 179", "    bgp: { per_node: { b: { local_pref: 90 } } }\n"), "65515", "65010", 1), `stead.yaml:13:10: group "web": bgp leaves no room`},
		{strings.Replace(announced("port: 179", "    bgp: {}\n"), "10.0.1.2,", "10.0.1.20,", 1), `stead.yaml:8:21: bgp: peer "rs1": address "10.0.1.20" is that of node "b", which announces to it (peers are routers: nodes do not announce to each other)`},
		{announced("port: 179", "    election: { type: none }\n    bgp: {}\n    checks: { x: { process: x, weight: -5 } }\n"), `stead.yaml:15:40: group "web": check "x": weight -5 changes nothing with election type none (no node is preferred: fatal decides)`},
		{speaking + "groups:\n  web:\n    members: [a, b]\n    election: { type: none }\n    damping: { window: 5s }\n    addresses: [ { address: 10.1.0.5/32, interface: lo } ]\n", `stead.yaml:9:24: group "web": damping: window 5s changes nothing without bgp (only what is announced can be damped where nobody is elected)`},
	} {
		cfg, err := Parse("stead.yaml", []byte(tc.text))
		if err != nil {
			t.Errorf("refused: %v", err)
			continue
		}
		if len(cfg.Warnings) != 1 || !strings.HasPrefix(cfg.Warnings[0].String(), tc.want) {
			t.Errorf("got  %v\nwant %s", cfg.Warnings, tc.want)
		}
	}
}

// TestSecretsOfSessions: a node reads those of its own sessions, and no others.
func TestSecretsOfSessions(t *testing.T) {
	dir := t.TempDir()
	write := func(name, content string, mode os.FileMode) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte(content), mode); err != nil {
			t.Fatal(err)
		}
		return path
	}
	text := announced("password_file: "+write("md5", "secret\n", 0o600)+", bfd: { auth: { type: sha1, key_file: "+write("bfd", "hex:00ff\n", 0o600)+" } }",
		"    bgp: {}\n    checks: { up: { bfd: 10.0.1.2 } }\n")
	text = strings.Replace(text, "10.0.1.20 }\n", "10.0.1.20 }\n  w: { address: 10.0.1.30, role: witness }\n", 1)
	text = strings.Replace(text, "/k }", write("key", "0123456789abcdef", 0o600)+" }", 1)
	load := func(node string) (*Config, error) {
		cfg := parsed(t, text)
		if _, err := Resolve(cfg, node, "", nil); err != nil {
			t.Fatal(err)
		}
		return cfg, LoadKeys(cfg)
	}
	cfg, err := load("a")
	if err != nil || string(cfg.BGP.Peers[0].Password) != "secret" || string(cfg.BGP.Peers[0].BFD.Auth.Keys[1]) != "\x00\xff" || string(cfg.Groups[0].Checks[0].BFD.Auth.Keys[1]) != "\x00\xff" {
		t.Fatalf("%+v, %v", cfg.BGP.Peers[0], err)
	}
	if err := os.Chmod(filepath.Join(dir, "md5"), 0o644); err != nil {
		t.Fatal(err)
	}
	write("bfd", strings.Repeat("x", 21), 0o600)
	if cfg, err := load("w"); err != nil || cfg.BGP.Peers[0].Password != nil {
		t.Errorf("the witness reads secrets: %v", err)
	}
	_, err = load("a")
	for _, want := range []string{"md5: mode 0644 lets others use it: chmod 600", "bfd: holds 21 bytes, not 1–20: the key of SHA-1"} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v, want %q", err, want)
		}
	}
	if err != nil && len(strings.Split(err.Error(), "\n")) != 2 {
		t.Errorf("a shared key is reported twice: %v", err)
	}
	StandInKeys(cfg)
	cfg = parsed(t, text)
	StandInKeys(cfg)
	if cfg.BGP.Peers[0].Password == nil || len(cfg.BGP.Peers[0].BFD.Auth.Keys[1]) != mostSHA1 {
		t.Error("no stand-in for the secrets of sessions")
	}
}

func TestNumbersOfASes(t *testing.T) {
	for text, want := range map[string]uint32{"1": 1, "65534": 65534, "64496": 64496, "65551": 65551, "1.10": 65546, "0.5": 5, "65535.65534": 4294967294, "4294967294": 4294967294} {
		if got, f := asNumber().parse(text); f != nil || got != want {
			t.Errorf("%s: %v %+v", text, got, f)
		}
	}
	for _, text := range []string{"0.0", "0.23456", "65535.65535", "-1", "01", "1.", ".1", "1.1.1", "1.-1", "0x10"} {
		if got, f := asNumber().parse(text); f == nil {
			t.Errorf("%s: %v", text, got)
		}
	}
}

// TestDiffOfBGPInWords: what a reload does to sessions and announcements.
func TestDiffOfBGPInWords(t *testing.T) {
	as := func(text string) *Config {
		cfg := parsed(t, text)
		if _, err := Resolve(cfg, "a", "", nil); err != nil {
			t.Fatal(err)
		}
		return cfg
	}
	const group = "    bgp: { med: 5 }\n"
	base := announced("bfd: { interval: 50ms }", group)
	for _, tc := range []struct {
		name, text string
		want       []string
	}{
		{"nothing", base, nil},
		{"hold time", announced("hold_time: 3s, bfd: { interval: 50ms }", group), []string{`bgp: peer "rs1": hold_time 9s becomes 3s: the session is closed and opened anew`}},
		{"hops", announced("multihop: 2, bfd: { multihop: 1, interval: 50ms }", group), []string{`bgp: peer "rs1": multihop 1 becomes 2`}},
		{"BFD", announced("bfd: { interval: 10ms }", group), []string{`bgp: peer "rs1": bfd: interval 50ms becomes 10ms`, `bgp: peer "rs1": bfd: min_rx 50ms becomes 10ms`}},
		{"no BFD", announced("passive: false", group), []string{`bgp: peer "rs1": is not watched by BFD any more`}},
		{"AS", strings.Replace(base, "65010", "65011", 1), []string{`bgp: local_as 65010 becomes 65011: all sessions are closed and opened anew`}},
		{"peer", strings.Replace(base, "rs1:", "rs2:", 1), []string{`bgp: peer "rs2": is new`, `bgp: peer "rs1": is gone: the session is closed`,
			`group "web": is announced to rs2`, `group "web": is withdrawn from rs1`}},
		{"attributes", announced("bfd: { interval: 50ms }", "    bgp: { med: 6, prepend: 3, communities: [no-export], per_node: { b: { med: 7 } } }\n"), []string{
			`group "web": bgp: communities none becomes no-export`, `group "web": bgp: med 5 becomes 6`, `group "web": bgp: prepend.active 2 becomes 3`, `group "web": bgp: room 2 becomes 3`,
			`group "web": bgp: node "a": communities none becomes no-export`, `group "web": bgp: node "a": med 5 becomes 6`, `group "web": bgp: node "a": prepend.active 2 becomes 3`, `group "web": bgp: node "a": room 2 becomes 3`,
			`group "web": bgp: node "b": communities none becomes no-export`, `group "web": bgp: node "b": med 5 becomes 7`, `group "web": bgp: node "b": prepend.active 2 becomes 3`, `group "web": bgp: node "b": room 2 becomes 3`}},
		{"prefixes", announced("bfd: { interval: 50ms }", "    bgp: { med: 5, prefixes: [10.1.0.0/24] }\n"), []string{`group "web": 10.1.0.0/24 is announced`, `group "web": 10.1.0.5/32 is withdrawn`}},
		{"damping", announced("bfd: { interval: 50ms }", group+"    damping: { window: 10s }\n"), []string{`group "web": damping.window 40s becomes 10s`}},
	} {
		var got []string
		for _, c := range Diff(as(base), as(tc.text)) {
			got = append(got, c.String())
		}
		if diff := cmp.Diff(tc.want, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", tc.name, diff)
		}
	}
	cfg := as(base)
	cfg.BGP = nil
	if changes := Diff(as(base), cfg); len(changes) == 0 || changes[0].String() != "bgp: is gone: what was announced is withdrawn" {
		t.Errorf("%v", changes)
	}
}
