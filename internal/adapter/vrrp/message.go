package vrrp

import (
	"encoding/binary"
	"net/netip"
	"unsafe"

	"golang.org/x/sys/unix"
)

var native = binary.NativeEndian

// message is what recvmsg and sendmsg work on, used again for each packet.
type message struct {
	header  unix.Msghdr
	vector  unix.Iovec
	name    unix.RawSockaddrInet6 // or one of IPv4 in its place
	control [16]uint64            // words, as the kernel aligns what it writes
}

// prepare sets up the header for b.
func (m *message) prepare(b []byte) {
	m.vector.Base = unsafe.SliceData(b)
	m.vector.SetLen(len(b))
	m.header.Iov = &m.vector
	m.header.SetIovlen(1)
	m.header.Name = (*byte)(unsafe.Pointer(&m.name))
	m.header.Namelen = uint32(unsafe.Sizeof(m.name))
	m.header.Control = (*byte)(unsafe.Pointer(&m.control))
	m.header.SetControllen(int(unsafe.Sizeof(m.control)))
}

// The calls below do not tell the Go scheduler that they may block, which they
// do not: see package socket.

// receive reads a packet into b.
func (m *message) receive(fd int, b []byte) (int, unix.Errno) {
	m.prepare(b)
	n, _, errno := unix.RawSyscall(unix.SYS_RECVMSG, uintptr(fd), uintptr(unsafe.Pointer(&m.header)), unix.MSG_DONTWAIT)
	m.vector.Base = nil
	return int(n), errno
}

// send sends b, with the name and the control messages that are in place.
func (m *message) send(fd int, b []byte, name, control int) unix.Errno {
	m.prepare(b)
	m.header.Namelen = uint32(name)
	m.header.SetControllen(control)
	_, _, errno := unix.RawSyscall(unix.SYS_SENDMSG, uintptr(fd), uintptr(unsafe.Pointer(&m.header)), unix.MSG_DONTWAIT)
	m.vector.Base = nil
	return errno
}

// bytes are the control messages as bytes.
func (m *message) bytes() []byte {
	return unsafe.Slice((*byte)(unsafe.Pointer(&m.control)), unsafe.Sizeof(m.control))
}

// put writes a control message behind the first at bytes, and returns where its
// n bytes of data go and where it ends.
func (m *message) put(at int, level, kind int32, n int) (data []byte, end int) {
	b := m.bytes()[at:]
	h := (*unix.Cmsghdr)(unsafe.Pointer(&b[0]))
	h.Level, h.Type = level, kind
	h.SetLen(unix.CmsgLen(n))
	start := unix.CmsgLen(0)
	return b[start : start+n], at + unix.CmsgSpace(n)
}

// next returns the control message that b begins with, and what is behind it.
// The kind of the last is 0.
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

// controls are the control messages of a packet that was received.
func (m *message) controls() []byte {
	return m.bytes()[:min(int(m.header.Controllen), len(m.bytes()))]
}

// to sets the destination and returns the length of the name.
func (m *message) to(a netip.Addr, index int32) int {
	if a.Is4() {
		name := (*unix.RawSockaddrInet4)(unsafe.Pointer(&m.name))
		*name = unix.RawSockaddrInet4{Family: unix.AF_INET, Addr: a.As4()}
		return int(unsafe.Sizeof(*name))
	}
	m.name = unix.RawSockaddrInet6{Family: unix.AF_INET6, Addr: a.As16()}
	if a.IsLinkLocalUnicast() || a.IsLinkLocalMulticast() {
		m.name.Scope_id = uint32(index)
	}
	return int(unsafe.Sizeof(m.name))
}
