package sim

import (
	"slices"
	"strconv"
	"time"

	"stead/internal/core/gate"
	"stead/internal/core/lease"
)

// gateStore is what both sites share: the register of the right, and a heartbeat
// of each. It answers late, or not at all, and does what it was asked for late.
type gateStore struct {
	world   *gateWorld
	version uint64 // of the register; 0: there is none
	last    uint64 // version that was given out
	value   []byte
	past    []gateValue // of the register, the newest last
	all     [][]byte    // every value that it has had, by version
	blobs   [2]gateBlob
	calls   []gateCall
}

// gateValue is one value of the register.
type gateValue struct {
	version uint64
	bytes   []byte
}

// gateBlob is where a site writes its heartbeat.
type gateBlob struct {
	bytes   []byte // nil: there is none
	past    [][]byte
	changes []moment // when a heartbeat was written, the last ones
}

// maxPast is how many old values a cache may still have.
const maxPast = 6

// maxChanges is of how many writes it is known when they were.
const maxChanges = 40

type gateCallKind uint8

const (
	callRead gateCallKind = iota // the register
	callSwap
	callSight // the heartbeat of the other site
	callBeat  // writes that of this one
)

// gateCall is a call of a site on the store.
type gateCall struct {
	site    int
	life    uint64 // of the process that calls
	kind    gateCallKind
	witness int
	id      uint64 // lease.Op's
	version string
	bytes   []byte
	late    bool // takes effect however late
	done    bool
	result  lease.Result
	sample  gate.Sample
}

// call begins a call.
func (st *gateStore) call(c gateCall) {
	w, s := st.world, st.world.sites[c.site]
	n := uint64(len(st.calls))
	w.queue.push(entry{at: w.now.add(w.setup.Timeout), what: gateTimeout, number: n})
	at := w.now.add(w.latency() + st.lag(s, false))
	if s.slow > 0 && w.net.chance(2) {
		c.late = true
		at = w.now.add(w.net.duration(0, 3*w.setup.Timeout+w.setup.Gate.Flatline))
	}
	st.calls = append(st.calls, c)
	w.queue.push(entry{at: at, what: gateArrive, number: n})
}

// arrive carries a call out.
func (st *gateStore) arrive(n uint64) {
	w, c := st.world, &st.calls[n]
	s := w.sites[c.site]
	switch {
	case c.late:
	case s.hung > 0 && w.net.chance(2):
		w.queue.push(entry{at: w.now.add(time.Second), what: gateArrive, number: n})
		return
	case s.cut > 0 || s.hung > 0:
		return
	}
	w.result.Calls++
	switch c.kind {
	case callRead:
		st.read(c)
	case callSwap:
		st.swap(c)
	case callSight:
		st.sight(c)
	case callBeat:
		st.beat(c)
	}
	if w.net.permille(s.deaf) {
		return // the answer gets lost
	}
	w.queue.push(entry{at: w.now.add(w.latency() + st.lag(s, true)), what: gateAnswer, number: n})
}

// lag is by how much a site's calls, or the answers to them, are late.
func (st *gateStore) lag(s *gateSite, back bool) time.Duration {
	if s.lag == 0 || s.lagsBack != back {
		return 0
	}
	return st.world.net.duration(0, st.world.setup.Timeout*8/10)
}

func (st *gateStore) read(c *gateCall) {
	version, value := st.version, st.value
	if s := st.world.sites[c.site]; s.stale > 0 && len(st.past) > 0 && st.world.net.chance(2) {
		old := st.past[st.world.net.intn(len(st.past))]
		version, value = old.version, old.bytes
	}
	c.result = lease.Result{Outcome: lease.Absent}
	if version != 0 {
		c.result = lease.Result{Outcome: lease.Got, Version: strconv.FormatUint(version, 10), Bytes: value}
	}
}

func (st *gateStore) swap(c *gateCall) {
	current := ""
	if st.version != 0 {
		current = strconv.FormatUint(st.version, 10)
	}
	if c.version != current {
		c.result = lease.Result{Outcome: lease.Conflict}
		return
	}
	st.put(c.bytes)
	c.result = lease.Result{Outcome: lease.Written, Version: strconv.FormatUint(st.version, 10)}
}

func (st *gateStore) put(b []byte) {
	if st.version != 0 {
		st.past = append(st.past, gateValue{st.version, st.value})
		st.past = st.past[max(0, len(st.past)-maxPast):]
	}
	st.last++
	st.version, st.value = st.last, slices.Clone(b)
	st.all = append(st.all, st.value)
	st.world.trace.mixBytes(b)
}

// remove deletes the register, as somebody does who should not.
func (st *gateStore) remove() { st.version, st.value, st.past = 0, nil, nil }

// sight reads the heartbeat of the other site.
func (st *gateStore) sight(c *gateCall) {
	w, s := st.world, st.world.sites[c.site]
	b := &st.blobs[1-c.site]
	content := b.bytes
	if s.stale > 0 && len(b.past) > 0 && w.net.chance(2) {
		content = b.past[w.net.intn(len(b.past))]
	}
	c.sample = gate.Sample{Sight: gate.Nothing}
	switch {
	case s.unmounted > 0:
		c.sample.Place = 99 // what was below the mount point: nothing
	case content == nil:
	default:
		c.sample = w.setup.Format.Sight(siteNames[1-c.site], content)
	}
	c.sample.Witness = c.witness
}

// beat writes the heartbeat of a site.
func (st *gateStore) beat(c *gateCall) {
	w, s := st.world, st.world.sites[c.site]
	if s.unmounted > 0 {
		c.result.Outcome = lease.Failed
		return
	}
	c.result.Outcome = lease.Written
	b := &st.blobs[c.site]
	if b.bytes != nil {
		b.past = append(b.past, b.bytes)
		b.past = b.past[max(0, len(b.past)-maxPast):]
	}
	b.bytes, b.changes = c.bytes, append(b.changes[max(0, len(b.changes)-maxChanges):], w.now)
	if s.torn > 0 && w.net.chance(2) {
		b.bytes = c.bytes[:w.net.intn(len(c.bytes))]
	}
}

func (st *gateStore) answer(n uint64) {
	if c := &st.calls[n]; !c.done {
		c.done = true
		st.world.sites[c.site].hear(n)
	}
}

func (st *gateStore) timeout(n uint64) {
	if c := &st.calls[n]; !c.done {
		c.done = true
		c.result = lease.Result{Outcome: lease.Failed, Detail: "no answer in time"}
		c.sample = gate.Sample{Witness: c.witness, Detail: "no answer in time"}
		st.world.sites[c.site].hear(n)
	}
}

// recordOf is what a version of the register has held.
func (st *gateStore) recordOf(version string) (r lease.Record, present bool) {
	n, err := strconv.Atoi(version)
	if err != nil || n < 1 || n > len(st.all) {
		return r, false
	}
	r, err = lease.Parse(st.all[n-1])
	return r, err == nil
}
