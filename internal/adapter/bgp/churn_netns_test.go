package bgp

import (
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"stead/internal/core"
	"stead/internal/core/bgp"
	"stead/internal/testns"
)

// Connections come and go on both sides, hung up, reset and reloaded at any moment,
// while both write. Whatever arrives belongs to the connection that it arrives on,
// in order; the end of each is told once, and not at all after a Hangup; and no
// descriptor is left.
func TestChurn(t *testing.T) {
	na, nb := cable(t)
	before := descriptors(t)
	a := run(t, na, 0, at("192.0.2.2:179"), at("[fd00::2]:179"))
	peers := []Peer{at("192.0.2.1:179"), at("[fd00::1]:179")}
	b := run(t, nb, 179, peers...)
	testns.Eventually(t, patience, "b listens", func() bool { return listens(t, nb, 179) })
	const seed, rounds = 7, 3000
	r := rand.New(rand.NewPCG(seed, seed))
	var dialled bgp.Conn
	written := map[bgp.Conn]uint32{}
	hung := map[string]int{} // connection → how much was told of it when it was hung up
	for range rounds {
		conn := bgp.Conn(1)
		if dialled > 0 {
			conn += bgp.Conn(r.Uint32N(uint32(dialled)))
		}
		peer := int(conn % 2)
		switch action := r.IntN(8); {
		case action == 0 || dialled == 0:
			dialled++
			a.dials(int(dialled%2), dialled)
		case action == 1:
			a.hangs(peer, conn)
			a.mark(hung, conn)
		case action == 2:
			b.hangs(r.IntN(2), bgp.FirstIncoming+bgp.Conn(r.Uint32N(uint32(dialled)+1)))
		case action == 3:
			replace(t, b, 179, peers...)
		default:
			for range r.IntN(50) {
				var body [8]byte
				binary.BigEndian.PutUint32(body[:], uint32(conn))
				binary.BigEndian.PutUint32(body[4:], written[conn])
				written[conn]++
				a.writes(peer, conn, message(bgp.TypeNotification, string(body[:])))
			}
		}
		if r.IntN(20) == 0 {
			time.Sleep(time.Millisecond) // for the loops to go on
		}
	}
	a.stop()
	b.stop()
	if dialled < rounds/20 {
		t.Fatalf("only %d connections", dialled)
	}
	a.once(t, hung)
	if n := b.ordered(t); n < int(dialled) {
		t.Errorf("only %d messages of %d connections arrived", n, dialled)
	}
	testns.Eventually(t, patience, "no descriptor is left", func() bool { return descriptors(t) <= before })
}

// mark notes how much has been told when a connection is hung up.
func (h *host) mark(hung map[string]int, conn bgp.Conn) {
	h.mu.Lock()
	defer h.mu.Unlock()
	name := fmt.Sprint(conn)
	if _, ok := hung[name]; !ok {
		hung[name] = len(h.all)
	}
}

// once fails where the end of a connection was told twice, or anything after it.
func (h *host) once(t testing.TB, hung map[string]int) {
	t.Helper()
	over := map[bgp.Conn]bool{}
	for i, e := range h.all {
		if over[e.Conn] {
			t.Errorf("event %d of a connection that is closed: %+v", i, e)
		}
		over[e.Conn] = e.Kind == core.StreamClosed
		// The loop may be telling, or opening it, while the engine hangs up.
		if at, ok := hung[fmt.Sprint(e.Conn)]; ok && i > at+2 && e.Kind != core.StreamOpened {
			t.Errorf("event %d of a connection that was hung up at %d: %+v", i, at, e)
		}
	}
}

// ordered fails where a message is on another connection than its number says, or
// not behind the one before it. It returns how many there are.
func (h *host) ordered(t testing.TB) (n int) {
	t.Helper()
	type name struct {
		peer string
		conn bgp.Conn
	}
	whose, next := map[name]uint32{}, map[name]uint32{}
	for i, e := range h.all {
		if e.Kind != core.StreamMessage {
			continue
		}
		n++
		key := name{e.peer, e.Conn}
		conn, number := binary.BigEndian.Uint32(e.Bytes[bgp.HeaderLen:]), binary.BigEndian.Uint32(e.Bytes[bgp.HeaderLen+4:])
		if is, known := whose[key]; known && (is != conn || number != next[key]) {
			t.Fatalf("event %d: message %d of connection %d after %d of %d", i, number, conn, next[key]-1, is)
		}
		whose[key], next[key] = conn, number+1
	}
	return n
}
