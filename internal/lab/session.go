package lab

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"github.com/vishvananda/netlink"

	"stead/internal/core/clock"
	"stead/internal/report"
	"stead/internal/workload"
)

// session is the trial's hosts with the daemons running on them, under one
// configuration.
type session struct {
	opt *Options
	variant
	world   network
	daemons map[string]*process
	servers map[string]*process
	routers []*process
	macs    map[string]string // of the overlay: hardware address to host
}

// newSession builds the hosts and starts everything on them. Logs go into dir.
func newSession(ctx context.Context, opt *Options, v variant, dir string) (*session, error) {
	s := &session{opt: opt, variant: v, daemons: map[string]*process{}, servers: map[string]*process{}}
	if err := s.start(ctx, dir); err != nil {
		s.close()
		return nil, err
	}
	return s, nil
}

func (s *session) start(ctx context.Context, dir string) error {
	config, err := writeConfig(SharedDir, s.opt, s.variant)
	if err != nil {
		return err
	}
	if err := s.connect(dir); err != nil {
		return err
	}
	for _, h := range s.world.Hosts() {
		if h.Name == primary || h.Name == secondary {
			serve := []string{s.opt.Binary, "probe", "serve", "--id", h.Name, "--port", fmt.Sprint(servicePort), "--realtime"}
			if s.servers[h.Name], err = s.program(h, dir, "probe", "stead", serve); err != nil {
				return err
			}
		}
		if !s.runsOn(h.Name) {
			continue
		}
		run := []string{s.opt.Binary, "run", "-c", config, "--node", h.Name}
		if s.daemons[h.Name], err = s.program(h, dir, "stead", "stead", run); err != nil {
			return err
		}
	}
	if err := s.awaitReady(ctx); err != nil || s.opt.bgp() {
		return err
	}
	return s.learnMACs()
}

// connect builds the network.
func (s *session) connect(dir string) error {
	if !s.opt.bgp() {
		world, err := NewWorld(trialHosts(s.opt))
		if err == nil {
			s.world = world
		}
		return err
	}
	segment, err := NewSegment(trialHosts(s.opt))
	if err != nil {
		return err
	}
	s.world = segment
	return s.routeThroughServers(dir)
}

// runsOn tells whether stead runs on a host.
func (s *session) runsOn(host string) bool {
	switch {
	case host == primary, host == secondary:
		return true
	case s.opt.bgp(): // there is no overlay that a client without a vote would be in
		return host == client && s.quorum && !s.everyone(s.opt)
	}
	return true
}

// program starts a program that writes to a log in dir and is called name.
func (s *session) program(h *Host, dir, log, name string, args []string) (*process, error) {
	file, err := os.OpenFile(filepath.Join(dir, h.Name+"-"+log+".log"), os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o644)
	if err != nil {
		return nil, err
	}
	p := &process{host: h, name: name, args: args, log: file}
	return p, p.start()
}

func (s *session) learnMACs() error {
	s.macs = map[string]string{}
	for _, h := range s.world.Hosts() {
		link, err := h.Net().LinkByName(overlay)
		if err != nil {
			return fmt.Errorf("%s has no overlay %s: %w", h.Name, overlay, err)
		}
		s.macs[link.Attrs().HardwareAddr.String()] = h.Name
	}
	return nil
}

// close ends everything on the hosts, then the hosts.
func (s *session) close() {
	for _, all := range []map[string]*process{s.servers, s.daemons} {
		for _, p := range all {
			if p != nil {
				p.kill()
				_ = p.log.Close()
			}
		}
	}
	for _, p := range s.routers {
		p.kill()
		_ = p.log.Close()
	}
	if s.world != nil {
		s.world.Close()
	}
}

// cli runs a verb of stead on a host and returns what it printed.
func (s *session) cli(ctx context.Context, host string, args ...string) ([]byte, error) {
	ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	h := s.world.Host(host)
	var out, problems strings.Builder
	cmd := h.Command(s.opt.Binary, append(args, "--socket", HostDir+"/stead.sock")...)
	cmd.Args[0] = "stead"
	cmd.Stdout, cmd.Stderr = &out, &problems
	if err := h.Start(cmd); err != nil {
		return nil, err
	}
	stop := context.AfterFunc(ctx, func() { _ = syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) })
	defer stop()
	if err := cmd.Wait(); err != nil {
		return nil, fmt.Errorf("stead %s on %s: %w: %s", strings.Join(args, " "), host, err, strings.TrimSpace(problems.String()))
	}
	return []byte(out.String()), nil
}

func (s *session) status(ctx context.Context, host string) (st report.Status, err error) {
	out, err := s.cli(ctx, host, "status", "--json")
	if err != nil {
		return st, err
	}
	if err := json.Unmarshal(out, &st); err != nil {
		return st, fmt.Errorf("status of %s: %w", host, err)
	}
	return st, nil
}

// events are those of a host's daemon since a moment.
func (s *session) events(ctx context.Context, host string, from clock.Instant) (list []report.Event, err error) {
	out, err := s.cli(ctx, host, "events", "--json")
	if err != nil {
		return nil, err
	}
	decoder := json.NewDecoder(strings.NewReader(string(out)))
	for decoder.More() {
		var e report.Event
		if err := decoder.Decode(&e); err != nil {
			return nil, fmt.Errorf("events of %s: %w", host, err)
		}
		if e.BootNS >= int64(from) {
			list = append(list, e)
		}
	}
	return list, nil
}

// awaitReady waits until the preferred host serves and the others are ready to.
func (s *session) awaitReady(ctx context.Context) error {
	return s.await(ctx, "ready", func() error {
		for _, host := range []string{primary, secondary, client} {
			if !s.runsOn(host) {
				continue
			}
			st, err := s.status(ctx, host)
			if err != nil {
				return err
			}
			if err := s.calm(host, &st); err != nil {
				return err
			}
		}
		if s.opt.bgp() {
			return s.routersReady()
		}
		return nil
	})
}

// calm tells what is not as it should be on a host while nothing is wrong.
func (s *session) calm(host string, st *report.Status) error {
	for _, o := range st.Overlays {
		if !o.OK {
			return fmt.Errorf("%s: overlay %s: %s", host, o.Name, o.Detail)
		}
	}
	for _, p := range st.Peers {
		// Without quorum the client has no vote, and nobody sends it heartbeats.
		if !p.Alive && !s.everyone(s.opt) && (s.quorum || host != client && p.Name != client) {
			return fmt.Errorf("%s does not hear %s", host, p.Name)
		}
	}
	g := st.Group(group)
	if host == client {
		return nil
	}
	switch {
	case g == nil:
		return fmt.Errorf("%s has no group %s", host, group)
	case !g.Ready:
		return fmt.Errorf("%s is not ready: %s %s", host, g.NotReadyBecause, g.NotReadyDetail)
	case s.everyone(s.opt):
		if g.Role != report.RoleActive || !g.Applied {
			return fmt.Errorf("%s is %s, its addresses applied: %v", host, g.Role, g.Applied)
		}
	case host == primary && (g.Role != report.RoleActive || !g.Applied || g.Stalled):
		return fmt.Errorf("%s is %s, its addresses applied: %v", host, g.Role, g.Applied)
	case host == secondary && (g.Role != report.RoleStandby || g.ActiveNode != primary):
		return fmt.Errorf("%s is %s and sees %q active", host, g.Role, g.ActiveNode)
	}
	return nil
}

// pollPeriod is how often a condition is looked at that costs processes.
const pollPeriod = 100 * time.Millisecond

// await asks again and again until done has no objection.
func (s *session) await(ctx context.Context, what string, done func() error) error {
	limit, cancel := context.WithTimeout(ctx, s.opt.patience())
	defer cancel()
	for {
		err := done()
		if err == nil {
			return nil
		}
		if dead := s.ended(); dead != nil {
			return fmt.Errorf("not %s: %w", what, dead)
		}
		select {
		case <-limit.Done():
			if ctx.Err() != nil {
				return ctx.Err()
			}
			return fmt.Errorf("not %s within %v: %w", what, s.opt.patience(), err)
		case <-time.After(pollPeriod):
		}
	}
}

// ended tells which daemons run no longer, though nobody ended them.
func (s *session) ended() (all error) {
	for _, h := range s.world.Hosts() {
		if p := s.daemons[h.Name]; p != nil && !p.running() {
			all = errors.Join(all, fmt.Errorf("the daemon on %s has ended (%s); its last line: %s", h.Name, p.cmd.ProcessState, lastLine(p.log.Name())))
		}
	}
	return all
}

func lastLine(name string) string {
	text, _ := os.ReadFile(name)
	lines := strings.Split(strings.TrimSpace(string(text)), "\n")
	return lines[len(lines)-1]
}

// probes are the client's: one asks the service, the other who holds its address.
type probes struct {
	service, holders *workload.Pinger // holders: nil in NetworkBGP
	cancel           context.CancelFunc
	ended            chan struct{}
}

// The client's schedule. An answer that takes longer than the timeout helps nobody.
const (
	askEvery    = time.Millisecond
	askPatience = 200 * time.Millisecond
)

// probe starts asking. Call stop.
func (s *session) probe(ctx context.Context) (*probes, error) {
	p := &probes{ended: make(chan struct{}, 2)}
	service := trialAddressing(s.opt).service.Addr()
	var errService, errHolders error
	s.world.Host(client).Do(func() {
		ask := workload.Options{
			Target: netip.AddrPortFrom(service, servicePort), Proto: workload.UDP,
			Interval: askEvery, Timeout: askPatience, Realtime: true,
		}
		if s.opt.bgp() { // and nobody answers for the address on the network
			ask.Flows = flows
		}
		p.service, errService = workload.NewPinger(ask)
		if s.opt.bgp() {
			return
		}
		p.holders, errHolders = workload.NewHolderProber(workload.HolderOptions{
			Interface: overlay, Address: service, Names: s.macs,
			Interval: askEvery, Timeout: askPatience, Realtime: true,
		})
	})
	if err := errors.Join(errService, errHolders); err != nil {
		return nil, fmt.Errorf("the client: %w", err)
	}
	ctx, p.cancel = context.WithCancel(ctx)
	for _, pinger := range p.all() {
		go func() { pinger.Run(ctx); p.ended <- struct{}{} }()
	}
	return p, nil
}

func (p *probes) all() []*workload.Pinger {
	if p.holders == nil {
		return []*workload.Pinger{p.service}
	}
	return []*workload.Pinger{p.service, p.holders}
}

func (p *probes) stop() {
	p.cancel()
	for range p.all() {
		<-p.ended
	}
}

// neighbour is the hardware address that the client sends requests for the
// service to, or nil.
func (s *session) neighbour() net.HardwareAddr {
	h := s.world.Host(client)
	service := trialAddressing(s.opt).service.Addr()
	list, err := h.Net().NeighList(0, 0)
	if err != nil {
		return nil
	}
	for _, n := range list {
		if n.IP.Equal(service.AsSlice()) && len(n.HardwareAddr) == 6 {
			return n.HardwareAddr
		}
	}
	return nil
}

// pointClientAt makes the client's neighbour entry for the service that of a host.
func (s *session) pointClientAt(host string) error {
	h := s.world.Host(client)
	link, err := h.Net().LinkByName(overlay)
	if err != nil {
		return fmt.Errorf("the client's overlay: %w", err)
	}
	for mac, name := range s.macs {
		if name != host {
			continue
		}
		address, err := net.ParseMAC(mac)
		if err != nil {
			return err
		}
		return h.Net().NeighSet(&netlink.Neigh{
			LinkIndex: link.Attrs().Index, IP: trialAddressing(s.opt).service.Addr().AsSlice(),
			HardwareAddr: address, State: netlink.NUD_REACHABLE,
		})
	}
	return fmt.Errorf("the hardware address of %s is not known", host)
}
