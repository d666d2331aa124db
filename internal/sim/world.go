package sim

import (
	"io"
	"slices"
	"time"

	"stead/internal/core"
)

// World is one cluster with its network, kernels, clients and faults.
type World struct {
	seed    uint64
	setup   Setup
	now     moment
	queue   queue
	buffers buffers
	hosts   []*host
	network network
	clients []client
	hostile *adversary
	truth   truth
	groups  []*groupWatch
	calm    calmWatch
	far     *far   // nil: there are no BGP or BFD sessions
	store   *store // nil: there is none
	trace   trace
	result  Result

	draw struct{ host, network, kernel, adversary *random }
}

// NewWorld makes the world of a seed. Its hosts start within the first moments of Run.
func NewWorld(seed uint64, setup Setup) *World {
	setup.Faults = slices.Clone(setup.Faults)
	w := &World{seed: seed, setup: setup}
	root := newRandom(seed ^ 0x5354454144)
	w.draw.host, w.draw.network = root.fork(), root.fork()
	w.draw.kernel, w.draw.adversary = root.fork(), root.fork()
	w.store = newStore(&w.setup, root.fork())
	w.trace.reset()
	w.result.Seed = seed
	w.network = newNetwork(&setup)
	for g := range setup.Config.Groups {
		w.groups = append(w.groups, newGroupWatch(&setup, g))
	}
	for i := range setup.Config.Nodes {
		w.hosts = append(w.hosts, w.newHost(i))
	}
	for _, site := range setup.Clients {
		w.clients = append(w.clients, newClient(int(site), len(setup.Config.Groups)))
	}
	if setup.Hostile {
		w.hostile = newAdversary(w.draw.adversary, setup.Config.Keys)
	}
	w.truth = newTruth(len(w.hosts), len(setup.Config.Groups))
	if w.far = w.newFar(); w.far != nil {
		for _, h := range w.hosts {
			h.hears, h.hearsSince = make([]hearing, len(w.far.servers)), make([]moment, len(w.far.servers))
		}
	}
	for _, h := range w.hosts {
		for g := range h.holdings {
			h.holdings[g].watch.heard = w.heardIn(h, g)
		}
	}
	w.plan()
	return w
}

// TraceTo writes every line of the trace to out while the world runs.
func (w *World) TraceTo(out io.Writer) { w.trace.out, w.trace.world = out, w }

// plan queues all that is known before the world begins.
func (w *World) plan() {
	for i, h := range w.hosts {
		if h.client {
			continue
		}
		at := moment(w.draw.host.duration(0, 4*w.setup.Config.Interval))
		w.queue.push(entry{at: at, what: atStart, a: int32(i)})
	}
	for i := range w.setup.Faults {
		f := &w.setup.Faults[i]
		w.queue.push(entry{at: moment(f.At), what: atFault, a: int32(i)})
		if f.For > 0 {
			w.queue.push(entry{at: moment(f.At + f.For), what: atFault, a: int32(i), b: 1})
		}
	}
	w.queue.push(entry{at: moment(w.lookEvery()), what: atLook})
	if w.hostile != nil {
		w.hostile.plan(w)
	}
}

// lookEvery is the pace of the checkers that watch what lasts.
func (w *World) lookEvery() time.Duration { return max(w.setup.Config.Interval/2, time.Millisecond) }

// end is when the world ends.
func (w *World) end() moment { return moment(w.setup.Length + w.setup.Quiet) }

// Run runs the world to its end, or to the first violation.
func (w *World) Run() *Result {
	end := w.end()
	w.startFar()
	for len(w.result.Violations) == 0 {
		next, sleeper := w.next()
		if next > end {
			w.now = end
			break
		}
		w.now = next
		if sleeper != nil {
			w.wake(sleeper)
			continue
		}
		w.happen(w.queue.pop())
	}
	w.finish()
	return &w.result
}

// next is the moment of what comes next, and the host whose deadline it is, if any.
func (w *World) next() (moment, *host) {
	at := w.queue.next()
	var sleeper *host
	for _, h := range w.hosts {
		if h.wakeAt < at {
			at, sleeper = h.wakeAt, h
		}
	}
	return at, sleeper
}

func (w *World) happen(e entry) {
	switch e.what {
	case atStart:
		w.startDaemon(w.hosts[e.a])
	case atExit:
		w.exitDaemon(w.hosts[e.a], e.life)
	case atDeliver:
		w.deliver(w.hosts[e.a], e)
	case atAdvert:
		w.deliverAdvertisement(w.hosts[e.a], e)
	case atInject:
		w.inject()
	case atActuator:
		w.actuated(w.hosts[e.a], int(e.b), e.life)
	case atPersist:
		w.stored(w.hosts[e.a], e)
	case atCheck:
		w.checked(w.hosts[e.a], e)
	case atAnnounce:
		w.heardAnnounce(e)
	case atRepair:
		w.repaired(w.hosts[e.a], int(e.b), e.life)
	case atHook:
		w.hookDone(w.hosts[e.a], e)
	case atFault:
		w.fault(int(e.a), e.b == 1)
	case atControl:
		w.controlArrived(w.hosts[e.a], int(e.b), int(e.c), e.buf)
	case atFar:
		w.far.servers[e.b].ends[e.a].wake()
	case atSegment, atRetry, atReset, atAsk, atJoined, atRefused, atTaken:
		w.happenTo(w.far.conns[e.a], &e)
	case atStoreLeave:
		w.storeLeaves(e.a)
	case atStoreArrive:
		w.storeArrives(e.a)
	case atStoreAnswer:
		w.storeAnswers(e.a)
	case atStoreTimeout:
		w.storeTimesOut(e.a)
	case atStoreTold:
		w.storeTold(w.hosts[e.a], e)
	case atLook:
		w.look()
		w.queue.push(entry{at: w.now.add(w.lookEvery()), what: atLook})
	}
}

// finish runs the last checks and fills in what the result says of the whole world.
func (w *World) finish() {
	if len(w.result.Violations) == 0 {
		w.lastLook()
	}
	w.result.Virtual = time.Duration(w.now)
	w.result.Hash = w.trace.hash
	if len(w.result.Violations) > 0 {
		w.result.Log = w.trace.lines(w)
	}
}

// nodeName is the name of a node in traces and violations.
func (w *World) nodeName(id int) string {
	if id < 0 || id >= len(w.setup.Config.Nodes) {
		return "-"
	}
	return w.setup.Config.Nodes[id].Name
}

// groupName is the name of a group in traces and violations.
func (w *World) groupName(g int) string {
	if g < 0 || g >= len(w.setup.Config.Groups) {
		return "-"
	}
	return w.setup.Config.Groups[g].Name
}

// group is the configuration of a group.
func (w *World) group(g int) *core.Group { return &w.setup.Config.Groups[g] }
