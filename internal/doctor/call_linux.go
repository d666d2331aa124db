package doctor

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"syscall"
	"time"
	"unsafe"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"
)

// Route is the way to an address.
type Route struct {
	Interface string
	Gateway   netip.Addr // of the next router; zero: the address is on a link of this host
	Source    netip.Addr // that the kernel chooses
}

// Call is a connection to try.
type Call struct {
	Remote netip.AddrPort
	Source netip.Addr // zero: the kernel's choice
	TTL    int
	MD5    []byte // key of TCP MD5 signatures
}

// Called is how a Call ended.
type Called uint8

// The ends of a Call.
const (
	CallOpened  Called = iota + 1
	CallRefused        // by the host
	CallSilent         // no answer
	CallClosed         // opened, and closed before anything was said
)

const (
	callWait  = 2 * time.Second        // for the connection
	closeWait = 300 * time.Millisecond // for a peer that closes it
)

// routeTo asks the kernel.
func routeTo(remote, source netip.Addr) (Route, error) {
	handle, err := netlink.NewHandle(unix.NETLINK_ROUTE)
	if err != nil {
		return Route{}, fmt.Errorf("open netlink: %w", err)
	}
	defer handle.Close()
	var options *netlink.RouteGetOptions
	if source.IsValid() {
		options = &netlink.RouteGetOptions{SrcAddr: source.AsSlice()}
	}
	all, err := handle.RouteGetWithOptions(remote.AsSlice(), options)
	if err != nil {
		return Route{}, fmt.Errorf("route to %s: %w", remote, err)
	}
	if len(all) == 0 {
		return Route{}, fmt.Errorf("route to %s: %w", remote, unix.ENETUNREACH)
	}
	var r Route
	r.Gateway, _ = netip.AddrFromSlice(all[0].Gw)
	r.Source, _ = netip.AddrFromSlice(all[0].Src)
	r.Gateway, r.Source = r.Gateway.Unmap(), r.Source.Unmap()
	if l, err := handle.LinkByIndex(all[0].LinkIndex); err == nil {
		r.Interface = l.Attrs().Name
	}
	return r, nil
}

// cutOff tells whether an error says that there is no way to an address.
func cutOff(err error) bool {
	for _, no := range []error{unix.ENETUNREACH, unix.EHOSTUNREACH, unix.EADDRNOTAVAIL, unix.EINVAL, unix.ENETDOWN} {
		if errors.Is(err, no) {
			return true
		}
	}
	return false
}

// call opens a connection as a BGP speaker does, says nothing, and closes it.
func call(ctx context.Context, c Call) (Called, error) {
	var broken error
	d := net.Dialer{Timeout: callWait, KeepAlive: -1, Control: func(_, _ string, raw syscall.RawConn) error {
		return errors.Join(raw.Control(func(fd uintptr) { broken = c.prepare(int(fd)) }), broken)
	}}
	d.SetMultipathTCP(false)
	if c.Source.IsValid() {
		d.LocalAddr = net.TCPAddrFromAddrPort(netip.AddrPortFrom(c.Source, 0))
	}
	conn, err := d.DialContext(ctx, "tcp", c.Remote.String())
	var late net.Error
	switch {
	case broken != nil:
		return 0, broken
	case errors.Is(err, unix.ECONNREFUSED):
		return CallRefused, nil
	case errors.As(err, &late) && late.Timeout():
		return CallSilent, nil
	case err != nil:
		return 0, err
	}
	defer conn.Close()
	timer := time.AfterFunc(closeWait, func() { _ = conn.Close() })
	defer timer.Stop()
	if n, err := conn.Read(make([]byte, 1)); n == 0 && !errors.Is(err, net.ErrClosed) {
		return CallClosed, nil
	}
	return CallOpened, nil
}

// prepare sets what the packets of the connection have.
func (c *Call) prepare(fd int) error {
	level, name := unix.IPPROTO_IP, unix.IP_TTL
	if c.Remote.Addr().Is6() {
		level, name = unix.IPPROTO_IPV6, unix.IPV6_UNICAST_HOPS
	}
	if err := unix.SetsockoptInt(fd, level, name, c.TTL); err != nil {
		return fmt.Errorf("set the TTL: %w", err)
	}
	if len(c.MD5) == 0 {
		return nil
	}
	if err := signed(fd, c.Remote.Addr(), c.MD5); err != nil {
		return fmt.Errorf("set the key of TCP MD5: %w", err)
	}
	return nil
}

// signed gives a connection the key of its signatures (RFC 2385).
func signed(fd int, to netip.Addr, key []byte) error {
	request := &unix.TCPMD5Sig{Keylen: uint16(len(key))}
	copy(request.Key[:], key)
	if to.Is4() {
		*(*unix.RawSockaddrInet4)(unsafe.Pointer(&request.Addr)) = unix.RawSockaddrInet4{Family: unix.AF_INET, Addr: to.As4()}
	} else {
		*(*unix.RawSockaddrInet6)(unsafe.Pointer(&request.Addr)) = unix.RawSockaddrInet6{Family: unix.AF_INET6, Addr: to.As16()}
	}
	return unix.SetsockoptTCPMD5Sig(fd, unix.IPPROTO_TCP, unix.TCP_MD5SIG, request)
}
