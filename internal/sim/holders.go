package sim

import (
	"fmt"
	"time"
)

// groupWatch is what the checkers remember of a group.
type groupWatch struct {
	strict bool // two holders are never allowed

	holder    int    // the host that answers, when it is one only
	heldSince moment // since when it is that one

	answered  moment // up to here somebody answered, as far as is known
	served    moment // up to here somebody accepted packets
	servedBy  int
	begun     bool // somebody has held the addresses once
	dualSince moment
	dualEnded moment // when two answered last
	epochs    uint64 // the highest epoch of any activation
	lastGap   time.Duration
	lastGapAt moment
	moved     bool          // an operator has moved the group since the world began
	changes   [2]activation // the last ones
}

func newGroupWatch(s *Setup, g int) *groupWatch {
	cfg := &s.Config.Groups[g]
	return &groupWatch{
		strict:   cfg.Quorum && !cfg.HoldOnQuorumLoss || cfg.Right != nil && !cfg.HoldWithoutStore,
		holder:   nobody,
		servedBy: nobody, dualSince: never,
	}
}

// holdMoves is told that from now on host h answers and serves for g until the
// given moments.
//
// One holder: with quorum no two hosts answer for an address at the same
// moment, whatever happens. A host that has handed over may go on serving what
// is under way for the group's linger, and no longer.
func (w *World) holdMoves(h *host, g int, answer, serve moment) {
	o, watch := &h.holdings[g], w.groups[g]
	w.coverage(g)
	opens := o.serveUntil <= w.now && serve > w.now
	o.answerUntil, o.serveUntil = answer, serve
	if opens {
		w.gapEnds(g)
	}
	if answer > w.now {
		watch.begun = true
		for _, other := range w.hosts {
			if other != h && other.holdings[g].answerUntil > w.now {
				w.twoHolders(h, other, g)
			}
			if other != h && watch.strict {
				w.checkLinger(h, other, g)
			}
		}
	}
	w.whoHolds(g)
}

// coverage brings up to date until when somebody answered and served.
func (w *World) coverage(g int) {
	watch := w.groups[g]
	for _, h := range w.hosts {
		o := &h.holdings[g]
		watch.answered = max(watch.answered, min(o.answerUntil, w.now))
		if until := min(o.serveUntil, w.now); until > watch.served {
			watch.served, watch.servedBy = until, h.id
		}
	}
}

// gapEnds measures how long nobody served before h began to.
func (w *World) gapEnds(g int) {
	watch := w.groups[g]
	if !watch.begun || watch.served >= w.now {
		watch.lastGap, watch.lastGapAt = 0, w.now
		return
	}
	gap := w.now.sub(watch.served)
	watch.lastGap, watch.lastGapAt = gap, w.now
	w.result.gap(w.group(g).Quorum, gap)
}

func (w *World) twoHolders(h, other *host, g int) {
	watch := w.groups[g]
	if watch.strict {
		w.violate(checkOneHolder, h.id, g, "also answers: "+w.nodeName(other.id),
			int64(min(h.holdings[g].answerUntil, other.holdings[g].answerUntil).sub(w.now)))
		return
	}
	if watch.dualSince == never {
		watch.dualSince = w.now
	}
}

// checkLinger looks at a host that still serves while another one answers.
func (w *World) checkLinger(h, other *host, g int) {
	left := other.holdings[g].serveUntil.sub(w.now)
	if other.holdings[g].serveUntil > w.now && left > w.group(g).Linger+time.Millisecond {
		w.violate(checkOneHolder, other.id, g, "serves beyond the linger while another answers: "+w.nodeName(h.id), int64(left))
	}
}

// whoHolds works out the one holder of a group, if it is one.
func (w *World) whoHolds(g int) {
	watch, holder, n := w.groups[g], nobody, 0
	for _, h := range w.hosts {
		if w.answers(h, g) {
			holder = h.id
			n++
		}
	}
	if n != 1 {
		holder = nobody
	}
	if holder != watch.holder {
		watch.holder, watch.heldSince = holder, w.now
	}
	if n < 2 {
		if watch.dualSince != never {
			watch.dualEnded = w.now
		}
		watch.dualSince = never
	}
}

// look runs the checkers of what lasts: it is called at a steady pace.
func (w *World) look() {
	for g := range w.groups {
		w.coverage(g)
		w.whoHolds(g)
		w.lookForHolder(g)
		if !w.groups[g].strict {
			w.lookForTwo(g)
		}
		w.lookAtClients(g)
		w.lookAtRoutes(g)
		w.lookAtRest(g)
		for _, h := range w.hosts {
			w.lookAtSick(h, g)
		}
	}
	w.calm.look(w)
}

// holderBound is within which time after the last change a part of the cluster
// that has the votes and a ready member has a holder: the start-up delay and one
// lease of silence for a node that may just have started, one lease of a dead
// holder, one of a claim that failed against another, and the time
// of the network, the actuators and the scheduler for each.
func (w *World) holderBound(g int) time.Duration {
	if w.group(g).Right != nil {
		return w.rightBound(g)
	}
	bound := w.group(g).StartDelay + 4*w.lease(g) + 4*w.reaction(g)
	if w.setup.routed(g) {
		bound += listening
	}
	return bound
}

// listening is for how long a node that has its first BGP session waits for the others'
// heartbeats, at most.
const listening = 250 * time.Millisecond

// reaction is the time of one exchange of packets and one change of the kernel.
func (w *World) reaction(g int) time.Duration {
	return 2*w.interval(g) + 2*w.setup.Network.worst() + w.setup.Kernel.ApplyMax + 2*w.setup.Jitter + w.lookEvery()
}

// lookForHolder: some holder. In every part of the network that has the votes
// and a ready member, somebody answers within holderBound after the last change.
func (w *World) lookForHolder(g int) {
	t := &w.truth.groups[g]
	if !t.known || w.now.sub(t.settledSince) < w.holderBound(g) {
		return
	}
	for _, side := range t.sides {
		if w.holderIn(g, side) != nobody || side&t.byStore != 0 && (w.now.sub(t.settledSince) < w.voteBound(g) || w.votesElsewhere(g, side)) {
			continue
		}
		// A stall is a hole in the answering, not a lost role: it may last one exchange.
		if w.now.sub(w.groups[g].answered) <= w.holeBound(g) && len(t.sides) == 1 {
			continue
		}
		if w.beingRepaired(g, side) {
			continue
		}
		w.violate(checkSomeHolder, nobody, g, "nobody answers among "+w.names(side), int64(w.now.sub(t.settledSince)))
	}
}

func (w *World) holderIn(g int, side uint64) int {
	for _, h := range w.hosts {
		if side>>h.id&1 == 1 && w.answers(h, g) {
			return h.id
		}
	}
	return nobody
}

// beingRepaired tells whether the addresses are away because of a stranger.
func (w *World) beingRepaired(g int, side uint64) bool {
	for _, h := range w.hosts {
		if side>>h.id&1 == 1 && h.holdings[g].repairAt {
			return true
		}
	}
	return false
}

// names are the nodes of a set.
func (w *World) names(set uint64) string {
	out := ""
	for id := range w.hosts {
		if set>>id&1 == 1 {
			if out != "" {
				out += ", "
			}
			out += w.nodeName(id)
		}
	}
	return out
}

// dualBound is within which time two active nodes that can hear each other
// again agree on one: one detection time, in case one of them was paused, and
// two exchanges.
func (w *World) dualBound(g int) time.Duration {
	return w.lease(g) + 2*w.reaction(g)
}

// lookForTwo: one holder without quorum. Two hosts answer only while they
// cannot hear each other, or one of them did not run, and for dualBound after;
// two that take over from a third at the same moment find out within it, too.
func (w *World) lookForTwo(g int) {
	if w.group(g).Everyone {
		return
	}
	if w.group(g).Right != nil {
		w.lookForTwoRights(g)
		return
	}
	for a := range w.hosts {
		if !w.answers(w.hosts[a], g) {
			continue
		}
		for b := a + 1; b < len(w.hosts); b++ {
			p := w.truth.pair(a, b)
			if !w.answers(w.hosts[b], g) || !p.clean {
				continue
			}
			since := max(p.cleanSince, w.truth.steady[a], w.truth.steady[b], w.groups[g].dualSince)
			bound := w.dualBound(g)
			if w.group(g).Router != nil {
				bound = w.routerDualBound(g, a, b)
			}
			if w.now.sub(since) > bound {
				w.violate(checkOneHolder, a, g, fmt.Sprintf("also answers: %s, and they hear each other", w.nodeName(b)), int64(w.now.sub(since)))
			}
		}
	}
}

// clientBound is within which time after a heal every client that can reach
// the holder sends to it: 50 ms, or what two heartbeats take where the group's
// timing is slower, and the way of the announcement.
func (w *World) clientBound(g int) time.Duration {
	return max(50*time.Millisecond, 2*w.reaction(g)) + w.setup.Network.worst()
}

// lookAtClients: no client stays on a stale neighbour entry.
func (w *World) lookAtClients(g int) {
	watch := w.groups[g]
	if watch.holder == nobody || w.setup.routed(g) {
		return // routers send packets to addresses that are announced by BGP
	}
	if w.group(g).HoldWithoutStore && watch.dualEnded == watch.heldSince {
		return // who held on without the store does not know that another did
	}
	h := w.hosts[watch.holder]
	for i := range w.clients {
		c := &w.clients[i]
		if c.entry[g] == watch.holder {
			continue
		}
		from := max(watch.heldSince, w.truth.steady[h.id], w.truth.groups[g].settledSince)
		if c.site != h.id {
			p := w.truth.pair(h.id, c.site)
			if !p.clean || w.unnoticed(g, p, watch.heldSince) || w.group(g).Right == nil && w.sharedInterval(h.id, c.site) == 0 {
				continue // nodes without a common group do not hear each other again
			}
			if w.group(g).Right != nil && p.cleanSince > watch.heldSince {
				continue // nor do those that elect by a lease
			}
			if w.group(g).Router != nil && (watch.dualEnded < p.cleanSince || !w.ranAt(c.entry[g], watch.dualEnded)) {
				continue // a router hears of a heal only from another one that was active as well
			}
			from = max(from, p.cleanSince, watch.dualEnded)
		}
		if w.now.sub(from) > w.clientBound(g) {
			w.violate(checkClients, h.id, g, fmt.Sprintf("client beside %s still sends to %s", w.nodeName(c.site), w.nodeName(c.entry[g])), int64(w.now.sub(from)))
		}
	}
}

// unnoticed tells whether announcements to a site were lost while nobody could
// notice: the way was closed for less than the detection time, or it lost some
// packets only. The later repetitions are what helps there.
func (w *World) unnoticed(g int, p *pair, heldSince moment) bool {
	if p.cleanSince <= heldSince {
		return false
	}
	noticed := p.deafUntil == p.cleanSince && p.deafFor > 2*w.lease(g)+2*w.reaction(g)
	return !noticed
}

// ranAt tells whether the host that a client sends to has run its daemon since a moment.
func (w *World) ranAt(host int, since moment) bool {
	return host != nobody && w.hosts[host].running() && w.truth.steady[host] < since
}
