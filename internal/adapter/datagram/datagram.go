// Package datagram receives and sends single datagrams together with their
// control messages (TTL, interface, addresses), on non-blocking sockets and
// without allocating.
//
// Its calls do not tell the Go scheduler that they may block, which they do not:
// see package socket.
package datagram

import (
	"encoding/binary"
	"net/netip"
	"unsafe"

	"golang.org/x/sys/unix"
)

var native = binary.NativeEndian

// Message is what recvmsg and sendmsg work on, used again for each datagram. It
// belongs to one thread.
type Message struct {
	header  unix.Msghdr
	vector  unix.Iovec
	name    unix.RawSockaddrInet6 // or one of IPv4 in its place
	control [16]uint64            // words, as the kernel aligns what it writes
}

// Arrival is what the kernel says of a datagram.
type Arrival struct {
	Source      netip.AddrPort // without zone
	Destination netip.Addr     // zero: the socket does not ask for it
	Interface   int32          // number of that by which it came; 0: the socket does not ask for it
	TTL         int            // or hop limit; -1: the socket does not ask for it
}

func (m *Message) prepare(b []byte) {
	m.vector.Base = unsafe.SliceData(b)
	m.vector.SetLen(len(b))
	m.header.Iov = &m.vector
	m.header.SetIovlen(1)
	m.header.Name = (*byte)(unsafe.Pointer(&m.name))
	m.header.Namelen = uint32(unsafe.Sizeof(m.name))
	m.header.Control = (*byte)(unsafe.Pointer(&m.control))
	m.header.SetControllen(int(unsafe.Sizeof(m.control)))
}

// Receive reads a datagram into b and returns its length.
func (m *Message) Receive(fd int, b []byte) (int, unix.Errno) {
	m.prepare(b)
	n, _, errno := unix.RawSyscall(unix.SYS_RECVMSG, uintptr(fd), uintptr(unsafe.Pointer(&m.header)), unix.MSG_DONTWAIT)
	m.vector.Base = nil
	return int(n), errno
}

// Arrival returns what the kernel says of the datagram received last. It is false
// where that, or the datagram, did not fit into the memory given.
func (m *Message) Arrival() (Arrival, bool) {
	a := Arrival{TTL: -1}
	if m.header.Flags&(unix.MSG_TRUNC|unix.MSG_CTRUNC) != 0 {
		return a, false
	}
	if m.name.Family == unix.AF_INET {
		name := (*unix.RawSockaddrInet4)(unsafe.Pointer(&m.name))
		a.Source = netip.AddrPortFrom(netip.AddrFrom4(name.Addr), bigEndian(name.Port))
	} else {
		a.Source = netip.AddrPortFrom(netip.AddrFrom16(m.name.Addr), bigEndian(m.name.Port))
	}
	for c := m.bytes()[:min(int(m.header.Controllen), len(m.bytes()))]; len(c) > 0; {
		level, kind, data, rest := next(c)
		a.take(level, kind, data)
		c = rest
	}
	return a, true
}

func (a *Arrival) take(level, kind int32, data []byte) {
	switch {
	case level == unix.IPPROTO_IP && kind == unix.IP_PKTINFO && len(data) >= unix.SizeofInet4Pktinfo:
		a.Interface = int32(native.Uint32(data))
		a.Destination = netip.AddrFrom4([4]byte(data[8:]))
	case level == unix.IPPROTO_IPV6 && kind == unix.IPV6_PKTINFO && len(data) >= unix.SizeofInet6Pktinfo:
		a.Destination = netip.AddrFrom16([16]byte(data))
		a.Interface = int32(native.Uint32(data[16:]))
	case len(data) < 4:
	case level == unix.IPPROTO_IP && kind == unix.IP_TTL, level == unix.IPPROTO_IPV6 && kind == unix.IPV6_HOPLIMIT:
		a.TTL = int(native.Uint32(data))
	}
}

// Send sends b. A source that is given is the datagram's, and has to be an address
// of this host; the zero Addr leaves it to the socket and the routes. scope is the
// interface of a link-local destination, 0 of others.
func (m *Message) Send(fd int, b []byte, source netip.Addr, to netip.AddrPort, scope int32) unix.Errno {
	m.prepare(b)
	m.header.Namelen = m.to(to, scope)
	m.header.SetControllen(m.from(source))
	_, _, errno := unix.RawSyscall(unix.SYS_SENDMSG, uintptr(fd), uintptr(unsafe.Pointer(&m.header)), unix.MSG_DONTWAIT)
	m.vector.Base = nil
	return errno
}

func (m *Message) to(a netip.AddrPort, scope int32) (length uint32) {
	if a.Addr().Is4() {
		name := (*unix.RawSockaddrInet4)(unsafe.Pointer(&m.name))
		*name = unix.RawSockaddrInet4{Family: unix.AF_INET, Port: bigEndian(a.Port()), Addr: a.Addr().As4()}
		return uint32(unsafe.Sizeof(*name))
	}
	m.name = unix.RawSockaddrInet6{Family: unix.AF_INET6, Port: bigEndian(a.Port()), Addr: a.Addr().As16(), Scope_id: uint32(scope)}
	return uint32(unsafe.Sizeof(m.name))
}

func (m *Message) from(source netip.Addr) (length int) {
	if !source.IsValid() {
		return 0
	}
	if source.Is4() {
		info, end := m.put(unix.IPPROTO_IP, unix.IP_PKTINFO, unix.SizeofInet4Pktinfo)
		clear(info)
		a := source.As4()
		copy(info[4:], a[:]) // ipi_spec_dst is the source of what is sent
		return end
	}
	info, end := m.put(unix.IPPROTO_IPV6, unix.IPV6_PKTINFO, unix.SizeofInet6Pktinfo)
	clear(info)
	a := source.As16()
	copy(info, a[:])
	return end
}

// bigEndian turns a port from the order of the network into that of the host, and back.
func bigEndian(port uint16) uint16 {
	var b [2]byte
	native.PutUint16(b[:], port)
	return binary.BigEndian.Uint16(b[:])
}

// bytes are the control messages as bytes.
func (m *Message) bytes() []byte {
	return unsafe.Slice((*byte)(unsafe.Pointer(&m.control)), unsafe.Sizeof(m.control))
}

// put writes the one control message, and returns where its n bytes of data go and
// where it ends.
func (m *Message) put(level, kind int32, n int) (data []byte, end int) {
	b := m.bytes()
	h := (*unix.Cmsghdr)(unsafe.Pointer(&b[0]))
	h.Level, h.Type = level, kind
	h.SetLen(unix.CmsgLen(n))
	start := unix.CmsgLen(0)
	return b[start : start+n], unix.CmsgSpace(n)
}

// next returns the control message that b begins with, and what is behind it.
func next(b []byte) (level, kind int32, data, rest []byte) {
	if len(b) < unix.SizeofCmsghdr {
		return 0, 0, nil, nil
	}
	h := (*unix.Cmsghdr)(unsafe.Pointer(&b[0]))
	start, n := unix.CmsgLen(0), int(h.Len)
	if n < start || n > len(b) {
		return 0, 0, nil, nil
	}
	return h.Level, h.Type, b[start:n], b[min(unix.CmsgSpace(n-start), len(b)):]
}
