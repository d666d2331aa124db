package sim

import (
	"fmt"
	"io"
	"time"

	"stead/internal/core/gate"
	"stead/internal/core/lease"
)

// What happens in a world of gates; the numbers are apart from those of others.
const (
	gateWake    what = iota + 96 // a is the site, number the wake-up that counts
	gateArrive                   // number is the call, which reaches the store
	gateAnswer                   // number is the call, of which the caller hears
	gateTimeout                  // number is the call, which its caller gives up
	gateKeeper                   // a is the site, number the limit that counts
	gateGone                     // a is the site, number the run of the workload that ends
	gateWork                     // a is the site, number the run of the workload
	gateSubmit                   // a is the site, b the event, number the submission
	gatePacket                   // a is the site, buf the heartbeat
	gateBeat                     // a is the site whose beat process writes
	gateExit                     // a is the site, number the life of the gate that ends
	gateFault                    // a is the place in the schedule, b is 1 at its end
	gateLook                     // the checkers that watch what lasts
)

// GateSetup is a world of two sites, one store and a workload, made up from a seed.
type GateSetup struct {
	Gate    gate.Config   // of both sites, without the names
	Right   *lease.Config // without the name; nil: the sites are kept apart by time alone
	Network bool          // the last witness is one by network
	Apart   bool          // the heartbeat is written by another process than the gate
	Format  gate.Format
	StopFor time.Duration // up to it the workload takes to stop
	Begin   [2]time.Duration
	Latency time.Duration // of the store, one way
	Jitter  time.Duration
	Timeout time.Duration // of a call
	Late    time.Duration // up to it a process runs later than it asked to
	Drift   [2]int64      // of the clocks, in millionths
	Faults  []GateFault
	Length  time.Duration
}

// lookEvery is how often what lasts is checked.
const lookEvery = 200 * time.Millisecond

// gateWorld is one world while it runs.
type gateWorld struct {
	setup  GateSetup
	seed   uint64
	now    moment
	queue  queue
	trace  trace // its hash
	net    *random
	hosts  *random
	sites  [2]*gateSite
	store  gateStore
	sink   gateSink
	packet [][]byte // under way by network
	faults int      // that go on
	quiet  moment   // since when none does
	truth  gateTruth
	result GateResult
	log    []string
	out    io.Writer
}

func newGateWorld(seed uint64, s GateSetup, out io.Writer) *gateWorld {
	r := newRandom(seed)
	w := &gateWorld{setup: s, seed: seed, net: r.fork(), hosts: r.fork(), out: out}
	w.trace.reset()
	w.store.world, w.sink.world, w.truth.world = w, w, w
	for i := range w.sites {
		w.sites[i] = newGateSite(w, i)
	}
	return w
}

// run runs the world to its end, or to its first violation.
func (w *gateWorld) run() *GateResult {
	w.result.Seed = w.seed
	for i := range w.setup.Faults {
		f := &w.setup.Faults[i]
		w.queue.push(entry{at: moment(f.At), what: gateFault, a: int32(i)})
		w.queue.push(entry{at: moment(f.At + f.For), what: gateFault, a: int32(i), b: 1})
	}
	for i := range w.sites {
		w.sites[i].boot(moment(w.setup.Begin[i]))
		w.quiet = max(w.quiet, moment(w.setup.Begin[i]))
	}
	w.queue.push(entry{at: 0, what: gateLook})
	for w.queue.next() <= moment(w.setup.Length) && len(w.result.Violations) == 0 {
		e := w.queue.pop()
		w.now = e.at
		w.result.Steps++
		w.happen(&e)
	}
	w.result.Virtual = time.Duration(w.now)
	w.result.Hash = w.trace.hash
	if len(w.result.Violations) > 0 {
		w.result.Log = w.log
	}
	return &w.result
}

func (w *gateWorld) happen(e *entry) {
	s := w.sites[e.a&1]
	switch e.what {
	case gateWake:
		if s.wake == e.number && s.runs() {
			s.step(func(now gate.Instant) { s.m.Tick(now) })
		}
	case gateArrive:
		w.store.arrive(e.number)
	case gateAnswer:
		w.store.answer(e.number)
	case gateTimeout:
		w.store.timeout(e.number)
	case gateKeeper:
		s.keep(e.number)
	case gateGone:
		s.gone(e.number)
	case gateWork:
		s.work(e.number)
	case gateSubmit:
		w.sink.submit(&e.number)
	case gatePacket:
		s.heard(w.packet[e.buf])
	case gateBeat:
		s.beatApart()
	case gateExit:
		s.exit(e.number)
	case gateFault:
		w.fault(&w.setup.Faults[e.a], e.b == 1)
	case gateLook:
		w.truth.look()
		w.queue.push(entry{at: w.now.add(lookEvery), what: gateLook})
	}
}

func (w *gateWorld) latency() time.Duration {
	return w.setup.Latency + w.net.duration(0, w.setup.Jitter)
}

// say adds a line to the log.
func (w *gateWorld) say(site int, format string, args ...any) {
	line := fmt.Sprintf("%12.3fms  %s  ", float64(w.now)/1e6, siteNames[site]) + fmt.Sprintf(format, args...)
	w.trace.mixString(line)
	if len(w.log) >= kept {
		w.log = append(w.log[:0], w.log[kept/2:]...)
	}
	w.log = append(w.log, line)
	if w.out != nil {
		fmt.Fprintln(w.out, line)
	}
}

func (w *gateWorld) violate(check string, site int, what string, number time.Duration) {
	if len(w.result.Violations) < mostViolations {
		w.result.Violations = append(w.result.Violations, Violation{
			Check: check, At: time.Duration(w.now), Node: siteNames[site], Group: "-", What: what, Number: int64(number),
		})
	}
}

var siteNames = [2]string{"east", "west"}
