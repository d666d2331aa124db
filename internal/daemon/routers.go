package daemon

import (
	"context"
	"fmt"
	"time"

	"stead/internal/adapter/vrrp"
	"stead/internal/assemble"
	"stead/internal/config"
	"stead/internal/core"
	"stead/internal/core/reason"
	"stead/internal/engine"
	"stead/internal/report"
)

// openRouters opens the sockets of virtual routers, also where none is configured
// yet: a reload may bring the first one.
func (d *Daemon) openRouters() error {
	if !holdsAny(d.cfg) {
		return nil
	}
	list := assemble.Routers(d.cfg)
	set, err := vrrp.Open(vrrp.Options{Routers: list, Report: d.routerEvent, Log: d.log})
	switch {
	case err == nil:
		d.routers = set
	case len(list) > 0:
		return fmt.Errorf("virtual routers: %w", err)
	}
	return nil
}

// laterRouters refuses the first virtual router of a daemon that could open no
// sockets for one.
func (d *Daemon) laterRouters(cfg *config.Config) error {
	if list := assemble.Routers(cfg); d.routers == nil && len(list) > 0 {
		return fmt.Errorf("group %q is the first one with election vrrp, and this daemon may not open raw sockets (needs CAP_NET_RAW): restart it with that capability", list[0].Name)
	}
	return nil
}

// routerEvent takes where the advertisements of a group come from. The number of
// the group is that of the table by the time the engine takes the event.
func (d *Daemon) routerEvent(e core.Event) {
	source, ok := e.(core.SourceAddress)
	if !ok {
		d.engine.Post(e)
		return
	}
	d.engine.PostMade(func() core.Event {
		return core.SourceAddress{Group: source.Group, Address: d.routers.Source(source.Group)}
	})
}

// runRouters follows the interfaces, and tells the time of day to whom signs with it.
func (d *Daemon) runRouters(ctx context.Context) {
	go func() {
		defer d.survive()
		d.tellWallClock(ctx)
	}()
	d.routers.Run(ctx)
}

// wallClockPeriod is how often the core is told the time of day: it may be set
// while the daemon runs.
const wallClockPeriod = time.Second

func (d *Daemon) tellWallClock(ctx context.Context) {
	tick := time.NewTicker(wallClockPeriod)
	defer tick.Stop()
	for {
		if signs(d.config()) {
			d.engine.Post(core.WallClock{Offset: time.Duration(time.Now().UnixNano()) - time.Duration(engine.Now())})
		}
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
	}
}

// signs tells whether any group signs its advertisements with the time of day.
func signs(cfg *config.Config) bool {
	for i := range cfg.Groups {
		if r := cfg.Groups[i].Election.VRRP; r != nil && r.Auth != nil && r.Auth.Type == config.AuthHMAC {
			return true
		}
	}
	return false
}

// deviceOf is the interface that has an address: with a virtual MAC that of the
// virtual router stands for the one that is configured.
func deviceOf(g *config.Group, a *config.Address) string {
	r := g.Election.VRRP
	if r == nil || !r.VirtualMAC || a.Interface != r.Interface {
		return a.Interface
	}
	return vrrp.DeviceName(vrrp.Router{VRID: r.VRID, IPv6: r.IPv6, Interface: r.Interface, VirtualMAC: true})
}

// describeSockets adds to a status what the sockets of virtual routers tell.
func (d *Daemon) describeSockets(s *report.Status, now core.Instant) {
	for _, st := range d.routers.Status() {
		g := s.Group(st.Name)
		if g == nil || g.VRRP == nil {
			continue // a reload is under way
		}
		g.VRRP.Problem, g.VRRP.Device, g.VRRP.DeviceRepairs = st.Problem, st.Device, st.Repairs
		if g.NotReadyBecause == reason.NoSource {
			g.NotReadyDetail = st.Problem
		}
	}
	for i := range s.Groups {
		if g := &s.Groups[i]; g.VRRP != nil {
			d.lately.note(g.Name, g.VRRP, now)
		}
	}
	n := d.routers.Counters()
	s.Counters.VRRPStrangers = n.Strangers
	s.Counters.VRRPSendFailures = map[string]uint64{
		"no-interface": n.Lost.NoInterface, "unreachable": n.Lost.Unreachable, "no-buffer": n.Lost.NoBuffer,
		"refused": n.Lost.Refused, "other": n.Lost.Other,
	}
}
