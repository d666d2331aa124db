package daemon

import (
	"context"
	"crypto/rand"
	"encoding/binary"
	"fmt"
	"net/netip"
	"runtime"
	"runtime/debug"
	"time"

	"stead/internal/adapter/fence"
	"stead/internal/adapter/link"
	"stead/internal/adapter/neighbour"
	"stead/internal/adapter/sched"
	"stead/internal/adapter/socket"
	"stead/internal/assemble"
	"stead/internal/config"
	"stead/internal/core"
	"stead/internal/engine"
	"stead/internal/report"
	"stead/internal/report/build"
)

// wall is the fence, by groups instead of addresses.
type wall struct {
	fence.Fence
	groups [][]fence.Address
}

// Bind puts all addresses of a group under a slot.
func (w *wall) Bind(group core.GroupID, slot int) error {
	var failed error
	for _, a := range w.groups[group] {
		if err := w.Fence.Bind(a, slot); err != nil {
			failed = err
		}
	}
	return failed
}

func (w *wall) unbind() {
	for _, addr := range w.Bound() {
		_ = w.Unbind(addr)
	}
}

// holdsGroup tells whether a node is a member of a group.
func holdsGroup(g *config.Group, node string) bool {
	for _, m := range g.Members {
		if m.Node == node {
			return true
		}
	}
	return false
}

// holdsAny tells whether the node of this configuration is a member of any group.
func holdsAny(cfg *config.Config) bool {
	for i := range cfg.Groups {
		if holdsGroup(&cfg.Groups[i], cfg.Self) {
			return true
		}
	}
	return false
}

func wallGroups(cfg *config.Config) [][]fence.Address {
	groups := make([][]fence.Address, len(cfg.Groups))
	for i := range cfg.Groups {
		if !holdsGroup(&cfg.Groups[i], cfg.Self) {
			continue
		}
		for _, a := range cfg.Groups[i].Addresses {
			groups[i] = append(groups[i], fence.Address{Prefix: a.Prefix, Interface: deviceOf(&cfg.Groups[i], &a)})
		}
	}
	return groups
}

func linkGroups(cfg *config.Config) []link.Group {
	groups := make([]link.Group, len(cfg.Groups))
	for i := range cfg.Groups {
		groups[i].Name = cfg.Groups[i].Name
		if !holdsGroup(&cfg.Groups[i], cfg.Self) {
			continue
		}
		for _, a := range cfg.Groups[i].Addresses {
			groups[i].Addresses = append(groups[i].Addresses, link.Address{Prefix: a.Prefix, Interface: deviceOf(&cfg.Groups[i], &a)})
		}
	}
	return groups
}

// openFence closes every lease that an earlier run may have left open.
func (d *Daemon) openFence() error {
	mode := d.cfg.Fence
	if !holdsAny(d.cfg) {
		mode = config.FenceNone // a witness holds nothing
	}
	f, err := fence.Open(mode, fence.Options{})
	if err != nil {
		return err
	}
	if why := f.Status().Reason; why != "" && mode == config.FenceAuto {
		d.log.Warn("a guard process stands in for the kernel fence", "problem", why)
	}
	d.fence, d.wall = f, &wall{Fence: f, groups: wallGroups(d.cfg)}
	return nil
}

// cleanPatience bounds the removal of leftovers at start.
const cleanPatience = 10 * time.Second

// openLinks removes leftovers and puts every address under the closed slot
// before anything can ask for it.
func (d *Daemon) openLinks() error {
	links, err := link.New(link.Options{
		Groups: linkGroups(d.cfg), Report: d.linkEvent, Now: engine.Now, Log: d.log, OnThread: d.raiseWorker,
	})
	if err != nil {
		return fmt.Errorf("addresses: %w", err)
	}
	d.links = links
	ctx, cancel := context.WithTimeout(context.Background(), cleanPatience)
	defer cancel()
	if err := links.Clean(ctx); err != nil {
		return fmt.Errorf("remove the addresses of an earlier run: %w", err)
	}
	d.wall.unbind()
	for i := range d.wall.groups {
		if err := d.wall.Bind(core.GroupID(i), 0); err != nil {
			return fmt.Errorf("fence: %w", err)
		}
	}
	return nil
}

// linkEvent takes what the worker reports. The engine may not be there yet when
// the worker tells the first states.
func (d *Daemon) linkEvent(e core.Event) {
	if _, ok := e.(core.AddressRepaired); ok {
		d.repairs.Add(1)
	}
	d.early.post(e)
}

func (d *Daemon) buildEngine() error {
	var random [8]byte
	if _, err := rand.Read(random[:]); err != nil {
		return fmt.Errorf("random incarnation: %w", err)
	}
	d.incarnation = binary.BigEndian.Uint64(random[:]) | 1
	coreCfg, err := assemble.CoreConfig(d.cfg, d.incarnation, d.store.state.Epochs)
	if err != nil {
		return err
	}
	coreCfg.HeldOff = d.store.state.Drained
	coreCfg.Unfenced = d.fence.Kind() != fence.KindKernel
	ways := paths(d.cfg, &coreCfg)
	for _, p := range ways {
		d.ways = append(d.ways, neighbour.Path{Local: p.Local, Remote: p.Remote})
	}
	d.sockets, err = socket.Open(ways)
	if err != nil {
		return err
	}
	d.changes.reset(d.cfg)
	options := engine.Options{Core: core.New(coreCfg), Sockets: d.sockets, Fence: d.wall, Holds: d.links, Tell: d.tellAll}
	if d.routers != nil {
		options.Routers = d.routers
	}
	if d.speaker.streams != nil {
		options.Streams, options.Paths = d.speaker.streams, d.speaker.paths
	}
	if d.stores.leases != nil {
		options.Leases = d.stores.leases
	}
	d.engine = engine.New(options)
	d.early.open(d.engine.Post)
	return nil
}

// paths joins the i-th address of this node with the i-th of every other.
func paths(cfg *config.Config, c *core.Config) []socket.Path {
	self := c.Nodes[c.Self]
	if self.Client {
		return nil
	}
	var out []socket.Path
	for i, n := range c.Nodes {
		if i == int(c.Self) || n.Client {
			continue
		}
		for p := range min(len(n.Paths), len(self.Paths)) {
			out = append(out, socket.Path{Node: i, Path: p, Local: self.Paths[p], Remote: n.Paths[p]})
		}
	}
	return out
}

// keepNeighbours keeps the peers' hardware addresses known. The paths are the
// sockets', which no reload changes.
func (d *Daemon) keepNeighbours(ctx context.Context) {
	for !d.config().Heartbeats() { // a reload may bring the first group that has them
		select {
		case <-ctx.Done():
			return
		case <-time.After(time.Second):
		}
	}
	tell := func(err error) { d.log.Warn("next hops of heartbeats", "problem", err) }
	keeper, err := neighbour.Open(d.ways, tell)
	if err != nil {
		tell(err)
		return
	}
	keeper.Run(ctx)
}

// runEngine prepares the thread and the memory and runs the loop on it.
func (d *Daemon) runEngine() error {
	// A collection costs little with so small a heap, but seldom is better still.
	debug.SetGCPercent(400)
	// The engine's thread keeps one place of the scheduler for itself.
	runtime.GOMAXPROCS(runtime.NumCPU() + 1)
	d.mu.Lock()
	d.realtime = report.Realtime{Mode: d.cfg.Realtime.Mode}
	if d.cfg.Realtime.Mode != "off" {
		if err := sched.All(); err != nil {
			d.realtime.Detail = err.Error()
		} else if err := sched.Own(d.cfg.Realtime.Priority); err != nil {
			d.realtime.Detail = err.Error()
		} else {
			d.realtime.Active, d.realtime.Priority = true, d.cfg.Realtime.Priority
		}
		if err := sched.Memory(); err != nil && d.realtime.Detail == "" {
			d.realtime.Detail = err.Error()
		}
	}
	d.mu.Unlock()
	if d.realtime.Detail != "" && d.cfg.Realtime.Mode != "required" {
		d.log.Warn("a busy machine may hold this daemon up", "problem", d.realtime.Detail)
	}
	if d.cfg.Realtime.Mode == "required" && !d.realtime.Active {
		return fmt.Errorf("realtime.mode is required: %s", d.realtime.Detail)
	}
	return d.engine.Run()
}

// raiseWorker gives the worker that moves addresses a real-time priority just
// below the engine's: it is the second half of a failover.
func (d *Daemon) raiseWorker() {
	if d.cfg.Realtime.Mode == "off" || d.cfg.Realtime.Priority < 2 {
		return
	}
	_ = sched.Own(d.cfg.Realtime.Priority - 1) // status tells of the engine's own
}

// named are the names behind the core's numbers.
func (d *Daemon) named() *report.Names { return d.names.Load() }

func namesOf(cfg *config.Config) *report.Names {
	names := &report.Names{}
	for i, n := range cfg.Nodes {
		names.Nodes = append(names.Nodes, n.Name)
		if n.Name == cfg.Self {
			names.Self = core.NodeID(i)
		}
	}
	for i := range cfg.Groups {
		names.Groups = append(names.Groups, cfg.Groups[i].Name)
	}
	return names
}

func buildVersion() string { return build.Get().Version }

func prefixes(g *config.Group) []netip.Prefix {
	var out []netip.Prefix
	for _, a := range g.Addresses {
		out = append(out, a.Prefix)
	}
	return out
}
