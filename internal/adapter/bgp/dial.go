package bgp

import (
	"errors"
	"net"
	"net/netip"

	"golang.org/x/sys/unix"

	"stead/internal/core"
	"stead/internal/core/bgp"
)

// dial begins to open a connection.
func (s *Set) dial(p *peer, conn bgp.Conn) {
	if s.ending {
		return
	}
	settings := p.settings.Load()
	fd, err := connect(settings)
	var st *stream
	if err == nil {
		if st, err = s.newStream(p, conn, fd, unix.EPOLLOUT); err != nil {
			_ = unix.Close(fd)
		}
	}
	if err != nil {
		detail := settings.dialling(err)
		p.say(detail)
		s.post(p.name, &core.Stream{Conn: conn, Kind: core.StreamClosed, Detail: detail})
		return
	}
	s.within(st, s.patience, func() { s.unconnected(st, errSilent) })
}

// connect begins a connection, on a socket that is like the peer's settings.
func connect(p *Peer) (int, error) {
	fd, err := socket(p.Remote.Addr().Is6())
	if err != nil {
		return -1, err
	}
	if err := prepareDial(fd, p); err != nil {
		_ = unix.Close(fd)
		return -1, err
	}
	err = unix.Connect(fd, sockaddr(p.Remote))
	if err != nil && !errors.Is(err, unix.EINPROGRESS) {
		_ = unix.Close(fd)
		return -1, err
	}
	return fd, nil
}

func prepareDial(fd int, p *Peer) error {
	if err := adjust(fd, &Peer{Remote: p.Remote}, p); err != nil {
		return err
	}
	if !p.Source.IsValid() {
		return nil
	}
	// The kernel chooses the port when it knows the other end, so that the ports
	// of this address may be used for other ends as well.
	_ = unix.SetsockoptInt(fd, unix.IPPROTO_IP, unix.IP_BIND_ADDRESS_NO_PORT, 1)
	return unix.Bind(fd, sockaddr(netip.AddrPortFrom(p.Source.WithZone(p.Remote.Addr().Zone()), 0)))
}

// connected looks at how an attempt has ended.
func (s *Set) connected(st *stream) {
	code, err := unix.GetsockoptInt(st.fd, unix.SOL_SOCKET, unix.SO_ERROR)
	if err == nil && code != 0 {
		err = unix.Errno(code)
	}
	if err == nil {
		// Readiness may be that of another descriptor with the same number before.
		if _, err = unix.Getpeername(st.fd); errors.Is(err, unix.ENOTCONN) {
			return
		}
	}
	if err != nil {
		s.unconnected(st, err)
		return
	}
	s.opened(st)
}

func (s *Set) unconnected(st *stream, err error) {
	detail := st.peer.settings.Load().dialling(err)
	if !st.quiet.Load() {
		st.peer.say(detail)
	}
	s.end(st, detail)
}

// sockaddr is an address as the kernel takes it. A zone that is no interface is none.
func sockaddr(a netip.AddrPort) unix.Sockaddr {
	if a.Addr().Is4() {
		return &unix.SockaddrInet4{Port: int(a.Port()), Addr: a.Addr().As4()}
	}
	name := &unix.SockaddrInet6{Port: int(a.Port()), Addr: a.Addr().As16()}
	if zone := a.Addr().Zone(); zone != "" {
		if i, err := net.InterfaceByName(zone); err == nil {
			name.ZoneId = uint32(i.Index)
		}
	}
	return name
}

// addrPort is an address as the kernel gives it, without zone.
func addrPort(name unix.Sockaddr) netip.AddrPort {
	switch name := name.(type) {
	case *unix.SockaddrInet4:
		return netip.AddrPortFrom(netip.AddrFrom4(name.Addr), uint16(name.Port))
	case *unix.SockaddrInet6:
		return netip.AddrPortFrom(netip.AddrFrom16(name.Addr).Unmap(), uint16(name.Port))
	}
	return netip.AddrPort{}
}
