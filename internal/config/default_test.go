package config

import (
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"go.yaml.in/yaml/v4"
)

const smallest = `
nodes:
  a: { address: 10.0.1.10 }
  b: { address: 10.0.1.20 }
  c: { address: 10.0.1.30 }
security: { key_file: /etc/stead/key }
overlays:
  vxlan0: { type: vxlan, vni: 10, underlay: eth0 }
groups:
  web:
    members: { a: 200, b: 100, c: 50 }
    checks:
      x: { exec: "true", shell: true }
    hooks:
      prepare: { exec: [/bin/true] }
      activate: { exec: [/bin/true] }
      standby: { exec: [/bin/true] }
      fault: { exec: [/bin/true] }
      stop: { exec: [/bin/true] }
`

var exact = cmp.Options{cmpopts.EquateComparable(netip.Addr{}, netip.Prefix{})}

// virtual is a file where every key that the smallest one cannot have is allowed.
const virtual = `
nodes:
  a: { address: 10.0.1.10 }
  b: { address: 10.0.1.20 }
groups:
  web:
    members: { a: 200, b: 100 }
    election: { type: vrrp, vrid: 51, auth: { type: hmac, key_file: /etc/stead/vrrp.key } }
    addresses: [ { address: 10.0.1.200/24, interface: eth0 } ]
    checks:
      x: { file: /run/x }
    hooks:
      change: { exec: [/bin/true] }
notify:
  email: { server: "localhost:25", from: stead@example.net, to: [operations@example.net] }
  webhooks:
    chat: { url: "https://localhost/" }
log: { target: syslog }
`

// announcing is one for what has to do with BGP and BFD.
const announcing = `
nodes:
  a: { address: 10.0.1.10 }
  b: { address: 10.0.1.20 }
security: { key_file: /etc/stead/key }
bgp:
  local_as: 65010
  peers:
    rs1: { address: 10.0.1.2, as: 65515, bfd: { auth: { type: sha1, key_file: /k } } }
groups:
  web:
    members: { a: 200, b: 100 }
    addresses: [ { address: 10.1.0.5/32, interface: lo } ]
    bgp: { per_node: { a: { med: 5 } } }
    checks:
      x: { bfd: 10.0.1.1, auth: { type: sha1, key_file: /k } }
`

// leasing is one for what has to do with stores and gates.
const leasing = `
nodes:
  a: { address: 10.0.1.10 }
  b: { address: 10.0.1.20 }
security: { key_file: /etc/stead/key }
stores:
  s: { url: "folder:/mnt/share/stead" }
groups:
  web:
    members: { a: 200, b: 100 }
    election: { type: lease, store: s }
    addresses: [ { address: 10.1.0.5/32, interface: lo } ]
    checks:
      x: { progress: { at: { from: /run/x } } }
gate:
  site: { a: east, b: west }
  store: s
  witnesses: { s: { store: s }, net: { network: true } }
  listen: "[::]:9178"
  send_to: { a: ["10.0.1.20:9178"], b: ["10.0.1.10:9178"] }
  exec: [/bin/true]
  progress: { at: { from: /run/x } }
`

// TestDefaultsAreAsDocumented writes each default that the table states into a
// file without it that may have it: nothing may change.
func TestDefaultsAreAsDocumented(t *testing.T) {
	bases := []string{smallest, virtual, announcing, leasing}
	var want []*Config
	for _, base := range bases {
		cfg, err := Parse("stead.yaml", []byte(base))
		if err != nil {
			t.Fatal(err)
		}
		want = append(want, cfg)
	}
	count := 0
	keys.walk("", func(path string, _ *shape, f *field) {
		if f.shape.kind != scalarShape || f.def == "" || strings.Contains(path, ".shell") && strings.Contains(path, "checks") {
			return
		}
		if _, fault := f.shape.scalar.parse(f.def); fault != nil || slices.Contains([]string{"user", "send", "expect", "sync"}, f.key) {
			return // in words, such as "the lease"
		}
		count++
		accepted := false
		var refusal error
		for i, base := range bases {
			text, added := with(t, base, path, f.def)
			if !added {
				continue
			}
			got, err := Parse("stead.yaml", []byte(text))
			if err != nil {
				refusal = err
				continue
			}
			accepted = true
			if diff := cmp.Diff(want[i], got, exact); diff != "" {
				t.Errorf("%s: %s is not the default:\n%s", path, f.def, diff)
			}
		}
		if !accepted {
			t.Errorf("%s: %s is refused:\n%v", path, f.def, refusal)
		}
	})
	if count < 60 {
		t.Errorf("only %d defaults were compared", count)
	}
}

// with is a file with one more value at a path, unless it has one there.
func with(t *testing.T, base, path, text string) (file string, added bool) {
	t.Helper()
	var doc map[string]any
	if err := yaml.Unmarshal([]byte(base), &doc); err != nil {
		t.Fatal(err)
	}
	var value any
	if err := yaml.Unmarshal([]byte(text), &value); err != nil {
		t.Fatal(err)
	}
	at := doc
	steps := strings.Split(path, ".")
	for _, step := range steps[:len(steps)-1] {
		if step == "*" { // any: the first that is there
			for _, name := range []string{"a", "vxlan0", "web", "x", "chat", "rs1", "s"} {
				if _, ok := at[name]; ok {
					step = name
				}
			}
		}
		if list, ok := at[strings.TrimSuffix(step, "[]")].([]any); ok {
			at = list[0].(map[string]any)
			continue
		}
		next, ok := at[step].(map[string]any)
		if !ok {
			next = map[string]any{}
			at[step] = next
		}
		at = next
	}
	if _, there := at[steps[len(steps)-1]]; there {
		return "", false
	}
	at[steps[len(steps)-1]] = value
	out, err := yaml.Marshal(doc)
	if err != nil {
		t.Fatal(err)
	}
	return string(out), true
}

// TestDerivedDefaults are those that depend on other values.
func TestDerivedDefaults(t *testing.T) {
	parse := func(old, new string) *Group {
		t.Helper()
		cfg, err := Parse("stead.yaml", []byte(strings.ReplaceAll(smallest, old, new)))
		if err != nil {
			t.Fatal(err)
		}
		g, _ := cfg.Group("web")
		return g
	}
	if e := parse("", "").Election; !e.Quorum || e.Lease() != 200*time.Millisecond || len(e.Voters) != 3 {
		t.Errorf("three members: %+v", e)
	}
	if e := parse("b: 100, c: 50", "b: 100").Election; e.Quorum || len(e.Voters) != 2 {
		t.Errorf("two members: %+v", e)
	}
	witness := strings.ReplaceAll(smallest, "10.0.1.30 }", "10.0.1.30, role: witness }")
	cfg, err := Parse("stead.yaml", []byte(strings.ReplaceAll(witness, ", c: 50", "")))
	if err != nil {
		t.Fatal(err)
	}
	if e := cfg.Groups[0].Election; !e.Quorum || len(e.Voters) != 3 {
		t.Errorf("two members and a witness: %+v", e)
	}
	if c := parse("shell: true }", "shell: true, interval: 300ms }").Checks[0]; c.Timeout != 300*time.Millisecond || !c.Fatal {
		t.Errorf("short interval: %+v", c)
	}
	if c := parse("shell: true }", "shell: true, interval: 5s, weight: -5 }").Checks[0]; c.Timeout != time.Second || c.Fatal {
		t.Errorf("long interval, weight: %+v", c)
	}
}
