package peer

import (
	"time"
)

// node is what this node knows of another one.
type node struct {
	index    int
	name     string
	hash     uint32
	interval time.Duration // of heartbeats, as configured
	pace     time.Duration // of those that it is sent: see repace
	paths    []path
	groups   []int // those in which both nodes have a part

	inc       uint64 // its incarnation, once it has proved it; 0 before
	applied   uint64 // all its records up to this version are known
	acked     uint64 // all ours up to this version are known to it
	sentTop   uint64 // ours up to this version are on their way
	sentTopAt Instant

	heardAt     Instant // when its last good packet arrived: promises count from here
	watchedAt   Instant // the same, moved on by the time in which this node was late
	confirmedAt Instant // it has heard what this node sent then, and stood by its votes
	reachedAt   Instant // it has heard what this node sent then, whatever its votes
	timings     uint64  // those of the groups in which both nodes have a part, as bits
	nearest     int     // the shortest of them: its end is when the node is missed
	silent      uint64  // by timing: not heard for that lease
	deafTo      uint64  // by timing: heard, but it has not heard this node for that lease

	reachWatchedAt Instant // reachedAt, moved on by the time in which this node was late
	everHeard      bool

	newcomer newcomer
	past     [8]uint64 // the runs before: whoever shows one replays a recording
	behind   bool      // it has records that are not known yet
	lastSent Instant   // when it was sent something last
	lastPath int       // the path of the packet heard last
	nextSend Instant
	rtt      time.Duration

	rec   []Record // by group
	known []bool   // whether rec is of this incarnation
	fresh []bool   // whether it was heard to come into its role
}

// newcomer is a run of a node that has not yet proved that it is not a recording.
type newcomer struct {
	inc     uint64
	bar     []uint64 // by path: what it has to echo is newer than this
	seen    []uint64 // by path: what it has sent up to this was refused, and stays so
	askedAt Instant
}

// path is one of the ways between two nodes.
type path struct {
	rxSeq   uint64
	rxSeen  uint64 // which of the 64 packets up to rxSeq have arrived, the newest in the lowest bit
	txSeq   uint64
	sent    [256]Instant // when a packet was sent, by the low byte of its number
	heardAt Instant
	window  lossWindow
}

// lossWindow counts how many of the last packets of a path have arrived.
type lossWindow struct {
	from     uint64
	received uint64
	loss     float64
}

// lossSpan is over how many packets a loss is counted: a second of the fastest
// preset.
const lossSpan = 200

func (w *lossWindow) count(seq uint64) {
	if w.from == 0 || seq < w.from {
		*w = lossWindow{from: seq}
	}
	w.received++
	if span := seq - w.from + 1; span >= lossSpan {
		*w = lossWindow{from: seq + 1, loss: 1 - float64(w.received)/float64(span)}
	}
}

// arrived notes packet seq. newest tells that it comes after all that have
// arrived, first that it is no copy of one of the last 64.
func (p *path) arrived(seq uint64) (newest, first bool) {
	if seq > p.rxSeq {
		switch by := seq - p.rxSeq; {
		case p.rxSeq == 0:
			p.rxSeen = ^uint64(0) // what came before was refused, and stays so
		case by < 64:
			p.rxSeen = p.rxSeen<<by | 1
		default:
			p.rxSeen = 1
		}
		p.rxSeq = seq
		return true, true
	}
	behind := p.rxSeq - seq
	if seq == 0 || behind >= 64 || p.rxSeen&(1<<behind) != 0 {
		return false, false
	}
	p.rxSeen |= 1 << behind
	return false, true
}

// sentAt returns when packet seq was sent, if that is still known.
func (p *path) sentAt(seq uint64) (Instant, bool) {
	if seq == 0 || seq > p.txSeq || p.txSeq-seq >= uint64(len(p.sent)) {
		return 0, false
	}
	return p.sent[seq&255], true
}

// alive tells whether the node was heard within the lease of a timing.
func (n *node) alive(timing int) bool { return n.inc != 0 && n.silent&(1<<timing) == 0 }

// missed tells whether the node was not heard for the shortest lease that hangs
// on it.
func (n *node) missed() bool { return !n.alive(n.nearest) }

// deafAt is when a node that is heard has been deaf to this one for a lease.
// The echo may take an interval longer than the heartbeat that it answers.
func (n *node) deafAt(lease time.Duration) Instant { return n.reachWatchedAt.Add(lease + n.interval) }

// admit starts a session with a new run of the node.
func (n *node) admit(now Instant, inc uint64) {
	copy(n.past[1:], n.past[:])
	n.past[0], n.inc = n.inc, inc
	n.deafTo, n.reachWatchedAt = 0, now
	n.applied, n.acked, n.sentTop = 0, 0, 0
	n.confirmedAt, n.reachedAt = 0, 0
	for i := range n.paths {
		n.paths[i].rxSeq, n.paths[i].rxSeen = n.newcomer.seen[i], ^uint64(0)
	}
	for i := range n.known {
		n.known[i], n.fresh[i] = false, false
		n.rec[i] = Record{}
	}
	n.newcomer.inc = 0
}

// keep replaces what is known of the node in a group. The first record of a run
// tells of a role that it may have come into long ago.
func (n *node) keep(group int, r *Record) {
	was := &n.rec[group]
	moved := was.Role != r.Role || was.Epoch != r.Epoch || was.Target != r.Target
	n.fresh[group] = n.known[group] && (moved || n.fresh[group])
	n.rec[group], n.known[group] = *r, true
}

// challenge remembers a run of the node that is not known yet. What it echoes
// from now on has to be newer than anything that can have been recorded.
func (n *node) challenge(inc uint64) {
	if n.newcomer.inc == inc {
		return
	}
	n.newcomer.inc = inc
	n.newcomer.bar, n.newcomer.seen = n.newcomer.bar[:0], n.newcomer.seen[:0]
	for i := range n.paths {
		n.newcomer.bar = append(n.newcomer.bar, n.paths[i].txSeq)
		n.newcomer.seen = append(n.newcomer.seen, 0)
	}
	n.newcomer.askedAt = 0
}

// proves tells whether a header of an unknown run echoes a packet newer than the bar.
func (n *node) proves(h *Header, self uint64) bool {
	return h.EchoInc == self && int(h.EchoPath) < len(n.newcomer.bar) &&
		h.EchoSeq > n.newcomer.bar[h.EchoPath] && h.EchoSeq <= n.paths[h.EchoPath].txSeq
}
