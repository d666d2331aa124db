// Package socket carries heartbeats: one connected UDP socket for each path to
// each node, read and written by the engine's thread without blocking, without
// the runtime's poller and without allocating.
//
// A connected socket takes nothing from anybody else: the kernel drops what
// does not come from the node's address and port before the daemon sees it.
package socket

import (
	"errors"
	"fmt"
	"net/netip"
	"time"

	"golang.org/x/sys/unix"
)

// dscp is CS6, network control: what routers use for their own protocols (RFC 4594).
const dscp = 48 << 2

// receiveBuffer holds more than a second of heartbeats at the fastest preset.
const receiveBuffer = 1 << 20

// Path is one way to a node.
type Path struct {
	Node, Path    int
	Local, Remote netip.AddrPort
	fd            int
	retryAt       int64
}

// Set is the sockets to all nodes. It belongs to one thread.
type Set struct {
	paths []Path
	poll  []unix.PollFd
	wake  int // eventfd
	index map[[2]int]int
}

// Open opens a socket for every path. An address that is not there yet is no
// error: it may come with an interface that is still starting, and is tried again.
func Open(paths []Path) (*Set, error) {
	wake, err := unix.Eventfd(0, unix.EFD_NONBLOCK|unix.EFD_CLOEXEC)
	if err != nil {
		return nil, fmt.Errorf("eventfd: %w", err)
	}
	s := &Set{paths: paths, wake: wake, index: map[[2]int]int{}}
	s.poll = append(s.poll, unix.PollFd{Fd: int32(wake), Events: unix.POLLIN})
	for i := range s.paths {
		p := &s.paths[i]
		p.fd = -1
		s.index[[2]int{p.Node, p.Path}] = i
		if err := p.open(); err != nil && !passing(err) {
			s.Close()
			return nil, fmt.Errorf("heartbeats from %s to %s: %w", p.Local, p.Remote, err)
		}
		s.poll = append(s.poll, unix.PollFd{Fd: int32(p.fd), Events: unix.POLLIN})
	}
	return s, nil
}

// passing tells whether an error of open may go away by itself.
func passing(err error) bool {
	return errors.Is(err, unix.EADDRNOTAVAIL) || errors.Is(err, unix.ENETUNREACH) ||
		errors.Is(err, unix.ENETDOWN) || errors.Is(err, unix.EHOSTUNREACH) || errors.Is(err, unix.ENODEV)
}

func (p *Path) open() error {
	domain := unix.AF_INET
	if p.Local.Addr().Is6() {
		domain = unix.AF_INET6
	}
	fd, err := unix.Socket(domain, unix.SOCK_DGRAM|unix.SOCK_NONBLOCK|unix.SOCK_CLOEXEC, unix.IPPROTO_UDP)
	if err != nil {
		return err
	}
	if err := p.prepare(fd, domain); err != nil {
		_ = unix.Close(fd)
		return err
	}
	p.fd = fd
	return nil
}

func (p *Path) prepare(fd, domain int) error {
	// Every path of this address shares the port; the kernel tells them apart
	// by the remote end.
	if err := unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_REUSEADDR, 1); err != nil {
		return err
	}
	_ = unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_RCVBUF, receiveBuffer)
	_ = unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_PRIORITY, 6)
	if domain == unix.AF_INET {
		_ = unix.SetsockoptInt(fd, unix.IPPROTO_IP, unix.IP_TOS, dscp)
	} else {
		_ = unix.SetsockoptInt(fd, unix.IPPROTO_IPV6, unix.IPV6_TCLASS, dscp)
		_ = unix.SetsockoptInt(fd, unix.IPPROTO_IPV6, unix.IPV6_V6ONLY, 1)
	}
	if err := unix.Bind(fd, sockaddr(p.Local)); err != nil {
		return err
	}
	return unix.Connect(fd, sockaddr(p.Remote))
}

func sockaddr(a netip.AddrPort) unix.Sockaddr {
	if a.Addr().Is4() {
		return &unix.SockaddrInet4{Port: int(a.Port()), Addr: a.Addr().As4()}
	}
	return &unix.SockaddrInet6{Port: int(a.Port()), Addr: a.Addr().As16()}
}

// Send sends a datagram over a path of a node. A datagram that the kernel does
// not take is lost, as on a network; the heartbeat after it is as good.
func (s *Set) Send(node, path int, b []byte, now int64) {
	i, ok := s.index[[2]int{node, path}]
	if !ok {
		return
	}
	p := &s.paths[i]
	if p.fd < 0 && !s.reopen(i, now) {
		return
	}
	// What ICMP said of an earlier datagram is told in place of trying this one.
	for try := 0; try < 2; try++ {
		if _, errno := write(p.fd, b); errno == 0 {
			return
		}
	}
}

// reopenAfter is how often a path without an address is tried.
const reopenAfter = int64(100 * time.Millisecond)

func (s *Set) reopen(i int, now int64) bool {
	p := &s.paths[i]
	if now < p.retryAt {
		return false
	}
	p.retryAt = now + reopenAfter
	if p.open() != nil {
		return false
	}
	s.poll[i+1].Fd = int32(p.fd)
	return true
}

// Wake ends a Wait. It may be called from any goroutine.
func (s *Set) Wake() {
	one := [8]byte{1}
	_, _ = unix.Write(s.wake, one[:])
}

// Wait waits until a datagram or a Wake has arrived, for at most d.
func (s *Set) Wait(d time.Duration) {
	wait(s.poll, d)
}

// Woken tells whether Wake was called since, and forgets it.
func (s *Set) Woken() bool {
	if s.poll[0].Revents == 0 {
		return false
	}
	s.poll[0].Revents = 0
	var n [8]byte
	_, _ = unix.Read(s.wake, n[:])
	return true
}

// Watch has input at further descriptors end a Wait. It is called before the
// first Wait.
func (s *Set) Watch(files []int) {
	for _, fd := range files {
		s.poll = append(s.poll, unix.PollFd{Fd: int32(fd), Events: unix.POLLIN})
	}
}

// Ready tells whether there was input at a watched descriptor, and forgets it.
func (s *Set) Ready() (ready bool) {
	for i := len(s.paths) + 1; i < len(s.poll); i++ {
		ready = ready || s.poll[i].Revents != 0
		s.poll[i].Revents = 0
	}
	return ready
}

// MaxBurst is how many datagrams of one path may be read before the others have
// their turn.
const MaxBurst = 64

// Receive calls f with the datagrams that have arrived, up to burst of each path.
// What is left ends the next Wait at once. f must not keep b.
func (s *Set) Receive(b []byte, burst int, f func(node, path int, b []byte)) {
	for i := range s.paths {
		if s.poll[i+1].Revents == 0 {
			continue
		}
		s.poll[i+1].Revents = 0
		p := &s.paths[i]
		for n := 0; n < burst; n++ {
			size, errno := read(p.fd, b)
			if errno == unix.ECONNREFUSED {
				continue // the other daemon is not there
			}
			if errno != 0 {
				break
			}
			f(p.Node, p.Path, b[:size])
		}
	}
}

// Close closes all sockets.
func (s *Set) Close() {
	for i := range s.paths {
		if s.paths[i].fd >= 0 {
			_ = unix.Close(s.paths[i].fd)
			s.paths[i].fd = -1
		}
	}
	_ = unix.Close(s.wake)
}
