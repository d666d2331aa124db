package gate

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"
	"golang.org/x/net/netutil"
)

// stuckAfter is when a loop that has not run counts as hanging.
const stuckAfter = 3 * wakeEvery

// maxConnections keeps clients from using up the file descriptors.
const maxConnections = 64

// Handler answers /healthz, /open, /status and /metrics.
func (g *Gate) Handler() http.Handler {
	return handler(g.Collector(), func() (health, open string, status any) {
		s := g.Status()
		switch age := g.env.Now().Sub(s.at); {
		case s.at == 0:
			health = "the gate has not begun"
		case age > stuckAfter:
			health = fmt.Sprintf("the gate has not run for %v", age.Round(time.Second))
		default:
			health = s.Trouble
		}
		switch {
		case !s.Open:
			open = "the workload may not run: " + s.Verdict + ", " + s.Reason
		case s.Kills != nil && g.env.Now() >= s.at.Add(time.Duration(*s.Kills*float64(time.Second))):
			open = "the workload may not run any more"
		}
		return health, open, s
	})
}

// handler serves what look returns: health and open are empty where all is well.
func handler(c prometheus.Collector, look func() (health, open string, status any)) http.Handler {
	registry := prometheus.NewRegistry()
	registry.MustRegister(c)
	registry.MustRegister(theCollectors...)
	mux := http.NewServeMux()
	mux.HandleFunc("GET /healthz", func(w http.ResponseWriter, _ *http.Request) {
		health, _, _ := look()
		answer(w, health)
	})
	mux.HandleFunc("GET /open", func(w http.ResponseWriter, _ *http.Request) {
		_, open, _ := look()
		answer(w, open)
	})
	mux.HandleFunc("GET /status", func(w http.ResponseWriter, _ *http.Request) {
		_, _, status := look()
		w.Header().Set("Content-Type", "application/json")
		_ = json.NewEncoder(w).Encode(status)
	})
	mux.Handle("GET /metrics", promhttp.HandlerFor(registry, promhttp.HandlerOpts{}))
	return mux
}

// answer is 200, or 503 with what is wrong.
func answer(w http.ResponseWriter, wrong string) {
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	w.Header().Set("Cache-Control", "no-store")
	if wrong != "" {
		w.WriteHeader(http.StatusServiceUnavailable)
		fmt.Fprintln(w, wrong)
		return
	}
	fmt.Fprintln(w, "ok")
}

// Listen opens the listener at address: host:port, or :port for the loopback
// interface alone.
func Listen(address string) (net.Listener, error) {
	host, port, err := net.SplitHostPort(address)
	if err != nil {
		return nil, fmt.Errorf("listen %s: is no host:port", address)
	}
	if host == "" {
		host = "127.0.0.1"
	}
	listener, err := net.Listen("tcp", net.JoinHostPort(host, port))
	if err != nil {
		return nil, fmt.Errorf("listen %s: %w (choose another address)", address, err)
	}
	return listener, nil
}

// Serve answers until ctx ends. It closes the listener.
func Serve(ctx context.Context, listener net.Listener, h http.Handler) error {
	server := &http.Server{
		Handler: h, ReadHeaderTimeout: 5 * time.Second, ReadTimeout: 5 * time.Second,
		WriteTimeout: 10 * time.Second, IdleTimeout: time.Minute, MaxHeaderBytes: 8 << 10,
	}
	stop := context.AfterFunc(ctx, func() { _ = server.Close() })
	defer stop()
	if err := server.Serve(netutil.LimitListener(listener, maxConnections)); !errors.Is(err, http.ErrServerClosed) {
		return fmt.Errorf("http: %w", err)
	}
	return nil
}

// Handler answers /healthz, /status and /metrics. There is no /open: a heartbeat
// guards nothing.
func (b *Beater) Handler() http.Handler {
	return handler(b, func() (health, open string, status any) {
		s := b.Status()
		if !s.Healthy {
			health = "the heartbeat is not written: " + s.Trouble
		}
		return health, "a heartbeat guards nothing: ask the gate", s
	})
}
