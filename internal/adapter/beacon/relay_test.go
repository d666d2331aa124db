package beacon

import (
	"math/rand/v2"
	"net"
	"net/netip"
	"testing"
)

// relay passes datagrams on to an address, badly: it loses a third of them, sends a
// fifth twice and lets one in four be overtaken by the next. It returns where it listens.
func relay(t *testing.T, to string, seed uint64) string {
	t.Helper()
	conn, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ended := make(chan struct{})
	t.Cleanup(func() { _ = conn.Close(); <-ended })
	target := net.UDPAddrFromAddrPort(netip.MustParseAddrPort(to))
	go func() {
		defer close(ended)
		random := rand.New(rand.NewPCG(seed, seed))
		var held []byte
		for {
			raw := make([]byte, maxDatagram)
			n, _, err := conn.ReadFrom(raw)
			if err != nil {
				return
			}
			raw = raw[:n]
			if random.IntN(3) == 0 {
				continue
			}
			if held == nil && random.IntN(4) == 0 {
				held = raw
				continue
			}
			for range 1 + random.IntN(5)/4 {
				_, _ = conn.WriteTo(raw, target)
			}
			if held != nil {
				_, _ = conn.WriteTo(held, target)
				held = nil
			}
		}
	}()
	return conn.LocalAddr().String()
}

// Over two bad paths most heartbeats are heard, each once and in their order.
func TestLossRepetitionAndReorder(t *testing.T) {
	eastAt, westAt := free(t, "127.0.0.1"), free(t, "127.0.0.1")
	east := open(t, Options{Listen: []string{eastAt}, To: []string{relay(t, westAt, 1), relay(t, westAt, 2)}})
	west := open(t, Options{Self: "west", Other: "east", Listen: []string{westAt}, To: []string{relay(t, eastAt, 3), relay(t, eastAt, 4)}})
	last := uint64(0)
	for range 30 {
		h := hears(t, east, west, "alive")
		if h.Number <= last {
			t.Fatalf("heartbeat %d after %d", h.Number, last)
		}
		last = h.Number
	}
	c := west.Counters()
	t.Logf("30 were heard of %d; %+v", last, c)
	if last > 120 || c.Repeated == 0 {
		t.Errorf("it took %d heartbeats for 30 to be heard, and %d came again", last, c.Repeated)
	}
}
