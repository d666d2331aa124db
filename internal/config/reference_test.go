package config

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/santhosh-tekuri/jsonschema/v6"
	"go.yaml.in/yaml/v4"
)

const docsDir = "../../docs/reference"

// TestGeneratedFilesAreCurrent: the facts in reference.yaml, the page and the
// schema are what the table of keys says. `go generate` rewrites them.
func TestGeneratedFilesAreCurrent(t *testing.T) {
	facts, err := withFacts(string(read(t, "reference.yaml")))
	if err != nil {
		t.Fatal(err)
	}
	golden(t, "reference.yaml", facts)
	page, err := ReferenceDoc(facts)
	if err != nil {
		t.Fatal(err)
	}
	golden(t, filepath.Join(docsDir, "config.md"), page)
	schema, err := Schema(facts)
	if err != nil {
		t.Fatal(err)
	}
	golden(t, filepath.Join(docsDir, "stead.schema.json"), string(schema))
}

// TestReferenceHasEveryKey: the reference loads, and explains every key of the table.
func TestReferenceHasEveryKey(t *testing.T) {
	cfg, err := Parse("reference.yaml", []byte(Reference()))
	if err != nil {
		t.Fatalf("reference.yaml is refused:\n%v", err)
	}
	if err := invariants(cfg); err != nil {
		t.Fatal(err)
	}
	if len(cfg.Warnings) > 0 {
		t.Errorf("reference.yaml has warnings: %v", cfg.Warnings)
	}
	docs, err := documented(Reference())
	if err != nil {
		t.Fatal(err)
	}
	count := 0
	keys.walk("", func(path string, _ *shape, f *field) {
		count++
		if doc, ok := docs[f]; !ok {
			t.Errorf("%s is not in reference.yaml", path)
		} else if doc.text == "" {
			t.Errorf("%s has no comment in reference.yaml", path)
		}
	})
	if count < 200 {
		t.Errorf("the walk found only %d keys", count)
	}
}

// TestReferenceSetsEveryField: no field of Config is without a key that sets it.
func TestReferenceSetsEveryField(t *testing.T) {
	cfg, err := Parse("reference.yaml", []byte(Reference()))
	if err != nil {
		t.Fatal(err)
	}
	cfg.become("primary")
	notKeys := []string{"Config.Warnings", "Security.Keys", "VRRPAuth.Keys", "Email.Password", "Webhook.Token", "BGPPeer.Password", "BFDAuth.Keys"}
	set, all := map[string]bool{}, map[string]bool{}
	fieldsOf(reflect.ValueOf(*cfg), set, all)
	for name := range all {
		if !set[name] && !slices.Contains(notKeys, name) {
			t.Errorf("reference.yaml does not set %s", name)
		}
	}
}

// fieldsOf notes which fields exist in v and below, and which are not zero somewhere.
func fieldsOf(v reflect.Value, set, all map[string]bool) {
	if v.Type().PkgPath() == "net/netip" {
		return
	}
	switch v.Kind() {
	case reflect.Pointer:
		if !v.IsNil() {
			fieldsOf(v.Elem(), set, all)
		}
	case reflect.Struct:
		for i := range v.NumField() {
			name := v.Type().Name() + "." + v.Type().Field(i).Name
			all[name] = true
			set[name] = set[name] || !v.Field(i).IsZero()
			fieldsOf(v.Field(i), set, all)
		}
	case reflect.Slice:
		for i := range v.Len() {
			fieldsOf(v.Index(i), set, all)
		}
	case reflect.Map:
		for _, key := range v.MapKeys() {
			fieldsOf(v.MapIndex(key), set, all)
		}
	}
}

func compiledSchema(t *testing.T) *jsonschema.Schema {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(docsDir, "stead.schema.json"))
	if err != nil {
		t.Fatal(err)
	}
	doc, err := jsonschema.UnmarshalJSON(bytes.NewReader(text))
	if err != nil {
		t.Fatal(err)
	}
	c := jsonschema.NewCompiler()
	if err := c.AddResource("stead.schema.json", doc); err != nil {
		t.Fatal(err)
	}
	schema, err := c.Compile("stead.schema.json")
	if err != nil {
		t.Fatal(err)
	}
	return schema
}

// asJSON reads YAML the way an editor does before it applies a schema.
func asJSON(t *testing.T, data []byte) (any, error) {
	t.Helper()
	var v any
	if err := yaml.Unmarshal(data, &v); err != nil {
		return nil, err
	}
	text, err := json.Marshal(v)
	if err != nil {
		return nil, err
	}
	return jsonschema.UnmarshalJSON(bytes.NewReader(text))
}

func TestSchemaAcceptsGoodFiles(t *testing.T) {
	schema := compiledSchema(t)
	for _, path := range append(files(t, "testdata/good/*.yaml"), "reference.yaml") {
		v, err := asJSON(t, read(t, path))
		if err != nil {
			t.Fatal(err)
		}
		if err := schema.Validate(v); err != nil {
			t.Errorf("%s: %v", path, err)
		}
	}
}

// structural are mistakes that can be seen without comparing two values.
var structural = []string{
	"unknown-key", "unknown-key-far", "missing-nodes", "missing-key", "misspelt-required", "several", "list-not-mapping",
	"mapping-not-list", "scalar-not-mapping", "list-not-scalar", "no-value", "bad-name", "long-name", "number-in-quotes", "fraction",
	"boolean-in-quotes", "boolean-yes", "duration-bare", "duration-words", "duration-days", "duration-negative",
	"later-manual", "later-geneve", "later-grpc", "later-cloud",
	"many-addresses", "many-nodes", "not-an-address", "address-with-length", "address-with-zone", "bad-role", "relative-path",
	"vni-range", "overlay-port", "overlay-mtu", "overlay-name", "overlay-missing", "priority-range", "group-name",
	"timing-unknown", "multiplier-range", "quorum-loss-unknown", "vip-bare", "vip-garbage", "vip-no-interface", "vip-bad-interface",
	"check-no-kind", "check-two-kinds", "check-misspelt-kind", "check-url", "check-tcp", "check-process", "check-file", "check-exec-empty",
	"check-exec-mapping", "check-rise", "check-weight", "check-status", "hook-unknown", "hook-no-exec", "port-range", "socket-long",
	"vrrp-version", "vrrp-vrid-range", "vrrp-ttl-range", "vrrp-down-adverts", "vrrp-auth-key-id", "vrrp-source-list", "log", "notify", "hook-arguments",
	"bgp-no-local-as", "bgp-no-peers", "bgp-as-text", "bgp-as-large", "bgp-med", "bgp-prepend-range", "bgp-multihop-range", "bgp-per-node-prefixes",
	"bgp-prefix-bare", "bgp-router-id", "bgp-next-hop-mapping", "bfd-multiplier", "bfd-auth-type", "bfd-auth-no-key", "check-bfd", "none-members-text",
	"store-no-url", "lease-loss-unknown", "lease-ttl-quoted", "witness-store-missing", "later-beat", "later-sites", "later-lease",
	"gate-no-site", "gate-witness-both", "gate-witness-none", "gate-format", "gate-listen-form", "progress-no-at", "progress-source", "progress-pointer",
	"listen-port", "state-dir", "realtime-mode", "realtime-priority", "fence",
}

func TestSchemaRefusesStructuralMistakes(t *testing.T) {
	schema := compiledSchema(t)
	for _, name := range structural {
		v, err := asJSON(t, read(t, filepath.Join("testdata/bad", name+".yaml")))
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if schema.Validate(v) == nil {
			t.Errorf("%s passes the schema", name)
		}
	}
}

// TestSchemaIsNeverStricter: what the schema refuses, the loader refuses too.
func TestSchemaIsNeverStricter(t *testing.T) {
	schema := compiledSchema(t)
	for _, base := range []string{"testdata/good/trial.yaml", "reference.yaml"} {
		lines := strings.Split(string(read(t, base)), "\n")
		for i := range lines {
			text := strings.Join(slices.Delete(slices.Clone(lines), i, i+1), "\n")
			if _, err := Parse("less.yaml", []byte(text)); err != nil {
				continue
			}
			v, err := asJSON(t, []byte(text))
			if err != nil {
				t.Fatal(err)
			}
			if err := schema.Validate(v); err != nil {
				t.Errorf("%s without line %d loads, but the schema refuses it: %v", base, i+1, err)
			}
		}
	}
}
