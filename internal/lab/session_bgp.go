package lab

import (
	"context"
	"errors"
	"fmt"
	"os"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"

	"stead/internal/core/clock"
	"stead/internal/lab/routeserver"
	"stead/internal/workload"
)

// flows are the client's sockets, which take turns: each goes through the route
// server that its port falls to.
const flows = 16

// routeThroughServers starts the route servers and has the client's requests go
// through both. Answers come back directly.
func (s *session) routeThroughServers(dir string) error {
	for _, h := range s.world.Hosts() {
		if err := errors.Join(
			h.Sysctl("net/ipv4/fib_multipath_hash_policy", "1"),
			h.sysctlIPv6("net/ipv6/fib_multipath_hash_policy", "1"),
		); err != nil {
			return err
		}
	}
	route := &netlink.Route{Dst: ipNet(trialAddressing(s.opt).service.Masked())}
	for _, spec := range routers(s.opt) {
		route.MultiPath = append(route.MultiPath, &netlink.NexthopInfo{Gw: spec.Address.AsSlice()})
		if err := s.startRouter(s.world.Host(spec.Name), dir); err != nil {
			return fmt.Errorf("start the route server %s: %w", spec.Name, err)
		}
	}
	if err := s.world.Host(client).Net().RouteAdd(route); err != nil {
		return fmt.Errorf("route %s through the route servers: %w", route.Dst, err)
	}
	return nil
}

func (s *session) startRouter(h *Host, dir string) error {
	if err := errors.Join(
		h.Sysctl("net/ipv4/ip_forward", "1"),
		h.sysctlIPv6("net/ipv6/conf/all/forwarding", "1"),
		os.MkdirAll(shared(h.Name), 0o755),
	); err != nil {
		return err
	}
	if s.opt.Router == routeserver.FRR {
		if err := h.hideTemporary(); err != nil {
			return err
		}
	}
	programs, err := routeserver.Prepare(s.opt.Router, shared(h.Name), routerConfig(s.opt, h))
	if err != nil {
		return err
	}
	for _, program := range programs {
		p, err := s.program(h, dir, program.Name, program.Name, program.Args)
		if p != nil {
			s.routers = append(s.routers, p)
		}
		if err != nil {
			return err
		}
		if err := program.Wait(); err != nil {
			return err
		}
	}
	return nil
}

// hideTemporary gives a host a /var/tmp of its own, where FRR leaves a directory of
// each run.
func (h *Host) hideTemporary() (err error) {
	h.Do(func() {
		err = unix.Mount("tmpfs", "/var/tmp", "tmpfs", unix.MS_NOSUID|unix.MS_NODEV, "mode=1777,size=16m")
	})
	if err != nil {
		return fmt.Errorf("mount a file system in memory on /var/tmp: %w", err)
	}
	return nil
}

// routersReady tells what a route server lacks of its sessions.
func (s *session) routersReady() error {
	for _, spec := range routers(s.opt) {
		state, err := routeserver.Query(s.opt.Router, shared(spec.Name))
		switch {
		case err != nil:
			return err
		case state.Established < 2:
			return fmt.Errorf("%s has %d established BGP sessions of 2", spec.Name, state.Established)
		case s.opt.BFD != 0 && state.PathsUp < 2:
			return fmt.Errorf("%s has %d BFD sessions Up of 2", spec.Name, state.PathsUp)
		}
	}
	return nil
}

// routed tells whether requests go through route servers.
func (p *probes) routed() bool { return p.holders == nil }

// unplanned is when two holders are no part of a hand-over: one route server may
// be ahead of the other, and what goes through the other is answered as well.
func unplanned(f *fault, spans [][2]clock.Instant) [][2]clock.Instant {
	if f.budget == nothingLost || f.handsOver {
		return nil
	}
	return spans[:1] // what follows hands the address back
}

// awaitBoth waits until both servers answer.
func (s *session) awaitBoth(ctx context.Context, client *probes, run *Run) error {
	return s.await(ctx, "shared by both servers", func() error {
		now := workload.Now()
		samples := client.service.Samples(now.Add(-3*inARow*askEvery), now.Add(-10*askEvery))
		run.Shares = workload.Analyze(samples, askEvery).ByID
		if !bothAnswer(samples) {
			return fmt.Errorf("answers of the last %d requests: %v", len(samples), run.Shares)
		}
		return nil
	})
}

// bothAnswer tells whether both servers have answered lately, and nothing was lost.
func bothAnswer(samples []workload.Sample) bool {
	if len(samples) < inARow {
		return false
	}
	r := workload.Analyze(samples[len(samples)-inARow:], askEvery)
	return r.Lost == 0 && len(r.ByID) == 2
}
