package bgp

import (
	"encoding/binary"
	"errors"
	"io"
	"net"
	"net/netip"
	"sync"
	"testing"
	"time"

	"stead/internal/core/clock"
)

// stub is a peer that does what a test wants, in place of a router.
type stub struct {
	listener net.Listener
	conns    chan net.Conn

	mu       sync.Mutex
	accepted []clock.Instant
}

// stub puts a stub on a host, at an address of the switch.
func (h *host) stub(t testing.TB, at netip.Addr) *stub {
	t.Helper()
	s := &stub{conns: make(chan net.Conn, 16)}
	h.ns.Addr(t, "eth1", prefixOf(at).String())
	var err error
	h.ns.Do(func() { s.listener, err = net.Listen("tcp", netip.AddrPortFrom(at, 179).String()) })
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		for {
			c, err := s.listener.Accept()
			if err != nil {
				return
			}
			s.mu.Lock()
			s.accepted = append(s.accepted, now())
			s.mu.Unlock()
			select {
			case s.conns <- c:
			default:
				_ = c.Close()
			}
		}
	}()
	t.Cleanup(func() {
		_ = s.listener.Close()
		<-done
		for {
			select {
			case c := <-s.conns:
				_ = c.Close()
			default:
				return
			}
		}
	})
	return s
}

// times are when connections came in.
func (s *stub) times() []clock.Instant {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([]clock.Instant(nil), s.accepted...)
}

// talk is a connection of a stub.
type talk struct {
	net.Conn
	t testing.TB
}

// accept waits for the next connection.
func (s *stub) accept(t testing.TB) *talk {
	t.Helper()
	select {
	case c := <-s.conns:
		_ = c.SetDeadline(time.Now().Add(patience))
		t.Cleanup(func() { _ = c.Close() })
		return &talk{c, t}
	case <-time.After(patience):
		t.Fatalf("no connection within %v", patience)
		return nil
	}
}

// read is the next message: its type and what follows its header.
func (c *talk) read() (kind byte, body []byte) {
	c.t.Helper()
	kind, body, err := c.next()
	if err != nil {
		c.t.Fatalf("read a message: %v", err)
	}
	return kind, body
}

func (c *talk) next() (kind byte, body []byte, err error) {
	var head [19]byte
	if _, err := io.ReadFull(c, head[:]); err != nil {
		return 0, nil, err
	}
	length := binary.BigEndian.Uint16(head[16:])
	if length < 19 || length > 4096 {
		return 0, nil, errors.New("a message of an impossible length")
	}
	body = make([]byte, length-19)
	_, err = io.ReadFull(c, body)
	return head[18], body, err
}

// say sends a message.
func (c *talk) say(kind byte, body ...byte) {
	c.t.Helper()
	c.send(say(kind, body...))
}

func (c *talk) send(b []byte) {
	c.t.Helper()
	if _, err := c.Write(b); err != nil {
		c.t.Fatalf("write a message: %v", err)
	}
}

func say(kind byte, body ...byte) []byte {
	b := make([]byte, 16, 19+len(body))
	for i := range b {
		b[i] = 0xff
	}
	b = binary.BigEndian.AppendUint16(b, uint16(19+len(body)))
	return append(append(b, kind), body...)
}

// opening is the body of an OPEN of the route servers' AS with both families,
// route refresh and 4-octet AS numbers.
func opening(as uint16, hold uint16, id byte) []byte {
	b := binary.BigEndian.AppendUint16([]byte{4}, as)
	b = binary.BigEndian.AppendUint16(b, hold)
	b = append(b, 10, 0, 1, id)
	capabilities := []byte{
		1, 4, 0, 1, 0, 1, // IPv4 unicast
		1, 4, 0, 2, 0, 1, // IPv6 unicast
		2, 0, // route refresh
		65, 4, 0, 0, byte(as >> 8), byte(as),
	}
	return append(append(b, byte(len(capabilities)+2), 2, byte(len(capabilities))), capabilities...)
}

// establish goes as far as a session with the hold time.
func (c *talk) establish(hold uint16) {
	c.t.Helper()
	if kind, _ := c.read(); kind != msgOpen {
		c.t.Fatalf("the first message is of type %d, not an OPEN", kind)
	}
	c.say(msgOpen, opening(routerAS, hold, 4)...)
	c.say(msgKeepalive)
	for {
		if kind, _ := c.read(); kind == msgUpdate {
			return
		}
	}
}

// notified reads on until a NOTIFICATION, and returns its code and subcode.
func (c *talk) notified() (code [2]byte) {
	c.t.Helper()
	for {
		kind, body, err := c.next()
		if err != nil {
			c.t.Fatalf("no NOTIFICATION: %v", err)
		}
		if kind == msgNotification && len(body) >= 2 {
			return [2]byte(body)
		}
	}
}
