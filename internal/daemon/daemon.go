// Package daemon is `stead run`: it builds the parts from the configuration,
// lets them run, and takes them down in the order in which nothing is left behind.
package daemon

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"os/signal"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"stead/internal/adapter/fence"
	"stead/internal/adapter/hook"
	"stead/internal/adapter/link"
	"stead/internal/adapter/neighbour"
	"stead/internal/adapter/overlay"
	"stead/internal/adapter/probe"
	"stead/internal/adapter/socket"
	"stead/internal/adapter/vrrp"
	"stead/internal/config"
	"stead/internal/core"
	"stead/internal/engine"
	"stead/internal/report"
	"stead/internal/report/eventlog"
	"stead/internal/report/metrics"
)

// eventsKept is how many events the log has in memory.
const eventsKept = 4096

// Daemon is one run of stead on a node.
type Daemon struct {
	file, node string // as the command line names them
	log        *slog.Logger
	started    core.Instant

	incarnation uint64 // of this run

	mu       sync.Mutex // guards cfg and what a reload replaces
	cfg      *config.Config
	reloadMu sync.Mutex // one reload at a time

	store     *stateFile
	stores    stores
	site      site
	fence     fence.Fence
	wall      *wall
	overlays  *overlay.Overlays
	links     *link.Links
	early     early
	sockets   *socket.Set
	routers   *vrrp.Set // nil: no group here can be decided by VRRP
	speaker   speaker
	ways      []neighbour.Path // of the sockets
	engine    *engine.Engine
	checks    *probe.Set
	hooks     []*hook.Queue
	preparing sync.Map // group name → the core.Want for which the prepare hook runs
	changes   changes  // the teller's
	hookTally hookTally
	notifier  notifier
	realtime  report.Realtime

	events   *eventlog.Log
	metrics  *metrics.Collector
	snapshot atomic.Pointer[report.Status]
	waiting  sync.Map // command ID → chan core.Reply
	repairs  atomic.Uint64
	stalls   atomic.Uint64
	lately   lately
	ran      checkTimes
	changed  chan struct{} // something that a snapshot should show
	faults   chan error    // a panic that ends this run
	names    atomic.Pointer[report.Names]
	manager  supervisor
}

// New builds every part. Nothing is announced or claimed yet, leftovers of an
// earlier run are gone, and the fence is closed. The errors are for people.
func New(cfg *config.Config, file, node string, log *slog.Logger) (*Daemon, error) {
	d := &Daemon{file: file, node: node, log: log, started: engine.Now(), cfg: cfg, changed: make(chan struct{}, 1), faults: make(chan error, 1)}
	d.names.Store(namesOf(cfg))
	d.events = eventlog.New(eventsKept)
	d.metrics = metrics.New(d)
	d.events.Observe(d.metrics.Count)
	d.events.Observe(d.logEvent)
	build := []func() error{d.openSupervisor, d.checkPermissions, d.checkGate, d.openStore, d.openFence, d.buildOverlays, d.openLinks, d.openRouters, d.openSpeaker, d.openStores, d.buildEngine, d.lookUpHooks, d.openNotifier}
	for _, part := range build {
		if err := part(); err != nil {
			d.takeDown()
			return nil, err
		}
	}
	return d, nil
}

func (d *Daemon) buildOverlays() error {
	if len(d.cfg.Overlays) == 0 {
		return nil
	}
	v, err := overlay.New(overlayOptions(d.cfg, d.log))
	if err != nil {
		return fmt.Errorf("overlays: %w", err)
	}
	d.overlays = v
	// What cannot be built yet is tried again: an underlay may come up later.
	if err := v.Ensure(); err != nil {
		d.log.Warn("overlay", "problem", err)
	}
	return nil
}

func overlayOptions(cfg *config.Config, log *slog.Logger) overlay.Options {
	return overlay.Options{Self: cfg.Self, Nodes: cfg.Nodes, Overlays: cfg.Overlays, Log: log}
}

// Run runs until the daemon was told to end. It serves the control socket and
// HTTP, and answers SIGTERM and SIGINT with a release, SIGHUP with a reload.
func (d *Daemon) Run(ctx context.Context, front Front) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	// To the very end: a signal in the middle of the taking down would leave
	// things behind.
	signals := make(chan os.Signal, 4)
	signal.Notify(signals, syscall.SIGTERM, syscall.SIGINT, syscall.SIGHUP)
	defer signal.Stop(signals)
	defer d.takeDown()

	var background sync.WaitGroup
	start := func(f func()) {
		background.Add(1)
		go func() { defer background.Done(); defer d.survive(); f() }()
	}
	if d.overlays != nil {
		start(func() { d.overlays.Run(ctx) })
	}
	if d.routers != nil {
		start(func() { d.runRouters(ctx) })
	}
	if s := &d.speaker; s.streams != nil {
		start(func() { s.streams.Run(ctx) })
		start(func() { s.paths.Run(ctx) })
	}
	d.reloadMu.Lock() // a reload waits for what it replaces
	start(func() { d.keepNeighbours(ctx) })
	start(func() { d.store.run(ctx, d.complain) })
	start(func() { d.publish(ctx) })
	start(func() { d.tameThreads(ctx) })
	start(func() { d.supervise(ctx) })
	if d.cfg.Gate != nil {
		start(func() { d.runGate(ctx) })
	}
	for _, serve := range front.services(d) {
		start(func() {
			if err := serve(ctx); err != nil {
				d.complain(err)
			}
		})
	}

	ended := make(chan error, 1)
	go func() { ended <- d.runEngine() }()
	err := d.startChecks()
	d.reloadMu.Unlock()
	if err != nil {
		d.engine.Post(core.Command{ID: d.engine.CommandID(), Verb: core.Abort, Group: core.AllGroups})
		err = errors.Join(err, <-ended)
		cancel()
		background.Wait()
		return err
	}
	d.say(report.Event{Kind: report.Started, Detail: buildVersion()})
	front.Ready()
	err = d.obey(ctx, signals, ended)

	d.checks.Stop()
	d.end(signals)
	cancel()
	background.Wait()
	return errors.Join(err, d.fault())
}

// patience bounds how long a release may take: longer than a hand-over, its
// linger, and a kernel that is slow to remove addresses.
const (
	releasePatience = 3 * time.Second
	abortPatience   = time.Second
)

// endPatience is for what comes after a release: hooks, and what is taken down.
const endPatience = 2*abortPatience + hookPatience + 5*time.Second

// longestLinger is how long a release waits at most after a hand-over.
func longestLinger(cfg *config.Config) (longest time.Duration) {
	for i := range cfg.Groups {
		g := &cfg.Groups[i]
		longest = max(longest, g.Linger)
		if g.Routes != nil {
			longest = max(longest, g.Routes.Linger)
		}
	}
	return longest
}

// obey waits for signals until the engine has ended.
func (d *Daemon) obey(ctx context.Context, signals <-chan os.Signal, ended <-chan error) error {
	var late <-chan time.Time
	verb := core.Stop
	done := ctx.Done()
	stop := func() {
		d.say(report.Event{Kind: report.Stopping})
		patience := releasePatience + longestLinger(d.config())
		d.manager.stops(patience + endPatience)
		d.engine.Post(core.Command{ID: d.engine.CommandID(), Verb: verb, Group: core.AllGroups})
		if verb == core.Abort {
			patience = abortPatience
		}
		verb, late = core.Abort, time.After(patience)
	}
	for {
		select {
		case err := <-ended:
			return err
		case <-done:
			done = nil
			stop()
		case s := <-signals:
			if s == syscall.SIGHUP {
				go func() {
					if _, err := d.Reload(context.Background()); err != nil {
						d.complain(err)
					}
				}()
				continue
			}
			stop()
		case <-late:
			if verb == core.Abort && late != nil {
				stop()
				late = nil
				select {
				case err := <-ended:
					return err
				case <-time.After(abortPatience):
					return errors.New("the release did not end in time: what is left is behind a closed fence")
				}
			}
		}
	}
}

// takeDown closes what was opened, in reverse. Addresses go before the fence does.
func (d *Daemon) takeDown() {
	if d.sockets != nil {
		d.sockets.Close()
	}
	if d.links != nil {
		if err := d.links.ReleaseAll(time.Second); err != nil {
			d.log.Error("release addresses", "problem", err)
		} else if d.fence != nil {
			d.wall.unbind()
		}
		d.links.Close()
	}
	if d.routers != nil {
		d.routers.Close()
	}
	d.speaker.close()
	d.stores.close()
	if d.overlays != nil {
		d.overlays.Close()
	}
	if d.fence != nil {
		if err := d.fence.Close(); err != nil {
			d.log.Error("close the fence", "problem", err)
		}
	}
	if d.store != nil {
		d.store.flush()
	}
}

// say records an event of the daemon's own.
func (d *Daemon) say(e report.Event) {
	e.Wall, e.BootNS, e.Node = time.Now(), int64(engine.Now()), d.named().Nodes[d.named().Self]
	d.events.Append(e)
}

// complain records a problem that a person should see.
func (d *Daemon) complain(err error) {
	if err == nil || errors.Is(err, context.Canceled) {
		return
	}
	d.say(report.Event{Kind: report.HoldFailed, Detail: err.Error()})
}
