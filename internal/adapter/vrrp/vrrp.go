// Package vrrp carries VRRP advertisements (RFC 9568) and knows from where.
//
// A Set has one raw socket of protocol 112 for each family. The engine's thread
// reads and writes them without waiting and without allocating. A packet belongs
// to the router with its family and VRID on the interface on which it arrived;
// one of unicast routers to that whose own address it was sent to, since routing
// may bring it by any interface. Nothing is judged here: the TTL, the source, the
// checksum go up as they came.
//
// The worker, Run, follows the interfaces by netlink. It keeps the memberships of
// multicast groups, tells where each router's advertisements come from, and keeps
// the devices of virtual MAC addresses; see DeviceName.
//
// Memberships are held by sockets of their own, one each: a socket may have no
// more than twenty (net.ipv4.igmp_max_memberships), and closing it is the one way
// to leave a group that works when the interface is gone.
//
// All sockets belong to the network namespace in which Open is called.
package vrrp

import (
	"errors"
	"fmt"
	"log/slog"
	"net/netip"
	"sync"
	"sync/atomic"

	"golang.org/x/sys/unix"

	"stead/internal/adapter/netspace"
	"stead/internal/core"
)

// Router is one virtual router.
type Router struct {
	Group      core.GroupID
	Name       string // of the group
	VRID       uint8  // 1 to 255
	IPv6       bool
	Interface  string
	Source     netip.Addr // zero: the primary address of Interface; of IPv6 its link-local one
	Multicast  netip.Addr // the group that is sent to and listened to; zero: unicast
	TTL        int        // of what is sent, or the hop limit: 1 to 255
	VirtualMAC bool       // multicast leaves by the device that DeviceName names
}

// Options are what Open needs.
type Options struct {
	Routers []Router

	// Report takes core.SourceAddress. The worker calls it: it must not block. The
	// group's number is that of the table at the time; a driver that changes tables
	// asks Source for the address when it hands the event to the core.
	Report func(core.Event)

	Log *slog.Logger // nil: none
}

// Set is the sockets of all routers. Files, Receive, Send, Replace and Source
// belong to the engine's thread.
type Set struct {
	log    *slog.Logger
	report func(core.Event)

	table   atomic.Pointer[table]
	sockets [families]int // -1: the kernel has not got the family
	in, out message
	heard   core.Advertisement
	counts  counts

	kick  chan struct{} // something has changed; capacity 1
	space *netspace.Space
	links *links

	mu     sync.Mutex
	status []Status
	closed bool
}

// Open opens the sockets, of both families, so that routers may come later. It
// joins no group, and makes no device, before Run.
func Open(o Options) (*Set, error) {
	t, err := newTable(o.Routers, nil)
	if err != nil {
		return nil, err
	}
	if o.Report == nil {
		return nil, errors.New("vrrp: no report given")
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	s := &Set{log: o.Log, report: o.Report, sockets: [families]int{-1, -1}, kick: make(chan struct{}, 1)}
	s.table.Store(t)
	for f := range families {
		fd, err := openSocket(f)
		if err != nil && (t.has(f) || errors.Is(err, unix.EPERM)) {
			s.Close()
			return nil, fmt.Errorf("open a socket for VRRP over %s: %w", f, err)
		}
		s.sockets[f] = fd
	}
	s.filter(t)
	if s.space, err = netspace.Here(); err == nil {
		s.links, err = openLinks()
	}
	if err != nil {
		s.Close()
		return nil, err
	}
	return s, nil
}

// Files returns the descriptors to poll for input. They are the same for the
// life of the Set. A family that the kernel has not got is not among them.
func (s *Set) Files() []int {
	var all []int
	for _, fd := range s.sockets {
		if fd >= 0 {
			all = append(all, fd)
		}
	}
	return all
}

// Replace takes other routers over, with their numbers. A router whose place,
// family and VRID stay keeps what is known of it. It does not wait: the worker
// joins, leaves, makes and removes, and reports the address of every router anew.
// Routers that Open would refuse change nothing.
func (s *Set) Replace(routers []Router) error {
	t, err := newTable(routers, s.table.Load())
	if err != nil {
		return err
	}
	s.table.Store(t)
	s.nudge()
	return nil
}

// nudge has the worker look at everything.
func (s *Set) nudge() {
	select {
	case s.kick <- struct{}{}:
	default:
	}
}

// Source returns the address that a router's advertisements come from, the zero
// Addr where there is none, as the worker found it last.
func (s *Set) Source(group core.GroupID) netip.Addr {
	r := s.table.Load().of(group)
	if r == nil {
		return netip.Addr{}
	}
	return r.address()
}

// Status is what there is to tell of a router.
type Status struct {
	Group     core.GroupID
	Name      string
	Interface string
	Source    netip.Addr // zero: none
	Device    string     // of the virtual MAC; empty: none
	Repairs   uint64     // how often the device was put right after others had changed it
	Problem   string     // why there is no source; empty: none
}

// Status returns how the worker left each router, in the order of the routers.
// It may be called from any goroutine.
func (s *Set) Status() []Status {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([]Status(nil), s.status...)
}

// Close closes the sockets. It is called after Run has ended, which removes the
// devices.
func (s *Set) Close() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return
	}
	s.closed = true
	for f := range s.sockets {
		closeFile(&s.sockets[f])
	}
	if s.links != nil {
		s.links.close()
	}
	if s.space != nil {
		s.space.Close()
	}
}
