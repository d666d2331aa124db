package workload

import (
	"errors"
	"fmt"
	"net/netip"
	"time"

	"golang.org/x/sys/unix"

	"stead/internal/core/clock"
)

// udpAsker sends on one thread and receives on another, both with blocking
// system calls: the runtime's poller would add its own delays to both.
type udpAsker struct {
	fd      int
	hist    *history
	timeout time.Duration
	request []byte
	stop    chan struct{}
	stopped chan struct{}
}

// receiveTick is how often the receiving thread looks whether it is to end.
const receiveTick = 20 * time.Millisecond

func newUDPAsker(opt Options, hist *history) (*udpAsker, error) {
	family, address := sockaddr(opt.Target)
	fd, err := unix.Socket(family, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return nil, fmt.Errorf("open a UDP socket: %w", err)
	}
	tick := unix.NsecToTimeval(int64(receiveTick))
	if err := errors.Join(
		unix.SetsockoptTimeval(fd, unix.SOL_SOCKET, unix.SO_RCVTIMEO, &tick),
		unix.Connect(fd, address),
	); err != nil {
		_ = unix.Close(fd)
		return nil, fmt.Errorf("connect: %w", err)
	}
	u := &udpAsker{
		fd: fd, hist: hist, timeout: opt.Timeout,
		request: make([]byte, 0, seqSize),
		stop:    make(chan struct{}),
		stopped: make(chan struct{}),
	}
	go u.receive(opt.Realtime)
	return u, nil
}

// sockaddr turns an address into the kernel's form.
func sockaddr(to netip.AddrPort) (family int, sa unix.Sockaddr) {
	if addr := to.Addr().Unmap(); addr.Is4() {
		return unix.AF_INET, &unix.SockaddrInet4{Port: int(to.Port()), Addr: addr.As4()}
	}
	return unix.AF_INET6, &unix.SockaddrInet6{Port: int(to.Port()), Addr: to.Addr().As16()}
}

// ask ignores errors: whatever keeps a request from being answered is a loss.
// The kernel reports an earlier ICMP error here, instead of sending; the request
// is then sent again, or a refused one would take its successor with it.
func (u *udpAsker) ask(seq uint64) {
	u.request = appendRequest(u.request[:0], seq)
	if err := u.send(); errors.Is(err, unix.ECONNREFUSED) || errors.Is(err, unix.EHOSTUNREACH) {
		_ = u.send()
	}
}

// send does not wait: a full queue on the way out is a lost request.
func (u *udpAsker) send() error {
	_, err := unix.SendmsgN(u.fd, u.request, nil, nil, unix.MSG_DONTWAIT)
	return err
}

func (u *udpAsker) receive(realtime bool) {
	lockThread(realtime)
	defer close(u.stopped)
	buf := make([]byte, seqSize+maxIDSize)
	for {
		n, err := unix.Read(u.fd, buf)
		at := Now()
		if err == nil {
			u.record(buf[:n], at)
			continue
		}
		select {
		case <-u.stop:
			return
		default:
		}
	}
}

func (u *udpAsker) record(packet []byte, at clock.Instant) {
	if seq, id, err := parseAnswer(packet); err == nil {
		u.hist.answer(seq, id, at, u.timeout)
	}
}

// drain ends with the timeout of the newest request, or when all are answered.
func (u *udpAsker) drain() {
	for end := Now().Add(u.timeout); Now() < end && u.hist.open(Now().Add(-u.timeout)); {
		time.Sleep(time.Millisecond)
	}
	close(u.stop)
	<-u.stopped
	_ = unix.Close(u.fd)
}
