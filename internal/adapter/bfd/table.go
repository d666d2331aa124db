package bfd

import (
	"fmt"
	"net/netip"
	"sync/atomic"

	"stead/internal/core/bfd"
)

// place is a port of a family.
type place int

const (
	singleHop4 place = iota
	singleHop6
	multihop4
	multihop6
	places
)

func (p place) ipv6() bool     { return p == singleHop6 || p == multihop6 }
func (p place) multihop() bool { return p >= multihop4 }

func (p place) number() uint16 {
	if p.multihop() {
		return bfd.PortMultihop
	}
	return bfd.PortSingleHop
}

func (p place) String() string {
	family := "IPv4"
	if p.ipv6() {
		family = "IPv6"
	}
	return fmt.Sprintf("UDP port %d of %s", p.number(), family)
}

func (s *Session) place() (p place) {
	if s.Remote.Is6() {
		p++
	}
	if s.Multihop {
		p += multihop4
	}
	return p
}

// table is the sessions of a configuration, arranged for lookup. It never changes;
// the sockets are in the states and ports, which outlive it.
type table struct {
	sessions []*session
	from     [places]map[netip.Addr][]*session
	ports    [places]*port // nil: no session needs it
}

type session struct {
	Session
	*state
	to netip.AddrPort
}

// state is the socket of a session. Its descriptor is closed when no table that
// the engine's thread may use has it.
type state struct {
	fd                     atomic.Int32 // -1: there is none yet
	index                  atomic.Int32 // of Interface; 0: none
	errno                  atomic.Int32 // of the last packet; 0: it was sent
	sent, failed, received atomic.Uint64
	source                 atomic.Uint32 // port; 0: none yet
}

// port is a socket that packets arrive at.
type port struct {
	fd atomic.Int32 // -1: not open
}

// identity is what a session is known by when the configuration changes.
type identity struct {
	local, remote netip.Addr
	multihop      bool
	iface         string
}

func (s *Session) identity() identity {
	return identity{s.Local, s.Remote, s.Multihop, s.Interface}
}

// plain returns the session with addresses as they stand in packets.
func (s Session) plain() Session {
	if s.Interface == "" {
		s.Interface = s.Remote.Zone()
	}
	s.Remote = s.Remote.Unmap().WithZone("")
	if s.Local.IsValid() {
		s.Local = s.Local.Unmap().WithZone("")
	}
	return s
}

// maxInterfaceName is IFNAMSIZ without its terminating zero.
const maxInterfaceName = 15

func (s *Session) check() error {
	switch {
	case !s.Remote.IsValid() || s.Remote.IsUnspecified() || s.Remote.IsMulticast():
		return fmt.Errorf("%v is not the address of a system", s.Remote)
	case s.Local.IsValid() && (s.Local.Is4() != s.Remote.Is4() || s.Local.IsUnspecified() || s.Local.IsMulticast()):
		return fmt.Errorf("%v is no source for packets to %v", s.Local, s.Remote)
	case len(s.Interface) > maxInterfaceName:
		return fmt.Errorf("%q is not an interface name (1 to 15 bytes)", s.Interface)
	case s.Remote.Is6() && s.Remote.IsLinkLocalUnicast() && s.Interface == "":
		return fmt.Errorf("%v is link-local: name the interface", s.Remote)
	}
	return nil
}

// newTable checks the sessions and carries over the sockets of an earlier table.
func newTable(sessions []Session, from *table) (*table, error) {
	known := map[identity]*state{}
	t := &table{}
	var ports [places]*port
	if from != nil {
		ports = from.ports
		for _, e := range from.sessions {
			known[e.identity()] = e.state
		}
	}
	taken := map[identity]string{}
	for _, given := range sessions {
		given = given.plain()
		if err := given.check(); err != nil {
			return nil, fmt.Errorf("bfd session %q: %w", given.Name, err)
		}
		id := given.identity()
		if other, ok := taken[id]; ok {
			return nil, fmt.Errorf("bfd session %q: the same addresses as those of %q", given.Name, other)
		}
		taken[id] = given.Name
		where := given.place()
		e := &session{Session: given, state: known[id], to: netip.AddrPortFrom(given.Remote, where.number())}
		if e.state == nil {
			e.state = &state{}
			e.fd.Store(-1)
		}
		if t.from[where] == nil {
			t.from[where] = map[netip.Addr][]*session{}
			t.ports[where] = ports[where]
		}
		if t.ports[where] == nil {
			t.ports[where] = &port{}
			t.ports[where].fd.Store(-1)
		}
		t.sessions = append(t.sessions, e)
		t.from[where][given.Remote] = append(t.from[where][given.Remote], e)
	}
	return t, nil
}

// find returns the session that a packet may be for, or nil. Where there are
// several with one remote address it is any of them.
func (t *table) find(where place, remote netip.Addr, index int32) *session {
	for _, e := range t.from[where][remote] {
		if e.Interface == "" || index != 0 && index == e.index.Load() {
			return e
		}
	}
	return nil
}
