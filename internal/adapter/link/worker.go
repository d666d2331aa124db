package link

import (
	"errors"
	"fmt"
	"math"
	"net/netip"
	"runtime"
	"time"

	"golang.org/x/sys/unix"

	"stead/internal/core"
)

// monitorChunk bounds how many messages of the kernel are read before the
// worker looks at its mailboxes again.
const monitorChunk = 256

// worker owns all that the thread works with. Nothing in it is shared.
type worker struct {
	l        *Links
	requests *rtnl
	monitor  *rtnl
	packets  *packets

	table    *table
	groups   []group       // by core.GroupID of table
	claims   map[place]int // how many held groups claim an address there
	known    map[place][]int
	orphans  map[place]bool // left the configuration, not yet removed
	mirror   *mirror
	removed  map[place]int    // removals of our own of which the kernel has yet to tell
	auditAt  core.Instant     // when all that is held is checked against the kernel
	watched  map[string]bool  // interfaces to report
	reported map[string]state // and the state last reported

	due      []int // groups to look at now
	toSend   []int // groups to announce, in order
	ops      []op
	pauseEnd core.Instant // no announcement before
	resyncs  int          // how often everything was read anew
}

// place is where an address lives.
type place struct {
	iface  string
	prefix netip.Prefix
}

// group is what the worker knows of a group.
type group struct {
	word     word
	counted  bool // its addresses are in claims
	isDue    bool
	isToSend bool
	done     bool   // the world is as word says
	once     bool   // it was, since word came
	detail   string // last failure reported
	backoff  time.Duration
	retryAt  core.Instant

	touches      int // by strangers, since touchedSince
	touchedSince core.Instant
}

// After maxTouches within touchWindow an answer to a stranger waits touchPause.
const (
	maxTouches  = 100
	touchWindow = time.Second
	touchPause  = 20 * time.Millisecond
)

func newWorker(l *Links) (_ *worker, err error) {
	w := &worker{l: l, claims: map[place]int{}, orphans: map[place]bool{}, removed: map[place]int{}, reported: map[string]state{}}
	var opened []func()
	defer func() {
		if err != nil {
			for _, f := range opened {
				f()
			}
		}
	}()
	if l.wake, err = newWaker(); err != nil {
		return nil, err
	}
	if w.requests, err = openRTNL(); err != nil {
		return nil, err
	}
	opened = append(opened, w.requests.close)
	w.monitor, err = openRTNL(unix.RTNLGRP_LINK, unix.RTNLGRP_IPV4_IFADDR, unix.RTNLGRP_IPV6_IFADDR, unix.RTNLGRP_IPV6_NETCONF)
	if err != nil {
		return nil, err
	}
	opened = append(opened, w.monitor.close)
	if w.packets, err = openPackets(); err != nil {
		return nil, err
	}
	opened = append(opened, w.packets.close)
	if l.spare, err = openRTNL(); err != nil {
		return nil, err
	}
	opened = append(opened, l.spare.close)
	w.mirror = newMirror()
	if err = w.mirror.read(w.requests); err != nil {
		return nil, fmt.Errorf("read links and addresses: %w", err)
	}
	return w, nil
}

// run is the worker's life.
func (w *worker) run(onThread func()) {
	// Never unlocked: the thread ends with the worker, and with it its priority.
	runtime.LockOSThread()
	defer close(w.l.done)
	defer func() {
		w.requests.close()
		w.monitor.close()
		w.packets.close()
	}()
	if onThread != nil {
		onThread()
	}
	for {
		w.l.wake.clear()
		w.adopt()
		w.table.changed.drain(w.makeDue)
		w.listen()
		w.retries()
		w.apply()
		commands, closed := w.l.takeCommands()
		for _, c := range commands {
			c.answer <- c.run(w)
		}
		if closed {
			return
		}
		w.announce()
		w.sleep()
	}
}

// adopt takes over a new configuration.
func (w *worker) adopt() {
	t := w.l.table.Load()
	if t == w.table {
		return
	}
	for p := range w.claims {
		w.orphans[p] = true
	}
	w.table, w.groups, w.due, w.toSend = t, make([]group, len(t.groups)), w.due[:0], w.toSend[:0]
	w.claims, w.known, w.watched = map[place]int{}, map[place][]int{}, map[string]bool{}
	for id, g := range t.groups {
		for _, a := range g.Addresses {
			p := placeOf(a)
			w.known[p] = append(w.known[p], id)
			w.watched[a.Interface] = true
		}
		w.makeDue(id)
	}
	w.l.mu.Lock()
	for _, name := range w.l.watch {
		w.watched[name] = true
	}
	w.l.mu.Unlock()
	for name := range w.reported {
		if !w.watched[name] {
			delete(w.reported, name)
		}
	}
	w.reportLinks()
}

// state is what is reported of an interface.
type state struct {
	up      bool
	changes uint32 // of the carrier, counted while it is up
}

// reportLinks reports every watched interface whose state differs from what was
// said last. One that is up is reported again when its carrier has been away in
// between: the kernel tells of two changes within a second in one message.
func (w *worker) reportLinks() {
	for name := range w.watched {
		i, now := w.mirror.byName[name], state{}
		if i.up() {
			now = state{up: true, changes: i.changes}
		}
		if was, said := w.reported[name]; !said || was != now {
			w.reported[name] = now
			w.l.report(core.LinkState{Interface: name, Up: now.up})
		}
	}
}

// makeDue has a group looked at in this round.
func (w *worker) makeDue(id int) {
	if g := &w.groups[id]; !g.isDue {
		g.isDue = true
		w.due = append(w.due, id)
	}
}

// auditEvery is how often all that is held is checked against the kernel, in
// case a change was not heard of.
const auditEvery = 10 * time.Second

// retries makes those groups due whose time has come.
func (w *worker) retries() {
	now := w.l.now()
	if len(w.claims) > 0 && now >= w.auditAt {
		w.auditAt = now.Add(auditEvery)
		for id := range w.groups {
			if w.groups[id].counted {
				w.makeDue(id)
			}
		}
	}
	for id := range w.groups {
		if at := w.groups[id].retryAt; at != 0 && at <= now {
			w.makeDue(id)
		}
	}
}

// sleep waits for the kernel, a caller, or the next thing to retry.
func (w *worker) sleep() {
	next := core.Instant(math.MaxInt64)
	for id := range w.groups {
		if at := w.groups[id].retryAt; at != 0 {
			next = min(next, at)
		}
	}
	if len(w.toSend) > 0 {
		next = min(next, w.pauseEnd)
	}
	if len(w.claims) > 0 {
		next = min(next, w.auditAt)
	}
	if len(w.orphans) > 0 {
		next = min(next, w.l.now().Add(lastRetry))
	}
	var timeout *unix.Timespec
	switch {
	case len(w.due) > 0:
		timeout = &unix.Timespec{}
	case next != math.MaxInt64:
		t := unix.NsecToTimespec(max(0, next.Sub(w.l.now()).Nanoseconds()))
		timeout = &t
	}
	fds := [2]unix.PollFd{
		{Fd: int32(w.l.wake.fd), Events: unix.POLLIN},
		{Fd: int32(w.monitor.fd), Events: unix.POLLIN},
	}
	_, _ = unix.Ppoll(fds[:], timeout, nil)
}

// listen reads what the kernel tells. When messages were lost it reads everything anew.
func (w *worker) listen() {
	for range monitorChunk {
		err := w.monitor.receive(w.hear)
		switch {
		case errors.Is(err, errOverrun):
			w.resync()
			return
		case err != nil:
			return
		}
	}
}

// hear takes in one message of the kernel.
func (w *worker) hear(kind uint16, _ uint32, body []byte) {
	c := w.mirror.hear(kind, body)
	if c.kind == addrGone {
		at := place{c.iface.name, c.prefix}
		if n := w.removed[at]; n > 0 {
			if w.removed[at] = n - 1; n == 1 {
				delete(w.removed, at)
			}
			// It may have been added again since: that is newer than this message.
			if w.claims[at] > 0 {
				c.iface.addrs[c.prefix] = address{ours: true}
			}
			return
		}
	}
	w.follow(c)
}

// resync reads all links and addresses and looks at every group.
func (w *worker) resync() {
	for range receiveBuffer / unix.SizeofNlMsghdr {
		if w.monitor.receive(func(uint16, uint32, []byte) {}) != nil {
			break
		}
	}
	m := newMirror()
	if err := m.read(w.requests); err != nil {
		w.l.log.Warn("read links and addresses", "err", err)
		return
	}
	w.mirror = m
	w.resyncs++
	clear(w.removed)
	w.reportLinks()
	for id := range w.groups {
		w.makeDue(id)
	}
}

// follow draws the conclusions from a change that the kernel told.
func (w *worker) follow(c change) {
	switch c.kind {
	case linkNew, linkGone:
		w.reportLinks() // all: a rename is about two names
		w.dueOn(c.iface.name)
	case addrGone:
		for _, id := range w.known[place{c.iface.name, c.prefix}] {
			if w.groups[id].counted {
				w.respond(id)
			}
		}
	case addrNew:
		for _, id := range w.known[place{c.iface.name, c.prefix}] {
			if g := &w.groups[id]; g.word.given() && !g.counted {
				w.respond(id)
			}
		}
		w.yieldPrimary(c)
	}
}

// respond has a group looked at because a stranger touched an address of it: at
// once, unless the stranger keeps doing so. Two programs that undo each other's
// work must not keep a processor busy.
func (w *worker) respond(id int) {
	g, now := &w.groups[id], w.l.now()
	if now.Sub(g.touchedSince) > touchWindow {
		g.touchedSince, g.touches = now, 0
	}
	if g.touches++; g.touches <= maxTouches {
		w.makeDue(id)
		return
	}
	if g.retryAt == 0 {
		g.retryAt = now.Add(touchPause)
	}
}

// dueOn has those groups looked at that hold an address on an interface.
func (w *worker) dueOn(name string) {
	if !w.watched[name] {
		return
	}
	for id, g := range w.table.groups {
		for _, a := range g.Addresses {
			if a.Interface == name && w.groups[id].counted {
				w.makeDue(id)
				break
			}
		}
	}
}
