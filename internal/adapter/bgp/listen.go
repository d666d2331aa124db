package bgp

import (
	"bytes"
	"errors"
	"fmt"
	"net/netip"
	"time"

	"golang.org/x/sys/unix"
)

// listener takes the connections of one family.
type listener struct {
	fd    int // -1: there is none
	ipv6  bool
	port  uint16
	keys  map[netip.Addr][]byte // that the kernel has
	retry *time.Timer
}

// Limits of taking connections.
const (
	backlog      = 64
	acceptAtOnce = 16
	listenRetry  = time.Second
)

// listenOn takes connections of peers on a port, on none where it is 0.
func (s *Set) listenOn(port uint16, peers []*peer) {
	s.listen = port
	deaf := ""
	for i := range s.listeners {
		l := &s.listeners[i]
		s.cancel(l.retry)
		needed := port != 0 && l.serves(peers)
		if l.fd >= 0 && (!needed || l.port != port) {
			_ = unix.Close(l.fd)
			l.fd = -1
		}
		if !needed {
			continue
		}
		if err := s.listenWith(l, port, peers); err != nil {
			deaf = err.Error()
			s.listenLater(l)
		}
	}
	if was := s.deaf.Swap(&deaf); *was != deaf && deaf != "" {
		s.log.Warn("bgp: no connections are taken", "problem", deaf)
	}
}

func (l *listener) serves(peers []*peer) bool {
	for _, p := range peers {
		if p.settings.Load().Remote.Addr().Is6() == l.ipv6 {
			return true
		}
	}
	return false
}

// listenWith opens a listener that is not open, and gives it the keys and the least
// TTL of the peers.
func (s *Set) listenWith(l *listener, port uint16, peers []*peer) error {
	if l.fd < 0 {
		fd, err := openListener(l.ipv6, port)
		if err == nil {
			if err = s.loop.add(fd, unix.EPOLLIN); err != nil {
				_ = unix.Close(fd)
			}
		}
		if err != nil {
			return fmt.Errorf("listen on TCP port %d of %s: %w", port, family(l.ipv6), err)
		}
		l.fd, l.port, l.keys = fd, port, map[netip.Addr][]byte{}
	}
	wanted, least := map[netip.Addr][]byte{}, 255
	for _, p := range peers {
		settings := p.settings.Load()
		if addr := settings.Remote.Addr(); addr.Is6() == l.ipv6 {
			wanted[addr] = settings.MD5
			least = min(least, settings.MinTTL)
		}
	}
	// What each peer needs is asked for again when its connection is there.
	_ = setMinTTL(l.fd, l.ipv6, least)
	return l.sign(wanted)
}

// sign makes the keys of a listener those that are wanted.
func (l *listener) sign(wanted map[netip.Addr][]byte) (err error) {
	for addr := range l.keys {
		if len(wanted[addr]) == 0 && setKey(l.fd, addr, nil) == nil {
			delete(l.keys, addr)
		}
	}
	for addr, key := range wanted {
		if len(key) == 0 || bytes.Equal(l.keys[addr], key) {
			continue
		}
		if refused := setKey(l.fd, addr, key); refused != nil {
			err = errors.Join(err, fmt.Errorf("password of %s: %w", addr, refused))
			continue
		}
		l.keys[addr] = key
	}
	return err
}

func openListener(ipv6 bool, port uint16) (int, error) {
	fd, err := socket(ipv6)
	if err != nil {
		return -1, err
	}
	var any unix.Sockaddr = &unix.SockaddrInet4{Port: int(port)}
	if ipv6 {
		any = &unix.SockaddrInet6{Port: int(port)}
	}
	// Connections of an earlier daemon may still be going away.
	err = unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_REUSEADDR, 1)
	if err == nil {
		// A peer with TTL security takes nothing less, and others take it as well.
		err = setTTL(fd, ipv6, 255)
	}
	if err == nil {
		err = unix.Bind(fd, any)
	}
	if err == nil {
		err = unix.Listen(fd, backlog)
	}
	if err == nil {
		return fd, nil
	}
	_ = unix.Close(fd)
	switch {
	case errors.Is(err, unix.EACCES):
		err = fmt.Errorf("%w (needs CAP_NET_BIND_SERVICE)", err)
	case errors.Is(err, unix.EADDRINUSE):
		err = fmt.Errorf("%w: another BGP daemon has it: end it, or set bgp.port", err)
	}
	return -1, err
}

// accept takes connections that peers have opened.
func (s *Set) accept(l *listener) {
	for range acceptAtOnce {
		fd, name, err := unix.Accept4(l.fd, unix.SOCK_NONBLOCK|unix.SOCK_CLOEXEC)
		switch {
		case err == unix.EAGAIN:
			return
		case err == unix.EMFILE, err == unix.ENFILE, err == unix.ENOMEM, err == unix.ENOBUFS:
			// It would be ready for ever: begin again a little later.
			s.deafFor(l, err)
			return
		case err != nil:
			continue // that connection has ended already
		}
		s.welcome(addrPort(name).Addr(), fd)
	}
}

func (s *Set) deafFor(l *listener, err error) {
	_ = unix.Close(l.fd)
	l.fd = -1
	problem := fmt.Sprintf("take a connection: %v", err)
	if was := s.deaf.Swap(&problem); *was != problem {
		s.log.Warn("bgp: no connections are taken", "problem", problem)
	}
	s.listenLater(l)
}

func (s *Set) listenLater(l *listener) {
	l.retry = s.after(listenRetry, func() {
		if !s.ending {
			s.listenOn(s.listen, s.all)
		}
	})
}

// welcome gives a connection to the peer with its address, or closes it.
func (s *Set) welcome(from netip.Addr, fd int) {
	known := false
	for _, p := range s.all {
		settings := p.settings.Load()
		if settings.Remote.Addr().WithZone("") != from {
			continue
		}
		known = true
		if p.pending() >= maxPending {
			p.refused.Add(1)
			continue
		}
		// The key as well: the listener may have been refused it.
		if adjust(fd, &Peer{Remote: settings.Remote}, settings) != nil {
			break
		}
		st, err := s.newStream(p, p.next, fd, unix.EPOLLIN)
		if err != nil {
			break
		}
		p.next++
		s.opened(st)
		return
	}
	if !known {
		s.strangers.Add(1)
		s.stranger.Store(&from)
	}
	_ = unix.Close(fd)
}
