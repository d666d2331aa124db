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

// trial is the network of the test: a host of the overlay each, by name.
//
//	primary 10.0.1.10    eth1 ── p1 ┐
//	secondary 10.0.1.20  eth1 ── p2 br0        no multicast: unicast UDP only
//	client 10.0.1.4      eth1 ── p3 ┘
//
//	vxlan0, VNI 10: 192.168.0.10, .20, .4; 192.168.0.200 and fd68::c8 move
type trial struct {
	hosts map[string]*host
	nodes []config.Node
	own   map[string]netip.Prefix // the overlay's own addresses
}

// service are the addresses that move.
var service = []netip.Prefix{netip.MustParsePrefix("192.168.0.200/24"), netip.MustParsePrefix("fd68::c8/64")}

func newTrial(t *testing.T) *trial {
	t.Helper()
	tr := &trial{hosts: map[string]*host{}, own: map[string]netip.Prefix{}}
	sw := testns.New(t)
	for _, at := range []struct{ name, port, underlay, own string }{
		{"primary", "p1", "10.0.1.10", "192.168.0.10/24"},
		{"secondary", "p2", "10.0.1.20", "192.168.0.20/24"},
		{"client", "p3", "10.0.1.4", "192.168.0.4/24"},
	} {
		h := &host{ns: testns.New(t), applied: map[uint64]bool{}}
		testns.Veth(t, h.ns, "eth1", sw, at.port)
		h.ns.Addr(t, "eth1", at.underlay+"/24")
		tr.hosts[at.name] = h
		tr.own[at.name] = netip.MustParsePrefix(at.own)
		tr.nodes = append(tr.nodes, config.Node{Name: at.name, Addresses: []netip.Addr{netip.MustParseAddr(at.underlay)}})
	}
	testns.Bridge(t, sw, "br0", "p1", "p2", "p3")
	for name, h := range tr.hosts {
		h.ns.Do(func() { tr.join(t, name, h) })
	}
	tr.hosts["client"].ns.Addr(t, "vxlan0", "fd68::4/64")
	return tr
}

// join builds a host's end of the overlay, and what puts addresses on it. It is
// called in the host's namespace.
func (tr *trial) join(t *testing.T, name string, h *host) {
	t.Helper()
	v, err := overlay.New(overlay.Options{Self: name, Nodes: tr.nodes, Overlays: []config.Overlay{
		{Name: "vxlan0", VNI: 10, Port: 4789, Underlay: "eth1", Addresses: tr.own},
	}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(v.Close)
	if err := v.Ensure(); err != nil {
		t.Fatal(err)
	}
	run(t, v)
	group := link.Group{Name: "web"}
	for _, p := range service {
		group.Addresses = append(group.Addresses, link.Address{Prefix: p, Interface: "vxlan0"})
	}
	if h.links, err = link.New(link.Options{Groups: []link.Group{group}, Report: h.report, Now: bootTime}); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(h.links.Close)
}

// answers waits until the client gets an answer from every service address.
func (tr *trial) answers(t *testing.T, what string) {
	t.Helper()
	for _, p := range service {
		testns.Eventually(t, patience, p.Addr().String()+" answers "+what, func() bool {
			return tr.hosts["client"].ns.Ping(t, p.Addr(), 200*time.Millisecond) == nil
		})
	}
}

// A service address moves from one host to the other over the overlay: the
// client's neighbour entry and its forwarding entry follow the announcement,
// without a question of the client's, and back again.
func TestAddressMovesOverTheOverlay(t *testing.T) {
	tr := newTrial(t)
	client := tr.hosts["client"].ns
	from, to := tr.hosts["primary"], tr.hosts["secondary"]
	from.want(t, 1, true)
	tr.answers(t, "from the primary")
	for generation := uint64(2); generation < 6; generation++ {
		from.want(t, generation, false)
		to.want(t, generation, true)
		to.links.Announce(0)
		mac := to.ns.MAC(t, "vxlan0").String()
		for _, p := range service {
			testns.Eventually(t, patience, p.Addr().String()+" has moved", func() bool {
				return strings.Contains(client.Run(t, "ip", "neigh", "show", p.Addr().String(), "dev", "vxlan0"), mac)
			})
		}
		tr.answers(t, "from there")
		if fdb := client.Run(t, "bridge", "fdb", "show", "dev", "vxlan0"); !strings.Contains(fdb, mac) {
			t.Errorf("the client has not learnt where %s is:\n%s", mac, fdb)
		}
		from, to = to, from
	}
}

// The overlay's own addresses are no leftovers of a group's, and one that a third
// party takes from the active host comes back, as the source again; the service
// address loses nothing by it.
func TestOwnAddressBesideServiceAddress(t *testing.T) {
	tr := newTrial(t)
	active := tr.hosts["primary"]
	active.want(t, 1, true)
	tr.answers(t, "from the primary")
	if err := tr.hosts["secondary"].links.Clean(t.Context()); err != nil {
		t.Fatal(err)
	}
	for name, h := range tr.hosts {
		if out := h.ns.Run(t, "ip", "-o", "address", "show", "dev", "vxlan0"); !strings.Contains(out, tr.own[name].String()) {
			t.Errorf("the own address of %s is gone:\n%s", name, out)
		}
	}
	own := tr.own["primary"]
	active.ns.Run(t, "ip", "address", "del", own.String(), "dev", "vxlan0")
	testns.Eventually(t, patience, own.String()+" is back and first", func() bool {
		first, all := ipv4(t, active.ns, "vxlan0")
		return first == own.Addr().String() && len(all) == 2
	})
	tr.answers(t, "still")
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
