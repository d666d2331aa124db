package bfd

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"net/netip"

	"golang.org/x/sys/unix"
)

// dscp is CS6, network control: what routers use for their own protocols (RFC 4594).
const dscp = 48 << 2

// receiveBuffer holds half a second of packets of many sessions at the shortest interval.
const receiveBuffer = 1 << 20

// ttl is what all packets are sent with (RFC 5881 section 5, RFC 5883 section 5).
const ttl = 255

// The source ports (RFC 5881 section 4).
const (
	firstSource = 49152
	sources     = 65536 - firstSource
)

type option struct{ level, name, value int }

func set(fd int, options ...option) error {
	for _, o := range options {
		if err := unix.SetsockoptInt(fd, o.level, o.name, o.value); err != nil {
			return fmt.Errorf("set option %d of level %d: %w", o.name, o.level, err)
		}
	}
	return nil
}

// open makes a UDP socket, and closes it again where prepare has an error.
func open(ipv6 bool, prepare func(fd int) error) (int, error) {
	domain := unix.AF_INET
	if ipv6 {
		domain = unix.AF_INET6
	}
	fd, err := unix.Socket(domain, unix.SOCK_DGRAM|unix.SOCK_NONBLOCK|unix.SOCK_CLOEXEC, unix.IPPROTO_UDP)
	if errors.Is(err, unix.EAFNOSUPPORT) {
		return -1, fmt.Errorf("%w (the kernel has it switched off)", err)
	}
	if err != nil {
		return -1, err
	}
	if err := prepare(fd); err != nil {
		_ = unix.Close(fd)
		return -1, err
	}
	return fd, nil
}

// openPort opens the socket that a port's packets arrive at.
func openPort(p place, remotes []netip.Addr) (int, error) {
	return open(p.ipv6(), func(fd int) error {
		// Without CAP_NET_ADMIN only the system's limit can be had, which will do.
		if unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_RCVBUFFORCE, receiveBuffer) != nil {
			_ = unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_RCVBUF, receiveBuffer)
		}
		options := []option{{unix.IPPROTO_IP, unix.IP_RECVTTL, 1}, {unix.IPPROTO_IP, unix.IP_PKTINFO, 1}}
		var any unix.Sockaddr = &unix.SockaddrInet4{Port: int(p.number())}
		if p.ipv6() {
			options = []option{
				{unix.IPPROTO_IPV6, unix.IPV6_V6ONLY, 1},
				{unix.IPPROTO_IPV6, unix.IPV6_RECVHOPLIMIT, 1},
				{unix.IPPROTO_IPV6, unix.IPV6_RECVPKTINFO, 1},
			}
			any = &unix.SockaddrInet6{Port: int(p.number())}
		}
		if err := set(fd, options...); err != nil {
			return err
		}
		attach(fd, p, remotes)
		err := unix.Bind(fd, any)
		if errors.Is(err, unix.EADDRINUSE) {
			return fmt.Errorf("%w: another BFD daemon has it: end it, or its BFD", err)
		}
		return err
	})
}

// openSession opens the socket that a session's packets are sent from, with the
// source port wanted, or, where that is 0 or taken, with one that is not in use.
func openSession(e *session, index int32, wanted uint32, used map[uint32]bool) (fd int, source uint32, err error) {
	fd, err = open(e.Remote.Is6(), func(fd int) error {
		options := []option{
			{unix.IPPROTO_IP, unix.IP_TTL, ttl},
			{unix.IPPROTO_IP, unix.IP_TOS, dscp},
			{unix.SOL_SOCKET, unix.SO_PRIORITY, 6}, // after IP_TOS, which changes it
		}
		if e.Remote.Is6() {
			options = []option{
				{unix.IPPROTO_IPV6, unix.IPV6_V6ONLY, 1},
				{unix.IPPROTO_IPV6, unix.IPV6_UNICAST_HOPS, ttl},
				{unix.IPPROTO_IPV6, unix.IPV6_TCLASS, dscp},
				{unix.SOL_SOCKET, unix.SO_PRIORITY, 6},
			}
		}
		if err := set(fd, options...); err != nil {
			return err
		}
		attachNothing(fd)
		if e.Interface != "" {
			if err := unix.BindToDevice(fd, e.Interface); err != nil {
				return fmt.Errorf("use %s alone: %w", e.Interface, err)
			}
		}
		if wanted != 0 {
			source, err = wanted, unix.Bind(fd, e.bindTo(wanted, index))
			if !errors.Is(err, unix.EADDRINUSE) {
				return err
			}
		}
		source, err = bindAny(fd, e, index, used)
		return err
	})
	return fd, source, err
}

// bindAny binds to a port that no other session and no other program has.
func bindAny(fd int, e *session, index int32, used map[uint32]bool) (uint32, error) {
	start := rand.Uint32N(sources)
	for i := range uint32(sources) {
		source := firstSource + (start+i)%sources
		if used[source] {
			continue
		}
		if err := unix.Bind(fd, e.bindTo(source, index)); !errors.Is(err, unix.EADDRINUSE) {
			return source, err
		}
	}
	return 0, fmt.Errorf("source port: all of %d to 65535 are in use", firstSource)
}

// sourceIsThere returns an error where the address that a session sends from is not
// on this host: what sendmsg says then differs by family and kernel.
func sourceIsThere(e *session, index int32) error {
	fd, err := open(e.Remote.Is6(), func(fd int) error { return unix.Bind(fd, e.bindTo(0, index)) })
	if err == nil {
		_ = unix.Close(fd)
	}
	return err
}

func (e *session) bindTo(source uint32, index int32) unix.Sockaddr {
	if e.Remote.Is4() {
		name := &unix.SockaddrInet4{Port: int(source)}
		if e.Local.IsValid() {
			name.Addr = e.Local.As4()
		}
		return name
	}
	name := &unix.SockaddrInet6{Port: int(source)}
	if e.Local.IsValid() {
		name.Addr = e.Local.As16()
		if e.Local.IsLinkLocalUnicast() {
			name.ZoneId = uint32(index)
		}
	}
	return name
}

// indexOf returns the number of an interface, 0 of none.
func indexOf(name string) int32 {
	if name == "" {
		return 0
	}
	i, err := net.InterfaceByName(name)
	if err != nil {
		return 0
	}
	return int32(i.Index)
}
