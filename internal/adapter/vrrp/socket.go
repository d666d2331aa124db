package vrrp

import (
	"errors"
	"fmt"
	"net/netip"
	"unsafe"

	"golang.org/x/sys/unix"
)

// protocol is VRRP's IP protocol number (RFC 9568 section 5.1.1.4).
const protocol = 112

// dscp is CS6, network control: what routers use for their own protocols (RFC 4594).
const dscp = 48 << 2

// receiveBuffer holds a second of advertisements of many routers at the shortest interval.
const receiveBuffer = 1 << 20

func (f family) domain() int {
	if f == ipv6 {
		return unix.AF_INET6
	}
	return unix.AF_INET
}

// openSocket opens the raw socket of a family.
func openSocket(f family) (int, error) {
	fd, err := unix.Socket(f.domain(), unix.SOCK_RAW|unix.SOCK_NONBLOCK|unix.SOCK_CLOEXEC, protocol)
	if errors.Is(err, unix.EPERM) {
		return -1, fmt.Errorf("%w (needs CAP_NET_RAW)", err)
	}
	if errors.Is(err, unix.EAFNOSUPPORT) {
		return -1, fmt.Errorf("%w (the kernel has it switched off)", err)
	}
	if err != nil {
		return -1, err
	}
	if err := prepare(fd, f); err != nil {
		_ = unix.Close(fd)
		return -1, err
	}
	return fd, nil
}

func prepare(fd int, f family) error {
	// Without CAP_NET_ADMIN only the system's limit can be had, which will do.
	if unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_RCVBUFFORCE, receiveBuffer) != nil {
		_ = unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_RCVBUF, receiveBuffer)
	}
	if err := unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_PRIORITY, 6); err != nil {
		return fmt.Errorf("set its priority: %w", err)
	}
	options := [][3]int{
		{unix.IPPROTO_IP, unix.IP_TOS, dscp},
		{unix.IPPROTO_IP, unix.IP_PKTINFO, 1},
		{unix.IPPROTO_IP, unix.IP_MULTICAST_LOOP, 0},
	}
	if f == ipv6 {
		options = [][3]int{
			{unix.IPPROTO_IPV6, unix.IPV6_TCLASS, dscp},
			{unix.IPPROTO_IPV6, unix.IPV6_RECVPKTINFO, 1},
			{unix.IPPROTO_IPV6, unix.IPV6_RECVHOPLIMIT, 1},
			{unix.IPPROTO_IPV6, unix.IPV6_MULTICAST_LOOP, 0},
			// The checksum is in the packet already.
			{unix.IPPROTO_IPV6, unix.IPV6_CHECKSUM, -1},
			// With a virtual MAC the source is on the interface below the device
			// that the packet leaves by.
			{unix.IPPROTO_IPV6, unix.IPV6_FREEBIND, 1},
		}
	}
	for _, o := range options {
		if err := unix.SetsockoptInt(fd, o[0], o[1], o[2]); err != nil {
			return fmt.Errorf("set option %d of level %d: %w", o[1], o[0], err)
		}
	}
	return nil
}

// filter closes the socket of a family without routers, so that advertisements of
// others do not wake the engine, and opens it where there are some. Those of
// another VRID pass: to be told of them helps more than a wake-up costs.
func (s *Set) filter(t *table) {
	for f, fd := range s.sockets {
		switch {
		case fd < 0:
		case t.has(family(f)):
			_ = unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_DETACH_FILTER, 0)
		default:
			nothing := []unix.SockFilter{{Code: unix.BPF_RET | unix.BPF_K}}
			_ = unix.SetsockoptSockFprog(fd, unix.SOL_SOCKET, unix.SO_ATTACH_FILTER, &unix.SockFprog{Len: 1, Filter: &nothing[0]})
		}
	}
}

// groupRequest is struct group_req (RFC 3678 section 5.1).
type groupRequest struct {
	index uint32
	_     [unsafe.Alignof(uintptr(0)) - 4]byte
	group [128]byte // struct sockaddr_storage
}

// join returns a socket that is a member of a group on an interface.
func join(index int32, group netip.Addr) (int, error) {
	f, level := ipv4, unix.IPPROTO_IP
	if group.Is6() {
		f, level = ipv6, unix.IPPROTO_IPV6
	}
	fd, err := unix.Socket(f.domain(), unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return -1, err
	}
	request := groupRequest{index: uint32(index)}
	if f == ipv4 {
		(*unix.RawSockaddrInet4)(unsafe.Pointer(&request.group)).Family = unix.AF_INET
		(*unix.RawSockaddrInet4)(unsafe.Pointer(&request.group)).Addr = group.As4()
	} else {
		(*unix.RawSockaddrInet6)(unsafe.Pointer(&request.group)).Family = unix.AF_INET6
		(*unix.RawSockaddrInet6)(unsafe.Pointer(&request.group)).Addr = group.As16()
	}
	b := unsafe.Slice((*byte)(unsafe.Pointer(&request)), unsafe.Sizeof(request))
	if err := unix.SetsockoptString(fd, level, unix.MCAST_JOIN_GROUP, string(b)); err != nil {
		_ = unix.Close(fd)
		return -1, err
	}
	return fd, nil
}

// closeFile closes a descriptor that may be -1, once.
func closeFile(fd *int) {
	if *fd >= 0 {
		_ = unix.Close(*fd)
		*fd = -1
	}
}
