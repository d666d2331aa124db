package sim

import (
	"cmp"
	"slices"
	"strconv"
	"time"

	"stead/internal/core"
	"stead/internal/core/lease"
)

// StoreProfile is how the store that hosts share behaves when nothing is wrong with it.
type StoreProfile struct {
	Latency time.Duration // one way
	Jitter  time.Duration // added, from 0 to this: requests overtake each other
	Timeout time.Duration // after which a host gives an operation up; it may still take effect
	Watch   bool          // hosts are told when a register has changed
}

// worst is the longest that an operation takes when nothing is wrong.
func (p *StoreProfile) worst() time.Duration { return 2 * (p.Latency + p.Jitter) }

// store is what all hosts share: registers that are replaced by compare and swap,
// and the ways to it.
type store struct {
	profile   StoreProfile
	draw      *random
	registers []register // by group; the last one is that of the store's vote
	ops       []storeOp
	last      []int32    // by host and register: the operation asked for last; negative: none
	ways      []storeWay // by host
	frozen    int        // faults that let it answer nobody
	waiting   []int32    // operations that wait until it is not
	wiped     bool       // a register was deleted: what it knew of epochs is lost
	lone      []loneFault
}

// register is one value with its version. Versions never recur.
type register struct {
	version uint64
	there   bool
	value   []byte
}

// storeWay is how a host reaches the store. Faults add to it and take away what
// they added.
type storeWay struct {
	cuts     int           // faults that let nothing through
	refusals int           // those of them that a host hears of at once
	flaky    int           // operations of a thousand that are late, and answers that are lost
	late     time.Duration // by how much, at most
	extra    time.Duration // of latency
}

// storeOp is an operation that a host has asked for.
type storeOp struct {
	host   int
	life   uint32
	reg    int
	op     lease.Op
	ended  bool // the host has been told how, or has given it up
	result lease.Result
}

func newStore(s *Setup, draw *random) *store {
	if s.Store == nil {
		return nil
	}
	groups, hosts := len(s.Config.Groups), len(s.Config.Nodes)
	return &store{
		profile: *s.Store, draw: draw, registers: make([]register, groups+1), last: slices.Repeat([]int32{-1}, (groups+1)*hosts),
		ways: make([]storeWay, hosts), lone: make([]loneFault, groups),
	}
}

// storeConfig gives a host what is its own of leases and of the store's vote.
func (w *World) storeConfig(h *host, cfg *core.Config) {
	session := w.store.draw.uint64() | 1
	name := cfg.Nodes[h.id].Name
	if cfg.Witness != nil {
		own := *cfg.Witness
		own.Self, own.Session = name, session
		cfg.Witness = &own
	}
	for g := range cfg.Groups {
		if r := cfg.Groups[g].Right; r != nil {
			own := *r
			own.Self, own.Session, own.Rank = name, session, w.rank(g, h.id)
			cfg.Groups[g].Right = &own
		}
	}
}

// rank is how many members come before a host: by priority, then by name.
func (w *World) rank(g, id int) (before int) {
	cfg, own := w.group(g), 0
	for _, m := range cfg.Members {
		if int(m.Node) == id {
			own = m.Priority
		}
	}
	for _, m := range cfg.Members {
		if cmp.Or(cmp.Compare(m.Priority, own), cmp.Compare(w.nodeName(int(m.Node)), w.nodeName(id))) > 0 {
			before++
		}
	}
	return before
}

// registerOf is the place of a group's register.
func (s *store) registerOf(g core.GroupID) int {
	if g == core.WitnessGroup {
		return len(s.registers) - 1
	}
	return int(g)
}

// groupOf is the group of a register.
func (s *store) groupOf(reg int) core.GroupID {
	if reg == len(s.registers)-1 {
		return core.WitnessGroup
	}
	return core.GroupID(reg)
}

// storeAsked takes an operation that a daemon asks for.
func (w *World) storeAsked(h *host, o *core.StoreOp) {
	s := w.store
	if s == nil || o.Group != core.WitnessGroup && (o.Group < 0 || int(o.Group) >= len(w.groups)) {
		w.violate(checkContract, h.id, -1, "operation on a register that is not there", int64(o.Group))
		return
	}
	w.trace.stored(w.now, h.id, o)
	w.checkStoreCalm(h, o)
	reg := s.registerOf(o.Group)
	last := &s.last[h.id*len(s.registers)+reg]
	if *last >= 0 && s.ops[*last].life == h.life && !s.ops[*last].ended {
		w.violate(checkContract, h.id, -1, "a second operation on a register while one is under way", int64(o.Op.ID))
	}
	n := int32(len(s.ops))
	s.ops = append(s.ops, storeOp{host: h.id, life: h.life, reg: reg, op: o.Op})
	s.ops[n].op.Bytes = slices.Clone(o.Op.Bytes)
	*last = n
	w.queue.push(entry{at: w.now.add(s.profile.Timeout), what: atStoreTimeout, a: n})
	w.queue.push(entry{at: w.now.add(w.lateness()), what: atStoreLeave, a: n})
}

// storeLeaves puts a request on its way, as soon as its process runs: after a pause
// also one that was given up meanwhile.
func (w *World) storeLeaves(n int32) {
	o := &w.store.ops[n]
	h := w.hosts[o.host]
	switch way := &w.store.ways[o.host]; {
	case h.life != o.life:
	case h.pauses > 0:
		w.queue.push(entry{at: w.now.add(time.Millisecond), what: atStoreLeave, a: n})
	case way.refusals > 0:
		o.result = lease.Result{Outcome: lease.Failed, Detail: "connection refused"}
		w.queue.push(entry{at: w.now.add(w.store.profile.Latency), what: atStoreAnswer, a: n})
	case way.cuts > 0:
		w.result.Lost++
	default:
		w.queue.push(entry{at: w.now.add(w.storeFlight(way, true)), what: atStoreArrive, a: n})
	}
}

// storeFlight is how long a request or an answer is under way.
func (w *World) storeFlight(way *storeWay, request bool) time.Duration {
	s := w.store
	took := s.profile.Latency + s.draw.duration(0, s.profile.Jitter) + way.extra/2
	if request && s.draw.permille(way.flaky) {
		took += s.draw.duration(0, way.late)
	}
	return took
}

// storeArrives carries a request out. Nobody asks whether who sent it is still there.
func (w *World) storeArrives(n int32) {
	s := w.store
	o := &s.ops[n]
	way := &s.ways[o.host]
	switch {
	case way.cuts > 0:
		w.result.Lost++
		return
	case s.frozen > 0:
		s.waiting = append(s.waiting, n)
		return
	}
	o.result = w.carryOutOn(o)
	if s.draw.permille(way.flaky) {
		return // the answer is lost
	}
	w.queue.push(entry{at: w.now.add(w.storeFlight(way, false)), what: atStoreAnswer, a: n})
}

func (w *World) carryOutOn(o *storeOp) lease.Result {
	r := &w.store.registers[o.reg]
	version := ""
	if r.there {
		version = strconv.FormatUint(r.version, 10)
	}
	switch {
	case !o.op.Swap && !r.there:
		return lease.Result{Outcome: lease.Absent}
	case !o.op.Swap:
		return lease.Result{Outcome: lease.Got, Version: version, Bytes: slices.Clone(r.value)}
	case o.op.Version != version:
		w.trace.add(w.now, o.host, "the store refuses a swap", o.reg, int64(o.op.ID), 0)
		return lease.Result{Outcome: lease.Conflict}
	}
	r.version++
	r.there, r.value = true, o.op.Bytes
	w.trace.add(w.now, o.host, "the store has taken a swap", o.reg, int64(o.op.ID), int64(r.version))
	w.tellWatchers(o.reg)
	return lease.Result{Outcome: lease.Written, Version: strconv.FormatUint(r.version, 10)}
}

// tellWatchers tells every host that can be reached that a register has changed.
func (w *World) tellWatchers(reg int) {
	s := w.store
	if !s.profile.Watch {
		return
	}
	for id := range w.hosts {
		if way := &s.ways[id]; way.cuts == 0 {
			w.queue.push(entry{at: w.now.add(w.storeFlight(way, false)), what: atStoreTold, a: int32(id), b: int32(reg), life: w.hosts[id].life})
		}
	}
}

func (w *World) storeTold(h *host, e entry) {
	if h.life == e.life && w.store.ways[h.id].cuts == 0 {
		w.post(h, core.StoreChanged{Group: w.store.groupOf(int(e.b))})
	}
}

// storeAnswers brings an answer to the daemon that asked, unless it has given up
// waiting or is not there any more.
func (w *World) storeAnswers(n int32) {
	o := &w.store.ops[n]
	if way := &w.store.ways[o.host]; way.cuts > 0 && o.result.Outcome != lease.Failed {
		return
	}
	w.endOp(o, o.result)
}

func (w *World) storeTimesOut(n int32) {
	w.endOp(&w.store.ops[n], lease.Result{Outcome: lease.Failed, Detail: "no answer"})
}

func (w *World) endOp(o *storeOp, r lease.Result) {
	h := w.hosts[o.host]
	if o.ended || h.life != o.life {
		return
	}
	o.ended, r.ID = true, o.op.ID
	w.post(h, &core.Stored{Group: w.store.groupOf(o.reg), Result: r})
}
