package fence

import (
	"encoding/binary"
	"errors"
	"fmt"

	"golang.org/x/sys/unix"
)

// remover takes addresses off interfaces by a netlink socket that it keeps.
type remover struct {
	netlink int
	ioctl   int
	serial  uint32
	request [128]byte
	answer  [4096]byte
}

// removeTimeout bounds the wait for the kernel's answer, in seconds.
const removeTimeout = 1

func newRemover() (*remover, error) {
	nl, err := unix.Socket(unix.AF_NETLINK, unix.SOCK_RAW|unix.SOCK_CLOEXEC, unix.NETLINK_ROUTE)
	if err != nil {
		return nil, fmt.Errorf("open netlink: %w", err)
	}
	// The answers carry no copy of the request.
	_ = unix.SetsockoptInt(nl, unix.SOL_NETLINK, unix.NETLINK_CAP_ACK, 1)
	if err := unix.SetsockoptTimeval(nl, unix.SOL_SOCKET, unix.SO_RCVTIMEO, &unix.Timeval{Sec: removeTimeout}); err != nil {
		return nil, fmt.Errorf("set the netlink timeout: %w", err)
	}
	if err := unix.Bind(nl, &unix.SockaddrNetlink{Family: unix.AF_NETLINK}); err != nil {
		return nil, fmt.Errorf("bind netlink: %w", err)
	}
	io, err := unix.Socket(unix.AF_INET, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return nil, fmt.Errorf("open a socket: %w", err)
	}
	return &remover{netlink: nl, ioctl: io}, nil
}

// remove takes an address off its interface. The kernel's refusal is a
// unix.Errno: EADDRNOTAVAIL where it is not there, ENODEV where the interface is not.
func (r *remover) remove(a Address) error {
	ifr, err := unix.NewIfreq(a.Interface)
	if err != nil {
		return err
	}
	// The index is asked for each time: an interface that was made again has another.
	if err := unix.IoctlIfreq(r.ioctl, unix.SIOCGIFINDEX, ifr); err != nil {
		return err
	}
	r.serial++
	message := r.build(a, ifr.Uint32())
	if err := unix.Sendto(r.netlink, message, 0, &unix.SockaddrNetlink{Family: unix.AF_NETLINK}); err != nil {
		return err
	}
	return r.acknowledged()
}

// build makes an RTM_DELADDR request (rtnetlink(7)).
func (r *remover) build(a Address, index uint32) []byte {
	ip := a.Prefix.Addr().AsSlice()
	family := byte(unix.AF_INET)
	if a.Prefix.Addr().Is6() {
		family = unix.AF_INET6
	}
	native := binary.NativeEndian
	m := r.request[:0]
	m = native.AppendUint32(m, 0) // the length, below
	m = native.AppendUint16(m, unix.RTM_DELADDR)
	m = native.AppendUint16(m, unix.NLM_F_REQUEST|unix.NLM_F_ACK)
	m = native.AppendUint32(m, r.serial)
	m = native.AppendUint32(m, 0)
	m = append(m, family, byte(a.Prefix.Bits()), 0, 0)
	m = native.AppendUint32(m, index)
	m = native.AppendUint16(m, uint16(unix.SizeofRtAttr+len(ip)))
	m = native.AppendUint16(m, unix.IFA_LOCAL)
	m = append(m, ip...)
	native.PutUint32(m, uint32(len(m)))
	return m
}

// maxAnswers bounds how many answers to earlier requests, which timed out, are
// passed over.
const maxAnswers = 16

// errNoAnswer is the error of a kernel that does not answer.
var errNoAnswer = errors.New("netlink: no answer")

// acknowledged waits for the kernel's answer to the last request.
func (r *remover) acknowledged() error {
	for range maxAnswers {
		n, _, err := unix.Recvfrom(r.netlink, r.answer[:], 0)
		if err != nil {
			return err
		}
		if n < unix.NLMSG_HDRLEN+4 {
			continue
		}
		native := binary.NativeEndian
		if native.Uint16(r.answer[4:]) != unix.NLMSG_ERROR || native.Uint32(r.answer[8:]) != r.serial {
			continue
		}
		if code := int32(native.Uint32(r.answer[unix.NLMSG_HDRLEN:])); code != 0 {
			return unix.Errno(-code)
		}
		return nil
	}
	return errNoAnswer
}
