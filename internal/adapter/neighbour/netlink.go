package neighbour

import (
	"encoding/binary"
	"errors"
	"fmt"
	"net/netip"
	"time"

	"golang.org/x/sys/unix"
)

// answerWithin bounds the wait for the kernel's answer.
const answerWithin = time.Second

// ndaFlagsExt holds further flags of an entry (NDA_FLAGS_EXT, Linux 5.16).
const ndaFlagsExt = 15

var native = binary.NativeEndian

// conn is a routing netlink socket with buffers that are used again.
type conn struct {
	fd     int
	seq    uint32
	tx, rx []byte
}

func open() (*conn, error) {
	fd, err := unix.Socket(unix.AF_NETLINK, unix.SOCK_RAW|unix.SOCK_CLOEXEC, unix.NETLINK_ROUTE)
	if err != nil {
		return nil, fmt.Errorf("open a netlink socket: %w", err)
	}
	c := &conn{fd: fd, tx: make([]byte, 0, 128), rx: make([]byte, 8<<10)}
	err = unix.Bind(fd, &unix.SockaddrNetlink{Family: unix.AF_NETLINK})
	wait := unix.NsecToTimeval(answerWithin.Nanoseconds())
	if err := errors.Join(err, unix.SetsockoptTimeval(fd, unix.SOL_SOCKET, unix.SO_RCVTIMEO, &wait)); err != nil {
		c.close()
		return nil, fmt.Errorf("prepare a netlink socket: %w", err)
	}
	return c, nil
}

func (c *conn) close() { _ = unix.Close(c.fd) }

func (c *conn) begin(kind, flags uint16) {
	c.seq++
	c.tx = native.AppendUint32(c.tx[:0], 0)
	c.tx = native.AppendUint16(c.tx, kind)
	c.tx = native.AppendUint16(c.tx, flags|unix.NLM_F_REQUEST)
	c.tx = native.AppendUint32(c.tx, c.seq)
	c.tx = native.AppendUint32(c.tx, 0)
}

// attr appends an attribute of up to 16 bytes.
func (c *conn) attr(kind uint16, value []byte) {
	c.tx = native.AppendUint16(c.tx, uint16(4+len(value)))
	c.tx = native.AppendUint16(c.tx, kind)
	c.tx = append(c.tx, value...)
	c.tx = append(c.tx, make([]byte, -len(value)&3)...)
}

func (c *conn) addr(kind uint16, a netip.Addr) {
	if a.Is4() {
		b := a.As4()
		c.attr(kind, b[:])
		return
	}
	b := a.As16()
	c.attr(kind, b[:])
}

// do sends the request and returns the body of the answer, valid until the next
// one. An acknowledgement has none.
func (c *conn) do() ([]byte, error) {
	native.PutUint32(c.tx, uint32(len(c.tx)))
	if _, err := unix.Write(c.fd, c.tx); err != nil {
		return nil, err
	}
	for {
		n, err := unix.Read(c.fd, c.rx)
		if errors.Is(err, unix.EINTR) {
			continue
		}
		if err != nil {
			return nil, err
		}
		b := c.rx[:n]
		if n < unix.SizeofNlMsghdr+4 || native.Uint32(b[8:]) != c.seq {
			continue // the answer to one that was given up
		}
		body := b[unix.SizeofNlMsghdr:min(n, max(int(native.Uint32(b)), unix.SizeofNlMsghdr))]
		if native.Uint16(b[4:]) != unix.NLMSG_ERROR {
			return body, nil
		}
		if errno := -int32(native.Uint32(body)); errno != 0 {
			return nil, unix.Errno(errno)
		}
		return nil, nil
	}
}

func family(a netip.Addr) byte {
	if a.Is4() {
		return unix.AF_INET
	}
	return unix.AF_INET6
}

// state returns the state of a neighbour's entry. One that another program
// manages, and one that is not there, are NUD_NONE.
func (c *conn) state(index int32, a netip.Addr) (uint16, error) {
	c.begin(unix.RTM_GETNEIGH, 0)
	c.neighbour(index, a, unix.NUD_NONE, 0)
	body, err := c.do()
	if errors.Is(err, unix.ENOENT) || errors.Is(err, unix.ENODEV) {
		return unix.NUD_NONE, nil
	}
	if err != nil || len(body) < unix.SizeofNdMsg {
		return unix.NUD_NONE, err
	}
	foreign := body[10]&^unix.NTF_ROUTER != 0
	eachAttr(body[unix.SizeofNdMsg:], func(kind uint16, v []byte) {
		foreign = foreign || kind == ndaFlagsExt && len(v) == 4 && native.Uint32(v) != 0
	})
	if foreign {
		return unix.NUD_NONE, nil
	}
	return native.Uint16(body[8:]), nil
}

// askAgain sets an entry to a state and has the kernel use it. An entry that has
// gone in the meantime needs neither.
func (c *conn) askAgain(index int32, a netip.Addr, state uint16) error {
	c.begin(unix.RTM_NEWNEIGH, unix.NLM_F_REPLACE|unix.NLM_F_ACK)
	c.neighbour(index, a, state, 0)
	_, err := c.do()
	if err == nil {
		c.begin(unix.RTM_NEWNEIGH, unix.NLM_F_REPLACE|unix.NLM_F_ACK)
		c.neighbour(index, a, unix.NUD_NONE, unix.NTF_USE)
		_, err = c.do()
	}
	if errors.Is(err, unix.ENOENT) || errors.Is(err, unix.ENODEV) {
		return nil
	}
	return err
}

func (c *conn) neighbour(index int32, a netip.Addr, state uint16, flags byte) {
	c.tx = append(c.tx, family(a), 0, 0, 0)
	c.tx = native.AppendUint32(c.tx, uint32(index))
	c.tx = native.AppendUint16(c.tx, state)
	c.tx = append(c.tx, flags, 0)
	c.addr(unix.NDA_DST, a)
}

var errLocal = errors.New("not a way to another host")

// route returns the interface and the next hop that the kernel takes for a path.
func (c *conn) route(p Path) (index int32, hop netip.Addr, err error) {
	to, bits := p.Remote.Addr(), byte(p.Remote.Addr().BitLen())
	c.begin(unix.RTM_GETROUTE, 0)
	c.tx = append(c.tx, family(to), bits, bits, 0, 0, 0, 0, 0, 0, 0, 0, 0)
	c.addr(unix.RTA_DST, to)
	c.addr(unix.RTA_SRC, p.Local.Addr())
	// Rules and the choice among equal ways may go by the ports.
	c.attr(unix.RTA_IP_PROTO, []byte{unix.IPPROTO_UDP})
	c.attr(unix.RTA_SPORT, binary.BigEndian.AppendUint16(nil, p.Local.Port()))
	c.attr(unix.RTA_DPORT, binary.BigEndian.AppendUint16(nil, p.Remote.Port()))
	body, err := c.do()
	if err != nil {
		return 0, hop, err
	}
	if len(body) < unix.SizeofRtMsg || body[7] != unix.RTN_UNICAST {
		return 0, hop, errLocal
	}
	hop = to
	eachAttr(body[unix.SizeofRtMsg:], func(kind uint16, v []byte) {
		switch {
		case kind == unix.RTA_OIF && len(v) == 4:
			index = int32(native.Uint32(v))
		case kind == unix.RTA_GATEWAY:
			hop, _ = netip.AddrFromSlice(v)
		case kind == unix.RTA_VIA && len(v) > 2: // an IPv6 next hop of IPv4
			hop, _ = netip.AddrFromSlice(v[2:])
		}
	})
	if index == 0 || !hop.IsValid() {
		return 0, hop, errLocal
	}
	return index, hop, nil
}

// eachAttr calls f for each attribute in b.
func eachAttr(b []byte, f func(kind uint16, value []byte)) {
	for len(b) >= 4 {
		length := int(native.Uint16(b))
		if length < 4 || length > len(b) {
			return
		}
		f(native.Uint16(b[2:]), b[4:length])
		b = b[min((length+3)&^3, len(b)):]
	}
}
