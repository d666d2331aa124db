package config

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

const twoNodes = "nodes:\n  a: { address: 10.0.1.10 }\n  b: { address: 10.0.1.20 }\nsecurity: { key_file: /etc/stead/key }\n"

func TestAsManyGroupsAsAllowed(t *testing.T) {
	text := func(n int) []byte {
		var b strings.Builder
		b.WriteString(twoNodes + "groups:\n")
		for i := range n {
			fmt.Fprintf(&b, "  g%d: { members: { a: 2, b: 1 }, addresses: [ { address: 10.%d.%d.1/32, interface: lo } ] }\n", i, i/250+1, i%250)
		}
		return []byte(b.String())
	}
	cfg, err := Parse("stead.yaml", text(MaxGroups))
	if err != nil || len(cfg.Groups) != MaxGroups {
		t.Fatalf("%d groups are refused: %v", MaxGroups, err)
	}
	if err := invariants(cfg); err != nil {
		t.Fatal(err)
	}
	_, err = Parse("stead.yaml", text(MaxGroups+1))
	if want := "stead.yaml:6:3: groups: 4097 entries are more than 4096 (use fewer)"; err == nil || err.Error() != want {
		t.Errorf("got %v\nwant %s", err, want)
	}
}

func TestTooLarge(t *testing.T) {
	path := filepath.Join(t.TempDir(), "stead.yaml")
	if err := os.WriteFile(path, append([]byte(twoNodes), strings.Repeat("#", maxSize)...), 0o600); err != nil {
		t.Fatal(err)
	}
	_, err := Load(path)
	if want := path + ": the file is larger than 1 MiB (is this the right file?)"; err == nil || err.Error() != want {
		t.Errorf("got %v\nwant %s", err, want)
	}
}

// TestProblemsAreBounded: a file of mistakes is answered with a readable number.
func TestProblemsAreBounded(t *testing.T) {
	var b strings.Builder
	for i := range 2500 {
		fmt.Fprintf(&b, "k%d: 1\n", i)
	}
	_, err := Parse("stead.yaml", []byte(b.String()))
	var all *Errors
	if !errors.As(err, &all) || len(all.Problems) != maxProblems+1 {
		t.Fatalf("got %d problems", len(all.Problems))
	}
	// 2500 unknown keys, and that nodes and a key file are missing.
	if last := all.Problems[maxProblems].String(); last != "stead.yaml: 1501 more mistakes are not shown" {
		t.Errorf("got %q", last)
	}
}

// TestWarnings: what is allowed but seldom meant is said, and does not refuse the file.
func TestWarnings(t *testing.T) {
	const one = "nodes:\n  a: { address: 10.0.1.10 }\ngroups:\n  web:\n    members: { a: 1 }\n"
	const on = "    addresses: [ { address: 10.0.1.200/24, interface: lo } ]\n"
	const three = "nodes:\n  a: { address: 10.0.1.10 }\n  b: { address: 10.0.1.20 }\n  w: { address: 10.0.1.30, role: witness }\nsecurity: { key_file: /k }\n"
	for _, tc := range []struct{ text, want string }{
		{twoNodes, `w.yaml:1:1: no group is given (this node builds the overlays and answers votes, and nothing else)`},
		{one + on, `w.yaml:5:14: group "web": members names one node (nobody takes over when it fails)`},
		{twoNodes + "groups:\n  web:\n    members: { a: 1, b: 2 }\n",
			`w.yaml:6:3: group "web": holds no addresses and runs no hooks (only /active/web and the command line tell who is active)`},
		{twoNodes + "groups:\n  web:\n    members: { a: 1, b: 2 }\n" + on + "http: { listen: \"0.0.0.0:9177\" }\n",
			`w.yaml:9:17: http: listen "0.0.0.0:9177" can be reached from other machines, and asks for no password (let a firewall admit only those who are to see it)`},
		{twoNodes + "groups:\n  web:\n    members: { a: 1, b: 2 }\n" + on + "    checks: { x: { process: x, fatal: false } }\n",
			`w.yaml:9:39: group "web": check "x": fatal false without a weight changes nothing (the check is shown, and decides nothing)`},
		{three + "groups:\n  web:\n    members: { a: 1, b: 2 }\n    election: { on_quorum_loss: hold }\n" + on,
			`w.yaml:9:33: group "web": election: on_quorum_loss "hold" lets two nodes serve at once in a partition (release gives up availability instead)`},
		{twoNodes + "overlays:\n  v0: { type: vxlan, vni: 1, underlay: eth0, addresses: { a: 192.0.2.1/24, b: 198.51.100.1/24 } }\ngroups:\n  web:\n    members: { a: 1, b: 2 }\n" + on,
			`w.yaml:6:79: overlay "v0": node "b": "198.51.100.1/24" is in another network than 192.0.2.1/24 (nodes of one overlay usually share one network)`},
		{twoNodes + "overlays:\n  v0: { type: vxlan, vni: 1, underlay: eth0, addresses: { a: 192.0.2.1/24 } }\ngroups:\n  web:\n    members: { a: 1, b: 2 }\n    addresses: [ { address: 192.0.2.200/24, interface: v0 } ]\n",
			`w.yaml:10:29: group "web": addresses: entry 1: address "192.0.2.200/24" is in overlay "v0", where node "b" has no address (add one to the overlay's addresses)`},
	} {
		cfg, err := Parse("w.yaml", []byte(tc.text))
		if err != nil {
			t.Errorf("refused: %v\n%s", err, tc.text)
			continue
		}
		if len(cfg.Warnings) != 1 || cfg.Warnings[0].String() != tc.want {
			t.Errorf("got  %v\nwant %s", cfg.Warnings, tc.want)
		}
	}
}

// TestMergeKeys: what is written out wins over what a merge key brings.
func TestMergeKeys(t *testing.T) {
	cfg, err := Parse("stead.yaml", []byte(twoNodes+`groups:
  web: &base
    members: &both { a: 200, b: 100 }
    linger: 5ms
    preempt: { enabled: false }
  db:
    <<: *base
    members: { <<: *both, b: 250 }
    linger: 7ms
`))
	if err != nil {
		t.Fatal(err)
	}
	db, _ := cfg.Group("db")
	if db.Linger.String() != "7ms" || db.Preempt.Enabled || db.Members[0].Priority != 200 || db.Members[1].Priority != 250 {
		t.Errorf("%+v", db)
	}
}

// TestAliasBombs: what stands for very much is refused soon. The work is bounded
// by counting, so that the test needs no clock: without bounds it would not end.
func TestAliasBombs(t *testing.T) {
	var merges strings.Builder
	merges.WriteString("x0: &x0 { a: 1 }\n")
	for i := 1; i < 8; i++ {
		fmt.Fprintf(&merges, "x%d: &x%d { <<: [ %s ] }\n", i, i, strings.Join(slices.Repeat([]string{fmt.Sprintf("*x%d", i-1)}, 1000), ", "))
	}
	for name, text := range map[string]string{
		"merge keys of merge keys": merges.String() + "<<: *x7\n",
		"one group many times": "nodes:\n  a: { address: 10.0.1.10 }\ngroups:\n  g0: &g { members: { a: 1 }, addresses: [ " +
			strings.Repeat("{ address: 10.0.2.1/32, interface: lo }, ", 256) + "] }\n" + repeated("  g%d: { <<: *g }\n", 4000),
	} {
		_, err := Parse("bomb.yaml", []byte(text))
		if err == nil || !strings.Contains(err.Error(), "aliases stand for more than 300000 values (write the values out)") {
			t.Errorf("%s: got %.200v", name, err)
		}
	}
}

func repeated(format string, n int) string {
	var b strings.Builder
	for i := range n {
		fmt.Fprintf(&b, format, i+1)
	}
	return b.String()
}
