package world

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"time"

	"github.com/vishvananda/netlink"

	"stead/internal/lab/routeserver"
)

// The route servers of a routed world.
const (
	RS1 = "rs1"
	RS2 = "rs2"
)

// The autonomous systems of a routed world: that of the servers, and that of the
// route servers, which is Azure's.
const (
	ServerAS = 65010
	RouterAS = 65515
)

// RoutedHosts are the hosts of a routed world.
var RoutedHosts = []HostSpec{
	{Primary, "10.0.1.10/24"}, {Secondary, "10.0.1.20/24"}, {RS1, "10.0.1.2/24"}, {RS2, "10.0.1.3/24"}, {Client, "10.0.1.4/24"},
}

// RoutedVIP is the address that the servers announce. No host has a route to it,
// and no subnet holds it.
var RoutedVIP = netip.MustParseAddr("10.1.0.5")

// Routing is what route servers of a routed world run.
type Routing struct {
	Kind string        // a kind of routeserver
	Hold time.Duration // of the BGP sessions
	BFD  routeserver.BFD
}

// NewRouted makes a world with route servers in it.
func NewRouted(r Routing) (*World, error) {
	w, err := newWorld(RoutedHosts)
	if err != nil {
		return nil, err
	}
	if err := w.route(r); err != nil {
		w.Close()
		return nil, fmt.Errorf("start the route servers: %w", err)
	}
	return w, nil
}

func (w *World) route(r Routing) error {
	for _, host := range RoutedHosts {
		// A route server would tell the client of the shorter way, and it would
		// remember that instead of asking again.
		err := w.sysctls(host.Name, "net/ipv4/conf/all/accept_redirects=0", "net/ipv4/conf/eth0/accept_redirects=0",
			"net/ipv4/conf/all/send_redirects=0", "net/ipv4/conf/eth0/send_redirects=0", "net/ipv4/fib_multipath_hash_policy=1")
		if err != nil {
			return err
		}
	}
	for _, name := range []string{RS1, RS2} {
		if err := w.sysctls(name, "net/ipv4/ip_forward=1"); err != nil {
			return err
		}
		if err := w.startRouteServer(name, r); err != nil {
			return err
		}
	}
	route := &netlink.Route{Dst: &net.IPNet{IP: RoutedVIP.AsSlice(), Mask: net.CIDRMask(32, 32)}}
	for _, name := range []string{RS1, RS2} {
		route.MultiPath = append(route.MultiPath, &netlink.NexthopInfo{Gw: RoutedAddress(name).AsSlice()})
	}
	return w.hosts[Client].link.RouteAdd(route)
}

// RoutesReady tells whether both route servers hear both servers, by BGP and
// where it is asked for by BFD.
func (w *World) RoutesReady(r Routing) bool {
	for _, name := range []string{RS1, RS2} {
		s, err := routeserver.Query(r.Kind, w.Dir+"/"+name)
		if err != nil || s.Established < 2 || r.BFD.On() && s.PathsUp < 2 {
			return false
		}
	}
	return true
}

// RoutedAddress is the address of a host of a routed world.
func RoutedAddress(host string) netip.Addr {
	for _, h := range RoutedHosts {
		if h.Name == host {
			return netip.MustParsePrefix(h.Address).Addr()
		}
	}
	return netip.Addr{}
}

func (w *World) startRouteServer(name string, r Routing) error {
	dir := w.Dir + "/" + name
	if err := os.Mkdir(dir, 0o755); err != nil {
		return err
	}
	programs, err := routeserver.Prepare(r.Kind, dir, &routeserver.Config{
		Address: RoutedAddress(name), ID: RoutedAddress(name).String(), AS: RouterAS, NodeAS: ServerAS,
		Nodes: []netip.Addr{RoutedAddress(Primary), RoutedAddress(Secondary)}, Hold: r.Hold, BFD: r.BFD, Realtime: true,
	})
	if err != nil {
		return err
	}
	return w.startAll(name, programs)
}

func (w *World) startAll(host string, programs []routeserver.Program) error {
	for _, p := range programs {
		if err := w.Start(host, p.Args[0], p.Args[1:]...); err != nil {
			return err
		}
		if err := p.Wait(); err != nil {
			return err
		}
	}
	return nil
}

// sysctls sets settings such as "net/ipv4/ip_forward=1" on a host.
func (w *World) sysctls(host string, settings ...string) error {
	return w.In(host, func() (failed error) {
		for _, setting := range settings {
			for i := range setting {
				if setting[i] == '=' {
					failed = errors.Join(failed, os.WriteFile("/proc/sys/"+setting[:i], []byte(setting[i+1:]), 0))
				}
			}
		}
		return failed
	})
}

// addVIP puts the address on the loopback of a host.
func (w *World) addVIP(host string) error {
	h := w.hosts[host]
	lo, err := h.link.LinkByName("lo")
	if err != nil {
		return err
	}
	addr := &netlink.Addr{IPNet: &net.IPNet{IP: RoutedVIP.AsSlice(), Mask: net.CIDRMask(32, 32)}}
	return h.link.AddrReplace(lo, addr)
}
