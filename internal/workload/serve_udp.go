package workload

import (
	"errors"
	"fmt"
	"net/netip"

	"golang.org/x/sys/unix"
)

// udpServer answers on one socket, on a thread of its own with blocking system
// calls, as the client asks: the runtime's poller would need another thread,
// without real-time priority, to wake it.
type udpServer struct {
	fd      int
	stop    chan struct{}
	stopped chan struct{}
}

// listenUDP opens the sockets: one for each address family that listen leaves.
func listenUDP(listen netip.Addr, port uint16) (open []*udpServer, err error) {
	listen = listen.Unmap()
	all := !listen.IsValid() || listen.IsUnspecified()
	if all || listen.Is4() {
		four := unix.SockaddrInet4{Port: int(port)}
		if !all {
			four.Addr = listen.As4()
		}
		u, err := openUDP(unix.AF_INET, &four)
		if err != nil {
			return nil, err
		}
		open = append(open, u)
	}
	if all || listen.Is6() {
		six := unix.SockaddrInet6{Port: int(port)}
		if !all {
			six.Addr = listen.As16()
		}
		u, err := openUDP(unix.AF_INET6, &six)
		if all && errors.Is(err, unix.EAFNOSUPPORT) {
			return open, nil // a host without IPv6
		}
		if err != nil {
			for _, other := range open {
				_ = unix.Close(other.fd)
			}
			return nil, err
		}
		open = append(open, u)
	}
	return open, nil
}

func openUDP(family int, address unix.Sockaddr) (*udpServer, error) {
	fd, err := unix.Socket(family, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return nil, fmt.Errorf("open a socket: %w", err)
	}
	tick := unix.NsecToTimeval(int64(10 * receiveTick))
	// The answer has to leave from the address that was asked: the kernel would
	// choose another one of the host's, and the client would not know it.
	told := unix.SetsockoptInt(fd, unix.IPPROTO_IP, unix.IP_PKTINFO, 1)
	if family == unix.AF_INET6 {
		told = errors.Join(
			unix.SetsockoptInt(fd, unix.IPPROTO_IPV6, unix.IPV6_V6ONLY, 1),
			unix.SetsockoptInt(fd, unix.IPPROTO_IPV6, unix.IPV6_RECVPKTINFO, 1),
		)
	}
	if err := errors.Join(told, unix.SetsockoptTimeval(fd, unix.SOL_SOCKET, unix.SO_RCVTIMEO, &tick), unix.Bind(fd, address)); err != nil {
		_ = unix.Close(fd)
		return nil, fmt.Errorf("listen: %w", err)
	}
	return &udpServer{fd: fd, stop: make(chan struct{}), stopped: make(chan struct{})}, nil
}

// answer answers until end is called.
func (u *udpServer) answer(id string, realtime bool) error {
	lockThread(realtime)
	defer close(u.stopped)
	request, control, answer := make([]byte, 2048), make([]byte, 128), make([]byte, 0, seqSize+maxIDSize)
	for {
		n, size, _, from, err := unix.Recvmsg(u.fd, request, control, 0)
		select {
		case <-u.stop:
			return nil
		default:
		}
		switch {
		case errors.Is(err, unix.EAGAIN), errors.Is(err, unix.EINTR), errors.Is(err, unix.ENOMEM), errors.Is(err, unix.ENOBUFS):
			continue
		case err != nil:
			return fmt.Errorf("receive a request: %w", err)
		}
		if answer, err = appendAnswer(answer[:0], request[:n], id); err != nil {
			continue
		}
		// The address may have left this host since the request came: that
		// request stays without an answer, as it should.
		_ = unix.Sendmsg(u.fd, answer, fromAsked(control[:size]), from, unix.MSG_DONTWAIT)
	}
}

// fromAsked turns the control message that tells to which address a request was
// sent into the one that lets the answer leave from it. Which interface it
// leaves by is the routing table's to decide, but for link-local addresses.
func fromAsked(control []byte) []byte {
	if len(control) < unix.CmsgLen(0) {
		return nil
	}
	data := control[unix.CmsgLen(0):]
	switch {
	case len(data) >= unix.SizeofInet6Pktinfo:
		if addr := netip.AddrFrom16([16]byte(data[:16])); !addr.IsLinkLocalUnicast() {
			clear(data[16:20]) // in6_pktinfo: the address, then the interface
		}
	case len(data) >= unix.SizeofInet4Pktinfo:
		clear(data[:4]) // in_pktinfo: the interface, then the local address
	}
	return control
}

// end makes answer return and closes the socket.
func (u *udpServer) end() {
	close(u.stop)
	<-u.stopped
	_ = unix.Close(u.fd)
}
