package stores

import (
	"bytes"
	"context"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"
)

// Proxy stands before a store and puts faults between it and its clients.
type Proxy struct {
	server *httptest.Server
	client *http.Client

	mu     sync.Mutex
	faults []planned
	seen   []string // the methods of all requests
}

type planned struct {
	method string
	fault  Fault
}

// Fault deals with one request instead of passing it on. forward sends it to the
// store, whatever has become of the client, and returns the answer.
type Fault func(w http.ResponseWriter, r *http.Request, forward func() *Answer)

// Answer is what the store has answered.
type Answer struct {
	Status int
	Header http.Header
	Body   []byte
}

// Proxy starts one, which ends with the test.
func (s *Server) Proxy(t testing.TB) *Proxy {
	t.Helper()
	dial := func(ctx context.Context, _, _ string) (net.Conn, error) {
		return (&net.Dialer{}).DialContext(ctx, s.network, s.address)
	}
	p := &Proxy{client: &http.Client{Transport: &http.Transport{DialContext: dial, DisableCompression: true}, Timeout: 30 * time.Second}}
	p.server = httptest.NewServer(p)
	t.Cleanup(func() {
		p.server.CloseClientConnections()
		p.server.Close()
		p.client.CloseIdleConnections()
	})
	return p
}

// Nowhere is a proxy before no store: it breaks every connection.
func Nowhere(t testing.TB) *Proxy {
	return (&Server{network: "unix", address: "/nonexistent"}).Proxy(t)
}

// Address is where it listens, as host:port.
func (p *Proxy) Address() string { return strings.TrimPrefix(p.server.URL, "http://") }

// Next plans a fault for the next request with this method that has none planned yet.
func (p *Proxy) Next(method string, fault Fault) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.faults = append(p.faults, planned{method, fault})
}

// Requests is how many requests with this method have come.
func (p *Proxy) Requests(method string) (n int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, m := range p.seen {
		if m == method {
			n++
		}
	}
	return n
}

// ServeHTTP passes a request on, or lets a fault deal with it.
func (p *Proxy) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		panic(http.ErrAbortHandler)
	}
	forward := func() *Answer { return p.forward(r, body) }
	if fault := p.take(r.Method); fault != nil {
		fault(w, r, forward)
		return
	}
	forward().send(w)
}

func (p *Proxy) take(method string) Fault {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.seen = append(p.seen, method)
	for i, planned := range p.faults {
		if planned.method == method {
			p.faults = append(p.faults[:i:i], p.faults[i+1:]...)
			return planned.fault
		}
	}
	return nil
}

// forward sends a request on as it was; its signature covers the host, too.
func (p *Proxy) forward(r *http.Request, body []byte) *Answer {
	out, err := http.NewRequest(r.Method, p.server.URL+r.URL.RequestURI(), bytes.NewReader(body))
	if err != nil {
		panic(http.ErrAbortHandler)
	}
	out.Host, out.Header = r.Host, r.Header.Clone()
	out.ContentLength = int64(len(body))
	answer, err := p.client.Do(out)
	if err != nil {
		panic(http.ErrAbortHandler)
	}
	defer answer.Body.Close()
	text, err := io.ReadAll(answer.Body)
	if err != nil {
		panic(http.ErrAbortHandler)
	}
	return &Answer{answer.StatusCode, answer.Header, text}
}

func (a *Answer) send(w http.ResponseWriter) {
	for name, values := range a.Header {
		w.Header()[name] = values
	}
	w.WriteHeader(a.Status)
	w.Write(a.Body)
}
