// Package netns has tests of several adapters together, on the real kernel in
// network namespaces.
package netns

import (
	"context"
	"encoding/json"
	"fmt"
	"net/netip"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"stead/internal/adapter/link"
	"stead/internal/adapter/overlay"
	"stead/internal/config"
	"stead/internal/core"
	"stead/internal/testns"
)

func TestMain(m *testing.M) { testns.Main(m) }

const patience = 5 * time.Second

// host is one machine of the trial.
type host struct {
	ns      *testns.NS
	links   *link.Links
	mu      sync.Mutex
	applied map[uint64]bool
}

func (h *host) report(e core.Event) {
	if a, ok := e.(core.Applied); ok {
		h.mu.Lock()
		defer h.mu.Unlock()
		h.applied[a.Generation] = true
	}
}

// want says whether the host holds the addresses, and waits until it is so.
func (h *host) want(t *testing.T, generation uint64, held bool) {
	t.Helper()
	h.links.Want(0, generation, held)
	testns.Eventually(t, patience, fmt.Sprintf("generation %d is applied", generation), func() bool {
		h.mu.Lock()
		defer h.mu.Unlock()
		return h.applied[generation]
	})
}

// run watches an overlay until the test ends.
func run(t *testing.T, v *overlay.Overlays) {
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan struct{})
	go func() { defer close(ended); v.Run(ctx) }()
	t.Cleanup(func() { cancel(); <-ended })
}

func bootTime() core.Instant {
	var ts unix.Timespec
	if err := unix.ClockGettime(unix.CLOCK_BOOTTIME, &ts); err != nil {
		panic(err)
	}
	return core.Instant(ts.Nano())
}

// A service address moves from one host to the other over the overlay: the
// client's neighbour entry and its forwarding entry follow the announcement,
// without a question of the client's, and back again.
//
//	primary 10.0.1.10    eth1 ── p1 ┐
//	secondary 10.0.1.20  eth1 ── p2 br0        no multicast: unicast UDP only
//	client 10.0.1.4      eth1 ── p3 ┘
//
//	vxlan0, VNI 10: 192.168.0.10, .20, .4; 192.168.0.200 and fd68::c8 move
func TestAddressMovesOverTheOverlay(t *testing.T) {
	names := []string{"client", "primary", "secondary"}
	underlay := map[string]string{"primary": "10.0.1.10", "secondary": "10.0.1.20", "client": "10.0.1.4"}
	own := map[string]netip.Prefix{}
	var nodes []config.Node
	sw := testns.New(t)
	hosts := map[string]*host{}
	var ports []string
	for i, name := range names {
		h := &host{ns: testns.New(t), applied: map[uint64]bool{}}
		port := fmt.Sprintf("p%d", i+1)
		testns.Veth(t, h.ns, "eth1", sw, port)
		h.ns.Addr(t, "eth1", underlay[name]+"/24")
		own[name] = netip.MustParsePrefix(strings.Replace(underlay[name], "10.0.1", "192.168.0", 1) + "/24")
		nodes = append(nodes, config.Node{Name: name, Addresses: []netip.Addr{netip.MustParseAddr(underlay[name])}})
		hosts[name], ports = h, append(ports, port)
	}
	testns.Bridge(t, sw, "br0", ports...)
	groups := []link.Group{{Name: "web", Addresses: []link.Address{
		{Prefix: netip.MustParsePrefix("192.168.0.200/24"), Interface: "vxlan0"},
		{Prefix: netip.MustParsePrefix("fd68::c8/64"), Interface: "vxlan0"},
	}}}
	for _, name := range names {
		h := hosts[name]
		h.ns.Do(func() {
			v, err := overlay.New(overlay.Options{Self: name, Nodes: nodes, Overlays: []config.Overlay{
				{Name: "vxlan0", VNI: 10, Port: 4789, Underlay: "eth1", Addresses: own},
			}})
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(v.Close)
			if err := v.Ensure(); err != nil {
				t.Fatal(err)
			}
			run(t, v)
			if h.links, err = link.New(link.Options{Groups: groups, Report: h.report, Now: bootTime}); err != nil {
				t.Fatal(err)
			}
			t.Cleanup(h.links.Close)
		})
	}
	client := hosts["client"].ns
	client.Addr(t, "vxlan0", "fd68::4/64")

	from, to := hosts["primary"], hosts["secondary"]
	from.want(t, 1, true)
	for _, addr := range []string{"192.168.0.200", "fd68::c8"} {
		testns.Eventually(t, patience, addr+" answers", func() bool {
			return client.Ping(t, netip.MustParseAddr(addr), 200*time.Millisecond) == nil
		})
	}
	for generation := uint64(2); generation < 6; generation++ {
		from.want(t, generation, false)
		to.want(t, generation, true)
		to.links.Announce(0)
		mac := to.ns.MAC(t, "vxlan0").String()
		for _, addr := range []string{"192.168.0.200", "fd68::c8"} {
			testns.Eventually(t, patience, addr+" has moved", func() bool {
				return strings.Contains(client.Run(t, "ip", "neigh", "show", addr, "dev", "vxlan0"), mac)
			})
			testns.Eventually(t, patience, addr+" answers from there", func() bool {
				return client.Ping(t, netip.MustParseAddr(addr), 200*time.Millisecond) == nil
			})
		}
		if fdb := client.Run(t, "bridge", "fdb", "show", "dev", "vxlan0"); !strings.Contains(fdb, mac) {
			t.Errorf("the client has not learnt where %s is:\n%s", mac, fdb)
		}
		from, to = to, from
	}
	// The overlay's own addresses are no leftovers of a group's.
	if err := from.links.Clean(t.Context()); err != nil {
		t.Fatal(err)
	}
	for _, h := range hosts {
		if out := h.ns.Run(t, "ip", "-o", "address", "show", "dev", "vxlan0"); !strings.Contains(out, "192.168.0.") {
			t.Errorf("an own address is gone:\n%s", out)
		}
	}

	// A third party takes the own address of the active host away: it comes back,
	// as the source again, and the service address has lost nothing.
	active := from
	for _, p := range own {
		if strings.Contains(active.ns.Run(t, "ip", "-o", "address", "show", "dev", "vxlan0"), p.String()) {
			active.ns.Run(t, "ip", "address", "del", p.String(), "dev", "vxlan0")
			testns.Eventually(t, patience, p.String()+" is back and first", func() bool {
				first, all := ipv4(t, active.ns, "vxlan0")
				return first == p.Addr().String() && len(all) == 2
			})
		}
	}
	if err := client.Ping(t, netip.MustParseAddr("192.168.0.200"), time.Second); err != nil {
		t.Error(err)
	}
}

// ipv4 returns the addresses of an interface and which of them is not secondary.
func ipv4(t *testing.T, ns *testns.NS, name string) (first string, all []string) {
	var links []struct {
		Addrs []struct {
			Local     string `json:"local"`
			Secondary bool   `json:"secondary"`
		} `json:"addr_info"`
	}
	if err := json.Unmarshal([]byte(ns.Run(t, "ip", "-4", "-json", "address", "show", "dev", name)), &links); err != nil {
		t.Fatal(err)
	}
	for _, l := range links {
		for _, a := range l.Addrs {
			if all = append(all, a.Local); !a.Secondary {
				first = a.Local
			}
		}
	}
	return first, all
}
