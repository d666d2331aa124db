package bgp

import (
	"bytes"
	"fmt"
	"io"
	"net/netip"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"stead/internal/core"
	"stead/internal/core/bgp"
	"stead/internal/testns"
)

// One dials, the other listens, in both families; messages go both ways; the one
// that hangs up is told nothing more, and the other that it is closed.
func TestBothWays(t *testing.T) {
	t.Parallel()
	na, nb := cable(t)
	for i, c := range [][2]string{{"192.0.2.1", "192.0.2.2"}, {"fd00::1", "fd00::2"}} {
		t.Run(c[1], func(t *testing.T) {
			port := uint16(1790 + i)
			there, here := netip.AddrPortFrom(netip.MustParseAddr(c[1]), port), netip.AddrPortFrom(netip.MustParseAddr(c[0]), 179)
			a := run(t, na, 0, at("192.0.2.99:179"), at(there.String()).with(func(p *Peer) { p.Source = netip.MustParseAddr(c[0]) }))
			b := run(t, nb, port, at(here.String()).with(func(p *Peer) { p.Passive = true }))
			testns.Eventually(t, patience, "b listens", func() bool { return listens(t, nb, port) })
			a.dials(1, 7)
			if e := a.next(t, core.StreamOpened); e.peer != there.String() || e.Conn != 7 || e.Local != here.Addr() {
				t.Errorf("a was told %+v", e)
			}
			e := b.next(t, core.StreamOpened)
			if e.peer != here.String() || e.Conn != bgp.FirstIncoming || e.Local != there.Addr() {
				t.Errorf("b was told %+v", e)
			}
			a.writes(1, 7, openMessage)
			if got := b.next(t, core.StreamMessage); !bytes.Equal(got.Bytes, openMessage) || got.Conn != bgp.FirstIncoming {
				t.Errorf("b was told %+v", got)
			}
			b.writes(0, bgp.FirstIncoming, append(bytes.Clone(openMessage), keepalive...))
			for _, want := range [][]byte{openMessage, keepalive} {
				if got := a.next(t, core.StreamMessage); !bytes.Equal(got.Bytes, want) {
					t.Errorf("a was told %+v, want % x", got, want)
				}
			}
			if n := a.taken(7); n != len(openMessage) {
				t.Errorf("a was told of %d bytes sent", n)
			}
			if st := a.status(1); len(st.Connections) != 1 || st.Connections[0].Remote != there || st.Connections[0].Local.Addr() != here.Addr() ||
				st.In != uint64(len(openMessage)+len(keepalive)) || st.Out != uint64(len(openMessage)) || st.Problem != "" {
				t.Errorf("%+v", st)
			}
			a.writes(1, 7, notification)
			a.hangs(1, 7)
			b.next(t, core.StreamMessage)
			if got := b.next(t, core.StreamClosed); got.Detail != "closed by the peer" {
				t.Errorf("b was told %+v", got)
			}
			testns.Eventually(t, patience, "a has let go of it", func() bool { return len(a.status(1).Connections) == 0 })
			a.nothing(t)
			b.nothing(t)
		})
	}
}

// listens tells whether a TCP port of a namespace is listened on.
func listens(t testing.TB, ns *testns.NS, port uint16) bool {
	t.Helper()
	return ns.Run(t, "ss", "-Hltn", fmt.Sprintf("sport = :%d", port)) != ""
}

// UPDATEs are counted: many make few events, none is lost, and the count comes
// before a message that came after them.
func TestManyUpdates(t *testing.T) {
	t.Parallel()
	h, c := meets(t, asIs)
	const n = 100_000
	begun := time.Now()
	go func() {
		some := bytes.Repeat(update, 100)
		for range n / 100 {
			if _, err := c.Write(some); err != nil {
				return
			}
		}
		_, _ = c.Write(keepalive)
	}()
	events, count := 0, 0
	for count < n {
		count += h.next(t, core.StreamUpdates).Count
		events++
	}
	// One each 100 ms, the last one with the message.
	if most := 2 + int(time.Since(begun)/tellEvery); count != n || events > most {
		t.Errorf("%d UPDATEs in %d events, want %d in at most %d", count, events, n, most)
	}
	if e := h.next(t, core.StreamMessage); !bytes.Equal(e.Bytes, keepalive) {
		t.Errorf("told %+v", e)
	}
}

// An UPDATE with nothing behind it is told soon: the session's hold timer is kept.
func TestOneUpdate(t *testing.T) {
	t.Parallel()
	h, c := meets(t, asIs)
	for range 2 {
		if _, err := c.Write(update); err != nil {
			t.Fatal(err)
		}
		if e := h.next(t, core.StreamUpdates); e.Count != 1 {
			t.Errorf("told %+v", e)
		}
	}
}

// A peer that sends messages without end does not fill the engine's queue: it is
// read no faster than the limit, and hangs at its own socket.
func TestFloodOfKeepalives(t *testing.T) {
	t.Parallel()
	h, c := meets(t, asIs)
	done := make(chan struct{})
	go func() {
		defer close(done)
		some := bytes.Repeat(keepalive, 1000)
		for {
			if _, err := c.Write(some); err != nil {
				return
			}
		}
	}()
	begun := time.Now()
	const windows = 5
	for range windows * maxOthers {
		h.next(t, core.StreamMessage)
	}
	if took := time.Since(begun); took < (windows-2)*tellEvery {
		t.Errorf("%d messages were told in %v", windows*maxOthers, took)
	}
	// What was read is bounded: the rest waits with the peer.
	if in := h.status(0).In; in > 3*readBuffer {
		t.Errorf("%d bytes were read", in)
	}
	h.hangs(0, 1)
	<-done
}

// Messages that arrive byte by byte, and many at once, are the same messages.
func TestFraming(t *testing.T) {
	t.Parallel()
	h, c := meets(t, asIs)
	longest := message(bgp.TypeNotification, string(bytes.Repeat([]byte("n"), bgp.MaxMessage-bgp.HeaderLen)))
	stream := bytes.Join([][]byte{openMessage, keepalive, update, longest, keepalive}, nil)
	for i := range 60 {
		if _, err := c.Write(stream[i : i+1]); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := c.Write(stream[60:]); err != nil {
		t.Fatal(err)
	}
	for _, want := range [][]byte{openMessage, keepalive, nil, longest, keepalive} {
		if want == nil {
			if e := h.next(t, core.StreamUpdates); e.Count != 1 {
				t.Errorf("told %+v", e)
			}
		} else if e := h.next(t, core.StreamMessage); !bytes.Equal(e.Bytes, want) {
			t.Errorf("told % x\nwant % x", e.Bytes[:20], want[:20])
		}
	}
}

// What is no BGP is told as a header, once, and nothing behind it is read.
func TestGarbage(t *testing.T) {
	t.Parallel()
	for what, b := range map[string][]byte{
		"marker":   []byte("GET / HTTP/1.1\r\nHost: 192.0.2.1\r\n\r\n and more"),
		"length":   append(bytes.Repeat([]byte{0xff}, 16), 0x10, 0x01, 1),
		"type":     message(9, ""),
		"too long": message(bgp.TypeKeepalive, "x"),
	} {
		t.Run(what, func(t *testing.T) {
			h, c := meets(t, asIs)
			if _, err := c.Write(append(append(bytes.Clone(update), b...), keepalive...)); err != nil {
				t.Fatal(err)
			}
			h.next(t, core.StreamUpdates)
			if e := h.next(t, core.StreamMessage); !bytes.Equal(e.Bytes, b[:bgp.HeaderLen]) {
				t.Errorf("told % x", e.Bytes)
			}
			h.writes(0, 1, notification)
			begun := time.Now()
			h.hangs(0, 1)
			reads(t, c, notification)
			if _, err := c.Read(make([]byte, 1)); err != io.EOF || time.Since(begun) >= hangupLimit {
				t.Errorf("after the notification: %v, after %v", err, time.Since(begun))
			}
			h.nothing(t)
		})
	}
}

// A peer that does not read: what the kernel does not take is queued in order, and
// sent when the peer reads again.
func TestQueue(t *testing.T) {
	t.Parallel()
	h, c := meets(t, asIs)
	_ = c.SetReadBuffer(4096)
	chunk := make([]byte, 50_000)
	total := 0
	for h.status(0).Connections[0].Queued < maxQueued/2 {
		for i := range chunk {
			chunk[i] = byte(total / 7)
			total++
		}
		h.writes(0, 1, chunk)
	}
	// The peer reads on while more is written.
	const size = 30_000_000
	got := make([]byte, size)
	read := make(chan error, 1)
	go func() { _, err := io.ReadFull(c, got); read <- err }()
	for total < size {
		chunk = chunk[:min(len(chunk), 1+total%3000, size-total)]
		for i := range chunk {
			chunk[i] = byte(total / 7)
			total++
		}
		testns.Eventually(t, patience, "there is room", func() bool { return h.status(0).Connections[0].Queued < maxQueued/2 })
		h.writes(0, 1, chunk)
		chunk = chunk[:cap(chunk)]
	}
	if err := <-read; err != nil {
		t.Fatal(err)
	}
	for i, b := range got {
		if b != byte(i/7) {
			t.Fatalf("byte %d of %d is wrong", i, total)
		}
	}
	testns.Eventually(t, patience, "all is told as sent", func() bool { return h.taken(1) == total })
	// And the engine writes by itself again.
	h.writes(0, 1, keepalive)
	if n := h.taken(1); n != total+len(keepalive) {
		t.Errorf("%d of %d bytes were taken when Write returned", n, total+len(keepalive))
	}
	reads(t, c, keepalive)
	h.nothing(t)
}

// Nor may more than a bound be waiting.
func TestQueueIsBounded(t *testing.T) {
	t.Parallel()
	h, c := meets(t, asIs)
	_ = c.SetReadBuffer(4096)
	chunk := make([]byte, 64<<10)
	for range 1000 {
		h.writes(0, 1, chunk)
		st := h.status(0)
		if len(st.Connections) == 0 {
			break
		}
		if q := st.Connections[0].Queued; q > maxQueued {
			t.Fatalf("%d bytes are queued", q)
		}
	}
	if e := h.next(t, core.StreamClosed); e.Detail != "given up: the peer does not read what is sent, and 1 MiB is waiting for it" {
		t.Errorf("told %+v", e)
	}
	h.nothing(t)
}

// Hangup sends what is queued before it closes, while the peer goes on sending.
func TestHangupDelivers(t *testing.T) {
	t.Parallel()
	h, c := meets(t, asIs)
	_ = c.SetReadBuffer(4096)
	total := 0
	for h.status(0).Connections[0].Queued == 0 {
		h.writes(0, 1, make([]byte, 100_000))
		total += 100_000
	}
	if _, err := c.Write(bytes.Repeat(update, 100)); err != nil {
		t.Fatal(err)
	}
	h.writes(0, 1, notification)
	h.hangs(0, 1)
	h.writes(0, 1, keepalive) // too late: it is dropped
	got, err := io.ReadAll(c)
	if err != nil || len(got) != total+len(notification) || !bytes.HasSuffix(got, notification) {
		t.Errorf("%d of %d bytes: %v", len(got), total+len(notification), err)
	}
	h.stop()
}

// Hangup ends after a second where the peer neither reads nor closes.
func TestHangupEnds(t *testing.T) {
	t.Parallel()
	h, c := meets(t, asIs)
	_ = c.SetReadBuffer(4096)
	for h.status(0).Connections[0].Queued == 0 {
		h.writes(0, 1, make([]byte, 100_000))
	}
	begun := time.Now()
	h.hangs(0, 1)
	testns.Eventually(t, 2*hangupLimit, "it is closed", func() bool { return len(h.status(0).Connections) == 0 })
	if took := time.Since(begun); took < hangupLimit {
		t.Errorf("it was closed after %v", took)
	}
	h.nothing(t)
}

// What the peer does to a connection is told in words.
func TestPeerCloses(t *testing.T) {
	t.Parallel()
	t.Run("close", func(t *testing.T) {
		h, c := meets(t, asIs)
		if _, err := c.Write(notification); err != nil {
			t.Fatal(err)
		}
		_ = c.Close()
		h.next(t, core.StreamMessage)
		if e := h.next(t, core.StreamClosed); e.Detail != "closed by the peer" {
			t.Errorf("told %+v", e)
		}
	})
	t.Run("reset", func(t *testing.T) {
		h, c := meets(t, asIs)
		_ = c.SetLinger(0)
		_ = c.Close()
		if e := h.next(t, core.StreamClosed); e.Detail != "reset by the peer" {
			t.Errorf("told %+v", e)
		}
		h.writes(0, 1, keepalive)
		h.hangs(0, 1)
		h.nothing(t)
	})
	t.Run("reset while nothing is read", func(t *testing.T) {
		h, c := meets(t, asIs)
		if _, err := c.Write(message(9, "")); err != nil {
			t.Fatal(err)
		}
		h.next(t, core.StreamMessage)
		_ = c.SetLinger(0)
		_ = c.Close()
		h.next(t, core.StreamClosed)
	})
}

// A connection into a black hole ends after the user timeout.
func TestBlackHole(t *testing.T) {
	t.Parallel()
	na, nb := cable(t)
	l := listen(t, nb, "192.0.2.2:179")
	h := run(t, na, 0, at("192.0.2.2:179").with(func(p *Peer) { p.UserTimeout = time.Second }))
	h.dials(0, 1)
	accept(t, l)
	h.next(t, core.StreamOpened)
	nb.Run(t, "ip", "route", "add", "blackhole", "192.0.2.1/32")
	nb.Run(t, "ip", "neigh", "replace", "192.0.2.1", "lladdr", "02:00:00:00:00:99", "dev", "eth0")
	h.writes(0, 1, keepalive)
	e := h.next(t, core.StreamClosed)
	contains(t, e.Detail, "timed out: nothing was acknowledged for 1s")
}

// How long a write of the engine's takes, and whether it allocates: what the
// kernel takes at once is sent when Write returns.
func BenchmarkWrite(bench *testing.B) {
	h, c := meets(bench, asIs)
	go func() { _, _ = io.Copy(io.Discard, c) }()
	w := &core.StreamWrite{StreamConn: core.StreamConn{Conn: 1}, Bytes: keepalive}
	bench.ReportAllocs()
	bench.ResetTimer()
	for range bench.N {
		h.Write(w)
	}
	bench.StopTimer()
	testns.Eventually(bench, patience, "all is sent", func() bool { return h.taken(1) == bench.N*len(keepalive) })
	_ = c.Close()
}

// Options of a socket: what a connection needs to be like a router's.
func TestSocketOptions(t *testing.T) {
	t.Parallel()
	h, _ := meets(t, func(p *Peer) { p.TTL = 3; p.MinTTL = 60 })
	for _, st := range h.peers[0].list() {
		fd := st.fd
		for name, o := range map[string][3]int{
			"TOS": {unix.IPPROTO_IP, unix.IP_TOS, dscp}, "TTL": {unix.IPPROTO_IP, unix.IP_TTL, 3},
			"least TTL": {unix.IPPROTO_IP, unix.IP_MINTTL, 60}, "no delay": {unix.IPPROTO_TCP, unix.TCP_NODELAY, 1},
			"user timeout": {unix.IPPROTO_TCP, unix.TCP_USER_TIMEOUT, 9000}, "protocol": {unix.SOL_SOCKET, unix.SO_PROTOCOL, unix.IPPROTO_TCP},
			"priority": {unix.SOL_SOCKET, unix.SO_PRIORITY, 6},
		} {
			if got, err := unix.GetsockoptInt(fd, o[0], o[1]); err != nil || got != o[2] {
				t.Errorf("%s: %d, %v", name, got, err)
			}
		}
	}
}
