package overlay

import (
	"net/netip"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"stead/internal/config"
)

func nodes(addrs ...string) []config.Node {
	var all []config.Node
	for i, a := range addrs {
		all = append(all, config.Node{Name: string(rune('a' + i)), Addresses: []netip.Addr{netip.MustParseAddr(a)}})
	}
	return all
}

func TestPlanRemotes(t *testing.T) {
	d, err := plan(Options{
		Self: "b", Nodes: nodes("10.0.1.10", "10.0.1.20", "10.0.1.4"),
		Overlays: []config.Overlay{{
			Name: "vxlan0", VNI: 10, Port: 4789, Underlay: "eth1",
			Remotes:   []netip.Addr{netip.MustParseAddr("10.9.9.9"), netip.MustParseAddr("10.0.1.10"), netip.MustParseAddr("10.0.1.20")},
			Addresses: map[string]netip.Prefix{"b": netip.MustParsePrefix("192.168.0.20/24")},
			MAC:       map[string]string{"b": "02:00:00:00:00:20"},
		}},
	})
	if err != nil {
		t.Fatal(err)
	}
	want := []string{"10.0.1.4", "10.0.1.10", "10.9.9.9"} // sorted, each once, without our own
	var got []string
	for _, r := range d[0].remotes {
		got = append(got, r.String())
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	if d[0].local != netip.MustParseAddr("10.0.1.20") || d[0].address.String() != "192.168.0.20/24" || d[0].mac.String() != "02:00:00:00:00:20" {
		t.Errorf("%+v", d[0])
	}
}

func TestPlanRefuses(t *testing.T) {
	one := []config.Overlay{{Name: "vxlan0", MAC: map[string]string{"c": "zz"}}}
	for _, c := range []struct {
		name string
		o    Options
		want string
	}{
		{"unknown node", Options{Self: "x", Nodes: nodes("10.0.0.1"), Overlays: one}, `node "x"`},
		{"mixed families", Options{Self: "a", Nodes: nodes("10.0.0.1", "fd00::1"), Overlays: one}, "both ends"},
		{"bad hardware address", Options{Self: "c", Nodes: nodes("10.0.0.1", "10.0.0.2", "10.0.0.3"), Overlays: one}, "hardware address"},
	} {
		if _, err := plan(c.o); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v", c.name, err)
		}
	}
	if _, err := plan(Options{Self: "x"}); err != nil {
		t.Errorf("no overlays, and yet: %v", err)
	}
}
