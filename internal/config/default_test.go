package config

import (
	"net/netip"
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

// TestDefaultsAreAsDocumented writes each default that the table states into a
// file without it: nothing may change.
func TestDefaultsAreAsDocumented(t *testing.T) {
	want, err := Parse("stead.yaml", []byte(smallest))
	if err != nil {
		t.Fatal(err)
	}
	count := 0
	keys.walk("", func(path string, _ *shape, f *field) {
		if f.shape.kind != scalarShape || f.def == "" || strings.Contains(path, ".shell") && strings.Contains(path, "checks") {
			return
		}
		if _, fault := f.shape.scalar.parse(f.def); fault != nil || f.key == "user" || f.key == "send" || f.key == "expect" {
			return // in words, such as "the lease"
		}
		count++
		got, err := Parse("stead.yaml", []byte(with(t, path, f.def)))
		if err != nil {
			t.Errorf("%s: %s is refused:\n%v", path, f.def, err)
			return
		}
		if diff := cmp.Diff(want, got, exact); diff != "" {
			t.Errorf("%s: %s is not the default:\n%s", path, f.def, diff)
		}
	})
	if count < 25 {
		t.Errorf("only %d defaults were compared", count)
	}
}

// with is the smallest file with one more value at a path.
func with(t *testing.T, path, text string) string {
	t.Helper()
	var doc map[string]any
	if err := yaml.Unmarshal([]byte(smallest), &doc); err != nil {
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
			for _, name := range []string{"a", "vxlan0", "web", "x"} {
				if _, ok := at[name]; ok {
					step = name
				}
			}
		}
		next, ok := at[step].(map[string]any)
		if !ok {
			next = map[string]any{}
			at[step] = next
		}
		at = next
	}
	at[steps[len(steps)-1]] = value
	out, err := yaml.Marshal(doc)
	if err != nil {
		t.Fatal(err)
	}
	return string(out)
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
