package sim

import (
	"slices"
	"time"

	"stead/internal/core"
	"stead/internal/core/bgp"
)

// host is one machine: a kernel that lives as long as the machine is on, and a
// daemon that may be paused, killed and started again.
type host struct {
	id     int
	client bool // in the overlays only: no daemon
	clock  bootClock

	machine   Machine
	life      uint32 // counts the runs of the daemon
	up        bool   // the daemon runs
	off       bool   // the machine is off
	pauses    int    // how many faults stop it from running now
	outages   int    // how many faults keep the daemon down now
	powerCuts int    // how many faults keep the machine off now

	pausedAt  moment
	wokeAt    moment
	late      time.Duration // how long the pause was that ended at wokeAt, in the host's own time
	startedAt moment

	wakeAt  moment
	wakeFor core.Instant
	wokenAt core.Instant
	wakes   int // at wokenAt
	inbox   []input
	packet  core.Packet
	advert  core.Advertisement

	slots    []slot
	holdings []holding
	heldOff  bool            // as stored
	linkDown map[string]int8 // interfaces without carrier
	checks   [][]checkTruth
	drained  bool
	stopID   uint64 // of the command that ends the daemon
	stopping bool
	stopped  bool // an operator stopped the daemon and has not started it again

	peers      []*farEnd // of its BGP sessions, in the order of the configuration
	paths      []*farEnd // of its BFD sessions
	hears      []hearing // by route server
	hearsSince []moment
	incoming   bgp.Conn // connections of route servers so far

	startAgain bool   // it is to be started as soon as it has ended
	drainID    uint64 // of the command that drains the daemon
	resumeID   uint64 // and lets it take part again
}

// input is an event that waits for the daemon to run again. Buf is that of a packet.
type input struct {
	event core.Event
	from  core.NodeID
	path  int
	buf   int32
	group int32 // of an advertisement, else negative
}

func (w *World) newHost(id int) *host {
	cfg := &w.setup.Config
	h := &host{id: id, client: cfg.Nodes[id].Client, wakeAt: never, linkDown: map[string]int8{}}
	h.clock.offset = core.Instant(w.draw.host.duration(time.Second, time.Hour))
	h.clock.drift = int64(w.draw.host.between(-w.setup.DriftPPM, w.setup.DriftPPM))
	h.holdings = make([]holding, len(cfg.Groups))
	h.checks = make([][]checkTruth, len(cfg.Groups))
	for g := range cfg.Groups {
		h.checks[g] = make([]checkTruth, len(cfg.Groups[g].Checks))
	}
	return h
}

// now is what the clock of the host shows.
func (w *World) hostNow(h *host) core.Instant { return h.clock.at(w.now) }

// running tells whether the daemon takes input now.
func (h *host) running() bool { return h.up && !h.off && h.pauses == 0 }

// startDaemon begins a run as the engine does: the fence closed and what an
// earlier run left removed, before the core decides anything.
func (w *World) startDaemon(h *host) {
	if h.up || h.off || h.stopped || h.outages > 0 || h.pauses > 0 {
		return
	}
	h.life++
	h.up, h.stopping, h.drained = true, false, h.heldOff
	h.startAgain = false
	h.startedAt = w.now
	w.trace.add(w.now, h.id, "daemon starts", -1, int64(h.life), 0)
	w.closeKernel(h)
	cfg := w.setup.Config
	cfg.Self = core.NodeID(h.id)
	cfg.Incarnation = w.draw.host.uint64() | 1
	cfg.HeldOff = h.heldOff
	cfg.Groups = slices.Clone(cfg.Groups)
	w.ownConfig(h, &cfg)
	if w.store != nil {
		w.storeConfig(h, &cfg)
	}
	for g := range cfg.Groups {
		cfg.Groups[g].EpochFloor = h.holdings[g].ceiling
		if w.setup.Vary != nil {
			w.setup.Vary(h.id, &cfg.Groups[g])
		}
		h.holdings[g].restart()
		for c := range h.checks[g] {
			h.checks[g][c].restart()
			w.queueCheck(h, g, c, true)
		}
	}
	h.machine = w.setup.build(cfg)
	w.truthChanged(h.id)
	w.carryOut(h, h.machine.Start(w.hostNow(h)))
	w.tellSources(h)
	for name := range w.downInterfaces(h) {
		w.step(h, core.LinkState{Interface: name, Up: false})
	}
	w.sleep(h)
}

// downInterfaces are the interfaces without carrier, in the order of the configuration.
func (w *World) downInterfaces(h *host) func(yield func(string) bool) {
	return func(yield func(string) bool) {
		seen := map[string]bool{}
		for g := range w.setup.Config.Groups {
			for _, name := range w.setup.Config.Groups[g].Interfaces {
				if h.linkDown[name] > 0 && !seen[name] {
					seen[name] = true
					if !yield(name) {
						return
					}
				}
			}
		}
	}
}

// killDaemon ends a run without a word: SIGKILL. Its kernel goes on.
func (w *World) killDaemon(h *host) {
	if !h.up {
		return
	}
	w.trace.add(w.now, h.id, "daemon killed", -1, int64(h.life), 0)
	w.hangUpAll(h, true)
	w.endRun(h)
}

// exitDaemon ends a run that was asked to stop: what it held is let go.
func (w *World) exitDaemon(h *host, life uint32) {
	if !h.up || h.life != life {
		return
	}
	if h.pauses > 0 {
		w.queue.push(entry{at: w.now.add(time.Millisecond), what: atExit, life: life, a: int32(h.id)})
		return
	}
	w.trace.add(w.now, h.id, "daemon exits", -1, int64(h.life), 0)
	h.stopped = !h.startAgain
	w.hangUpAll(h, false)
	w.closeKernel(h)
	w.endRun(h)
	w.startDaemon(h)
}

func (w *World) endRun(h *host) {
	h.up, h.stopping, h.machine = false, false, nil
	if w.far != nil {
		w.heardChanged(h.id)
	}
	h.life++
	h.wakeAt = never
	w.dropInbox(h)
	for g := range h.holdings {
		w.roleNoted(h, g, false)
	}
	w.truthChanged(h.id)
}

func (w *World) dropInbox(h *host) {
	for _, in := range h.inbox {
		if in.event == nil {
			w.buffers.release(in.buf)
		}
	}
	h.inbox = h.inbox[:0]
}

// post gives the daemon an event, now or when it runs again.
func (w *World) post(h *host, e core.Event) {
	if !h.up {
		return
	}
	if !h.running() {
		h.inbox = append(h.inbox, input{event: e, group: -1})
		return
	}
	w.step(h, e)
	w.sleep(h)
}

// mostWakes is how many deadlines at the same moment are still work and not a loop.
const mostWakes = 1000

// wake steps the deadline of a host.
func (w *World) wake(h *host) {
	h.wakeAt = never
	if w.hostNow(h) != h.wokenAt {
		h.wokenAt, h.wakes = w.hostNow(h), 0
	}
	if h.wakes++; h.wakes > mostWakes {
		w.violate(checkContract, h.id, -1, "asks to be woken at the same moment again and again", int64(h.wakes))
	}
	w.step(h, core.Tick{})
	w.sleep(h)
}

// sleep sets the moment at which the host wakes up for its next deadline.
func (w *World) sleep(h *host) {
	if !h.running() {
		h.wakeAt = never
		return
	}
	deadline := h.machine.Deadline()
	if deadline == h.wakeFor && h.wakeAt != never {
		return
	}
	h.wakeFor = deadline
	h.wakeAt = h.clock.reaches(deadline)
	if h.wakeAt == never {
		return
	}
	h.wakeAt = max(h.wakeAt, w.now).add(w.lateness())
}

// lateness is how much later than asked for a thread gets the processor.
func (w *World) lateness() time.Duration {
	if w.setup.Jitter == 0 {
		return 0
	}
	if w.draw.host.chance(50) {
		return w.draw.host.duration(0, w.setup.Jitter)
	}
	return w.draw.host.duration(0, w.setup.Jitter/8)
}

// pause stops the host from running; its clock and its kernel's fence go on.
func (w *World) pause(h *host) {
	h.pauses++
	if h.pauses > 1 {
		return
	}
	h.pausedAt, h.wakeAt = w.now, never
	w.trace.add(w.now, h.id, "paused", -1, 0, 0)
	w.truthChanged(h.id)
}

// unpause lets the host run again. It drains what has queued up before it
// steps its deadline, as the engine does.
func (w *World) unpause(h *host) {
	h.pauses--
	if h.pauses > 0 {
		return
	}
	w.trace.add(w.now, h.id, "runs again", -1, int64(w.now.sub(h.pausedAt)), 0)
	w.truthChanged(h.id)
	w.startDaemon(h)
	if !h.running() {
		return
	}
	h.wokeAt = w.now
	h.late = w.hostNow(h).Sub(h.clock.at(h.pausedAt))
	w.drainInbox(h)
	if h.up {
		w.step(h, core.Tick{})
		w.sleep(h)
	}
	w.lookAtLate(h)
}

func (w *World) drainInbox(h *host) {
	waiting := h.inbox
	h.inbox = nil
	for _, in := range waiting {
		if in.event != nil {
			if h.up {
				w.step(h, in.event)
			}
			continue
		}
		switch {
		case !h.up:
		case in.group >= 0:
			w.stepAdvertisement(h, int(in.from), int(in.group), in.buf)
		default:
			w.stepPacket(h, in.from, in.path, in.buf)
		}
		w.buffers.release(in.buf)
	}
	if h.inbox == nil {
		h.inbox = waiting[:0]
	}
}

func (w *World) stepPacket(h *host, from core.NodeID, path int, buf int32) {
	h.packet = core.Packet{From: from, Path: path, Bytes: w.buffers.bytes(buf)}
	w.step(h, &h.packet)
}

// step gives one event to the machine and carries out what it asks for.
func (w *World) step(h *host, e core.Event) {
	w.result.Steps++
	w.trace.step(w.now, h.id, e)
	w.carryOut(h, h.machine.Step(w.hostNow(h), e))
}

// carryOut does what the engine does with Actions, in the same order.
func (w *World) carryOut(h *host, a *core.Actions) {
	if a == nil {
		return
	}
	if w.far != nil {
		w.retract(h, a)
	}
	if len(a.Fence) > 0 || len(a.Bind) > 0 {
		w.moveFence(h, a)
	}
	for i := range a.Send {
		w.send(h, &a.Send[i])
	}
	for i := range a.Advertise {
		w.advertise(h, &a.Advertise[i])
	}
	if w.far != nil {
		w.speak(h, a)
	}
	for i := range a.Store {
		w.storeAsked(h, &a.Store[i])
	}
	for i := range a.Want {
		w.want(h, a.Want[i])
	}
	for i := range a.Announce {
		w.announce(h, int(a.Announce[i].Group))
	}
	for i := range a.Persist {
		w.persist(h, a.Persist[i])
	}
	for i := range a.Reply {
		w.replied(h, a.Reply[i])
	}
	for i := range a.Note {
		w.noted(h, &a.Note[i])
	}
	if len(a.Note) > 0 || len(a.Announce) > 0 || len(a.Fence) > 0 || len(a.Bind) > 0 {
		w.lookAtNotes(h)
	}
}
