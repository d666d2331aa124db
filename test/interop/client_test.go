package interop

import (
	"context"
	"io"
	"net"
	"net/http"
	"net/netip"
	"strings"
	"sync"
	"testing"
	"time"

	"stead/internal/workload"
)

// browser asks a balancer over HTTP, as browsers and curl --retry do: each request
// over a connection of its own, and once more where that connection was broken
// (RFC 9110 section 9.2.2 lets a client do so with GET). A connection that is open
// at the moment when an address moves is one of the other node's: no address that
// moves can keep it.
type browser struct {
	client http.Client
	url    string
	stop   chan struct{}
	ended  chan struct{}
	open   sync.WaitGroup

	mu     sync.Mutex
	result asked
}

// asked is what became of requests.
type asked struct {
	sent, again, lost int
	by                map[string]int // balancers
	errors            []string
}

// browse starts to ask every interval.
func (n *lan) browse(interval time.Duration) *browser {
	dial := func(ctx context.Context, network, address string) (conn net.Conn, err error) {
		n.client.ns.Do(func() { conn, err = (&net.Dialer{}).DialContext(ctx, network, address) })
		return conn, err
	}
	b := &browser{
		client: http.Client{Timeout: 2 * time.Second, Transport: &http.Transport{DisableKeepAlives: true, DialContext: dial}},
		url:    "http://10.0.1.200/", stop: make(chan struct{}), ended: make(chan struct{}),
		result: asked{by: map[string]int{}},
	}
	go b.run(interval)
	return b
}

func (b *browser) run(interval time.Duration) {
	defer close(b.ended)
	tick := time.NewTicker(interval)
	defer tick.Stop()
	for {
		select {
		case <-b.stop:
			return
		case <-tick.C:
			b.open.Go(b.ask)
		}
	}
}

func (b *browser) ask() {
	by, err := b.get()
	again := err != nil
	if again {
		by, err = b.get()
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	b.result.sent++
	if again {
		b.result.again++
	}
	if err != nil {
		b.result.lost++
		b.result.errors = append(b.result.errors, err.Error())
		return
	}
	b.result.by[by]++
}

func (b *browser) get() (string, error) {
	answer, err := b.client.Get(b.url)
	if err != nil {
		return "", err
	}
	defer answer.Body.Close()
	body, err := io.ReadAll(answer.Body)
	return strings.TrimSpace(string(body)), err
}

// served is how many requests a balancer has answered so far.
func (b *browser) served(by string) int {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.result.by[by]
}

// end stops asking and tells what became of the requests.
func (b *browser) end() asked {
	close(b.stop)
	<-b.ended
	b.open.Wait()
	return b.result
}

// datagrams asks the hosts' own servers at the service address, a thousand times
// a second, over UDP. The returned function ends it and tells what was lost.
func (n *lan) datagrams(t testing.TB) func() workload.Report {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	var ended sync.WaitGroup
	for _, h := range []*host{n.first, n.second} {
		var server *workload.Server
		var err error
		h.ns.Do(func() { server, err = workload.Listen(h.name, netip.Addr{}, 3000) })
		if err != nil {
			t.Fatal(err)
		}
		ended.Go(func() { _ = server.Serve(ctx) })
	}
	var client *workload.Pinger
	var err error
	const interval = time.Millisecond
	n.client.ns.Do(func() {
		client, err = workload.NewPinger(workload.Options{
			Target: netip.AddrPortFrom(vip4, 3000), Proto: workload.UDP, Interval: interval, Timeout: time.Second,
		})
	})
	if err != nil {
		t.Fatal(err)
	}
	asking, enough := context.WithCancel(ctx)
	done := make(chan struct{})
	go func() { defer close(done); client.Run(asking) }()
	t.Cleanup(func() { cancel(); <-done; ended.Wait() })
	return func() workload.Report {
		enough()
		<-done
		return workload.Analyze(client.All(), interval)
	}
}
