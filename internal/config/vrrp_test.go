package config

import (
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

const twoRouters = "nodes:\n  a: { address: 10.0.1.10 }\n  b: { address: 10.0.1.20 }\ngroups:\n"

// lan is a group decided by VRRP with further words in its election.
func lan(name, election, rest string) string {
	return "  " + name + ":\n    members: { a: 102, b: 101 }\n    election: { type: vrrp, vrid: 51, " + election + " }\n" + rest
}

func first(t *testing.T, text string) *Group {
	t.Helper()
	cfg, err := Parse("stead.yaml", []byte(text))
	if err != nil {
		t.Fatal(err)
	}
	if err := invariants(cfg); err != nil {
		t.Fatal(err)
	}
	return &cfg.Groups[0]
}

const (
	on4 = "    addresses: [ { address: 10.0.1.200/24, interface: eth0 } ]\n"
	on6 = "    addresses: [ { address: \"fe80::51/64\", interface: eth1 } ]\n"
)

// TestVirtualRouterOfTheDesign: the example loads as what it says.
func TestVirtualRouterOfTheDesign(t *testing.T) {
	cfg, err := Load("testdata/good/vrrp.yaml")
	if err != nil {
		t.Fatal(err)
	}
	want := Election{Type: "vrrp", VRRP: &VRRP{
		VRID: 51, Interface: "eth0", Version: 3, Interval: 10 * time.Millisecond, Group: netip.MustParseAddr("224.0.0.18"),
		Sources: map[string]netip.Addr{}, TTL: 255, MinTTL: 255, Checksum: "auto", Accept: true, Detect: "advertisement", DownAdverts: 3}}
	if diff := cmp.Diff(want, cfg.Groups[0].Election, exact); diff != "" {
		t.Error(diff)
	}
	if p := cfg.Groups[0].Preempt; !p.Enabled || p.Delay != 0 {
		t.Errorf("preempt %+v: RFC 9568 takes over at once", p)
	}
	if len(cfg.Warnings) > 0 {
		t.Errorf("warnings: %v", cfg.Warnings)
	}
}

// TestVirtualRouterDefaults are those that depend on other values.
func TestVirtualRouterDefaults(t *testing.T) {
	if r := first(t, twoRouters+lan("x", "accept: true", on6)).Election.VRRP; !r.IPv6 || r.Interface != "eth1" || r.Group != netip.MustParseAddr("ff02::12") || r.Interval != time.Second {
		t.Errorf("IPv6: %+v", r)
	}
	const both = "    addresses:\n      - { address: \"fd00::1/64\", interface: eth7, advertised: false }\n      - { address: 10.0.1.200/24, interface: eth0 }\n"
	if r := first(t, twoRouters+lan("x", "accept: true", both)).Election.VRRP; r.IPv6 || r.Interface != "eth0" {
		t.Errorf("the first address is not advertised: %+v", r)
	}
	a, b := netip.MustParseAddr("10.0.1.10"), netip.MustParseAddr("10.0.1.20")
	if r := first(t, twoRouters+lan("x", "unicast: true", on4)).Election.VRRP; !slices.Equal(r.Peers, []netip.Addr{a, b}) || r.Sources["a"] != a || r.Sources["b"] != b || r.Group.IsValid() {
		t.Errorf("unicast between members: %+v", r)
	}
	third := netip.MustParseAddr("10.0.1.30")
	if r := first(t, twoRouters+lan("x", "unicast: true, peers: [10.0.1.30, 10.0.1.20, 10.0.1.10]", on4)).Election.VRRP; !slices.Equal(r.Peers, []netip.Addr{third, b, a}) || r.Sources["a"] != a || r.Sources["b"] != b {
		t.Errorf("unicast with a third router: %+v", r)
	}
	const alone = "nodes:\n  a: { address: 10.0.1.10 }\ngroups:\n  x:\n    members: { a: 102 }\n    election: { type: vrrp, vrid: 51, unicast: true, source: 192.0.2.1, peers: [192.0.2.2] }\n"
	if r := first(t, alone+on4).Election.VRRP; r.Sources["a"] != netip.MustParseAddr("192.0.2.1") || len(r.Peers) != 1 {
		t.Errorf("one host: %+v", r)
	}
	if e := first(t, strings.Replace(twoRouters, "groups", "security: { key_file: /k }\ngroups", 1)+lan("x", "detect: heartbeat", on4)).Election; e.Timing != TimingCloud || e.Lease() != 200*time.Millisecond {
		t.Errorf("heartbeats: %+v", e)
	}
}

func TestVirtualRouterWarnings(t *testing.T) {
	for _, tc := range []struct{ text, want string }{
		{twoRouters + lan("x", "min_ttl: 254", on4),
			`stead.yaml:7:48: group "x": election: min_ttl 254 lets advertisements in that a router forwarded (255 refuses what comes from another network)`},
		{twoRouters + lan("x", "accept: true", "    addresses: [ { address: \"fd00::51/64\", interface: eth1 } ]\n"),
			`stead.yaml:8:29: group "x": addresses: entry 1: address "fd00::51/64" comes first and is not link-local (RFC 9568 section 5.2.9 wants the link-local address of the virtual router first, such as fe80::1/64: some routers refuse others)`},
		{twoRouters + lan("x", "interface: eth5, virtual_mac: true", on4),
			`stead.yaml:7:69: group "x": election: virtual_mac true changes no address: none is on eth5 (only addresses on the interface of the virtual router get its MAC address)`},
		{twoRouters + lan("x", `source: { a: "fd00::a" }`, on6),
			`stead.yaml:7:52: group "x": election: node "a": "fd00::a" is not link-local (RFC 9568 section 5.1.2.1 wants advertisements from the link-local address of the interface)`},
		{twoRouters + lan("x", "accept: true", on4+"    sync: s\n") + strings.Replace(lan("z", "accept: true", on6+"    sync: s\n"), "102", "100", 1),
			`stead.yaml:14:11: group "z": sync "s" joins groups with other priorities: those of "z" are not those of "x" (groups that change together usually prefer the same node)`},
		{twoRouters + lan("x", "accept: true", on4+"    sync: s\n") + strings.Replace(lan("z", "accept: true", on6+"    sync: s\n"), ", b: 101", "", 1),
			`stead.yaml:14:11: group "z": sync "s" joins groups with other members: those of "z" are not those of "x" (groups that change together usually prefer the same node)`},
		{twoRouters + lan("x", "accept: true", on4) + "notify: { webhooks: { w: { url: \"http://chat.example.net/\", token_file: /t } } }\n",
			`stead.yaml:9:33: notify: webhook "w": url "http://chat.example.net/" sends the token in the clear (use https)`},
	} {
		cfg, err := Parse("stead.yaml", []byte(tc.text))
		if err != nil {
			t.Errorf("refused: %v", err)
			continue
		}
		if len(cfg.Warnings) != 1 || cfg.Warnings[0].String() != tc.want {
			t.Errorf("got  %v\nwant %s", cfg.Warnings, tc.want)
		}
	}
}

// TestIntervalBounds are the least and the most that each version can say.
func TestIntervalBounds(t *testing.T) {
	for election, ok := range map[string]bool{
		"interval: 10ms": true, "interval: 40950ms": true, "interval: 40960ms": false, "interval: 11ms": false, "interval: 9ms": false,
		"version: 2, interval: 1s": true, "version: 2, interval: 255s": true, "version: 2, interval: 999ms": false, "version: 2, interval: 1001ms": false,
	} {
		_, err := Parse("stead.yaml", []byte(twoRouters+lan("x", election, on4)))
		if (err == nil) != ok {
			t.Errorf("%s: %v", election, err)
		}
	}
}

func TestAsManyVirtualRoutersAsAllowed(t *testing.T) {
	text := func(n int) []byte {
		var b strings.Builder
		b.WriteString(twoRouters)
		for i := range n {
			b.WriteString(strings.Replace(lan(fmt.Sprintf("g%03d", i), fmt.Sprintf("interface: eth%d", i/255), fmt.Sprintf("    addresses: [ { address: 10.1.%d.1/32, interface: lo } ]\n", i)),
				"vrid: 51", fmt.Sprintf("vrid: %d", i%255+1), 1))
		}
		return []byte(b.String())
	}
	if _, err := Parse("stead.yaml", text(MaxRouters)); err != nil {
		t.Fatal(err)
	}
	_, err := Parse("stead.yaml", text(MaxRouters+1))
	if want := `stead.yaml:1025:3: group "g255" is the 256th that VRRP decides (hold more addresses in one group)`; err == nil || err.Error() != want {
		t.Errorf("got %v\nwant %s", err, want)
	}
}

// TestKeyIsForHeartbeats: nodes that exchange none need no key.
func TestKeyIsForHeartbeats(t *testing.T) {
	const peer = "  p:\n    members: { a: 2, b: 1 }\n    addresses: [ { address: 10.0.1.201/24, interface: eth0 } ]\n"
	for text, needed := range map[string]bool{
		twoRouters + lan("x", "accept: true", on4):                           false,
		twoRouters + lan("x", "detect: heartbeat", on4):                      true,
		twoRouters + lan("x", "accept: true", on4) + peer:                    true,
		"nodes:\n  a: { address: 10.0.1.10 }\n  b: { address: 10.0.1.20 }\n": true,
	} {
		_, err := Parse("stead.yaml", []byte(text))
		if missing := err != nil && strings.Contains(err.Error(), "key_file is missing"); missing != needed || err != nil && !missing {
			t.Errorf("%v for\n%s", err, text)
		}
	}
}

// TestRouterDiffInWords: what a reload does to a virtual router is said, secrets are not.
func TestRouterDiffInWords(t *testing.T) {
	old, changed := reference(t), reference(t)
	r, _ := changed.Group("lan")
	v := r.Election.VRRP
	v.VRID, v.VirtualMAC, v.Interval, v.Auth.KeyID = 60, false, time.Second, 1
	v.Auth.Keys[2] = []byte("another secret")
	delete(v.Sources, "secondary")
	six, _ := changed.Group("lan6")
	six.Election = Election{Type: ElectionPeer, Timing: TimingCloud, Interval: time.Second, Multiplier: 4, OnQuorumLoss: "release"}
	six.Addresses[1].Excluded = true
	changed.Notify.Webhooks[0].Token = []byte("another secret")
	changed.Notify.Email = nil
	changed.Log.Level = "debug"
	var lines []string
	for _, c := range Diff(old, changed) {
		lines = append(lines, c.String())
	}
	want := []string{
		`log.level: info becomes debug (needs a restart of the daemon)`,
		`group "lan": vrid 51 becomes 60: the group is let go of and taken anew`,
		`group "lan": virtual_mac true becomes false (needs a restart of the daemon)`,
		`group "lan": interval 100ms becomes 1s`,
		`group "lan": source primary 10.0.1.10, secondary 10.0.1.20 becomes primary 10.0.1.10`,
		`group "lan": auth key 1 signs instead of key 2`,
		`group "lan": auth key 2 is another one`,
		`group "lan6": election type vrrp becomes peer: the group is let go of and taken anew`,
		`group "lan6": fd00:1::201/64 is not advertised any more`,
		`notify.email: is not sent any more`,
		`notify.webhooks "chat": changes: chat: POST https://hooks.example.net/stead; activate, standby, fault, stop of lan; tried for 15m`,
	}
	if diff := cmp.Diff(want, lines); diff != "" {
		t.Error(diff)
	}
}

// TestLoadKeysOfRouters: keys as keepalived reads them, and none of what this node does not need.
func TestLoadKeysOfRouters(t *testing.T) {
	dir := t.TempDir()
	write := func(name, content string, mode os.FileMode) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte(content), mode); err != nil {
			t.Fatal(err)
		}
		return path
	}
	hexKey := write("hex", "hex:"+strings.Repeat("0f", 32)+"\n", 0o600)
	// Without the mark keepalived takes digits as they stand: 64 of them are 64 bytes.
	plain := write("plain", strings.Repeat("0f", 32)+"\n", 0o600)
	for _, tc := range []struct {
		name, file string
		password   bool
		want, err  string
	}{
		{name: "hexadecimal", file: hexKey, want: strings.Repeat("\x0f", 32)},
		{name: "as it stands", file: plain, want: strings.Repeat("0f", 32)},
		{name: "too short", file: write("short", "hex:"+strings.Repeat("0f", 31), 0o600), err: "short: holds 31 bytes, not 32–64: make one with: openssl"},
		{name: "too long", file: write("long", strings.Repeat("x", 65), 0o600), err: "long: holds 65 bytes, not 32–64"},
		{name: "long in hexadecimal", file: write("longhex", "hex:"+strings.Repeat("0f", 64)+"\r\n", 0o600), want: strings.Repeat("\x0f", 64)},
		{name: "not hexadecimal", file: write("odd", "hex:"+strings.Repeat("0g", 32), 0o600), err: "odd: what follows hex: is not hexadecimal: write two digits for each byte"},
		{name: "others read it", file: write("open", strings.Repeat("x", 32), 0o644), err: "open: mode 0644 lets others use it: chmod 600 "},
		{name: "password", password: true, file: write("pass", "12345678\n", 0o600), want: "12345678"},
		{name: "long password", password: true, file: write("longpass", "123456789", 0o600), err: "longpass: holds 9 bytes, not 1–8: keepalived sends the first 8 bytes"},
		{name: "empty password", password: true, file: write("nopass", "\n", 0o600), err: "nopass: holds 0 bytes"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			auth := "auth: { type: hmac, key_file: " + tc.file + " }"
			id := uint8(1)
			if tc.password {
				auth, id = "version: 2, auth: { type: password, password_file: "+tc.file+" }", 0
			}
			cfg, err := Parse("stead.yaml", []byte(twoRouters+lan("x", auth, on4)+strings.Replace(lan("z", auth, on4), "200/24, interface: eth0", "201/24, interface: eth1", 1)))
			if err != nil {
				t.Fatal(err)
			}
			err = LoadKeys(cfg)
			if tc.err != "" {
				if err == nil || !strings.Contains(err.Error(), tc.err) || strings.Contains(err.Error(), "\n") {
					t.Errorf("got %v", err)
				}
				return
			}
			if err != nil || string(cfg.Groups[1].Election.VRRP.Auth.Keys[id]) != tc.want {
				t.Errorf("%v, key %q", err, cfg.Groups[1].Election.VRRP.Auth.Keys[id])
			}
		})
	}
	cfg, err := Parse("stead.yaml", []byte(strings.Replace(twoRouters, "groups", "  w: { address: 10.0.1.30, role: witness }\ngroups", 1)+
		lan("x", "auth: { type: hmac, key_file: /nonexistent/key }", on4)))
	if err != nil {
		t.Fatal(err)
	}
	cfg.Self = "w"
	if err := LoadKeys(cfg); err != nil {
		t.Errorf("a witness holds no group: %v", err)
	}
}

// TestLoadSecretsOfNotify: the password of mail and the token of a webhook.
func TestLoadSecretsOfNotify(t *testing.T) {
	dir := t.TempDir()
	for name, content := range map[string]string{"password": "p w\n", "token": "t"} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	cfg, err := Parse("stead.yaml", []byte(twoRouters+lan("x", "accept: true", on4)+`notify:
  email: { server: "mail.example.net:587", user: u, password_file: `+dir+`/password, from: a@example.net, to: [b@example.net] }
  webhooks:
    bare: { url: "https://example.net/" }
    chat: { url: "https://example.net/", token_file: `+dir+`/token }
`))
	if err != nil {
		t.Fatal(err)
	}
	if err := LoadKeys(cfg); err != nil {
		t.Fatal(err)
	}
	if n := cfg.Notify; string(n.Email.Password) != "p w" || n.Webhooks[0].Token != nil || string(n.Webhooks[1].Token) != "t" {
		t.Errorf("got %q, %q, %q", n.Email.Password, n.Webhooks[0].Token, n.Webhooks[1].Token)
	}
	cfg.Notify.Webhooks[1].TokenFile = dir + "/absent"
	if err := LoadKeys(cfg); err == nil || !strings.Contains(err.Error(), "token file "+dir+"/absent: file does not exist: write the token") {
		t.Errorf("got %v", err)
	}
}

// TestStandInKeys: a configuration can be simulated without its keys.
func TestStandInKeys(t *testing.T) {
	cfg, err := Parse("reference.yaml", []byte(Reference()))
	if err != nil {
		t.Fatal(err)
	}
	StandInKeys(cfg)
	lan, _ := cfg.Group("lan")
	old, _ := cfg.Group("old")
	keys := lan.Election.VRRP.Auth.Keys
	if len(keys) != 2 || len(keys[1]) != 32 || string(keys[1]) == string(keys[2]) || len(old.Election.VRRP.Auth.Keys[0]) != 8 || len(cfg.Security.Keys) != 1 {
		t.Errorf("keys %v, %v, %v", keys, old.Election.VRRP.Auth.Keys, cfg.Security.Keys)
	}
}
