package daemon

import (
	"context"
	"net"

	"stead/internal/config"
	"stead/internal/report/api"
	"stead/internal/report/web"
)

// Front is where people and programs ask the daemon.
type Front struct {
	control net.Listener
	http    net.Listener
	writers api.Writers
	Ready   func() // called when the daemon runs
}

// OpenFront opens the control socket and the HTTP listener. A second daemon on
// the same socket is refused here, before it has touched anything.
func OpenFront(cfg *config.Config) (f Front, err error) {
	f.Ready = func() {}
	if f.writers, err = api.NewWriters(cfg.Control.Users); err != nil {
		return f, err
	}
	if f.control, err = api.Listen(cfg.Control.Socket); err != nil {
		return f, err
	}
	if cfg.HTTP.Listen != "" {
		if f.http, err = web.Listen(cfg.HTTP.Listen); err != nil {
			_ = f.control.Close()
			return f, err
		}
	}
	return f, nil
}

// Close closes what no Run has taken over.
func (f *Front) Close() {
	for _, l := range []net.Listener{f.control, f.http} {
		if l != nil {
			_ = l.Close()
		}
	}
}

func (f *Front) services(d *Daemon) []func(context.Context) error {
	services := []func(context.Context) error{func(ctx context.Context) error {
		server := &api.Server{Daemon: d, Log: d.events, Writers: f.writers}
		return server.Serve(ctx, f.control)
	}}
	if f.http != nil {
		services = append(services, func(ctx context.Context) error {
			registry := d.metrics.Registry()
			registry.MustRegister(gateCollector{d})
			server := &web.Server{Daemon: d, Snapshots: d, Log: d.events, Metrics: registry}
			return server.Serve(ctx, f.http)
		})
	}
	return services
}
