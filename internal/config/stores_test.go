package config

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

const sharing = speaking + "stores:\n  share: { url: \"folder:/mnt/share\", timeout: 1s }\n"

// leasedBy is a file with an election of a group.
func leasedBy(election string) string {
	return sharing + "groups:\n  web:\n    members: { a: 200, b: 100 }\n    election: { " + election + " }\n    addresses: [ { address: 10.1.0.5/32, interface: lo } ]\n"
}

func gatedBy(keys string) string {
	return sharing + "gate:\n  site: { a: east, b: west }\n  store: share\n" + keys
}

func TestLeaseDefaults(t *testing.T) {
	cfg := parsed(t, leasedBy("type: lease, store: share"))
	e := cfg.Groups[0].Election
	want := Election{Type: ElectionLease, Right: &Lease{Store: "share", TTL: 10 * time.Second, Renew: 2 * time.Second, OnLoss: StoreLossRelease}}
	if diff := cmp.Diff(want, e); diff != "" {
		t.Error(diff)
	}
	if cfg.Heartbeats() {
		t.Error("a lease that no peer has a say in needs heartbeats")
	}
	cfg = parsed(t, leasedBy("type: lease, store: share, ttl: 3s, on_store_loss: hold-if-peer-agrees, timing: lan"))
	if e := cfg.Groups[0].Election; e.Right.Renew != 600*time.Millisecond || e.Lease() != 40*time.Millisecond || !cfg.Heartbeats() {
		t.Errorf("%+v, %+v", e, e.Right)
	}
	if parsed(t, gatedBy("  exec: [/x]\n")).Heartbeats() {
		t.Error("a gate alone needs heartbeats")
	}
}

// TestStoreVotes: a store beside two members is the third voter.
func TestStoreVotes(t *testing.T) {
	e := parsed(t, leasedBy("witness: { store: share }")).Groups[0].Election
	if !e.Quorum || e.Votes() != 3 || !slices.Equal(e.Voters, []string{"a", "b"}) || e.Witness != "share" {
		t.Errorf("%+v", e)
	}
}

func TestWarningsOfStores(t *testing.T) {
	const exec = "  exec: [/x]\n"
	witness := strings.Replace(leasedBy("witness: { store: share }"), "security", "  w: { address: 10.0.1.30, role: witness }\nsecurity", 1)
	for _, tc := range []struct{ text, want string }{
		{leasedBy("timing: fast"), `store "share" is used by nothing`},
		{leasedBy("type: lease, store: share, on_store_loss: hold"), `on_store_loss "hold" lets two nodes serve at once when one of them cannot reach the store`},
		{strings.Replace(leasedBy("type: lease, store: share"), ", b: 100", "", 1), `members names one node`},
		{witness, `witness makes the number of voters even: a, b, w, store share`},
		{gatedBy(exec + "  right: false\n"), `right false keeps the sites apart by time alone`},
		{gatedBy(exec + "  witnesses: { s: { store: share }, n1: { network: true } }\n  listen: \"[::]:9178\"\n"), `gate: send_to is missing (the gate of the other site hears nothing`},
	} {
		cfg := parsed(t, tc.text)
		if len(cfg.Warnings) != 1 || !strings.Contains(cfg.Warnings[0].String(), tc.want) {
			t.Errorf("got  %v\nwant %s", cfg.Warnings, tc.want)
		}
	}
	cfg := parsed(t, gatedBy(exec+"  right: false\n  open_after: 1m\n  require: any\n  witnesses: { s: { store: share }, o: { network: true } }\n  listen: \"[::]:1\"\n  send_to: { a: [\"b:1\"], b: [\"a:1\"] }\n"))
	if len(cfg.Warnings) != 3 {
		t.Errorf("by time alone: %v", cfg.Warnings)
	}
}

// TestGateOfANode: each node has that of its site, and others have none.
func TestGateOfANode(t *testing.T) {
	text := strings.Replace(gatedBy("  preferred: west\n  exec: \"x | y\"\n  shell: true\n"), "security", "  c: { address: 10.0.1.30 }\nsecurity", 1)
	for node, want := range map[string][3]any{"a": {"east", "west", false}, "b": {"west", "east", true}} {
		cfg := parsed(t, text)
		cfg.become(node)
		g := cfg.Gate
		if got := [3]any{g.Site, g.Other, g.Preferred}; got != want || !slices.Equal(g.Command, []string{"/bin/sh", "-c", "x | y"}) {
			t.Errorf("%s: %v %v", node, got, g.Command)
		}
	}
	cfg := parsed(t, text)
	cfg.become("c")
	if cfg.Gate != nil {
		t.Errorf("c has the gate %+v", cfg.Gate)
	}
}

func TestProgressInShortForm(t *testing.T) {
	text := leasedBy("type: lease, store: share") + "    checks: { c: { progress: \"store:share/a/$default#offset\" }, d: { progress: { at: /x, end: { from: \"https://h/\", pointer: /a~1b/0 } } } }\n"
	checks := parsed(t, text).Groups[0].Checks
	want := &Progress{At: Number{From: "store:share/a/$default#offset"}, Stalled: 30 * time.Second}
	if diff := cmp.Diff(want, checks[0].Progress); diff != "" || checks[0].Interval != 5*time.Second || !checks[0].Fatal {
		t.Errorf("%s %+v", diff, checks[0])
	}
	if end := checks[1].Progress.End; end == nil || end.Pointer != "/a~1b/0" {
		t.Errorf("%+v", checks[1].Progress)
	}
}

// TestDiffOfStoresInWords: what is opened at the start cannot change without one.
func TestDiffOfStoresInWords(t *testing.T) {
	as := func(text string) *Config {
		cfg := parsed(t, text)
		cfg.become("a")
		return cfg
	}
	const restart = " (needs a restart of the daemon)"
	lease, gate := leasedBy("type: lease, store: share"), gatedBy("  exec: [/x]\n")
	for _, tc := range []struct {
		name, from, to string
		want           []string
	}{
		{"nothing", lease, lease, nil},
		{"times", lease, leasedBy("type: lease, store: share, ttl: 20s, renew: 1s"), []string{`group "web": ttl 10s becomes 20s`, `group "web": renew 2s becomes 1s`}},
		{"store", lease, "", nil},
		{"url", lease, strings.Replace(lease, "/mnt/share", "/mnt/other", 1), []string{`store "share": url folder:/mnt/share becomes folder:/mnt/other` + restart}},
		{"loss", lease, leasedBy("type: lease, store: share, on_store_loss: hold"), []string{`group "web": on_store_loss release becomes hold` + restart}},
		{"type", lease, leasedBy("timing: lan"), []string{`group "web": election type lease becomes peer: the group is let go of and taken anew`}},
		{"witness", leasedBy("timing: lan"), leasedBy("timing: lan, witness: { store: share }"), []string{`group "web": quorum false becomes true`, `group "web": witness.store none becomes share` + restart}},
		{"gate", gate, gatedBy("  exec: [/y]\n  grace: 1s\n"), []string{`gate: grace 2s becomes 1s` + restart, `gate: exec /x becomes /y` + restart}},
		{"no gate", gate, sharing, []string{`gate: is gone` + restart}},
		{"a gate", sharing, gate, []string{`gate: is new` + restart}},
	} {
		if tc.name == "store" {
			tc.to = strings.Replace(strings.Replace(lease, "store: share", "store: s2", 1), "  share: {", "  s2: { url: \"folder:/mnt/2\" }\n  share: {", 1)
			tc.want = []string{`store "s2": is new` + restart, `group "web": store share becomes s2` + restart}
		}
		var got []string
		for _, c := range Diff(as(tc.from), as(tc.to)) {
			got = append(got, c.String())
		}
		if diff := cmp.Diff(tc.want, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", tc.name, diff)
		}
	}
}
