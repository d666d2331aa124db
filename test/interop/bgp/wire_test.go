package bgp

import (
	"context"
	"encoding/binary"
	"fmt"
	"net/netip"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/gopacket/gopacket"
	"github.com/gopacket/gopacket/layers"
	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"

	"stead/internal/core/clock"
	"stead/internal/testns"
)

// wire is what a server says to BGP peers, and when it removes addresses.
type wire struct {
	mu       sync.Mutex
	messages []message
	removed  map[string]clock.Instant // by address
}

// message is a BGP message on its way.
type message struct {
	at       clock.Instant
	to       netip.Addr
	kind     byte
	withdraw bool // an UPDATE that withdraws, and does not only say that all is told
	code     [2]byte
	text     string // of a Cease
}

// The types of messages.
const (
	msgOpen         = 1
	msgUpdate       = 2
	msgNotification = 3
	msgKeepalive    = 4
)

// listen begins to hear what a server says.
func (h *host) listen(t testing.TB) *wire {
	t.Helper()
	w := &wire{removed: map[string]clock.Instant{}}
	var fd int
	var err error
	network := binary.NativeEndian.Uint16(binary.BigEndian.AppendUint16(nil, unix.ETH_P_ALL))
	h.net.sw.Do(func() { fd, err = unix.Socket(unix.AF_PACKET, unix.SOCK_RAW|unix.SOCK_CLOEXEC, int(network)) })
	if err != nil {
		testns.Lacking(t, "CAP_NET_RAW", err)
	}
	tick := unix.NsecToTimeval(int64(20 * time.Millisecond))
	_ = unix.SetsockoptTimeval(fd, unix.SOL_SOCKET, unix.SO_RCVTIMEO, &tick)
	_ = unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_RCVBUFFORCE, 4<<20)
	if err := unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_TIMESTAMPNS, 1); err != nil {
		t.Fatal(err)
	}
	if err := unix.Bind(fd, &unix.SockaddrLinklayer{Protocol: network, Ifindex: h.net.sw.Link(t, h.name).Attrs().Index}); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	var ended sync.WaitGroup
	updates := make(chan netlink.AddrUpdate, 64)
	h.ns.Do(func() { err = netlink.AddrSubscribe(updates, ctx.Done()) })
	if err != nil {
		t.Fatal(err)
	}
	ended.Go(func() { w.hear(ctx, fd) })
	go w.follow(updates) // ends when the subscription does
	t.Cleanup(func() { cancel(); ended.Wait(); _ = unix.Close(fd) })
	return w
}

func (w *wire) follow(updates <-chan netlink.AddrUpdate) {
	for u := range updates {
		if u.NewAddr {
			continue
		}
		w.mu.Lock()
		w.removed[u.LinkAddress.IP.String()] = now()
		w.mu.Unlock()
	}
}

func (w *wire) hear(ctx context.Context, fd int) {
	buf, control := make([]byte, 1<<16), make([]byte, 128)
	for ctx.Err() == nil {
		n, c, _, from, err := unix.Recvmsg(fd, buf, control, 0)
		if at, ok := from.(*unix.SockaddrLinklayer); err != nil || !ok || at.Pkttype == unix.PACKET_OUTGOING {
			continue // what the switch sends to the server
		}
		w.take(buf[:n], stamped(control[:c]))
	}
}

// stamped is when the kernel has seen a frame.
func stamped(control []byte) clock.Instant {
	read := now()
	messages, _ := unix.ParseSocketControlMessage(control)
	for _, m := range messages {
		if m.Header.Level == unix.SOL_SOCKET && m.Header.Type == unix.SCM_TIMESTAMPNS && len(m.Data) >= 16 {
			at := time.Unix(int64(binary.NativeEndian.Uint64(m.Data)), int64(binary.NativeEndian.Uint64(m.Data[8:])))
			return read.Add(-time.Since(at))
		}
	}
	return read
}

// take reads the messages of a segment: each begins in one of its own, or after another.
func (w *wire) take(frame []byte, at clock.Instant) {
	p := gopacket.NewPacket(frame, layers.LayerTypeEthernet, gopacket.NoCopy)
	tcp, ok := p.TransportLayer().(*layers.TCP)
	if !ok || tcp.DstPort != 179 && tcp.SrcPort != 179 {
		return
	}
	to, _ := netip.AddrFromSlice(p.NetworkLayer().NetworkFlow().Dst().Raw())
	w.mu.Lock()
	defer w.mu.Unlock()
	for b := tcp.Payload; len(b) >= 19; {
		length := int(binary.BigEndian.Uint16(b[16:]))
		if length < 19 || length > len(b) {
			return
		}
		m := message{at: at, to: to, kind: b[18]}
		body := b[19:length]
		switch {
		case m.kind == msgUpdate:
			m.withdraw = withdraws(body)
		case m.kind == msgNotification && len(body) >= 2:
			m.code = [2]byte(body)
			if len(body) > 3 {
				m.text = string(body[3:])
			}
		}
		w.messages = append(w.messages, m)
		b = b[length:]
	}
}

// withdraws tells whether an UPDATE takes a route back: in its own field, or by
// MP_UNREACH_NLRI with more than its family.
func withdraws(body []byte) bool {
	if len(body) < 4 {
		return false
	}
	if binary.BigEndian.Uint16(body) > 0 {
		return true
	}
	attributes := body[4:]
	return len(attributes) > 6 && attributes[1] == 15 && attributes[2] > 3 || len(attributes) > 7 && attributes[1] == 15 && attributes[0]&0x10 != 0 && attributes[3] > 3
}

// order fails unless routers were told that a path is gone before the session
// ended, and before the address went.
func (w *wire) order(t testing.TB) {
	t.Helper()
	w.mu.Lock()
	defer w.mu.Unlock()
	gone, ceased := map[netip.Addr]clock.Instant{}, map[netip.Addr]clock.Instant{}
	for _, m := range w.messages {
		if _, told := gone[m.to]; m.withdraw && !told {
			gone[m.to] = m.at
		}
		if m.kind == msgNotification {
			ceased[m.to] = m.at
			if m.code != [2]byte{6, 2} || m.text == "" {
				t.Errorf("%s was told %v %q, want Cease, Administrative Shutdown and a text", m.to, m.code, m.text)
			}
		}
	}
	if len(gone) != 2 || len(ceased) != 2 {
		t.Errorf("%d routers were told that the path is gone, %d that the session ends: want 2 and 2", len(gone), len(ceased))
	}
	removed, ok := w.removed[vip4.String()]
	if !ok {
		t.Error("the address was not removed")
	}
	for to, at := range gone {
		if at > ceased[to] || at > removed {
			t.Errorf("%s: withdrawn %v after the session ended, %v after the address was removed", to, at.Sub(ceased[to]), at.Sub(removed))
		}
	}
	t.Log(fmt.Sprint("from the first withdrawal to the removal of the address: ", removed.Sub(first(gone))))
}

func first(all map[netip.Addr]clock.Instant) (at clock.Instant) {
	at = clock.Never
	for _, one := range all {
		at = min(at, one)
	}
	return at
}

// ceased fails unless each router was told of the end of its session, within a
// time, by this code.
func (w *wire) ceased(t testing.TB, after clock.Instant, code [2]byte, within time.Duration) {
	t.Helper()
	w.mu.Lock()
	defer w.mu.Unlock()
	told := map[netip.Addr]bool{}
	for _, m := range w.messages {
		if m.kind == msgNotification {
			told[m.to] = true
			t.Logf("%s was told %v after %v", m.to, m.code, m.at.Sub(after))
			if m.code != code || m.at.Sub(after) > within {
				t.Errorf("%s was told %v after %v, want %v within %v", m.to, m.code, m.at.Sub(after), code, within)
			}
		}
	}
	if len(told) != 2 {
		t.Errorf("%d routers were told why their session ended, want 2", len(told))
	}
}

// silent fails where a session was ended.
func (w *wire) silent(t testing.TB) {
	t.Helper()
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, m := range w.messages {
		if m.kind == msgNotification || m.kind == msgOpen {
			t.Errorf("%s had a message of type %d, %v %q", m.to, m.kind, m.code, m.text)
		}
	}
}

// told waits until a router was told of the end of its session by this code.
func (w *wire) told(t testing.TB, router netip.Addr, code [2]byte) {
	t.Helper()
	testns.Eventually(t, patience, fmt.Sprintf("%s is told %v", router, code), func() bool {
		w.mu.Lock()
		defer w.mu.Unlock()
		return slices.ContainsFunc(w.messages, func(m message) bool { return m.to == router && m.kind == msgNotification && m.code == code })
	})
}
