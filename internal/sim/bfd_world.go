package sim

import (
	"fmt"
	"io"
	"time"

	"stead/internal/core/bfd"
)

// What happens in a world of BFD; the numbers are apart from those of clusters.
const (
	bfdWake    what = iota + 64 // a is the end, number the wake-up that counts
	bfdDeliver                  // a is the end, buf the bytes
	bfdFault                    // a is the place in the schedule, b is 1 at its end
	bfdLook                     // the checkers that watch what lasts
)

// BFDSetup is a world of two ends of one BFD session, made up from a seed.
type BFDSetup struct {
	Ends    [2]bfd.Config
	Faults  []BFDFault
	Length  time.Duration
	Network NetworkProfile
	Late    time.Duration // up to it an end runs later than it asked to
	Drift   [2]int64      // of the clocks, in millionths
}

// bfdWorld is one world while it runs.
type bfdWorld struct {
	setup   BFDSetup
	seed    uint64
	now     moment
	queue   queue
	buffers buffers
	trace   trace // its hash
	net     *random
	hosts   *random
	ends    [2]*bfdEnd
	links   [2]bfdLink // by sender
	faults  int        // that go on
	quiet   moment     // since when none does
	slow    int        // faults that make packets overtake each other
	slowAt  moment     // when one of them began or ended last
	result  BFDResult
	log     []string
	out     io.Writer
}

// bfdLink is what carries the packets of one end.
type bfdLink struct {
	link
	dropNext bool   // the next packet gets lost
	clean    moment // since when nothing was wrong
}

func newBFDWorld(seed uint64, s BFDSetup, out io.Writer) *bfdWorld {
	r := newRandom(seed)
	w := &bfdWorld{setup: s, seed: seed, net: r.fork(), hosts: r.fork(), out: out}
	w.trace.reset()
	for i := range w.ends {
		w.links[i].loss = s.Network.Loss
		w.ends[i] = &bfdEnd{
			world: w, id: i, cfg: s.Ends[i],
			clock: bootClock{offset: 1_000_000_000 + bfd.Instant(w.hosts.intn(1<<40)), drift: s.Drift[i]},
		}
		w.ends[i].recent.add(0, &s.Ends[i])
	}
	return w
}

// run runs the world to its end, or to its first violation.
func (w *bfdWorld) run() *BFDResult {
	w.result.Seed = w.seed
	for i := range w.setup.Faults {
		f := &w.setup.Faults[i]
		w.queue.push(entry{at: moment(f.At), what: bfdFault, a: int32(i)})
		w.queue.push(entry{at: moment(f.At + f.For), what: bfdFault, a: int32(i), b: 1})
	}
	for _, e := range w.ends {
		e.start()
	}
	w.queue.push(entry{at: 0, what: bfdLook})
	for w.queue.next() <= moment(w.setup.Length) && len(w.result.Violations) == 0 {
		e := w.queue.pop()
		w.now = e.at
		w.result.Steps++
		w.happen(&e)
	}
	for _, e := range w.ends {
		e.retire()
	}
	w.result.Virtual = time.Duration(w.now)
	w.result.Hash = w.trace.hash
	if len(w.result.Violations) > 0 {
		w.result.Log = w.log
	}
	return &w.result
}

func (w *bfdWorld) happen(e *entry) {
	switch e.what {
	case bfdWake:
		if end := w.ends[e.a]; end.wake == e.number && end.runs() {
			end.tick()
		}
	case bfdDeliver:
		w.ends[e.a].deliver(e.buf)
	case bfdFault:
		w.fault(&w.setup.Faults[e.a], e.b == 1)
	case bfdLook:
		w.look()
		w.queue.push(entry{at: w.now.add(2 * time.Millisecond), what: bfdLook})
	}
}

// transmit puts a packet on its way to the other end.
func (w *bfdWorld) transmit(from int, b []byte) {
	w.trace.mix(uint64(w.now)<<1 | uint64(from))
	w.trace.mixBytes(b)
	w.result.Packets++
	copies := 1
	if w.net.permille(w.setup.Network.Duplicate) {
		copies = 2
	}
	l := &w.links[from]
	for range copies {
		if l.cuts > 0 || l.dropNext || w.net.permille(l.loss) {
			w.result.Lost++
			continue
		}
		at := w.now.add(w.setup.Network.Latency + w.net.duration(0, w.setup.Network.Jitter+l.extra))
		w.queue.push(entry{at: at, what: bfdDeliver, a: int32(1 - from), buf: w.buffers.keep(b)})
	}
	l.dropNext = false
}

// say adds a line to the log.
func (w *bfdWorld) say(end int, format string, args ...any) {
	line := fmt.Sprintf("%14.6fms  %c  ", float64(w.now)/1e6, 'a'+end) + fmt.Sprintf(format, args...)
	w.trace.mixString(line)
	if len(w.log) >= kept {
		w.log = append(w.log[:0], w.log[kept/2:]...)
	}
	w.log = append(w.log, line)
	if w.out != nil {
		fmt.Fprintln(w.out, line)
	}
}

func (w *bfdWorld) violate(check string, end int, what string, number time.Duration) {
	if len(w.result.Violations) < mostViolations {
		w.result.Violations = append(w.result.Violations, Violation{
			Check: check, At: time.Duration(w.now), Node: string(rune('a' + end)), Group: "-", What: what, Number: int64(number),
		})
	}
}
