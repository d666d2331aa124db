package beacon

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// listener is a socket on an address where the other site is heard. It also sends.
type listener struct {
	conn   *net.UDPConn
	v4, v6 bool // what it can send to
}

// open makes all sockets. They belong to the network namespace of the caller.
func (b *Beacon) open() error {
	for _, address := range b.options.Listen {
		l, err := listen(address)
		if err != nil {
			return fmt.Errorf("listen for heartbeats on %s: %w", address, err)
		}
		b.listens = append(b.listens, l)
	}
	for i, to := range b.options.To {
		p, err := newPath(to)
		if err != nil {
			return fmt.Errorf("send heartbeats to %s: %w", to, err)
		}
		p.v4, p.v6 = b.sender(i, true), b.sender(i, false)
		b.paths = append(b.paths, p)
		// A path of the family in which nothing is listened needs a socket of its own.
		if p.v4 == nil && p.wants(true) {
			p.v4 = p.own("udp4")
		}
		if p.v6 == nil && p.wants(false) {
			p.v6 = p.own("udp6")
		}
		if p.v4 == nil && p.v6 == nil {
			return fmt.Errorf("send heartbeats to %s: this machine has no socket for that", to)
		}
	}
	return nil
}

// sender is the socket by which path i sends: that at the same place, so that each
// path has its own source address, else the first that can.
func (b *Beacon) sender(i int, v4 bool) *net.UDPConn {
	can := func(l *listener) bool { return v4 && l.v4 || !v4 && l.v6 }
	if i < len(b.listens) && can(b.listens[i]) {
		return b.listens[i].conn
	}
	for _, l := range b.listens {
		if can(l) {
			return l.conn
		}
	}
	return nil
}

func listen(address string) (*listener, error) {
	host, port, err := net.SplitHostPort(address)
	if err != nil {
		return nil, err
	}
	l := &listener{v4: true, v6: true}
	network := "udp"
	if host != "" {
		addr, err := netip.ParseAddr(host)
		if err != nil {
			return nil, fmt.Errorf("%q is no IP address: none for all, or one of this machine", host)
		}
		switch {
		case addr == netip.IPv6Unspecified():
			host = "" // as everywhere else it means IPv4 as well
		case addr.Unmap().Is4():
			network, l.v6 = "udp4", false
		default:
			network, l.v4 = "udp6", false
		}
	}
	if l.conn, err = bind(network, net.JoinHostPort(host, port), unix.IP_FREEBIND); err != nil {
		return nil, err
	}
	return l, nil
}

// bind binds a socket. With IP_FREEBIND the address need not be there: it may come,
// go and come again.
func bind(network, address string, option int) (*net.UDPConn, error) {
	config := net.ListenConfig{Control: func(_, _ string, raw syscall.RawConn) error {
		var err error
		controlErr := raw.Control(func(fd uintptr) {
			if option != 0 {
				err = unix.SetsockoptInt(int(fd), unix.IPPROTO_IP, option, 1)
			}
		})
		return errors.Join(controlErr, err)
	}}
	conn, err := config.ListenPacket(context.Background(), network, address)
	if err != nil {
		return nil, err
	}
	return conn.(*net.UDPConn), nil
}

// receive reads what arrives at a listener until it is closed.
func (b *Beacon) receive(ctx context.Context, place int, l *listener) {
	raw := make([]byte, maxDatagram+1)
	for ctx.Err() == nil {
		n, from, err := l.conn.ReadFromUDPAddrPort(raw)
		if err == nil {
			b.take(raw[:n], netip.AddrPortFrom(from.Addr().Unmap().WithZone(""), from.Port()), place)
			continue
		}
		if errors.Is(err, net.ErrClosed) || !pause(ctx, time.Second) {
			return
		}
	}
}

// pause waits, and returns false when ctx is done before.
func pause(ctx context.Context, d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return false
	case <-timer.C:
		return true
	}
}

func (b *Beacon) closeSockets() {
	for _, l := range b.listens {
		_ = l.conn.Close()
	}
	for _, p := range b.paths {
		for _, conn := range p.owned {
			_ = conn.Close()
		}
	}
}
