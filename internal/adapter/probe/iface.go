package probe

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"time"

	"golang.org/x/sys/unix"
)

// ifaceProbe looks whether an interface is up and has a carrier (IFF_LOWER_UP,
// netdevice(7)). It asks by netlink: /sys may show another network namespace,
// and the flags of the ioctl have no room for the carrier; what they call
// running follows it with a delay of up to a second.
type ifaceProbe struct {
	name    string
	socket  int
	request []byte
	answer  []byte
}

func newInterface(t Target) (Probe, error) {
	name := t.Check.Target
	if name == "" || len(name) >= unix.IFNAMSIZ {
		return Probe{}, fmt.Errorf("%q: not a name of an interface", name)
	}
	p := &ifaceProbe{name: name, socket: -1, request: linkRequest(name), answer: make([]byte, 16<<10)}
	return Probe{Run: p.run, Close: p.close}, nil
}

// skipStats is RTEXT_FILTER_SKIP_STATS of linux/rtnetlink.h.
const skipStats = 1 << 3

// linkRequest is an RTM_GETLINK for one interface, without its statistics
// (rtnetlink(7)).
func linkRequest(name string) []byte {
	native := binary.NativeEndian
	b := make([]byte, unix.SizeofNlMsghdr+unix.SizeofIfInfomsg)
	b = appendAttribute(b, unix.IFLA_EXT_MASK, native.AppendUint32(nil, skipStats))
	b = appendAttribute(b, unix.IFLA_IFNAME, append([]byte(name), 0))
	native.PutUint32(b[0:], uint32(len(b)))
	native.PutUint16(b[4:], unix.RTM_GETLINK)
	native.PutUint16(b[6:], unix.NLM_F_REQUEST)
	return b
}

func appendAttribute(b []byte, kind uint16, value []byte) []byte {
	b = binary.NativeEndian.AppendUint16(b, uint16(unix.SizeofRtAttr+len(value)))
	b = binary.NativeEndian.AppendUint16(b, kind)
	b = append(b, value...)
	for len(b)%unix.RTA_ALIGNTO != 0 {
		b = append(b, 0)
	}
	return b
}

func (p *ifaceProbe) close() {
	if p.socket >= 0 {
		_ = unix.Close(p.socket)
		p.socket = -1
	}
}

func (p *ifaceProbe) run(context.Context, time.Time) Result {
	flags, err := p.flags()
	switch {
	case errors.Is(err, unix.ENODEV):
		return failed("no interface " + p.name)
	case err != nil:
		p.close() // an answer that comes late must not be taken for the next one
		return notRun(err.Error())
	case flags&unix.IFF_UP == 0:
		return failed(p.name + " is administratively down")
	case flags&unix.IFF_LOWER_UP == 0:
		return failed(p.name + " has no carrier")
	default:
		return passed()
	}
}

// flags asks the kernel, which answers a request for one interface before the
// request's system call returns, so nothing is waited for.
func (p *ifaceProbe) flags() (uint32, error) {
	if p.socket < 0 {
		socket, err := unix.Socket(unix.AF_NETLINK, unix.SOCK_RAW|unix.SOCK_CLOEXEC|unix.SOCK_NONBLOCK, unix.NETLINK_ROUTE)
		if err != nil {
			return 0, os.NewSyscallError("socket", err)
		}
		p.socket = socket
	}
	if _, err := unix.Write(p.socket, p.request); err != nil {
		return 0, os.NewSyscallError("netlink: write", err)
	}
	n, err := unix.Read(p.socket, p.answer)
	if err != nil {
		return 0, os.NewSyscallError("netlink: read", err)
	}
	return parseLink(p.answer[:n])
}

// parseLink takes the flags out of an RTM_NEWLINK, or the error out of an
// NLMSG_ERROR (netlink(7)).
func parseLink(b []byte) (flags uint32, err error) {
	native := binary.NativeEndian
	if len(b) < unix.SizeofNlMsghdr+unix.SizeofIfInfomsg {
		return 0, fmt.Errorf("netlink: answer of %d bytes", len(b))
	}
	body := b[unix.SizeofNlMsghdr:]
	switch kind := native.Uint16(b[4:]); kind {
	case unix.RTM_NEWLINK:
		return native.Uint32(body[8:]), nil
	case unix.NLMSG_ERROR:
		return 0, unix.Errno(-int32(native.Uint32(body)))
	default:
		return 0, fmt.Errorf("netlink: answer of kind %d", kind)
	}
}
