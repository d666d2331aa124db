package bgp

import (
	"context"
	"net/netip"
	"strings"
	"sync"
	"testing"
	"time"

	"stead/internal/core/clock"
	"stead/internal/workload"
)

const (
	servicePort = 3000
	asking      = time.Millisecond // between two requests of a client
	timeout     = 500 * time.Millisecond
)

func now() clock.Instant { return workload.Now() }

// serve starts what the pair serves: each host answers with its name.
func (n *network) serve(t testing.TB) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	var ended sync.WaitGroup
	t.Cleanup(func() { cancel(); ended.Wait() })
	for _, h := range []*host{n.a, n.b} {
		var server *workload.Server
		var err error
		h.ns.Do(func() { server, err = workload.Listen(h.name, netip.Addr{}, servicePort) })
		if err != nil {
			t.Fatal(err)
		}
		ended.Go(func() { _ = server.Serve(ctx) })
	}
}

// probe is a client that asks the service address through its router, a thousand
// times a second.
type probe struct {
	router *host
	client *workload.Pinger
	stop   func()
}

// probe starts to ask for a service address from behind a router.
func (h *host) probe(t testing.TB, vip netip.Addr) *probe {
	t.Helper()
	return h.flows(t, vip, 1)
}

// flows is probe by requests that take turns to come from different ports.
func (h *host) flows(t testing.TB, vip netip.Addr, flows int) *probe {
	t.Helper()
	var err error
	p := &probe{router: h}
	h.client.Do(func() {
		p.client, err = workload.NewPinger(workload.Options{
			Target: netip.AddrPortFrom(vip, servicePort), Proto: workload.UDP, Interval: asking, Timeout: timeout, Flows: flows,
		})
	})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() { defer close(done); p.client.Run(ctx) }()
	p.stop = func() { cancel(); <-done }
	t.Cleanup(p.stop)
	return p
}

// since reports what became of the requests from a moment on. It waits for answers
// that are under way.
func (p *probe) since(from clock.Instant) workload.Report {
	to := now()
	for {
		late := now() > to.Add(timeout)
		if r := p.between(from, to); late || r.Lost == 0 {
			return r
		}
		time.Sleep(2 * time.Millisecond)
	}
}

// lately is since without waiting: younger requests are left out.
func (p *probe) lately(from clock.Instant) workload.Report {
	return p.between(from, now().Add(-underWay))
}

// underWay is how long an answer takes at most when nothing is wrong, mostly.
const underWay = 30 * time.Millisecond

// around is since, with some of what was before, so that a change is seen that
// comes at once.
func (p *probe) around(from clock.Instant) workload.Report { return p.since(from.Add(-window / 2)) }

// out is for how long a client was out of which some flows may have been served.
func out(r *workload.Report) (longest time.Duration) {
	for _, o := range workload.Together(r.Outages, 100*time.Millisecond) {
		longest = max(longest, o.Length)
	}
	return longest
}

func (p *probe) between(from, to clock.Instant) workload.Report {
	return workload.Analyze(p.client.Samples(from, to), asking)
}

// servedBy waits until one server alone has answered every request for a time.
// It returns when the first of these was sent.
func (p *probe) servedBy(t testing.TB, h *host, window time.Duration) clock.Instant {
	t.Helper()
	start := now()
	for {
		from := now().Add(-window - underWay)
		r := p.lately(from)
		if from >= start.Add(-window) && r.Lost == 0 && len(r.ByID) == 1 && r.ByID[0].ID == h.name && r.To.Sub(r.From) >= window/2 {
			return from
		}
		if now().Sub(start) > patience+window {
			t.Fatalf("through %s %s does not serve the client alone within %v: %+v", p.router.name, h.name, patience+window, p.since(start))
		}
		time.Sleep(2 * time.Millisecond)
	}
}

// told is a report for people, with times from its first request on.
func told(r *workload.Report) string {
	var text strings.Builder
	_ = r.WriteText(&text)
	return text.String()
}
