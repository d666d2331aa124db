// Package engine runs the core: one goroutine on a thread of its own takes every
// input, steps the core, and carries out what it asks for.
//
// What the loop does itself takes microseconds and never waits: datagrams go out
// on non-blocking sockets, the fence is a store or one system call. Everything
// else is handed over by queues that neither side can hold up: the addresses to
// their worker, notes, replies, hooks and storage to the teller, an ordinary
// goroutine.
package engine

import (
	"fmt"
	"runtime/debug"
	"sync/atomic"
	"time"

	"stead/internal/adapter/socket"
	"stead/internal/core"
	"stead/internal/core/reason"
	"stead/internal/report"
)

// Fence is what the engine moves on each renewal and each change of role.
type Fence interface {
	Slot(core.FenceSlot) error
	Bind(group core.GroupID, slot int) error
}

// Holds is what makes addresses true and announces them. Neither call blocks.
type Holds interface {
	Want(group core.GroupID, generation uint64, held bool)
	Announce(group core.GroupID)
}

// Routers carries the advertisements of virtual routers. All calls come from the
// engine's thread, and none blocks.
type Routers interface {
	Files() []int // to wait for: the same for ever
	Receive(b []byte, burst int, f func(*core.Advertisement))
	Send(*core.Advertise)
}

// Streams carries BGP sessions. All calls come from the engine's thread, and none
// blocks.
type Streams interface {
	Write(*core.StreamWrite)
	Dial(core.StreamConn)
	Hangup(core.StreamConn)
}

// Paths carries the packets of BFD sessions. All calls come from the engine's
// thread, and none blocks.
type Paths interface {
	Files() []int // to wait for: the same for ever
	Receive(b []byte, burst int, f func(*core.Control))
	Send(*core.ControlSend)
}

// Registers carries the operations of leases that are kept in a store. Do is called
// on the engine's thread, and does not block.
type Registers interface {
	Do(*core.StoreOp)
}

// Told is something that the engine tells the rest of the daemon. One field is set.
type Told struct {
	Note    *core.Note
	Reply   *core.Reply
	Persist *core.Persist
	Want    *core.Want
	Problem error
	Do      func() // a change of the teller's own, at its place in the order
}

// Options are what New needs.
type Options struct {
	Core    *core.Core
	Sockets *socket.Set
	Routers Routers   // nil: no group is decided by VRRP
	Streams Streams   // nil: nothing is announced by BGP
	Paths   Paths     // nil: no path is watched by BFD
	Leases  Registers // nil: no group is decided by a lease in a store
	Fence   Fence
	Holds   Holds
	Tell    func(Told) // called on the teller's goroutine, in order
}

// Engine is the loop. Its exported methods may be called from any goroutine.
type Engine struct {
	core    *core.Core
	sockets *socket.Set
	routers Routers
	streams Streams
	paths   Paths
	leases  Registers
	fence   Fence
	holds   Holds

	inbox  queue[message]
	outbox queue[Told]
	tell   func(Told)
	signal chan struct{}
	over   chan struct{} // closed when the loop has ended

	packet     core.Packet
	heard      func(*core.Advertisement)
	controlled func(*core.Control)
	buffer     [2048]byte
	stopID     uint64
	ended      bool
	steps      uint64
	late       report.Lateness
	observed   core.Instant // the deadline that late has counted last
	announced  uint64
	fenceErr   string
	nextID     atomic.Uint64
}

// message is an input from another goroutine: an event, or something to be done
// between two steps.
type message struct {
	event core.Event
	do    func(now core.Instant)
}

// New returns an Engine that has not started.
func New(o Options) *Engine {
	e := &Engine{core: o.Core, sockets: o.Sockets, routers: o.Routers, streams: o.Streams, paths: o.Paths, leases: o.Leases, fence: o.Fence, holds: o.Holds, tell: o.Tell, signal: make(chan struct{}, 1), over: make(chan struct{})}
	e.inbox.wake = o.Sockets.Wake
	e.heard = func(a *core.Advertisement) { e.step(Now(), a) }
	e.controlled = func(c *core.Control) { e.step(Now(), c) }
	if e.routers != nil {
		e.sockets.Watch(e.routers.Files())
	}
	if e.paths != nil {
		e.sockets.Watch(e.paths.Files())
	}
	e.outbox.wake = func() {
		select {
		case e.signal <- struct{}{}:
		default:
		}
	}
	return e
}

// Post hands an event to the core. It does not wait.
func (e *Engine) Post(ev core.Event) { e.inbox.push(message{event: ev}) }

// PostMade hands the event to the core that f returns on the engine's thread: one
// that names a group by its number as of then. It does not wait.
func (e *Engine) PostMade(f func() core.Event) {
	e.Between(func(now core.Instant) { e.step(now, f()) })
}

// Between has f called on the engine's thread between two steps. It does not wait.
func (e *Engine) Between(f func(now core.Instant)) { e.inbox.push(message{do: f}) }

// CommandID returns a number that no command has had.
func (e *Engine) CommandID() uint64 { return e.nextID.Add(1) }

// Reconfigure changes the core's configuration between two steps, and waits for
// it. before is called on the engine's thread when the groups that go are let go
// of and before the others get their new numbers; then on the teller's goroutine
// at the same place in the order of what is told. It reports false where the loop
// has ended before that.
func (e *Engine) Reconfigure(cfg core.Config, before func(), then func()) bool {
	done := make(chan struct{})
	e.Between(func(now core.Instant) {
		e.carryOut(now, e.core.Retire(now, &cfg))
		before()
		e.outbox.push(Told{Do: func() { then(); close(done) }})
		e.carryOut(now, e.core.Reconfigure(now, cfg))
	})
	select {
	case <-done:
		return true
	case <-e.over:
		return false
	}
}

// Run runs the loop until a Stop or Abort command has been carried out. The
// caller has prepared the thread. A panic of the core releases everything that
// can be released and comes back as an error.
func (e *Engine) Run() (err error) {
	told := make(chan struct{})
	finish := make(chan struct{})
	go e.teller(finish, told)
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("the engine panicked: %v\n%s", p, debug.Stack())
			e.abandon()
		}
		close(finish)
		<-told
		close(e.over)
	}()
	e.carryOut(Now(), e.core.Start(Now()))
	for !e.ended {
		e.turn()
	}
	return nil
}

// punctual is how late a deadline may be met without a second look at the
// network: what arrived meanwhile would have to have waited that long.
const punctual = 200 * time.Microsecond

// turn waits for an input or for the deadline, and deals with it. What has
// arrived comes before what is due: a heartbeat that waited while this thread
// did not run is no silence.
func (e *Engine) turn() {
	due := e.core.Deadline()
	e.sockets.Wait(min(due.Sub(Now()), time.Second))
	e.observe(due, Now())
	e.takeInput(1)
	due = e.core.Deadline()
	now := Now()
	if now < due {
		return
	}
	e.observe(due, now)
	if now.Sub(due) > punctual {
		e.sockets.Wait(0)
		e.takeInput(socket.MaxBurst)
		due = e.core.Deadline()
		if now = Now(); now < due {
			return
		}
	}
	e.step(now, core.Tick{})
}

// observe counts how late a deadline is met, before input that has waited: a step
// that a packet causes does what is due as well.
func (e *Engine) observe(due, now core.Instant) {
	if now >= due && due != e.observed {
		e.observed = due
		e.late.Observe(now.Sub(due))
	}
}

func (e *Engine) takeInput(burst int) {
	e.sockets.Receive(e.buffer[:], burst, e.receive)
	if e.sockets.Ready() {
		if e.routers != nil {
			e.routers.Receive(e.buffer[:], burst, e.heard)
		}
		if e.paths != nil {
			e.paths.Receive(e.buffer[:], burst, e.controlled)
		}
	}
	if e.sockets.Woken() {
		e.inbox.drain(e.take)
	}
}

func (e *Engine) receive(node, path int, b []byte) {
	e.packet.From, e.packet.Path, e.packet.Bytes = core.NodeID(node), path, b
	e.step(Now(), &e.packet)
}

func (e *Engine) take(m message) {
	if m.do != nil {
		m.do(Now())
		return
	}
	if c, ok := m.event.(core.Command); ok && (c.Verb == core.Stop || c.Verb == core.Abort) {
		e.stopID = c.ID
	}
	e.step(Now(), m.event)
}

func (e *Engine) step(now core.Instant, ev core.Event) {
	e.steps++
	e.carryOut(now, e.core.Step(now, ev))
}

// carryOut does what a step asks for, in the order of core.Actions.
func (e *Engine) carryOut(now core.Instant, a *core.Actions) {
	for i := range a.Retract {
		e.streams.Write(&a.Retract[i])
	}
	e.moveFence(a)
	e.transmit(now, a)
	for _, w := range a.Want {
		e.holds.Want(w.Group, w.Generation, w.Held)
		e.outbox.push(Told{Want: &w})
	}
	for _, n := range a.Announce {
		e.announced++
		e.holds.Announce(n.Group)
	}
	for _, p := range a.Persist {
		e.outbox.push(Told{Persist: &p})
	}
	for _, r := range a.Reply {
		e.ended = e.ended || r.ID == e.stopID && e.stopID != 0
		e.outbox.push(Told{Reply: &r})
	}
	for _, n := range a.Note {
		e.outbox.push(Told{Note: &n})
	}
}

// transmit sends what a step has for other nodes, routers and peers.
func (e *Engine) transmit(now core.Instant, a *core.Actions) {
	for _, s := range a.Send {
		e.sockets.Send(int(s.To), s.Path, s.Bytes, int64(now))
	}
	for i := range a.Advertise {
		e.routers.Send(&a.Advertise[i])
	}
	for i := range a.Control {
		e.paths.Send(&a.Control[i])
	}
	for i := range a.Write {
		e.streams.Write(&a.Write[i])
	}
	for _, h := range a.Hangup {
		e.streams.Hangup(h)
	}
	for _, d := range a.Dial {
		e.streams.Dial(d)
	}
	for i := range a.Store {
		e.leases.Do(&a.Store[i])
	}
}

func (e *Engine) moveFence(a *core.Actions) {
	closing := false
	for _, s := range a.Fence {
		if s.Closes() {
			closing = true
			continue
		}
		e.fenceSays(e.fence.Slot(s))
	}
	for _, b := range a.Bind {
		e.fenceSays(e.fence.Bind(b.Group, b.Slot))
	}
	for i := 0; closing && i < len(a.Fence); i++ {
		if a.Fence[i].Closes() {
			e.fenceSays(e.fence.Slot(a.Fence[i]))
		}
	}
}

// fenceSays tells of a fence that does not obey, once for each way in which it
// does not.
func (e *Engine) fenceSays(err error) {
	if err == nil || err.Error() == e.fenceErr {
		return
	}
	e.fenceErr = err.Error()
	e.outbox.push(Told{Problem: fmt.Errorf("fence: %w", err)})
}

// teller tells the rest of the daemon what the engine has left for it.
func (e *Engine) teller(finish, done chan struct{}) {
	defer close(done)
	for {
		select {
		case <-e.signal:
			e.outbox.drain(e.tell)
		case <-finish:
			e.outbox.drain(e.tell)
			return
		}
	}
}

// abandon lets go of everything after a panic, as far as the core still can.
func (e *Engine) abandon() {
	defer func() { _ = recover() }() // the fence closes by itself when the lease ends
	for slot := 1; slot < core.FenceSlots; slot++ {
		_ = e.fence.Slot(core.FenceSlot{Slot: slot})
	}
	now := Now()
	e.carryOut(now, e.core.Step(now, core.Command{Verb: core.Abort, Group: core.AllGroups, Why: reason.Panicked}))
}

// View is how things are in the engine.
type View struct {
	core.State
	Steps     uint64
	Late      report.Lateness
	Announced uint64
}

// Inspect asks the engine for its state; the answer comes on the channel.
func (e *Engine) Inspect() <-chan View {
	answer := make(chan View, 1)
	e.Between(func(now core.Instant) {
		answer <- View{State: e.core.Inspect(now), Steps: e.steps, Late: e.late, Announced: e.announced}
	})
	return answer
}
