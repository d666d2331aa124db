package beacon

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"go.uber.org/goleak"
	"golang.org/x/sys/unix"

	"stead/internal/core/clock"
	"stead/internal/testns"
)

func TestMain(m *testing.M) { testns.Main(m) }

// period is how often sites talk here, limit what ends a test that waits in vain.
const (
	period = 20 * time.Millisecond
	limit  = 20 * time.Second
)

func bootClock() clock.Instant {
	var t unix.Timespec
	_ = unix.ClockGettime(unix.CLOCK_BOOTTIME, &t)
	return clock.Instant(t.Nano())
}

// end is a Beacon and what it has told.
type end struct {
	*Beacon
	heard   chan Heard
	acked   chan uint64
	trouble chan string
}

func open(t testing.TB, o Options) *end {
	t.Helper()
	e := &end{heard: make(chan Heard, 1000), acked: make(chan uint64, 1000), trouble: make(chan string, 1000)}
	o.Now, o.Report, o.Acked = bootClock, func(h Heard) { e.heard <- h }, func(n uint64) { e.acked <- n }
	o.Trouble = func(to string, err error) { e.trouble <- fmt.Sprint(to, ": ", err) }
	if o.Keys == nil {
		o.Keys = [][]byte{testKey}
	}
	if o.Every == 0 {
		o.Every = period
	}
	if o.Self == "" {
		o.Self, o.Other = "east", "west"
	}
	var err error
	if e.Beacon, err = Open(o); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(e.Close)
	return e
}

// wait returns what comes, or fails.
func wait[T any](t testing.TB, what string, c <-chan T) T {
	t.Helper()
	select {
	case v := <-c:
		return v
	case <-time.After(limit):
		t.Fatalf("no %s within %v", what, limit)
		panic("unreachable")
	}
}

// hears beats at from until to hears one of those, and returns it.
func hears(t testing.TB, from, to *end, payload string) Heard {
	t.Helper()
	first := uint64(0)
	for end := time.Now().Add(limit); time.Now().Before(end); {
		n, err := from.Beat([]byte(payload))
		if err != nil {
			t.Fatal(err)
		}
		if first == 0 {
			first = n
		}
		select {
		case h := <-to.heard:
			if string(h.Payload) == payload && h.Run == from.session.run && h.Number >= first {
				return h
			}
		case <-time.After(period):
		}
	}
	t.Fatalf("%q is not heard within %v: from %+v, to %+v", payload, limit, from.Counters(), to.Counters())
	panic("unreachable")
}

// free returns an address of the loopback with a port that nobody has.
func free(t testing.TB, host string) string {
	t.Helper()
	conn, err := net.ListenPacket("udp", net.JoinHostPort(host, "0"))
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	return conn.LocalAddr().String()
}

func openPair(t testing.TB, host string) (east, west *end, eastAt, westAt string) {
	t.Helper()
	eastAt, westAt = free(t, host), free(t, host)
	east = open(t, Options{Listen: []string{eastAt}, To: []string{westAt}})
	west = open(t, Options{Self: "west", Other: "east", Listen: []string{westAt}, To: []string{eastAt}})
	return east, west, eastAt, westAt
}

func TestHeartbeatsBothWays(t *testing.T) {
	for _, host := range []string{"127.0.0.1", "::1"} {
		east, west, eastAt, _ := openPair(t, host)
		h := hears(t, east, west, "site=east")
		if h.From.String() != eastAt || h.Listen != 0 {
			t.Errorf("%+v", h)
		}
		hears(t, west, east, "site=west")
		if n := wait(t, "acknowledgement", east.acked); n != h.Number {
			t.Errorf("number %d is acknowledged, %d was heard", n, h.Number)
		}
		if _, err := east.Beat(make([]byte, MaxPayload+1)); err == nil {
			t.Error("a heartbeat that does not fit is taken")
		}
		hears(t, east, west, strings.Repeat("x", MaxPayload))
	}
}

// That a heartbeat has counted is told at once, not with the next period.
func TestAcknowledgementDoesNotWait(t *testing.T) {
	eastAt, westAt := free(t, "127.0.0.1"), free(t, "127.0.0.1")
	east := open(t, Options{Listen: []string{eastAt}, To: []string{westAt}, Every: time.Hour})
	west := open(t, Options{Self: "west", Other: "east", Listen: []string{westAt}, To: []string{eastAt}, Every: time.Hour})
	testns.Eventually(t, limit, "the sites to know each other", func() bool { return east.knows() && west.knows() })
	west.mu.Lock()
	west.session.hasGreeted = false // as a quarter of an hour later
	west.mu.Unlock()
	n, err := east.Beat([]byte("alive"))
	if err != nil {
		t.Fatal(err)
	}
	if acked := wait(t, "acknowledgement", east.acked); acked != n {
		t.Errorf("number %d is acknowledged, want %d", acked, n)
	}
}

// knows tells whether the other end has given back a nonce of this one.
func (e *end) knows() bool {
	e.mu.Lock()
	defer e.mu.Unlock()
	return slices.ContainsFunc(e.session.runs[:], func(r run) bool { return r.known })
}

// Two paths carry each heartbeat, and it counts once.
func TestTwoPathsAndOneHeartbeat(t *testing.T) {
	at := [4]string{free(t, "127.0.0.1"), free(t, "::1"), free(t, "127.0.0.1"), free(t, "::1")}
	east := open(t, Options{Listen: at[:2], To: at[2:]})
	west := open(t, Options{Self: "west", Other: "east", Listen: at[2:], To: at[:2]})
	last := hears(t, east, west, "alive").Number
	for range 50 {
		n, _ := east.Beat([]byte("alive"))
		h := wait(t, "heartbeat", west.heard)
		if h.Number <= last || h.Number > n {
			t.Fatalf("number %d after %d", h.Number, last)
		}
		last = h.Number
	}
	testns.Eventually(t, limit, "a heartbeat over the other path", func() bool { return west.Counters().Repeated > 0 })
}

// An end that listens everywhere hears both families, and sends from where it listens.
func TestListenEverywhere(t *testing.T) {
	for _, every := range []string{"", "::", "0.0.0.0"} {
		for _, host := range []string{"127.0.0.1", "::1"} {
			if every == "0.0.0.0" && host == "::1" {
				continue
			}
			eastAt := free(t, host)
			_, port, _ := net.SplitHostPort(free(t, every))
			east := open(t, Options{Listen: []string{eastAt}, To: []string{net.JoinHostPort(host, port)}})
			west := open(t, Options{Self: "west", Other: "east", Listen: []string{net.JoinHostPort(every, port)}, To: []string{eastAt}})
			if h := hears(t, east, west, "alive"); h.From.String() != eastAt {
				t.Errorf("%v, want %s", h.From, eastAt)
			}
			if h := hears(t, west, east, "alive"); h.From.String() != net.JoinHostPort(host, port) {
				t.Errorf("%q: %v, want port %s", every, h.From, port)
			}
		}
	}
}

// One end has nothing but IPv6 to listen at, and a path of IPv4 to the other.
func TestPathOfAnotherFamily(t *testing.T) {
	east6, west4 := free(t, "::1"), free(t, "127.0.0.1")
	east := open(t, Options{Listen: []string{east6}, To: []string{west4}})
	west := open(t, Options{Self: "west", Other: "east", Listen: []string{west4}, To: []string{east6}})
	hears(t, east, west, "alive")
	hears(t, west, east, "alive")
}

// Each path has the source address that stands at its place.
func TestSourceOfEachPath(t *testing.T) {
	at := [4]string{free(t, "127.0.0.1"), free(t, "127.0.0.1"), free(t, "127.0.0.1"), free(t, "127.0.0.1")}
	east := open(t, Options{Listen: at[:2], To: at[2:]})
	west := open(t, Options{Self: "west", Other: "east", Listen: at[2:], To: at[:2]})
	seen := map[int]bool{}
	for len(seen) < 2 {
		h := hears(t, east, west, "alive")
		if seen[h.Listen] = true; h.From.String() != at[h.Listen] {
			t.Fatalf("%v at listener %d", h.From, h.Listen)
		}
	}
}

// A recorder between the sites sends all again when one is dead.
func TestReplayAfterDeath(t *testing.T) {
	middle, eastAt, westAt := free(t, "127.0.0.1"), free(t, "127.0.0.1"), free(t, "127.0.0.1")
	recorder, err := net.ListenPacket("udp", middle)
	if err != nil {
		t.Fatal(err)
	}
	defer recorder.Close()
	toWest := net.UDPAddrFromAddrPort(netip.MustParseAddrPort(westAt))
	recorded := make(chan [][]byte)
	go func() {
		var all [][]byte
		for {
			raw := make([]byte, maxDatagram)
			n, _, err := recorder.ReadFrom(raw)
			if err != nil {
				recorded <- all
				return
			}
			all = append(all, raw[:n])
			_, _ = recorder.WriteTo(raw[:n], toWest)
		}
	}()
	east := open(t, Options{Listen: []string{eastAt}, To: []string{middle}})
	west := open(t, Options{Self: "west", Other: "east", Listen: []string{westAt}, To: []string{eastAt}})
	for range 20 {
		hears(t, east, west, "alive")
	}
	east.Close()
	_ = recorder.Close()
	all := wait(t, "recording", recorded)
	before := west.Counters()
	// It is sent again until all of it is stale, which the counters tell.
	sender, err := net.Dial("udp", westAt)
	if err != nil {
		t.Fatal(err)
	}
	defer sender.Close()
	beats := uint64(0)
	for _, raw := range all {
		if d, err := parse(raw); err == nil && d.Beat != 0 {
			beats++
		}
	}
	testns.Eventually(t, limit, "all that is sent again to be stale", func() bool {
		start := west.Counters()
		for _, raw := range all {
			_, _ = sender.Write(raw)
		}
		testns.Eventually(t, limit, "arrival", func() bool { return west.Counters().Received-start.Received >= uint64(len(all)) })
		return west.Counters().Stale-start.Stale == beats
	})
	after := west.Counters()
	if after.Heard != before.Heard {
		t.Errorf("%d heartbeats of the dead count", after.Heard-before.Heard)
	}
}

func TestBadDatagramsAreCounted(t *testing.T) {
	_, west, _, westAt := openPair(t, "127.0.0.1")
	forged := newSession("east", "west", time.Second, counter(1))
	forged.tell(0, []byte("alive"))
	other := newSession("north", "west", time.Second, counter(1))
	sender, err := net.Dial("udp", westAt)
	if err != nil {
		t.Fatal(err)
	}
	defer sender.Close()
	wrong := newSealer([][]byte{[]byte("another key 1234")})
	for _, raw := range [][]byte{
		wrong.seal(forged.compose(0, nil)), newSealer([][]byte{testKey}).seal(other.compose(0, nil)), []byte("hello"), make([]byte, 4000),
	} {
		if _, err := sender.Write(raw); err != nil {
			t.Fatal(err)
		}
	}
	testns.Eventually(t, limit, "the counters", func() bool {
		c := west.Counters()
		return c.BadTag == 1 && c.NotForUs == 1 && c.Malformed == 2 && c.Heard == 0
	})
}

// A flood of forged datagrams from an address that is no site's costs little, and
// keeps nobody from being heard.
func TestFlood(t *testing.T) {
	east, west, _, westAt := openPair(t, "127.0.0.1")
	hears(t, east, west, "before")
	forged := newSession("east", "west", time.Second, counter(1))
	raw := newSealer([][]byte{[]byte("another key 1234")}).seal(forged.compose(0, nil))
	source := net.UDPAddrFromAddrPort(netip.MustParseAddrPort("127.0.0.9:0"))
	sender, err := net.DialUDP("udp", source, net.UDPAddrFromAddrPort(netip.MustParseAddrPort(westAt)))
	if err != nil {
		t.Fatal(err)
	}
	defer sender.Close()
	testns.Eventually(t, limit, "strangers to be too many", func() bool {
		for range 1000 {
			_, _ = sender.Write(raw)
		}
		return west.Counters().Limited > 5000
	})
	hears(t, east, west, "afterwards")
	if c := west.Counters(); c.BadTag == 0 || c.BadTag > c.Limited {
		t.Errorf("%+v", c)
	}
}

func TestRestartOverSockets(t *testing.T) {
	east, west, eastAt, westAt := openPair(t, "127.0.0.1")
	hears(t, east, west, "first run")
	west.Close()
	west = open(t, Options{Self: "west", Other: "east", Listen: []string{westAt}, To: []string{eastAt}})
	hears(t, east, west, "heard again")
	east.Close()
	east = open(t, Options{Listen: []string{eastAt}, To: []string{westAt}})
	hears(t, east, west, "second run")
}

func TestKeysChangeWhileItRuns(t *testing.T) {
	east, west, _, _ := openPair(t, "127.0.0.1")
	next := []byte("fedcba9876543210")
	hears(t, east, west, "one key")
	for _, step := range []struct {
		end  *end
		keys [][]byte
	}{{west, [][]byte{testKey, next}}, {east, [][]byte{next, testKey}}, {west, [][]byte{next}}, {east, [][]byte{next}}} {
		if err := step.end.SetKeys(step.keys); err != nil {
			t.Fatal(err)
		}
		hears(t, east, west, "after a change")
	}
	if east.SetKeys(nil) == nil {
		t.Error("no key is accepted")
	}
}

// A name that cannot be looked up at first, and that has other addresses later.
func TestNameOfAPath(t *testing.T) {
	eastAt, westAt := free(t, "127.0.0.1"), free(t, "127.0.0.1")
	_, port, _ := net.SplitHostPort(westAt)
	var answer atomic.Pointer[[]netip.Addr]
	lookup := func(_ context.Context, host string) ([]netip.Addr, error) {
		if a := answer.Load(); a != nil && host == "west.example" {
			return *a, nil
		}
		return nil, errors.New("no such host")
	}
	east := open(t, Options{Listen: []string{eastAt}, To: []string{"west.example:" + port}, Lookup: lookup})
	if text := wait(t, "trouble", east.trouble); !strings.Contains(text, "no such host") {
		t.Error(text)
	}
	west := open(t, Options{Self: "west", Other: "east", Listen: []string{westAt}, To: []string{eastAt}})
	// 127.0.0.2 has no listener; ::ffff:127.0.0.1 is an IPv4 address all the same.
	answer.Store(&[]netip.Addr{netip.MustParseAddr("127.0.0.2"), netip.MustParseAddr("::ffff:127.0.0.1")})
	hears(t, east, west, "by name")
	for text := ""; !strings.Contains(text, "<nil>"); text = wait(t, "end of the trouble", east.trouble) {
	}
}

func TestOptionsThatCannotWork(t *testing.T) {
	good := Options{Self: "east", Other: "west", Keys: [][]byte{testKey}, Listen: []string{"127.0.0.1:0"}, To: []string{"127.0.0.1:9"}, Now: bootClock}
	for want, change := range map[string]func(*Options){
		"need a name":            func(o *Options) { o.Self = "" },
		"one on the wire":        func(o *Options) { o.Other = "east" },
		"no key":                 func(o *Options) { o.Keys = nil },
		"nowhere to send":        func(o *Options) { o.To = nil },
		"nowhere to listen":      func(o *Options) { o.Listen = nil },
		"no clock":               func(o *Options) { o.Now = nil },
		"is no IP address":       func(o *Options) { o.Listen = []string{"localhost:7946"} },
		"missing port":           func(o *Options) { o.Listen = []string{"127.0.0.1"} },
		"to west: address west":  func(o *Options) { o.To = []string{"west"} },
		`port "0" is not`:        func(o *Options) { o.To = []string{"west:0"} },
		`port "domain" is not`:   func(o *Options) { o.To = []string{"west:domain"} },
		"to :7946: no host":      func(o *Options) { o.To = []string{":7946"} },
		"on 127.0.0.1:99999: ":   func(o *Options) { o.Listen = []string{"127.0.0.1:99999"} },
		"address already in use": func(o *Options) { o.Listen = []string{taken(t)} },
	} {
		o := good
		change(&o)
		b, err := Open(o)
		if err == nil {
			b.Close()
		}
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v; want %q", err, want)
		}
	}
}

func taken(t *testing.T) string {
	conn, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	return conn.LocalAddr().String()
}

func TestCloseLeavesNothing(t *testing.T) {
	before := goleak.IgnoreCurrent()
	east, west, _, _ := openPair(t, "127.0.0.1")
	hears(t, east, west, "alive")
	east.Close()
	west.Close()
	goleak.VerifyNone(t, before)
}

// What a datagram costs that counts, and one that is forged.
func BenchmarkDatagram(b *testing.B) {
	for name, key := range map[string][]byte{"counts": testKey, "forged": []byte("another key 1234")} {
		b.Run(name, func(b *testing.B) {
			east, west := newPair()
			acquaint(0, east, west)
			beacon := &Beacon{session: west.session, sealer: west.sealer, options: Options{Now: bootClock}}
			east.sealer = newSealer([][]byte{key})
			payload, raw := make([]byte, 200), make([]byte, 0, maxDatagram)
			from := netip.MustParseAddr("192.0.2.1")
			beacon.guard.trust(from)
			b.ReportAllocs()
			for b.Loop() {
				east.tell(0, payload)
				raw = east.seal(east.compose(0, raw[:0]))
				if _, o := beacon.judge(0, raw, from); o.heard != (name == "counts") {
					b.Fatal(o)
				}
			}
		})
	}
}
