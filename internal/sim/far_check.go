package sim

import (
	"fmt"
	"math/bits"
	"net/netip"
	"slices"
	"time"

	"stead/internal/core"
	"stead/internal/core/bgp"
	"stead/internal/core/reason"
)

// checkWritten: what a daemon announces is in place. Its kernel has the addresses
// when the first byte of the announcement is written; a stranger may have taken
// them away, and they are on their way back. And a damped path is the last choice.
func (w *World) checkWritten(h *host, c *tcp, bytes []byte) {
	said := told{}
	said.apply(bytes)
	own := w.setup.host(h.id)
	for g := range h.holdings {
		r := w.routes(h, g)
		if r == nil || !slices.Contains(r.Peers, c.peer) {
			continue
		}
		o := &h.holdings[g]
		for i := range r.Paths {
			this, ok := said[r.Paths[i].Prefix.Masked()]
			switch {
			case !ok:
			case !o.present && !o.repairAt:
				w.violate(checkInPlace, h.id, g, "announces "+r.Paths[i].Prefix.String()+", which is not in place", int64(this.length))
			case w.damped(h, g) && !own.Peers[c.peer].Session.Internal() && this.length <= 1+max(r.Prepend.Active, 0):
				w.violate(checkDamping, h.id, g, "announces its path again as if nothing had been, shortly after it was not active", int64(w.now.sub(o.watch.leftAt)))
			}
		}
	}
}

// damped tells whether a host that nobody elects has ceased to be active a short time
// ago.
func (w *World) damped(h *host, g int) bool {
	o, cfg := &h.holdings[g].watch, w.group(g)
	return cfg.Everyone && o.left && w.now.sub(o.leftAt) < cfg.Damping-cfg.Damping/100
}

// checkRemoval: addresses go after their path. When the actuator takes them away,
// every kernel has the withdrawal for each session that goes on, or has not taken it
// for a second.
func (w *World) checkRemoval(h *host, g int) {
	r := w.routes(h, g)
	if r == nil || w.far == nil {
		return
	}
	for _, c := range w.far.conns {
		if c.host != h.id || !c.open[near] || c.closing || c.life != h.life || !slices.Contains(r.Peers, c.peer) {
			continue
		}
		for i := range r.Paths {
			if _, announced := c.told[r.Paths[i].Prefix.Masked()]; !announced {
				continue
			}
			if since := w.now.sub(h.holdings[g].watch.unannouncedAt); h.holdings[g].watch.unannounced && since >= sendPatience {
				continue
			}
			w.violate(checkInPlace, h.id, g, "removes "+r.Paths[i].Prefix.String()+" before "+w.serverName(c.server)+" is told", int64(c.id))
		}
	}
}

// noteUnannounced notes since when a group is not to be announced any more: since then
// its withdrawal waits for the kernel.
func (w *World) noteUnannounced(h *host, n *core.Note) {
	o := &h.holdings[n.Group].watch
	o.unannounced = n.Detail == "withdrawn"
	o.unannouncedAt = w.now
}

// activation is a change of the active node of a group.
type activation struct {
	at     moment // it serves since
	right  moment // it has had the right to since
	host   int
	before int // who served before
	why    reason.Reason
}

// checkDamped: within the window after a change of the active node no other one
// preempts it. The clock of a node may run fast. Without quorum two may take over at
// the same moment.
func (w *World) checkDamped(h *host, n *core.Note) {
	g := int(n.Group)
	watch, cfg := w.groups[g], w.group(g)
	last := watch.changes[len(watch.changes)-1]
	if !cfg.Everyone && cfg.Damping > 0 && n.Reason == reason.Preempted && last.at > 0 && w.hasHeardOf(h.id, &last) {
		if passed := w.now.sub(last.right); passed < cfg.Damping-cfg.Damping/100 && (watch.strict || passed > w.dualBound(g)) {
			w.violate(checkDamping, h.id, g, "preempts shortly after the last change", int64(passed))
		}
	}
	copy(watch.changes[:], watch.changes[1:])
	watch.changes[len(watch.changes)-1] = activation{at: w.now, right: h.holdings[g].watch.activatedAt, host: h.id, before: last.host, why: n.Reason}
}

// hasHeardOf tells whether nothing kept a host from hearing of a change.
func (w *World) hasHeardOf(id int, last *activation) bool {
	if id == last.host {
		return true
	}
	p := w.truth.pair(id, last.host)
	return p.clean && p.cleanSince < last.right
}

// routesMoved is told that what a route server knows has changed.
func (w *World) routesMoved(server int) {
	for g := range w.groups {
		w.lookAtPackets(g, w.far.servers[server])
	}
}

// flowBound is after which time without a fault all that follows from the last one
// is over.
func (w *World) flowBound(g int) time.Duration {
	return w.holderBound(g) + w.setup.longestStale() + w.group(g).Linger + w.announceBound(g)
}

// announceBound is within which time after a change on a host route servers that
// hear it know of it.
func (w *World) announceBound(g int) time.Duration {
	return w.setup.Network.worst() + w.setup.SendLag + 2*w.setup.Jitter + 2*w.lookEvery()
}

// lookAtPackets: planned work loses no packet. While nothing goes wrong and somebody
// can serve, whatever operators order and whoever preempts, every route server has a
// best path, and each host that it leads to accepts packets.
func (w *World) lookAtPackets(g int, s *routeServer) {
	t := &w.truth.groups[g]
	bound := w.flowBound(g)
	if !w.setup.routed(g) || !t.known || len(t.sides) == 0 || w.now.sub(max(t.soundSince, t.idleAt, s.since)) < bound || w.rests(g) || !w.hearsAll(s, g) {
		return
	}
	if !w.group(g).Everyone && w.group(g).Linger <= 2*w.announceBound(g)+w.setup.Network.worst() {
		return // the old path may go before the new one is known
	}
	for _, p := range w.prefixesOf(g) {
		hosts, _ := s.best(p)
		if hosts == 0 {
			w.violate(checkPlanned, nobody, g, "route server "+s.name+" has no path to "+p.String(), int64(w.now.sub(t.soundSince)))
		}
		for id, h := range w.hosts {
			if hosts>>id&1 == 1 && h.holdings[g].serveUntil <= w.now && !h.holdings[g].repairAt {
				w.violate(checkPlanned, id, g, "drops packets that route server "+s.name+" sends", int64(w.now.sub(t.soundSince)))
			}
		}
	}
}

// hearsAll tells whether a route server has a session with every member that runs
// and announces something to it.
func (w *World) hearsAll(s *routeServer, g int) bool {
	any := false
	for _, m := range w.group(g).Members {
		h := w.hosts[m.Node]
		if !h.up || w.routes(h, g) == nil || s.ends[h.id] == nil || !slices.Contains(w.routes(h, g).Peers, s.ends[h.id].peer) {
			continue
		}
		if h.hears[s.id] != heard || w.underWay(h.id, s.id) > w.setup.Network.worst() {
			return false
		}
		any = true
	}
	return any && s.runs()
}

// underWay is how long it takes until a route server has all that a host has sent.
func (w *World) underWay(host, server int) time.Duration {
	until := w.now
	for _, c := range w.far.conns {
		if c.host == host && c.server == server {
			until = max(until, c.flow[near].arrives)
		}
	}
	return until.sub(w.now)
}

// prefixesOf are those of a group, which all hosts announce alike.
func (w *World) prefixesOf(g int) (all []netip.Prefix) {
	for _, h := range w.hosts {
		if r := w.routes(h, g); r != nil {
			for i := range r.Paths {
				all = append(all, r.Paths[i].Prefix.Masked())
			}
			return all
		}
	}
	return nil
}

// lookAtBest: packets follow the node that serves. Once a host has served alone for
// announceBound, each route server that hears it prefers its path to all others that
// lead to nodes that drop packets: to the one also that a silent node has left behind, where the configuration leaves
// room and the host has seen that one active.
func (w *World) lookAtBest(g int, s *routeServer) {
	t, watch := &w.truth.groups[g], w.groups[g]
	if w.group(g).Everyone || !t.known || len(t.sides) != 1 || watch.holder == nobody || !s.runs() {
		return
	}
	h := w.hosts[watch.holder]
	r := w.routes(h, g)
	if t.sides[0]>>h.id&1 == 0 || r == nil || h.hears[s.id] != heard || !slices.Contains(r.Peers, s.ends[h.id].peer) || !h.holdings[g].watch.active {
		return
	}
	since := max(watch.heldSince, h.hearsSince[s.id], t.settledSince, s.since)
	if w.underWay(h.id, s.id) > 0 {
		return // behind what was slow
	}
	if w.now.sub(since) <= w.announceBound(g)+w.reaction(g) {
		return
	}
	for _, p := range w.prefixesOf(g) {
		hosts, _ := s.best(p)
		for id, other := range w.hosts {
			if other.running() && other.holdings[g].serveUntil > w.now && id != h.id {
				hosts &^= 1 << id // it has handed over, and lingers
			}
		}
		if hosts == 1<<h.id || w.excused(g, s, h.id, hosts&^(1<<h.id)) {
			continue
		}
		w.violate(checkBest, h.id, g, fmt.Sprintf("route server %s sends packets for %s to %s", s.name, p, w.names(hosts)), int64(w.now.sub(since)))
	}
}

// excused tells whether the paths of others may be preferred to that of the holder:
// they are those of silent nodes, and the holder had no way of knowing how short they
// are, or no room.
func (w *World) excused(g int, s *routeServer, holder int, others uint64) bool {
	watch := w.groups[g]
	last, before := watch.changes[len(watch.changes)-1], watch.changes[len(watch.changes)-2]
	for id, h := range w.hosts {
		if others>>id&1 == 0 {
			continue
		}
		if h.running() && h.hears[s.id] == heard {
			return false
		}
		r := w.routes(w.hosts[holder], g)
		silent := last.why == reason.PeerSilent || last.why == reason.PeerDeaf
		fell := max(w.truth.steady[id], w.farLink(id, s.id).since) // it may not have stepped back before it fell silent
		single := before.at == 0 || fell.sub(before.at) > r.Stale+w.reaction(g)
		unchanged := fell <= last.at && w.truth.steady[holder] < before.at
		if last.host == holder && last.before == id && silent && single && unchanged && r.Room > 0 {
			return false
		}
	}
	return true
}

// lookForUnheard: a node that no route server hears leaves the group to one that is
// heard.
func (w *World) lookForUnheard(g int) {
	t := &w.truth.groups[g]
	if !t.known || w.now.sub(t.settledSince) < w.holderBound(g) {
		return
	}
	for id, h := range w.hosts {
		if w.answers(h, g) && h.running() && h.holdings[g].watch.heard == unheard {
			w.violate(checkHeard, id, g, "serves though no route server hears it", int64(w.now.sub(t.settledSince)))
		}
	}
}

// lookForActive: where nobody is elected a node that is not ready, or that was
// drained, is not active when the step that told it so ends.
func (w *World) lookForActive(g int) {
	if !w.group(g).Everyone {
		return
	}
	for id, h := range w.hosts {
		if h.running() && h.holdings[g].watch.active && (h.drained || !w.healthy(h, g) && !w.byBFD(h, g)) {
			w.violate(checkSick, id, g, "is active though it is drained or not ready", 0)
		}
	}
}

// lookAtRoutes runs the checkers of routes that watch what lasts.
func (w *World) lookAtRoutes(g int) {
	if w.far == nil || !w.setup.routed(g) {
		return
	}
	w.lookForUnheard(g)
	w.lookForActive(g)
	for _, s := range w.far.servers {
		w.lookAtPackets(g, s)
		w.lookAtBest(g, s)
	}
}

// lastLookAtRoutes: in the end all is as configured. Everybody has every session;
// every route server prefers the nodes that serve, by a path as long as that of any
// active node; and what it knows is what each node says that it announces.
func (w *World) lastLookAtRoutes() {
	for _, h := range w.hosts {
		for _, e := range h.peers {
			s := w.far.servers[e.server]
			since := max(s.since, w.farLink(h.id, s.id).since, w.truth.steady[h.id])
			if !h.running() || h.stopping || !s.runs() || !w.farLink(h.id, s.id).clean() || w.now.sub(since) < w.setup.longestRetry()+w.setup.longestStale() {
				continue
			}
			if h.hears[s.id] != heard {
				w.violate(checkSessions, h.id, -1, "has no session with "+s.name, int64(w.now.sub(since)))
				continue
			}
			w.lastLookAtSession(h, e)
		}
	}
	for g := range w.groups {
		t := &w.truth.groups[g]
		if w.setup.routed(g) && t.known && !w.rests(g) && w.now.sub(max(t.settledSince, w.groups[g].heldSince)) > w.settleBound(g)+w.flowBound(g) {
			for _, s := range w.far.servers {
				w.lastLookAtServer(g, s)
			}
		}
	}
}

// lastLookAtServer compares whom a route server prefers with who serves.
func (w *World) lastLookAtServer(g int, s *routeServer) {
	if !w.hearsAll(s, g) {
		return
	}
	var want uint64
	length := -1
	for id, h := range w.hosts {
		should := w.groups[g].holder == id
		if w.group(g).Everyone {
			if h.holdings[g].refused {
				return // it tries again now and then
			}
			should = w.ready(h, g)
		}
		if e := s.ends[id]; should && e != nil && w.routes(h, g) != nil {
			want |= 1 << id
			length = 1 + w.routes(h, g).Prepend.Active
			if w.setup.host(id).Peers[e.peer].Session.Internal() {
				length = 0
			}
		}
	}
	for _, p := range w.prefixesOf(g) {
		hosts, best := s.best(p)
		switch {
		case want == 0:
		case hosts&want != hosts || hosts == 0 || bits.OnesCount64(hosts) != bits.OnesCount64(want) && w.alike(g):
			w.violate(checkBest, nobody, g, fmt.Sprintf("in the end route server %s sends packets for %s to %s, and %s serve", s.name, p, w.names(hosts), w.names(want)), int64(best.length))
		case best.length != length && w.alike(g):
			w.violate(checkBest, nobody, g, "in the end the path at route server "+s.name+" is not as long as that of an active node: expected "+fmt.Sprint(length), int64(best.length))
		}
	}
}

// alike tells whether all hosts announce a group in the same way.
func (w *World) alike(g int) bool {
	var first *core.Routes
	for _, h := range w.hosts {
		r := w.routes(h, g)
		switch {
		case r == nil:
		case first == nil:
			first = r
		case first.Prepend != r.Prepend || first.Paths[0].MED != r.Paths[0].MED || first.Paths[0].LocalPref != r.Paths[0].LocalPref:
			return false
		}
	}
	return true
}

// teller is a machine that says what it believes.
type teller interface {
	Inspect(now core.Instant) core.State
}

// lastLookAtSession compares what a route server knows with what the node says that
// it announces.
func (w *World) lastLookAtSession(h *host, e *farEnd) {
	m, ok := h.machine.(teller)
	if !ok {
		return
	}
	st := m.Inspect(w.hostNow(h)).Sessions[e.peer].Status
	if st.State != bgp.EstablishedState || len(st.Paths) != len(e.routes) {
		w.violate(checkSessions, h.id, -1, fmt.Sprintf("says that it announces %d paths to %s (%s), which has", len(st.Paths), w.serverName(e.server), st.State), int64(len(e.routes)))
		return
	}
	for i := range st.Paths {
		p := &st.Paths[i]
		r, ok := e.routes[p.Prefix.Masked()]
		if !ok || r.length != len(p.ASPath) || r.med != int(p.MED) || r.graceful != slices.Contains(p.Communities, bgp.GracefulShutdown) {
			w.violate(checkSessions, h.id, -1, fmt.Sprintf("says that it announces %s to %s otherwise than that has it: %+v", p.Prefix, w.serverName(e.server), r), int64(len(p.ASPath)))
		}
	}
}
