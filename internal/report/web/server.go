// Package web is the HTTP listener: metrics, probes for load balancers and
// monitors, and a status page. It is read-only.
//
// A probe reads the engine's last snapshot and waits for nothing. A snapshot that
// is too old is not believed: a frozen engine is active for nobody.
package web

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"
	"golang.org/x/net/netutil"

	"stead/internal/report"
	"stead/internal/report/eventlog"
)

// healthPatience is how long the engine has for an answer before it counts as stuck.
const healthPatience = time.Second

// maxConnections keeps clients from using up the daemon's file descriptors.
const maxConnections = 256

// Server answers over HTTP.
type Server struct {
	Daemon    report.Daemon
	Snapshots report.Snapshotter
	Log       *eventlog.Log
	Metrics   prometheus.Gatherer

	streams limit
}

// Listen opens the listener at address, as host:port.
func Listen(address string) (net.Listener, error) {
	listener, err := net.Listen("tcp", address)
	if err != nil {
		return nil, fmt.Errorf("http.listen %s: %w (choose another address, or leave http.listen out)", address, err)
	}
	return listener, nil
}

// Serve answers until ctx ends, then lets requests under way finish for at most a
// second. It closes the listener.
func (s *Server) Serve(ctx context.Context, listener net.Listener) error {
	server := &http.Server{
		Handler:           s.handler(),
		ReadHeaderTimeout: 5 * time.Second,
		ReadTimeout:       10 * time.Second,
		WriteTimeout:      10 * time.Second,
		IdleTimeout:       60 * time.Second,
		MaxHeaderBytes:    8 << 10,
		BaseContext:       func(net.Listener) context.Context { return ctx },
	}
	stopped := make(chan struct{})
	stop := context.AfterFunc(ctx, func() {
		defer close(stopped)
		bound, cancel := context.WithTimeout(context.WithoutCancel(ctx), time.Second)
		defer cancel()
		if server.Shutdown(bound) != nil {
			_ = server.Close()
		}
	})
	err := server.Serve(netutil.LimitListener(listener, maxConnections))
	if !stop() {
		<-stopped
	}
	if errors.Is(err, http.ErrServerClosed) {
		return nil
	}
	return fmt.Errorf("http: %w", err)
}

func (s *Server) handler() http.Handler {
	s.streams.most = maxStreams
	mux := http.NewServeMux()
	// GET serves HEAD too; every other method is refused.
	mux.HandleFunc("GET /active/{group}", s.active)
	mux.HandleFunc("GET /healthz", s.healthz)
	mux.Handle("GET /metrics", promhttp.HandlerFor(s.Metrics, promhttp.HandlerOpts{MaxRequestsInFlight: 4, Timeout: 5 * time.Second}))
	mux.HandleFunc("GET /status.json", s.status)
	mux.HandleFunc("GET /events", s.stream)
	mux.Handle("GET /", page())
	return headers(mux)
}

// headers keeps browsers from doing anything with the page but show it.
func headers(next http.Handler) http.Handler {
	const policy = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h := w.Header()
		h.Set("Content-Security-Policy", policy)
		h.Set("X-Content-Type-Options", "nosniff")
		h.Set("Referrer-Policy", "no-referrer")
		h.Set("Cross-Origin-Resource-Policy", "same-origin")
		h.Set("Cache-Control", "no-store")
		next.ServeHTTP(w, r)
	})
}

// recent returns the last snapshot, and why it cannot be believed where it cannot.
func (s *Server) recent() (*report.Status, string) {
	status := s.Snapshots.Snapshot()
	if status == nil {
		return nil, "the engine has not started yet"
	}
	if age := time.Since(status.At); age > report.MaxSnapshotAge {
		return status, fmt.Sprintf("the engine has said nothing for %.1f s", age.Seconds())
	}
	return status, ""
}

// active answers a load balancer: 200 on the node that serves the group, 503 on the others.
func (s *Server) active(w http.ResponseWriter, r *http.Request) {
	status, stale := s.recent()
	if status == nil {
		say(w, http.StatusServiceUnavailable, stale)
		return
	}
	name := r.PathValue("group")
	g := status.Group(name)
	switch {
	case g == nil:
		say(w, http.StatusNotFound, "no such group on "+status.Node)
	case stale != "":
		say(w, http.StatusServiceUnavailable, stale)
	case g.Serves():
		say(w, http.StatusOK, "active: "+status.Node)
	case g.Role == report.RoleActive:
		say(w, http.StatusServiceUnavailable, status.Node+" is active, but its fence is closed")
	case g.Holder() == "":
		say(w, http.StatusServiceUnavailable, "nobody is active")
	default:
		say(w, http.StatusServiceUnavailable, "active: "+g.Holder())
	}
}

// healthz asks the engine itself, so that an answer proves that its loop turns.
func (s *Server) healthz(w http.ResponseWriter, r *http.Request) {
	ctx, cancel := context.WithTimeout(r.Context(), healthPatience)
	defer cancel()
	if _, err := s.Daemon.Status(ctx); err != nil {
		say(w, http.StatusServiceUnavailable, fmt.Sprintf("the engine does not answer within %s: %v", healthPatience, err))
		return
	}
	say(w, http.StatusOK, "ok")
}

func say(w http.ResponseWriter, code int, text string) {
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	w.WriteHeader(code)
	_, _ = fmt.Fprintln(w, text)
}
