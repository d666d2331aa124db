package web

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"go.uber.org/goleak"

	"stead/internal/report"
	"stead/internal/report/metrics"
	"stead/internal/report/reporttest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func newServer(d *reporttest.Daemon) *Server {
	live := reporttest.Live{Daemon: d}
	return &Server{Daemon: d, Snapshots: live, Log: d.Log, Metrics: metrics.New(live).Registry()}
}

// serve runs a server on loopback and returns its address.
func serve(t *testing.T, s *Server) string {
	t.Helper()
	listener, err := Listen("127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- s.Serve(ctx, listener) }()
	t.Cleanup(func() {
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
		http.DefaultClient.CloseIdleConnections()
	})
	return listener.Addr().String()
}

func get(s *Server, method, path string) *httptest.ResponseRecorder {
	w := httptest.NewRecorder()
	s.handler().ServeHTTP(w, httptest.NewRequest(method, path, nil))
	return w
}

type frozen struct{ at time.Time }

func (f frozen) Snapshot() *report.Status {
	s := reporttest.Trial()
	s.At = f.at
	return &s
}

type unborn struct{}

func (unborn) Snapshot() *report.Status { return nil }

// What a load balancer sees.
func TestActive(t *testing.T) {
	tests := []struct {
		name   string
		group  string
		change func(*report.Group)
		code   int
		text   string
	}{
		{"active", "web", func(*report.Group) {}, 200, "active: primary"},
		{"standby", "web", func(g *report.Group) { g.Role, g.ActiveNode = report.RoleStandby, "secondary" }, 503, "active: secondary"},
		{"nobody", "web", func(g *report.Group) { g.Role, g.ActiveNode = report.RoleStandby, "" }, 503, "nobody is active"},
		{"stalled", "web", func(g *report.Group) { g.Stalled = true }, 503, "primary is active, but its fence is closed"},
		{"not open yet", "web", func(g *report.Group) { g.FenceOpen = false }, 503, "primary is active, but its fence is closed"},
		{"unknown", "lan", func(*report.Group) {}, 404, "no such group on primary"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			d := reporttest.New()
			d.Set(func(s *report.Status) { tt.change(&s.Groups[0]) })
			w := get(newServer(d), http.MethodGet, "/active/"+tt.group)
			if w.Code != tt.code || w.Body.String() != tt.text+"\n" {
				t.Errorf("got %d %q", w.Code, w.Body)
			}
			if w := get(newServer(d), http.MethodHead, "/active/"+tt.group); w.Code != tt.code {
				t.Errorf("HEAD: got %d", w.Code)
			}
		})
	}
	stale := []struct {
		snapshots report.Snapshotter
		text      string
	}{
		{unborn{}, "the engine has not started yet"},
		{frozen{time.Now().Add(-time.Minute)}, "the engine has said nothing for 60."},
	}
	for _, tt := range stale {
		s := newServer(reporttest.New())
		s.Snapshots = tt.snapshots
		if w := get(s, http.MethodGet, "/active/web"); w.Code != 503 || !strings.HasPrefix(w.Body.String(), tt.text) {
			t.Errorf("got %d %q, want %q", w.Code, w.Body, tt.text)
		}
	}
}

// An engine that hangs is unhealthy within a second, and a probe does not wait for it.
func TestHealthz(t *testing.T) {
	d := reporttest.New()
	if w := get(newServer(d), http.MethodGet, "/healthz"); w.Code != 200 || w.Body.String() != "ok\n" {
		t.Errorf("healthy: %d %q", w.Code, w.Body)
	}
	d.Hang = true
	s := newServer(d)
	if w := get(s, http.MethodGet, "/healthz"); w.Code != 503 || !strings.Contains(w.Body.String(), "does not answer within 1s") {
		t.Errorf("hanging: %d %q", w.Code, w.Body)
	}
	if w := get(s, http.MethodGet, "/active/web"); w.Code != 200 {
		t.Errorf("the probe waits for the engine: %d", w.Code)
	}
}

func TestReadOnly(t *testing.T) {
	s := newServer(reporttest.New())
	for _, path := range []string{"/", "/active/web", "/healthz", "/metrics", "/events", "/status.json"} {
		if w := get(s, http.MethodPost, path); w.Code != http.StatusMethodNotAllowed {
			t.Errorf("POST %s: %d", path, w.Code)
		}
	}
	if w := get(s, http.MethodGet, "/v1/status"); w.Code != http.StatusNotFound {
		t.Errorf("/v1/status: %d", w.Code)
	}
}

// The page may load nothing from elsewhere, and does not try to.
func TestPageIsSelfContained(t *testing.T) {
	s := newServer(reporttest.New())
	for path, kind := range map[string]string{"/": "text/html", "/page.js": "text/javascript", "/style.css": "text/css", "/icon.svg": "image/svg+xml"} {
		w := get(s, http.MethodGet, path)
		if w.Code != 200 || !strings.HasPrefix(w.Header().Get("Content-Type"), kind) {
			t.Errorf("%s: %d %s", path, w.Code, w.Header().Get("Content-Type"))
		}
		if !strings.HasPrefix(w.Header().Get("Content-Security-Policy"), "default-src 'none'; script-src 'self';") {
			t.Errorf("%s: policy %q", path, w.Header().Get("Content-Security-Policy"))
		}
		body := strings.ReplaceAll(w.Body.String(), `xmlns="http://www.w3.org/2000/svg"`, "")
		for _, bad := range []string{"http://", "https://", "innerHTML", "style=", "onclick", "eval("} {
			if strings.Contains(body, bad) {
				t.Errorf("%s contains %q", path, bad)
			}
		}
	}
}

func TestMetrics(t *testing.T) {
	w := get(newServer(reporttest.New()), http.MethodGet, "/metrics")
	for _, want := range []string{`stead_group_active{group="web"} 1`, "go_goroutines ", "process_open_fds "} {
		if !strings.Contains(w.Body.String(), want) {
			t.Errorf("no %s", want)
		}
	}
}

func TestStatusJSON(t *testing.T) {
	d := reporttest.New()
	d.Set(func(s *report.Status) { s.Peers[1].Alive = false })
	var got struct {
		Node     string
		Problems []string
	}
	if err := json.Unmarshal(get(newServer(d), http.MethodGet, "/status.json").Body.Bytes(), &got); err != nil {
		t.Fatal(err)
	}
	if got.Node != "primary" || cmp.Diff([]string{"peer secondary is not heard"}, got.Problems) != "" {
		t.Errorf("got %+v", got)
	}
}

// The stream sends what was, then what comes, and begins again where a browser left off.
func TestStream(t *testing.T) {
	d := reporttest.New()
	address := serve(t, newServer(d))
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+address+"/events", nil)
	if err != nil {
		t.Fatal(err)
	}
	request.Header.Set("Last-Event-ID", "6")
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	if got := response.Header.Get("Content-Type"); got != "text/event-stream" {
		t.Errorf("type %q", got)
	}
	var ids []string
	statuses := 0
	lines := bufio.NewScanner(response.Body)
	for len(ids) < 3 && lines.Scan() {
		if id, ok := strings.CutPrefix(lines.Text(), "id: "); ok {
			ids = append(ids, id)
			if id == "8" {
				d.Log.Append(report.Event{Kind: report.Ready, Group: "web"})
			}
		}
		if lines.Text() == "event: status" {
			statuses++
		}
	}
	if diff := cmp.Diff([]string{"7", "8", "9"}, ids); diff != "" || statuses < 2 {
		t.Errorf("%d statuses, %s", statuses, diff)
	}
}

// Pages that do not read hold nobody up, and there is room for so many only.
func TestSlowPages(t *testing.T) {
	d := reporttest.New()
	address := serve(t, newServer(d))
	for range maxStreams {
		conn, err := net.Dial("tcp", address)
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
		if _, err := io.WriteString(conn, "GET /events HTTP/1.1\r\nHost: stead\r\n\r\n"); err != nil {
			t.Fatal(err)
		}
		if line, err := bufio.NewReader(conn).ReadString('\n'); err != nil || !strings.Contains(line, "200") {
			t.Fatalf("%q, %v", line, err)
		}
	}
	for i := range 2000 {
		d.Log.Append(report.Event{Kind: report.Ready, Detail: fmt.Sprint(i, strings.Repeat("x", 500))})
	}
	for path, want := range map[string]int{"/events": 503, "/active/web": 200, "/healthz": 200} {
		response, err := http.Get("http://" + address + path)
		if err != nil {
			t.Fatal(err)
		}
		if err := response.Body.Close(); err != nil || response.StatusCode != want {
			t.Errorf("%s: %d, %v", path, response.StatusCode, err)
		}
	}
}

func TestListenSaysWhatFails(t *testing.T) {
	listener, err := Listen("127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	_, err = Listen(listener.Addr().String())
	if err == nil || !strings.Contains(err.Error(), "address already in use (choose another address, or leave http.listen out)") {
		t.Errorf("got %v", err)
	}
}

func BenchmarkActive(b *testing.B) {
	s := newServer(reporttest.New())
	h := s.handler()
	r := httptest.NewRequest(http.MethodGet, "/active/web", nil)
	for b.Loop() {
		h.ServeHTTP(httptest.NewRecorder(), r)
	}
}
