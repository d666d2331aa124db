package bgp

import (
	"bytes"
	"errors"
	"fmt"
	"net/netip"
	"runtime"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"
)

// dscp is CS6, network control: what routers use for their own protocols (RFC 4594).
const dscp = 48 << 2

// defaultTimeout is that of a peer without a UserTimeout.
const defaultTimeout = 30 * time.Second

func (p *Peer) userTimeout() time.Duration {
	if p.UserTimeout == 0 {
		return defaultTimeout
	}
	return p.UserTimeout
}

func family(ipv6 bool) string {
	if ipv6 {
		return "IPv6"
	}
	return "IPv4"
}

// socket makes a TCP socket: never one of Multipath TCP, which has no signatures.
func socket(ipv6 bool) (int, error) {
	domain := unix.AF_INET
	options := [][3]int{{unix.IPPROTO_IP, unix.IP_TOS, dscp}}
	if ipv6 {
		domain = unix.AF_INET6
		options = [][3]int{{unix.IPPROTO_IPV6, unix.IPV6_V6ONLY, 1}, {unix.IPPROTO_IPV6, unix.IPV6_TCLASS, dscp}}
	}
	fd, err := unix.Socket(domain, unix.SOCK_STREAM|unix.SOCK_NONBLOCK|unix.SOCK_CLOEXEC, unix.IPPROTO_TCP)
	if errors.Is(err, unix.EAFNOSUPPORT) {
		return -1, fmt.Errorf("%w (the kernel has it switched off)", err)
	}
	if err != nil {
		return -1, err
	}
	// The priority comes after IP_TOS, which changes it.
	options = append(options, [3]int{unix.SOL_SOCKET, unix.SO_PRIORITY, 6}, [3]int{unix.IPPROTO_TCP, unix.TCP_NODELAY, 1})
	for _, o := range options {
		if err := unix.SetsockoptInt(fd, o[0], o[1], o[2]); err != nil {
			_ = unix.Close(fd)
			return -1, fmt.Errorf("set option %d of level %d: %w", o[1], o[0], err)
		}
	}
	return fd, nil
}

// adjust makes a socket that is like some settings like others.
func adjust(fd int, was, is *Peer) error {
	ipv6 := is.Remote.Addr().Is6()
	if was.TTL != is.TTL {
		if err := setTTL(fd, ipv6, is.TTL); err != nil {
			return fmt.Errorf("set the TTL: %w", err)
		}
	}
	if was.MinTTL != is.MinTTL {
		if err := setMinTTL(fd, ipv6, is.MinTTL); err != nil {
			return fmt.Errorf("set the least TTL: %w", err)
		}
	}
	if !bytes.Equal(was.MD5, is.MD5) {
		if err := setKey(fd, is.Remote.Addr(), is.MD5); err != nil {
			return fmt.Errorf("set the password: %w", err)
		}
	}
	return nil
}

func setTTL(fd int, ipv6 bool, ttl int) error {
	if ipv6 {
		return unix.SetsockoptInt(fd, unix.IPPROTO_IPV6, unix.IPV6_UNICAST_HOPS, ttl)
	}
	return unix.SetsockoptInt(fd, unix.IPPROTO_IP, unix.IP_TTL, ttl)
}

// setMinTTL has the kernel drop what comes with less (RFC 5082); 0: nothing.
func setMinTTL(fd int, ipv6 bool, ttl int) error {
	if ipv6 {
		return unix.SetsockoptInt(fd, unix.IPPROTO_IPV6, unix.IPV6_MINHOPCOUNT, ttl)
	}
	return unix.SetsockoptInt(fd, unix.IPPROTO_IP, unix.IP_MINTTL, ttl)
}

// setUserTimeout bounds for how long what was sent may stay unacknowledged. It is
// for connections that are there: one that is being opened has a bound of its own.
func setUserTimeout(fd int, p *Peer) {
	_ = unix.SetsockoptInt(fd, unix.IPPROTO_TCP, unix.TCP_USER_TIMEOUT, int(p.userTimeout()/time.Millisecond))
}

// setKey has what is sent to an address signed, and what comes from it checked;
// with an empty key neither.
func setKey(fd int, remote netip.Addr, key []byte) error {
	request := &unix.TCPMD5Sig{Keylen: uint16(len(key))}
	copy(request.Key[:], key)
	if remote.Is4() {
		name := (*unix.RawSockaddrInet4)(unsafe.Pointer(&request.Addr))
		*name = unix.RawSockaddrInet4{Family: unix.AF_INET, Addr: remote.As4()}
	} else {
		name := (*unix.RawSockaddrInet6)(unsafe.Pointer(&request.Addr))
		*name = unix.RawSockaddrInet6{Family: unix.AF_INET6, Addr: remote.As16()}
	}
	err := unix.SetsockoptTCPMD5Sig(fd, unix.IPPROTO_TCP, unix.TCP_MD5SIG, request)
	switch {
	case errors.Is(err, unix.ENOENT) && len(key) == 0:
		return nil // there was none
	case errors.Is(err, unix.ENOPROTOOPT):
		return fmt.Errorf("%w: the kernel has no TCP MD5 signatures (CONFIG_TCP_MD5SIG)", err)
	case errors.Is(err, unix.ENOMEM):
		return fmt.Errorf("%w: raise net.core.optmem_max", err)
	}
	return err
}

// The calls below are those of the engine's thread. They do not tell the Go
// scheduler that they may block, which they do not: see package socket.

// send writes without waiting, and without a signal where the peer has gone. n is 0
// where there is an error.
func send(fd int, b []byte) (n int, errno unix.Errno) {
	r, _, errno := unix.RawSyscall6(unix.SYS_SENDTO, uintptr(fd), uintptr(unsafe.Pointer(unsafe.SliceData(b))), uintptr(len(b)), unix.MSG_DONTWAIT|unix.MSG_NOSIGNAL, 0, 0)
	if errno != 0 {
		return 0, errno
	}
	return int(r), 0
}

// again tells whether an error says that the kernel will take more later.
func again(errno unix.Errno) bool {
	return errno == unix.EAGAIN || errno == unix.EINTR || errno == unix.ENOBUFS || errno == unix.ENOMEM
}

// wake makes an eventfd ready.
func wake(fd int) {
	one := [8]byte{1}
	_, _, _ = unix.RawSyscall(unix.SYS_WRITE, uintptr(fd), uintptr(unsafe.Pointer(&one)), 8)
}

// pause gives the engine's thread the time to end a write.
func pause() { runtime.Gosched() }
