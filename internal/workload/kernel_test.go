package workload

import (
	"bytes"
	"context"
	"net/http/httptest"
	"net/netip"
	"strings"
	"testing"
	"time"

	"stead/internal/testns"
)

func TestMain(m *testing.M) { testns.Main(m) }

// serve runs a server in the namespace until the test ends.
func serve(t *testing.T, ns *testns.NS, id string) {
	t.Helper()
	var s *Server
	var err error
	ns.Do(func() { s, err = Listen(id, netip.Addr{}, 3000) })
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- s.Serve(ctx) }()
	t.Cleanup(func() {
		cancel()
		if err := <-ended; err != nil {
			t.Errorf("serve: %v", err)
		}
	})
}

func pinger(t *testing.T, ns *testns.NS, opt Options) *Pinger {
	t.Helper()
	var p *Pinger
	var err error
	ns.Do(func() { p, err = NewPinger(opt) })
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// The server has two addresses. A client that asks the second one gets its
// answer from the second one, over both families.
//
//	client eth0 ─── eth0 server 10.0.0.2 10.0.0.200 fd00::2 fd00::200
func TestServerAnswersFromTheAddressThatWasAsked(t *testing.T) {
	client, server := testns.New(t), testns.New(t)
	testns.Veth(t, client, "eth0", server, "eth0")
	for _, address := range []string{"10.0.0.1/24", "fd00::1/64"} {
		client.Run(t, "ip", "addr", "add", address, "dev", "eth0", "noprefixroute")
	}
	client.Run(t, "ip", "route", "add", "10.0.0.0/24", "dev", "eth0")
	client.Run(t, "ip", "-6", "route", "add", "fd00::/64", "dev", "eth0")
	for _, address := range []string{"10.0.0.2/24", "10.0.0.200/24"} {
		server.Run(t, "ip", "addr", "add", address, "dev", "eth0")
	}
	for _, address := range []string{"fd00::2/64", "fd00::200/64"} {
		server.Run(t, "ip", "addr", "add", address, "dev", "eth0", "nodad")
	}
	serve(t, server, "PRI")
	for _, address := range []string{"10.0.0.200", "fd00::200"} {
		target := netip.AddrPortFrom(netip.MustParseAddr(address), 3000)
		testns.Eventually(t, 10*time.Second, address+" answers", func() bool {
			p := pinger(t, client, Options{Target: target, Proto: UDP, Interval: time.Millisecond, Timeout: 2 * time.Second, Count: 20})
			p.Run(t.Context())
			r := Analyze(p.All(), time.Millisecond)
			return r.Answered == 20 && len(r.ByID) == 1 && r.ByID[0].ID == "PRI"
		})
	}
}

// A router that shares the load by flow sends a client's flows to both servers, and
// each of its flows to one.
//
//	client ─── router ─┬─ a
//	                   └─ b, both with 10.1.0.5 on lo
func TestFlowsAreSharedByARouter(t *testing.T) {
	router, client := testns.New(t), testns.New(t)
	router.Run(t, "sh", "-c", "echo 1 >/proc/sys/net/ipv4/ip_forward; echo 1 >/proc/sys/net/ipv4/fib_multipath_hash_policy")
	connect := func(ns *testns.NS, name, net string) {
		testns.Veth(t, ns, "eth0", router, name)
		ns.Addr(t, "eth0", net+".2/24")
		router.Addr(t, name, net+".1/24")
		ns.Run(t, "ip", "route", "add", "default", "via", net+".1")
	}
	connect(client, "client", "10.0.0")
	for name, net := range map[string]string{"a": "10.0.1", "b": "10.0.2"} {
		server := testns.New(t)
		connect(server, name, net)
		server.Addr(t, "lo", "10.1.0.5/32")
		serve(t, server, name)
	}
	router.Run(t, "ip", "route", "add", "10.1.0.5/32", "nexthop", "via", "10.0.1.2", "nexthop", "via", "10.0.2.2")

	opt := Options{Target: netip.MustParseAddrPort("10.1.0.5:3000"), Proto: UDP, Interval: time.Millisecond, Timeout: 2 * time.Second, Count: 256, Flows: 64}
	p := pinger(t, client, opt)
	p.Run(t.Context())
	samples := p.All()
	if r := Analyze(samples, time.Millisecond); r.Answered != opt.Count || len(r.ByID) != 2 {
		t.Errorf("%d of %d answered, by %v", r.Answered, opt.Count, r.ByID)
	}
	for i := opt.Flows; i < len(samples); i++ {
		if samples[i].ID != samples[i-opt.Flows].ID {
			t.Fatalf("flow %d went to %s, then to %s", i%opt.Flows, samples[i-opt.Flows].ID, samples[i].ID)
		}
	}
}

func TestHTTPAnswerIsTheTrials(t *testing.T) {
	s := &Server{ID: "SEC"}
	w := httptest.NewRecorder()
	s.answerHTTP(w, httptest.NewRequest("GET", "/any/path", nil))
	if got := w.Header().Get("Content-Type"); w.Code != 200 || got != "text/plain" || w.Body.String() != "SEC" {
		t.Errorf("answer %d, %s, %q; want 200, text/plain, \"SEC\"", w.Code, got, w.Body)
	}
}

// The client asks over HTTP what the server says, and sees when it has gone.
func TestHTTPPinger(t *testing.T) {
	s, err := Listen("SEC", netip.MustParseAddr("127.0.0.1"), 0)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- s.Serve(ctx) }()
	ask := func() Report {
		p, err := NewPinger(Options{Target: s.Addr(), Proto: HTTP, Interval: time.Millisecond, Timeout: 5 * time.Second, Count: 10})
		if err != nil {
			t.Fatal(err)
		}
		p.Run(t.Context())
		return Analyze(p.All(), time.Millisecond)
	}
	if r := ask(); r.Answered != 10 || r.ByID[0].ID != "SEC" {
		t.Errorf("answers %+v, want 10 by SEC", r.ByID)
	}
	cancel()
	if err := <-ended; err != nil {
		t.Errorf("serve: %v", err)
	}
	if r := ask(); r.Lost != 10 {
		t.Errorf("%d lost after the server has gone, want 10", r.Lost)
	}
}

// Two hosts have the same address on one network segment: every round is
// answered by both, and the client's neighbour table does not notice.
//
//	client eth0 ─┐
//	a      eth0 ─┼─ bridge
//	b      eth0 ─┘
func TestHolderProberSeesTwoHolders(t *testing.T) {
	for _, address := range []string{"192.168.0.200", "fd00::200"} {
		t.Run(address, func(t *testing.T) {
			bridge, client, a, b := testns.New(t), testns.New(t), testns.New(t), testns.New(t)
			testns.Veth(t, client, "eth0", bridge, "client")
			testns.Veth(t, a, "eth0", bridge, "a")
			testns.Veth(t, b, "eth0", bridge, "b")
			testns.Bridge(t, bridge, "br0", "client", "a", "b")
			prefix, flags := address+"/24", []string{}
			if strings.Contains(address, ":") {
				prefix, flags = address+"/64", []string{"nodad"}
			}
			a.Run(t, append([]string{"ip", "addr", "add", prefix, "dev", "eth0"}, flags...)...)
			first := answeredBy(t, client, address)
			if len(first.ByID) != 1 || len(first.Dual) != 0 {
				t.Fatalf("one holder: answers %v, two holders %v", first.ByID, first.Dual)
			}
			b.Run(t, append([]string{"ip", "addr", "add", prefix, "dev", "eth0"}, flags...)...)
			testns.Eventually(t, 10*time.Second, "two holders are seen", func() bool {
				r := answeredBy(t, client, address)
				return len(r.Dual) > 0 && r.Dual[0].Requests > 10
			})
			if neighbours := client.Run(t, "ip", "neigh", "show", "to", address); strings.TrimSpace(neighbours) != "" {
				t.Errorf("the prober made a neighbour entry: %s", neighbours)
			}
		})
	}
}

// answeredBy asks until somebody answers, and reports on the last 30 rounds.
func answeredBy(t *testing.T, ns *testns.NS, address string) (r Report) {
	t.Helper()
	testns.Eventually(t, 10*time.Second, "somebody answers for "+address, func() bool {
		var p *Pinger
		var err error
		ns.Do(func() {
			p, err = NewHolderProber(HolderOptions{Interface: "eth0", Address: netip.MustParseAddr(address), Interval: time.Millisecond, Timeout: time.Second, Count: 30})
		})
		if err != nil {
			t.Fatal(err)
		}
		p.Run(t.Context())
		r = Analyze(p.All(), time.Millisecond)
		return r.Answered > 10
	})
	return r
}

func TestLinesComeInOrderAndAllOfThem(t *testing.T) {
	ns := testns.New(t)
	serve(t, ns, "PRI")
	p := pinger(t, ns, Options{Target: netip.MustParseAddrPort("127.0.0.1:3000"), Proto: UDP, Interval: time.Millisecond, Timeout: time.Second, Count: 50})
	var lines bytes.Buffer
	ctx, cancel := context.WithCancel(context.Background())
	printed := make(chan error, 1)
	go func() { printed <- p.PrintLines(ctx, &lines) }()
	p.Run(t.Context())
	cancel()
	if err := <-printed; err != nil {
		t.Fatal(err)
	}
	list := strings.SplitAfter(strings.TrimSuffix(lines.String(), "\n"), "\n")
	if len(list) != 50 {
		t.Fatalf("%d lines for 50 requests:\n%s", len(list), lines.String())
	}
	for i, line := range list[1:] {
		if line < list[i] {
			t.Errorf("line %d is older than the one before it: %s%s", i+1, list[i], line)
		}
	}
}

func TestListenRefuses(t *testing.T) {
	if _, err := Listen("", netip.Addr{}, 0); err == nil {
		t.Error("a server without an ID")
	}
	ns := testns.New(t)
	serve(t, ns, "PRI")
	var err error
	ns.Do(func() { _, err = Listen("SEC", netip.Addr{}, 3000) })
	if err == nil || !strings.Contains(err.Error(), "serve HTTP") {
		t.Errorf("a taken port: %v", err)
	}
}
