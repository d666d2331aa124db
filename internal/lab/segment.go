package lab

import (
	"errors"
	"fmt"
	"net"
	"time"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"
)

// Segment is hosts on one switch: the network of servers that announce their
// address to routers on the same segment. Its methods are for one goroutine.
type Segment struct {
	hosts
	net  *netlink.Handle
	wire *netlink.Bridge
}

// NewSegment builds the network in the calling process's network namespace,
// which has to be one of its own (see Contain), and a host for each spec.
func NewSegment(specs []HostSpec) (*Segment, error) {
	s := &Segment{}
	if err := s.build(specs); err != nil {
		s.Close()
		return nil, adviseNamespaces(fmt.Errorf("build the lab's network: %w", err))
	}
	return s, nil
}

func (s *Segment) build(specs []HostSpec) (err error) {
	if s.net, err = netlink.NewHandle(unix.NETLINK_ROUTE); err != nil {
		return fmt.Errorf("open netlink: %w", err)
	}
	s.wire = &netlink.Bridge{LinkAttrs: netlink.LinkAttrs{Name: "switch", TxQLen: 1000}}
	if err := s.net.LinkAdd(s.wire); err != nil {
		return fmt.Errorf("make a switch: %w", err)
	}
	if err := s.net.LinkSetUp(s.wire); err != nil {
		return fmt.Errorf("bring the switch up: %w", err)
	}
	for _, spec := range specs {
		h, err := newHost(spec)
		if err != nil {
			return err
		}
		s.hosts = append(s.hosts, h)
		if err := s.connect(h); err != nil {
			return fmt.Errorf("connect %s: %w", h.Name, err)
		}
	}
	return nil
}

func (s *Segment) connect(h *Host) error {
	cable := &netlink.Veth{
		LinkAttrs:     netlink.LinkAttrs{Name: toHost(h), TxQLen: 1000},
		PeerName:      underlay,
		PeerNamespace: netlink.NsFd(h.fd),
	}
	if err := s.net.LinkAdd(cable); err != nil {
		return fmt.Errorf("make a veth pair: %w", err)
	}
	// Nobody on a segment may tell another of a shorter way: packets have to go
	// through the router that they were sent to.
	if err := errors.Join(
		h.Sysctl("net/ipv4/conf/all/accept_redirects", "0"), h.Sysctl("net/ipv4/conf/"+underlay+"/accept_redirects", "0"),
		h.Sysctl("net/ipv4/conf/all/send_redirects", "0"), h.Sysctl("net/ipv4/conf/"+underlay+"/send_redirects", "0"),
		h.sysctlIPv6("net/ipv6/conf/"+underlay+"/accept_redirects", "0"),
	); err != nil {
		return err
	}
	return errors.Join(h.configure(), s.plug(h))
}

// plug makes a host one of the switch's. It may be done twice.
func (s *Segment) plug(h *Host) error {
	port, err := s.port(h)
	if err != nil {
		return err
	}
	if err := s.net.LinkSetMaster(port, s.wire); err != nil {
		return fmt.Errorf("connect %s to the switch: %w", toHost(h), err)
	}
	if err := s.net.LinkSetUp(port); err != nil {
		return fmt.Errorf("bring %s up: %w", toHost(h), err)
	}
	return s.awaitPort(h)
}

// portPatience is longer than the kernel takes to tell a switch of a carrier: up to 1 s.
const portPatience = 5 * time.Second

// awaitPort waits until the switch forwards to a host.
func (s *Segment) awaitPort(h *Host) error {
	for end := time.Now().Add(portPatience); ; time.Sleep(time.Millisecond) {
		port, err := s.port(h)
		if err != nil {
			return err
		}
		if port.Attrs().OperState == netlink.OperUp || h.isDown() {
			return nil
		}
		if time.Now().After(end) {
			return fmt.Errorf("%s is not up after %v", toHost(h), portPatience)
		}
	}
}

// isDown tells whether the host itself has its interface down.
func (h *Host) isDown() bool {
	link, err := h.net.LinkByName(underlay)
	return err == nil && link.Attrs().Flags&net.FlagUp == 0
}

func (s *Segment) port(h *Host) (netlink.Link, error) { return s.net.LinkByName(toHost(h)) }

// Cut takes the cable of a host away at the switch: the host loses its carrier.
func (s *Segment) Cut(h *Host) error {
	port, err := s.port(h)
	if err == nil {
		err = s.net.LinkSetDown(port)
	}
	if err != nil {
		return fmt.Errorf("cut %s off: %w", h.Name, err)
	}
	return nil
}

// Blackhole lets everything from and to a host vanish, silently: its cable ends
// nowhere, and has its carrier.
func (s *Segment) Blackhole(h *Host) error {
	port, err := s.port(h)
	if err == nil {
		err = s.net.LinkSetNoMaster(port)
	}
	if err != nil {
		return fmt.Errorf("drop packets of %s: %w", h.Name, err)
	}
	return nil
}

// OneWay lets the switch drop everything to a host, silently. What it sends arrives.
func (s *Segment) OneWay(h *Host) error {
	port, err := s.port(h)
	if err == nil {
		err = s.net.QdiscReplace(&netlink.GenericQdisc{QdiscType: "blackhole", QdiscAttrs: netlink.QdiscAttrs{
			LinkIndex: port.Attrs().Index, Handle: netlink.MakeHandle(1, 0), Parent: netlink.HANDLE_ROOT,
		}})
	}
	if err != nil {
		return fmt.Errorf("drop packets to %s: %w", h.Name, err)
	}
	return nil
}

var errOnePath = errors.New("a segment has one switch, which connects all or drops all of a host")

// Partition is not to be had on a segment.
func (s *Segment) Partition(_, _ *Host) error { return errOnePath }

// Heal ends every fault of the network.
func (s *Segment) Heal() error {
	var failed []error
	for _, h := range s.hosts {
		failed = append(failed, s.deliver(h), s.plug(h))
	}
	return errors.Join(failed...)
}

// deliver ends a loss in one direction.
func (s *Segment) deliver(h *Host) error {
	port, err := s.port(h)
	if err != nil {
		return err
	}
	disciplines, err := s.net.QdiscList(port)
	if err != nil {
		return fmt.Errorf("list queues of %s: %w", toHost(h), err)
	}
	for _, q := range disciplines {
		if q.Type() != "blackhole" {
			continue
		}
		if err := s.net.QdiscDel(q); err != nil {
			return fmt.Errorf("deliver to %s: %w", h.Name, err)
		}
	}
	return nil
}

// Close takes the network apart. End the processes on its hosts before.
func (s *Segment) Close() {
	if s.net == nil {
		return
	}
	for _, h := range s.hosts {
		if port, err := s.port(h); err == nil {
			_ = s.net.LinkDel(port)
		}
		h.close()
	}
	if s.wire != nil {
		_ = s.net.LinkDel(s.wire)
	}
	s.net.Close()
	s.hosts, s.net = nil, nil
}
