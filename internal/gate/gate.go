package gate

import (
	"context"
	"fmt"
	"log/slog"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"stead/internal/adapter/keeper"
	"stead/internal/adapter/store"
	"stead/internal/adapter/store/open"
	"stead/internal/core/clock"
	"stead/internal/core/gate"
	"stead/internal/core/lease"
)

// Instant is the time of the core.
type Instant = clock.Instant

// RightKey is where the right to run is kept in its store.
const RightKey = "gate/right"

// HeartbeatKey is where a site writes its heartbeat.
func HeartbeatKey(site string) string { return site + "/heartbeat.txt" }

// Surroundings are what a gate has of its process.
type Surroundings struct {
	Now     func() Instant   // CLOCK_BOOTTIME
	Wall    func() time.Time // for people, and for heartbeats in ticks
	Log     *slog.Logger
	Session uint64   // random, not 0
	Boot    string   // names this boot of the machine
	Environ []string // what the workload's environment begins with
	Keeper  []string // see keeper.Options
	Adopted bool
}

// Gate is the gate of a site.
type Gate struct {
	set    Settings
	env    Surroundings
	log    *slog.Logger
	m      *gate.Machine
	stores map[string]store.Store

	sources  []store.Blob // by witness; nil: of the network
	pages    []page
	wire     *wire // nil: nothing goes over the network
	register store.Register
	metrics  *metrics
	session  uint64 // of the right

	inputs chan func(now Instant)
	over   chan struct{} // closed when nothing takes inputs any more
	// leaving: what is watched over has no keeper any more on purpose.
	leaving atomic.Bool
	ctx     context.Context

	// What the loop alone touches.
	end, kill Instant
	resumed   bool
	workload  *keeper.Keeper
	starting  bool
	present   bool // Settings.Processes: some are there
	sequence  uint64
	endWork   context.CancelFunc // the work is judged; nil: it is not
	work      ProgressStatus
	beginAt   Instant
	stopped   bool // Machine.Stop was called
	stopAt    Instant
	finished  bool

	// What becomes the Outcome.
	opens     bool
	lastEpoch uint64
	lostWhy   string
	exit      *keeper.Exit

	claiming bool // the claim file is being written
	state    gate.State

	mu     sync.Mutex
	status Status
	marks  []mark // by witness
}

// Open opens the stores of a gate whose settings Check has accepted.
func Open(ctx context.Context, set *Settings, env Surroundings) (*Gate, error) {
	g := &Gate{
		set: *set, env: env, log: env.Log, stores: openStores(), metrics: newMetrics(),
		inputs: make(chan func(Instant), 16), over: make(chan struct{}), end: clock.Never, kill: clock.Never,
		session: env.Session,
	}
	g.metrics.of = g.Status
	cfg := set.config(env.Session)
	for _, w := range set.AllWitnesses() {
		var blob store.Blob
		if w.Store != "" {
			s, err := g.store(ctx, w.Store)
			if err != nil {
				g.Close()
				return nil, fmt.Errorf("witness %s: %w", w.Name, err)
			}
			blob = s.Blob(HeartbeatKey(set.Other))
		}
		g.sources = append(g.sources, blob)
	}
	for _, url := range set.pages() {
		g.pages = append(g.pages, g.stores[url].Blob(HeartbeatKey(set.Site)))
	}
	if err := g.openWire(); err != nil {
		g.Close()
		return nil, err
	}
	if url, ok := set.RightStore(); ok {
		s, err := g.store(ctx, url)
		if err != nil {
			g.Close()
			return nil, fmt.Errorf("right: %w", err)
		}
		g.register = s.Register(RightKey)
		if err := g.resume(cfg); err != nil {
			g.Close()
			return nil, err
		}
	}
	if err := g.openProgress(ctx, set.Progress); err != nil {
		g.Close()
		return nil, err
	}
	g.m = gate.New(cfg)
	g.marks = make([]mark, len(cfg.Witnesses))
	return g, nil
}

func openStores() map[string]store.Store { return map[string]store.Store{} }

// store opens a store once.
func (g *Gate) store(ctx context.Context, url string) (store.Store, error) {
	if s, ok := g.stores[url]; ok {
		return s, nil
	}
	spec, err := open.Parse(url)
	if err != nil {
		return nil, err
	}
	s, err := open.Open(ctx, spec, open.Options{Timeout: g.set.Timing.Timeout, Log: g.log})
	if err != nil {
		return nil, err
	}
	g.stores[url] = s
	return s, nil
}

// resume takes the right over that an earlier run has claimed and nobody has guarded since.
func (g *Gate) resume(cfg *gate.Config) error {
	if !g.set.Watch || g.set.EpochFile == "" {
		return nil
	}
	claim, err := readClaim(g.set.EpochFile)
	if err != nil || claim == nil || claim.Boot != g.env.Boot || claim.Site != g.set.Site {
		return err
	}
	g.resumed = true
	cfg.Resume, cfg.ResumeEnd = claim.Epoch, claim.Until
	cfg.Right.Session, g.session = claim.Session, claim.Session
	return nil
}

// Close closes the stores. It is called when Run has returned.
func (g *Gate) Close() {
	if g.wire != nil {
		g.wire.beacon.Close()
	}
	for _, s := range g.stores {
		_ = s.Close()
	}
}

// HandOver asks that the right goes to a site: from here, or, where that is this
// one, to here.
func (g *Gate) HandOver(to string) {
	g.post(func(now Instant) { g.m.HandOver(now, to) })
}

// Signal passes a signal on to the workload.
func (g *Gate) Signal(s syscall.Signal) {
	g.post(func(Instant) {
		if g.workload != nil {
			if err := g.workload.Signal(s); err != nil {
				g.log.Warn("workload", "site", g.set.Site, "detail", err.Error())
			}
		}
	})
}

// post gives the loop an input. Whoever does belongs to nothing that the loop waits for.
func (g *Gate) post(f func(now Instant)) {
	select {
	case g.inputs <- f:
	case <-g.over:
	}
}

// result posts the end of an operation on the register.
func (g *Gate) result(r lease.Result) {
	g.post(func(now Instant) {
		g.m.Done(now, &r)
	})
}
