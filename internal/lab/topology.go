package lab

import (
	"errors"
	"fmt"
	"net"
	"net/netip"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"
)

// World is hosts in a network that routes between them, as a cloud's does: it
// answers every ARP request and neighbour solicitation itself, delivers unicast
// by address and nothing else, and drops silently what it cannot deliver.
// Its methods are for one goroutine.
type World struct {
	hosts
	net   *netlink.Handle
	rules []*netlink.Rule // of the faults that are on
	next  int             // priority of the next rule
}

// gateways are the addresses of the network's own end of every cable.
var gateways = []string{"10.0.1.1", "fd00:10:0:1::1"}

// NewWorld builds the network in the calling process's network namespace, which
// has to be one of its own (see Contain), and a host for each spec.
func NewWorld(specs []HostSpec) (*World, error) {
	w := &World{next: 100}
	if err := w.build(specs); err != nil {
		w.Close()
		return nil, adviseNamespaces(fmt.Errorf("build the lab's network: %w", err))
	}
	return w, nil
}

func (w *World) build(specs []HostSpec) error {
	var err error
	if w.net, err = netlink.NewHandle(unix.NETLINK_ROUTE); err != nil {
		return fmt.Errorf("open netlink: %w", err)
	}
	if err := w.prepareFabric(); err != nil {
		return err
	}
	for _, spec := range specs {
		h, err := newHost(spec)
		if err != nil {
			return err
		}
		w.hosts = append(w.hosts, h)
		if err := w.cable(h); err != nil {
			return fmt.Errorf("connect %s: %w", h.Name, err)
		}
	}
	for _, h := range w.hosts {
		if err := w.plug(h); err != nil {
			return fmt.Errorf("connect %s: %w", h.Name, err)
		}
	}
	return nil
}

func (w *World) prepareFabric() error {
	links, err := w.net.LinkList()
	if err != nil {
		return fmt.Errorf("list interfaces: %w", err)
	}
	for _, link := range links {
		if up := link.Attrs().Flags&net.FlagUp != 0; up && link.Attrs().Name != "lo" {
			return fmt.Errorf("interface %s is up: the lab needs a network namespace of its own", link.Attrs().Name)
		}
	}
	return errors.Join(
		sysctl("net/ipv4/ip_forward", "1"),
		sysctl("net/ipv4/conf/all/rp_filter", "0"),
		sysctl("net/ipv4/conf/default/rp_filter", "0"),
		sysctl("net/ipv4/conf/default/proxy_arp", "1"),
		sysctlIPv6("net/ipv6/conf/all/forwarding", "1"),
		sysctlIPv6("net/ipv6/conf/default/proxy_ndp", "1"),
		sysctlIPv6("net/ipv6/conf/default/accept_dad", "0"),
		sysctlIPv6("net/ipv6/conf/default/keep_addr_on_down", "1"),
	)
}

// sysctlIPv6 passes over a kernel without IPv6: who asks for an IPv6 world there
// is told when the first address is refused.
func sysctlIPv6(name, value string) error {
	if err := sysctl(name, value); err != nil && !errors.Is(err, unix.ENOENT) {
		return err
	}
	return nil
}

// cable makes the link between the network and a host.
func (w *World) cable(h *Host) error {
	veth := &netlink.Veth{
		LinkAttrs:     netlink.LinkAttrs{Name: toHost(h), TxQLen: 1000},
		PeerName:      underlay,
		PeerNamespace: netlink.NsFd(h.fd),
	}
	if err := w.net.LinkAdd(veth); err != nil {
		return fmt.Errorf("make a veth pair: %w", err)
	}
	// The kernel waits up to 0.8 s before it answers for another; a cloud does not.
	if err := errors.Join(
		sysctl("net/ipv4/neigh/"+toHost(h)+"/proxy_delay", "0"),
		sysctlIPv6("net/ipv6/neigh/"+toHost(h)+"/proxy_delay", "0"),
	); err != nil {
		return err
	}
	return h.configure()
}

// configure gives the host its address: the whole subnet seems to be on its
// link, and the network answers for all of it.
func (h *Host) configure() error {
	if err := errors.Join(
		h.sysctlIPv6("net/ipv6/conf/all/disable_ipv6", "0"),
		h.sysctlIPv6("net/ipv6/conf/default/disable_ipv6", "0"),
		h.sysctlIPv6("net/ipv6/conf/default/accept_dad", "0"),
		h.sysctlIPv6("net/ipv6/conf/"+underlay+"/accept_dad", "0"),
	); err != nil {
		return err
	}
	link, err := h.net.LinkByName(underlay)
	if err != nil {
		return fmt.Errorf("find %s: %w", underlay, err)
	}
	bits := 24
	if h.Address.Is6() {
		bits = 64
	}
	addr := &netlink.Addr{IPNet: ipNet(netip.PrefixFrom(h.Address, bits)), Flags: unix.IFA_F_NODAD}
	if err := h.net.AddrAdd(link, addr); err != nil {
		return fmt.Errorf("add %s: %w", h.Address, err)
	}
	if err := h.net.LinkSetUp(link); err != nil {
		return fmt.Errorf("bring %s up: %w", underlay, err)
	}
	return nil
}

func (h *Host) sysctlIPv6(name, value string) (err error) {
	h.Do(func() { err = sysctlIPv6(name, value) })
	return err
}

// plug brings the network's end of a host's cable up and makes the host
// reachable. The kernel forgets routes and neighbours when a link goes down, so
// that this is done anew after a cut. It may be done twice.
func (w *World) plug(h *Host) error {
	link, err := w.net.LinkByName(toHost(h))
	if err != nil {
		return err
	}
	if err := w.net.LinkSetUp(link); err != nil {
		return fmt.Errorf("bring %s up: %w", toHost(h), err)
	}
	peer, err := h.net.LinkByName(underlay)
	if err != nil {
		return err
	}
	for _, gateway := range gateways {
		addr := netip.MustParseAddr(gateway)
		if addr.Is4() != h.Address.Is4() {
			continue
		}
		if err := w.net.AddrReplace(link, &netlink.Addr{IPNet: ipNet(single(addr)), Flags: unix.IFA_F_NODAD}); err != nil {
			return fmt.Errorf("add %s: %w", gateway, err)
		}
	}
	index := link.Attrs().Index
	if err := w.net.NeighSet(&netlink.Neigh{LinkIndex: index, IP: h.Address.AsSlice(), HardwareAddr: peer.Attrs().HardwareAddr, State: netlink.NUD_PERMANENT}); err != nil {
		return fmt.Errorf("tell where %s is: %w", h.Address, err)
	}
	route := &netlink.Route{LinkIndex: index, Dst: ipNet(single(h.Address)), Scope: netlink.SCOPE_LINK}
	if h.Address.Is6() {
		route.Scope = netlink.SCOPE_UNIVERSE
	}
	if err := w.net.RouteReplace(route); err != nil {
		return fmt.Errorf("route %s: %w", h.Address, err)
	}
	return w.answerForOthers(h, index)
}

// answerForOthers lets the network answer neighbour solicitations of a host for
// all the others. For ARP, proxy_arp does it.
func (w *World) answerForOthers(h *Host, index int) error {
	if h.Address.Is4() {
		return w.dropUnknown("10.0.1.0/24")
	}
	for _, other := range w.hosts {
		if other == h {
			continue
		}
		proxy := &netlink.Neigh{LinkIndex: index, IP: other.Address.AsSlice(), Family: netlink.FAMILY_V6, Flags: netlink.NTF_PROXY, State: netlink.NUD_PERMANENT}
		if err := w.net.NeighSet(proxy); err != nil {
			return fmt.Errorf("answer for %s: %w", other.Address, err)
		}
	}
	return w.dropUnknown("fd00:10:0:1::/64")
}

// dropUnknown keeps the network from sending ICMP errors for hosts that it
// cannot reach: clouds send none.
func (w *World) dropUnknown(subnet string) error {
	route := &netlink.Route{Dst: ipNet(netip.MustParsePrefix(subnet)), Type: unix.RTN_BLACKHOLE, Priority: 4096}
	if err := w.net.RouteReplace(route); err != nil {
		return fmt.Errorf("drop what is unknown in %s: %w", subnet, err)
	}
	return nil
}

// Close takes the network apart. End the processes on its hosts before.
func (w *World) Close() {
	if w.net == nil {
		return
	}
	_ = w.Heal()
	for _, h := range w.hosts {
		if link, err := w.net.LinkByName(toHost(h)); err == nil {
			_ = w.net.LinkDel(link)
		}
		h.close()
	}
	w.net.Close()
	w.hosts, w.net = nil, nil
}

func toHost(h *Host) string { return "to-" + h.Name }

func single(addr netip.Addr) netip.Prefix { return netip.PrefixFrom(addr, addr.BitLen()) }

func ipNet(prefix netip.Prefix) *net.IPNet {
	return &net.IPNet{IP: prefix.Addr().AsSlice(), Mask: net.CIDRMask(prefix.Bits(), prefix.Addr().BitLen())}
}
