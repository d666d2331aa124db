package config

import (
	"fmt"
	"net/netip"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"
)

func reference(t *testing.T) *Config {
	t.Helper()
	cfg, err := Parse("reference.yaml", []byte(Reference()))
	if err != nil {
		t.Fatal(err)
	}
	cfg.Security.Keys = [][]byte{[]byte("0123456789abcdef"), []byte("fedcba9876543210")}
	cfg.Notify.Email.Password = []byte("p")
	cfg.Notify.Webhooks[0].Token = []byte("t")
	cfg.become("primary")
	StandInKeys(cfg)
	for _, g := range cfg.Groups {
		if g.Election.VRRP != nil && g.Election.VRRP.Auth != nil {
			g.Election.VRRP.Auth.Keys = map[uint8][]byte{}
			for id := range g.Election.VRRP.Auth.KeyFiles {
				g.Election.VRRP.Auth.Keys[id] = []byte{id}
			}
		}
	}
	return cfg
}

func TestDiffOfTheSame(t *testing.T) {
	if changes := Diff(reference(t), reference(t)); len(changes) > 0 {
		t.Errorf("a configuration differs from itself: %v", changes)
	}
}

// TestDiffSeesEveryField changes one value at a time: none may go unnoticed.
func TestDiffSeesEveryField(t *testing.T) {
	old := reference(t)
	silent := []string{".File", ".Warnings", ".Timing", ".Type"}
	for n := 0; ; n++ {
		changed := reference(t)
		path := ""
		count := 0
		leaves(reflect.ValueOf(changed).Elem(), "", func(at string, v reflect.Value) {
			if count == n {
				path = at
				mutate(t, v)
			}
			count++
		})
		if path == "" {
			if n < 300 {
				t.Errorf("only %d values were changed", n)
			}
			return
		}
		if slices.ContainsFunc(silent, func(s string) bool { return strings.HasSuffix(path, s) }) && !strings.Contains(path, "Overlays") {
			continue
		}
		if strings.Contains(path, ".PerNode[") && strings.HasSuffix(path, ".Linger") {
			continue // all nodes have that of the group
		}
		if len(Diff(old, changed)) == 0 {
			t.Errorf("a change of %s goes unnoticed", path)
		}
	}
}

// leaves calls f for every single value in v; map values are changed by copy.
func leaves(v reflect.Value, path string, f func(string, reflect.Value)) {
	if v.Type().PkgPath() == "net/netip" {
		f(path, v)
		return
	}
	switch v.Kind() {
	case reflect.Pointer:
		if !v.IsNil() {
			leaves(v.Elem(), path, f)
		}
	case reflect.Struct:
		for i := range v.NumField() {
			leaves(v.Field(i), path+"."+v.Type().Field(i).Name, f)
		}
	case reflect.Slice:
		for i := range v.Len() {
			leaves(v.Index(i), path+"[]", f)
		}
	case reflect.Map:
		keys := v.MapKeys()
		slices.SortFunc(keys, func(a, b reflect.Value) int { return strings.Compare(fmt.Sprint(a), fmt.Sprint(b)) })
		for _, key := range keys {
			value := reflect.New(v.Type().Elem()).Elem()
			value.Set(v.MapIndex(key))
			leaves(value, path+"["+fmt.Sprint(key)+"]", f)
			v.SetMapIndex(key, value)
		}
	default:
		f(path, v)
	}
}

func mutate(t *testing.T, v reflect.Value) {
	t.Helper()
	switch x := v.Interface().(type) {
	case netip.Addr:
		if !x.IsValid() {
			v.Set(reflect.ValueOf(netip.IPv6LinkLocalAllNodes()))
			return
		}
		v.Set(reflect.ValueOf(x.Next()))
		return
	case netip.Prefix:
		v.Set(reflect.ValueOf(netip.PrefixFrom(x.Addr().Next(), x.Bits())))
		return
	}
	switch {
	case v.Kind() == reflect.Array:
		mutate(t, v.Index(0))
	case v.Kind() == reflect.String:
		v.SetString(v.String() + "x")
	case v.Kind() == reflect.Bool:
		v.SetBool(!v.Bool())
	case v.CanInt():
		v.SetInt(v.Int() + 1)
	case v.CanUint():
		v.SetUint(v.Uint() + 1)
	default:
		t.Fatalf("a %s is not changed by this test", v.Type())
	}
}

func TestDiffInWords(t *testing.T) {
	old := reference(t)
	changed := reference(t)
	changed.Heartbeat.Port = 9200
	changed.Nodes = slices.DeleteFunc(changed.Nodes, func(n Node) bool { return n.Name == "secondary" })
	changed.Security.Keys = changed.Security.Keys[:1]
	changed.Overlays[0].VNI = 11
	web, _ := changed.Group("web")
	web.Members = web.Members[1:]
	web.Preempt.Delay = time.Minute
	web.Checks = web.Checks[1:]
	changed.Groups = slices.DeleteFunc(changed.Groups, func(g Group) bool { return g.Name == "mail" })
	var lines []string
	for _, c := range Diff(old, changed) {
		lines = append(lines, c.String())
	}
	want := []string{
		`heartbeat.port: 9176 becomes 9200 (needs a restart of the daemon)`,
		`node "secondary": is gone (needs a restart of the daemon)`,
		`security: the same key signs; 1 key is accepted`,
		`overlay "vxlan0": is built anew: nothing passes through it meanwhile`,
		`group "web": node "primary" is a member no longer: it releases the group`,
		`group "web": preempt.delay 30s becomes 1m`,
		`group "web": check "consumer" is removed`,
		`group "mail": is gone: it is released`,
	}
	if !slices.Equal(lines, want) {
		t.Errorf("got\n%s\nwant\n%s", strings.Join(lines, "\n"), strings.Join(want, "\n"))
	}
	if n := len(NeedsRestart(Diff(old, changed))); n != 2 {
		t.Errorf("%d changes need a restart, not 2", n)
	}
}
