package link

import (
	"encoding/binary"
	"errors"
	"fmt"
	"time"

	"golang.org/x/sys/unix"
)

// batchMessages is how many requests go to the kernel in one system call. Their
// acknowledgements have to fit into the receive buffer.
const batchMessages = 64

// ackWait bounds the wait for the kernel's answer, in which it may wait for
// another user of its routing lock.
const ackWait = 2 * time.Second

// receiveBuffer is asked for on every socket: a burst of a thousand changes must fit.
const receiveBuffer = 4 << 20

var native = binary.NativeEndian

// rtnl is a routing netlink socket that is read with blocking system calls: the
// worker's thread must not depend on the runtime's poller.
type rtnl struct {
	fd   int
	seq  uint32
	buf  []byte // requests that wait for flush
	rx   []byte
	errs []error // of the last flush, by request
	sent int     // requests in buf
	base uint32  // sequence number of the first of them
}

// openRTNL opens a socket that hears the groups given. One with groups does not block.
func openRTNL(groups ...int) (*rtnl, error) {
	kind := unix.SOCK_RAW | unix.SOCK_CLOEXEC
	if len(groups) > 0 {
		kind |= unix.SOCK_NONBLOCK
	}
	fd, err := unix.Socket(unix.AF_NETLINK, kind, unix.NETLINK_ROUTE)
	if err != nil {
		return nil, fmt.Errorf("open a netlink socket: %w", err)
	}
	s := &rtnl{fd: fd, rx: make([]byte, 64<<10), buf: make([]byte, 0, 16<<10)}
	if err := s.prepare(groups); err != nil {
		s.close()
		return nil, fmt.Errorf("prepare a netlink socket: %w", err)
	}
	return s, nil
}

func (s *rtnl) prepare(groups []int) error {
	if err := unix.Bind(s.fd, &unix.SockaddrNetlink{Family: unix.AF_NETLINK}); err != nil {
		return err
	}
	// Without CAP_NET_ADMIN only the system's limit can be had, which will do.
	if unix.SetsockoptInt(s.fd, unix.SOL_SOCKET, unix.SO_RCVBUFFORCE, receiveBuffer) != nil {
		_ = unix.SetsockoptInt(s.fd, unix.SOL_SOCKET, unix.SO_RCVBUF, receiveBuffer)
	}
	for _, g := range groups {
		if err := unix.SetsockoptInt(s.fd, unix.SOL_NETLINK, unix.NETLINK_ADD_MEMBERSHIP, g); err != nil {
			return err
		}
	}
	_ = unix.SetsockoptInt(s.fd, unix.SOL_NETLINK, unix.NETLINK_CAP_ACK, 1)
	_ = unix.SetsockoptInt(s.fd, unix.SOL_NETLINK, unix.NETLINK_EXT_ACK, 1)
	wait := unix.NsecToTimeval(ackWait.Nanoseconds())
	return unix.SetsockoptTimeval(s.fd, unix.SOL_SOCKET, unix.SO_RCVTIMEO, &wait)
}

func (s *rtnl) close() { _ = unix.Close(s.fd) }

// begin starts a request in the batch and returns its number in it.
func (s *rtnl) begin(kind uint16, flags uint16) (start int) {
	if s.sent == 0 {
		s.base = s.seq + 1
	}
	s.seq++
	start = len(s.buf)
	s.buf = native.AppendUint32(s.buf, 0)
	s.buf = native.AppendUint16(s.buf, kind)
	s.buf = native.AppendUint16(s.buf, flags|unix.NLM_F_REQUEST|unix.NLM_F_ACK)
	s.buf = native.AppendUint32(s.buf, s.seq)
	s.buf = native.AppendUint32(s.buf, 0)
	s.sent++
	return start
}

// end closes the request or nested attribute that starts at start. The length
// of an attribute is 2 bytes, that of a request 4.
func (s *rtnl) end(start int) {
	native.PutUint32(s.buf[start:], uint32(len(s.buf)-start))
}

func (s *rtnl) endAttr(start int) {
	native.PutUint16(s.buf[start:], uint16(len(s.buf)-start))
}

// attr appends an attribute whose value is v.
func (s *rtnl) attr(kind uint16, v []byte) {
	s.buf = native.AppendUint16(s.buf, uint16(4+len(v)))
	s.buf = native.AppendUint16(s.buf, kind)
	s.buf = append(s.buf, v...)
	for len(s.buf)%4 != 0 {
		s.buf = append(s.buf, 0)
	}
}

func (s *rtnl) attr32(kind uint16, v uint32) {
	var b [4]byte
	native.PutUint32(b[:], v)
	s.attr(kind, b[:])
}

// nest starts an attribute that holds others; endAttr closes it.
func (s *rtnl) nest(kind uint16) (start int) {
	start = len(s.buf)
	s.attr(kind|unix.NLA_F_NESTED, nil)
	return start
}

func (s *rtnl) full() bool { return s.sent >= batchMessages }

// flush sends the batch and returns the outcome of each request, in order. The
// result is valid until the next flush. The kernel has carried out the whole
// batch when it returns.
func (s *rtnl) flush() []error {
	n := s.sent
	s.errs = s.errs[:0]
	for range n {
		s.errs = append(s.errs, errNoAnswer)
	}
	if n == 0 {
		return s.errs
	}
	err := unix.Sendto(s.fd, s.buf, 0, &unix.SockaddrNetlink{Family: unix.AF_NETLINK})
	s.buf, s.sent = s.buf[:0], 0
	for acked := 0; err == nil && acked < n; {
		err = s.receive(func(kind uint16, seq uint32, body []byte) {
			i := int(seq - s.base)
			if kind != unix.NLMSG_ERROR || i < 0 || i >= n || len(body) < 4 || s.errs[i] != errNoAnswer {
				return
			}
			s.errs[i] = nil
			if errno := -int32(native.Uint32(body)); errno != 0 {
				s.errs[i] = unix.Errno(errno)
			}
			acked++
		})
	}
	for i := range s.errs {
		if err != nil && s.errs[i] == errNoAnswer {
			s.errs[i] = err
		}
	}
	return s.errs
}

var (
	errNoAnswer = errors.New("no answer from the kernel")
	errOverrun  = errors.New("netlink messages were lost")
)

// receive reads one datagram and calls f for each message in it.
func (s *rtnl) receive(f func(kind uint16, seq uint32, body []byte)) error {
	var n int
	for {
		var err error
		n, _, err = unix.Recvfrom(s.fd, s.rx, 0)
		if errors.Is(err, unix.EINTR) {
			continue
		}
		if errors.Is(err, unix.ENOBUFS) {
			return errOverrun
		}
		if err != nil {
			return err
		}
		break
	}
	eachMessage(s.rx[:n], f)
	return nil
}

// eachMessage calls f for each netlink message in b.
func eachMessage(b []byte, f func(kind uint16, seq uint32, body []byte)) {
	for len(b) >= unix.SizeofNlMsghdr {
		length := int(native.Uint32(b))
		if length < unix.SizeofNlMsghdr || length > len(b) {
			return
		}
		f(native.Uint16(b[4:]), native.Uint32(b[8:]), b[unix.SizeofNlMsghdr:length])
		b = b[min((length+3)&^3, len(b)):]
	}
}

// dump asks for all objects of a kind and calls f for each. header is the
// request's fixed part.
// Changes during the dump are heard by a socket with groups that was opened before.
func (s *rtnl) dump(kind uint16, header []byte, f func(kind uint16, body []byte)) error {
	for range 3 {
		start := s.begin(kind, unix.NLM_F_DUMP)
		s.buf = append(s.buf, header...)
		s.end(start)
		err := unix.Sendto(s.fd, s.buf, 0, &unix.SockaddrNetlink{Family: unix.AF_NETLINK})
		s.buf, s.sent = s.buf[:0], 0
		want, done := s.seq, false
		var failed error
		for err == nil && !done {
			err = s.receive(func(kind uint16, seq uint32, body []byte) {
				switch {
				case seq != want:
				case kind == unix.NLMSG_DONE:
					done = true
				case kind == unix.NLMSG_ERROR:
					done = true
					if len(body) >= 4 && native.Uint32(body) != 0 {
						failed = unix.Errno(-int32(native.Uint32(body)))
					}
				default:
					f(kind, body)
				}
			})
		}
		if err == nil {
			err = failed
		}
		if !errors.Is(err, errOverrun) {
			return err
		}
	}
	return errOverrun
}

// eachAttr calls f for each attribute in b.
func eachAttr(b []byte, f func(kind uint16, value []byte)) {
	for len(b) >= 4 {
		length := int(native.Uint16(b))
		if length < 4 || length > len(b) {
			return
		}
		f(native.Uint16(b[2:])&^uint16(unix.NLA_F_NESTED|unix.NLA_F_NET_BYTEORDER), b[4:length])
		b = b[min((length+3)&^3, len(b)):]
	}
}
