package datagram

import (
	"bytes"
	"net/netip"
	"testing"

	"golang.org/x/sys/unix"
)

// Whatever the kernel says of a datagram, nothing is read beyond it.
func FuzzArrival(f *testing.F) {
	f.Add([]byte{}, 0, uint16(unix.AF_INET))
	f.Add(bytes.Repeat([]byte{0x10, 0, 0, 0}, 32), 128, uint16(unix.AF_INET6))
	f.Add([]byte{20, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 2, 0, 0, 0, 255, 0, 0, 0}, 24, uint16(unix.AF_INET))
	f.Fuzz(func(t *testing.T, control []byte, length int, family uint16) {
		m := &Message{}
		m.name.Family = family
		copy(m.bytes(), control)
		m.header.SetControllen(max(length, 0))
		if a, ok := m.Arrival(); !ok || !a.Source.Addr().IsValid() {
			t.Errorf("%+v", a)
		}
	})
}

// What a socket sends to itself comes back with the addresses and the TTL it had.
func TestBothWays(t *testing.T) {
	for _, text := range []string{"127.0.0.1", "::1"} {
		addr := netip.MustParseAddr(text)
		domain := unix.AF_INET6
		var name unix.Sockaddr = &unix.SockaddrInet6{Addr: addr.As16()}
		options := [][2]int{{unix.IPPROTO_IPV6, unix.IPV6_RECVHOPLIMIT}, {unix.IPPROTO_IPV6, unix.IPV6_RECVPKTINFO}}
		if addr.Is4() {
			domain, name = unix.AF_INET, &unix.SockaddrInet4{Addr: addr.As4()}
			options = [][2]int{{unix.IPPROTO_IP, unix.IP_RECVTTL}, {unix.IPPROTO_IP, unix.IP_PKTINFO}}
		}
		fd, err := unix.Socket(domain, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0)
		if err != nil {
			t.Fatal(err)
		}
		defer unix.Close(fd)
		for _, o := range options {
			if err := unix.SetsockoptInt(fd, o[0], o[1], 1); err != nil {
				t.Fatal(err)
			}
		}
		if err := unix.Bind(fd, name); err != nil {
			t.Fatal(err)
		}
		own, err := unix.Getsockname(fd)
		if err != nil {
			t.Fatal(err)
		}
		at := netip.AddrPortFrom(addr, portOf(own))
		var m Message
		for _, source := range []netip.Addr{{}, addr} {
			if errno := m.Send(fd, []byte("to itself"), source, at, 0); errno != 0 {
				t.Fatal(errno)
			}
			var buf [64]byte
			n, errno := m.Receive(fd, buf[:])
			a, ok := m.Arrival()
			if errno != 0 || string(buf[:n]) != "to itself" || !ok || a.Source != at || a.Destination != addr || a.TTL < 1 || a.Interface != 1 {
				t.Errorf("%v, %q, %+v, %v", errno, buf[:n], a, ok)
			}
		}
		if errno := m.Send(fd, []byte("to itself"), addr, at, 0); errno != 0 {
			t.Fatal(errno)
		}
		if _, _ = m.Receive(fd, make([]byte, 3)); m.header.Flags&unix.MSG_TRUNC == 0 {
			t.Error("a datagram that does not fit is not cut")
		}
		if _, ok := m.Arrival(); ok {
			t.Error("and passes")
		}
	}
}

func portOf(name unix.Sockaddr) uint16 {
	switch name := name.(type) {
	case *unix.SockaddrInet4:
		return uint16(name.Port)
	case *unix.SockaddrInet6:
		return uint16(name.Port)
	}
	return 0
}
