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
	flows   []unix.PollFd // a socket each
	hist    *history
	timeout time.Duration
	request []byte
	stop    chan struct{}
	stopped chan struct{}
}

// receiveTick is how often the receiving thread looks whether it is to end.
const receiveTick = 20 * time.Millisecond

func newUDPAsker(opt Options, hist *history) (*udpAsker, error) {
	u := &udpAsker{
		hist: hist, timeout: opt.Timeout,
		request: make([]byte, 0, seqSize),
		stop:    make(chan struct{}),
		stopped: make(chan struct{}),
	}
	family, address := sockaddr(opt.Target)
	for range max(opt.Flows, 1) {
		fd, err := unix.Socket(family, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0)
		if err != nil {
			u.close()
			return nil, fmt.Errorf("open a UDP socket: %w", err)
		}
		u.flows = append(u.flows, flow(fd))
		if err := unix.Connect(fd, address); err != nil {
			u.close()
			return nil, fmt.Errorf("connect: %w", err)
		}
	}
	go u.receive(opt.Realtime)
	return u, nil
}

func flow(fd int) unix.PollFd { return unix.PollFd{Fd: int32(fd), Events: unix.POLLIN} }

func (u *udpAsker) close() {
	for _, flow := range u.flows {
		_ = unix.Close(int(flow.Fd))
	}
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
	fd := int(u.flows[seq%uint64(len(u.flows))].Fd)
	if err := send(fd, u.request); errors.Is(err, unix.ECONNREFUSED) || errors.Is(err, unix.EHOSTUNREACH) {
		_ = send(fd, u.request)
	}
}

// send does not wait: a full queue on the way out is a lost request.
func send(fd int, request []byte) error {
	_, err := unix.SendmsgN(fd, request, nil, nil, unix.MSG_DONTWAIT)
	return err
}

func (u *udpAsker) receive(realtime bool) {
	lockThread(realtime)
	defer close(u.stopped)
	buf := make([]byte, seqSize+maxIDSize)
	ready := append([]unix.PollFd(nil), u.flows...)
	for {
		// An interrupted wait is one without an answer.
		if n, err := unix.Poll(ready, int(receiveTick.Milliseconds())); n > 0 && err == nil {
			u.take(ready, buf)
			continue
		}
		select {
		case <-u.stop:
			return
		default:
		}
	}
}

// take reads one answer from each socket that has some.
func (u *udpAsker) take(ready []unix.PollFd, buf []byte) {
	for i := range ready {
		if ready[i].Revents == 0 {
			continue
		}
		n, _, err := unix.Recvfrom(int(ready[i].Fd), buf, unix.MSG_DONTWAIT)
		if err == nil {
			u.record(buf[:n], Now())
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
	u.close()
}
