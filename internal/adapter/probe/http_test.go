package probe

import (
	"bufio"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"stead/internal/config"
	"stead/internal/core"
)

// site is an HTTP server that counts connections.
func site(t testing.TB, handler http.HandlerFunc) (url string, connections *atomic.Int32) {
	t.Helper()
	connections = new(atomic.Int32)
	s := httptest.NewUnstartedServer(handler)
	s.Config.ConnState = func(_ net.Conn, state http.ConnState) {
		if state == http.StateNew {
			connections.Add(1)
		}
	}
	s.Start()
	t.Cleanup(s.Close)
	return s.URL, connections
}

func TestHTTPJudgesTheAnswer(t *testing.T) {
	url, _ := site(t, func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case "/ok":
			_, _ = io.WriteString(w, "I am the primary")
		case "/chunked":
			for i := range 3 {
				_, _ = fmt.Fprintf(w, "part %d ", i)
				w.(http.Flusher).Flush()
			}
		case "/moved":
			http.Redirect(w, r, "/missing", http.StatusFound)
		case "/large":
			_, _ = io.WriteString(w, strings.Repeat("x", answerLimit+10)+"the end")
		case "/auth":
			if user, password, _ := r.BasicAuth(); user != "u" || password != "p" {
				w.WriteHeader(http.StatusUnauthorized)
			}
		case "/early":
			w.WriteHeader(http.StatusEarlyHints)
		case "/empty":
			w.WriteHeader(http.StatusNoContent)
		default:
			w.WriteHeader(http.StatusNotFound)
		}
	})
	for _, c := range []struct {
		path    string
		status  []int
		expect  string
		outcome core.Outcome
		detail  string
	}{
		{"/ok", nil, "", core.Passed, ""},
		{"/ok?query=1", nil, "the primary", core.Passed, ""},
		{"/ok", nil, "secondary", core.Failed, `unexpected body "I am the primary"`},
		{"/ok", []int{204, 503}, "", core.Failed, "status 200 OK"},
		{"/chunked", nil, "part 2", core.Passed, ""},
		{"/moved", nil, "", core.Passed, ""},
		{"/moved", []int{200}, "", core.Failed, "status 302"},
		{"/missing", nil, "", core.Failed, "status 404 Not Found"},
		{"/missing", []int{404}, "", core.Passed, ""},
		{"/large", nil, "xxx", core.Passed, ""},
		{"/large", nil, "the end", core.Failed, "unexpected body"},
		{"/early", nil, "", core.Passed, ""},
		{"/empty", nil, "", core.Passed, ""},
		{"/auth", nil, "", core.Failed, "status 401"},
	} {
		p := build(t, config.Check{Kind: config.CheckHTTP, Target: url + c.path, Status: c.status, Expect: c.expect})
		for range 3 {
			want(t, run(p, generous), c.outcome, c.detail)
		}
	}
	p := build(t, config.Check{Kind: config.CheckHTTP, Target: strings.Replace(url, "http://", "http://u:p@", 1) + "/auth"})
	want(t, run(p, generous), core.Passed, "")
}

func TestHTTPKeepsItsConnection(t *testing.T) {
	url, connections := site(t, func(http.ResponseWriter, *http.Request) {})
	p := build(t, config.Check{Kind: config.CheckHTTP, Target: url})
	h := probeOf(t, url)
	for range 20 {
		h.since = time.Now()
		want(t, h.run(t.Context(), time.Now().Add(generous)), core.Passed, "")
	}
	if n := connections.Load(); n != 1 {
		t.Errorf("%d connections for 20 runs, want 1", n)
	}
	h.since = time.Now().Add(-connectionAge)
	want(t, h.run(t.Context(), time.Now().Add(generous)), core.Passed, "")
	if n := connections.Load(); n != 2 {
		t.Errorf("%d connections after the age limit, want 2", n)
	}
	want(t, run(p, generous), core.Passed, "")
}

// probeOf builds an HTTP probe whose insides the test may see.
func probeOf(t *testing.T, url string) *httpProbe {
	t.Helper()
	inner := &httpProbe{timeout: generous, body: make([]byte, answerLimit), bytes: bufio.NewReader(nil)}
	u, err := http.NewRequest(http.MethodGet, url, nil)
	if err != nil {
		t.Fatal(err)
	}
	if err := inner.locate(u.URL); err != nil {
		t.Fatal(err)
	}
	if err := inner.compose(u.URL); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(inner.drop)
	return inner
}

// script serves one list of answers per connection and then closes it. An
// answer "hang" waits until the probe closes.
func script(t *testing.T, connections ...[]string) (url string) {
	t.Helper()
	l := listen(t)
	next := 0
	each(t, l, func(conn net.Conn) {
		defer conn.Close()
		if next >= len(connections) {
			return
		}
		answers := connections[next]
		next++
		in := bufio.NewReader(conn)
		for _, a := range answers {
			if _, err := http.ReadRequest(in); err != nil {
				return
			}
			if a == "hang" {
				_, _ = in.ReadByte()
				return
			}
			_, _ = io.WriteString(conn, a)
		}
	})
	return "http://" + l.Addr().String() + "/"
}

const fine = "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"

// A server may close a kept connection at any time; that is no failure.
func TestHTTPDialsAgainWhenTheServerHadClosed(t *testing.T) {
	p := build(t, config.Check{Kind: config.CheckHTTP, Target: script(t, []string{fine}, []string{fine}, []string{fine})})
	for range 3 {
		want(t, run(p, generous), core.Passed, "")
	}
}

func TestHTTPStuckConnectionFailsAndIsReplaced(t *testing.T) {
	p := build(t, config.Check{Kind: config.CheckHTTP, Timeout: brief, Target: script(t, []string{fine, "hang"}, []string{fine})})
	want(t, run(p, generous), core.Passed, "")
	r := run(p, brief)
	want(t, r, core.Failed, "no answer within")
	if !r.TimedOut {
		t.Error("not marked as a timeout")
	}
	want(t, run(p, generous), core.Passed, "")
}

func TestHTTPBrokenAnswers(t *testing.T) {
	for _, c := range []struct{ answer, detail string }{
		{"", "closed by the server"},
		{"SSH-2.0-OpenSSH\r\n", "not an HTTP answer"},
		{"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nshort", "broke off after 5 bytes"},
		{"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello", "broke off"},
		{strings.Repeat("HTTP/1.1 103 Early Hints\r\n\r\n", 10), "interim"},
	} {
		p := build(t, config.Check{Kind: config.CheckHTTP, Target: script(t, []string{c.answer})})
		want(t, run(p, generous), core.Failed, c.detail)
	}
}

func TestHTTPRefused(t *testing.T) {
	l := listen(t)
	_ = l.Close()
	p := build(t, config.Check{Kind: config.CheckHTTP, Target: "http://" + l.Addr().String()})
	want(t, run(p, generous), core.Failed, "refused")
}

func TestHTTPS(t *testing.T) {
	s := httptest.NewUnstartedServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
	s.Config.ErrorLog = log.New(io.Discard, "", 0)
	s.StartTLS()
	defer s.Close()
	p := build(t, config.Check{Kind: config.CheckHTTP, Target: s.URL})
	want(t, run(p, generous), core.Failed, "certificate")
	p = build(t, config.Check{Kind: config.CheckHTTP, Target: strings.Replace(s.URL, "https", "https+insecure", 1)})
	want(t, run(p, generous), core.Passed, "")
	want(t, run(p, generous), core.Passed, "")
}

func TestHTTPBySocketInTheFileSystem(t *testing.T) {
	path := filepath.Join(t.TempDir(), "s")
	l, err := net.Listen("unix", path)
	if err != nil {
		t.Fatal(err)
	}
	server := &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.WriteString(w, r.URL.Path)
	})}
	go func() { _ = server.Serve(l) }()
	defer server.Close()
	p := build(t, config.Check{Kind: config.CheckHTTP, Target: "http://unix:" + path + ":/healthz", Expect: "/healthz"})
	want(t, run(p, generous), core.Passed, "")
}
