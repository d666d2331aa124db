package sim

import (
	"time"

	"stead/internal/core"
)

// truth is what is really the case, and since when. Checkers use it, the core
// never sees it.
type truth struct {
	nodes  int
	pairs  []pair // by the lower and the higher node
	steady []moment
	linked []moment // by sender and receiver: since when nothing has changed about the link
	groups []groupTruth
}

// pair is what is the case between two nodes.
type pair struct {
	clean      bool // both run, and one path carries everything in both directions
	cut        bool // nothing gets through in either direction
	deaf       bool // in one direction at least nothing gets through
	cleanSince moment
	deafSince  moment
	deafFor    time.Duration // how long it was deaf last, when that has ended
	deafUntil  moment
}

// groupTruth is what is the case for a group.
type groupTruth struct {
	idleAt       moment   // nobody had to serve then
	settledSince moment   // nothing that matters to the group has changed since
	soundSince   moment   // the same, but for what operators ordered
	sides        []uint64 // the sets of nodes that each have to have a holder of their own
	byStore      uint64   // nodes of sides that need the vote of the store for it
	known        bool     // the network falls into clean parts, so that sides is what must be
}

func newTruth(nodes, groups int) truth {
	t := truth{nodes: nodes, pairs: make([]pair, nodes*nodes), steady: make([]moment, nodes), linked: make([]moment, nodes*nodes), groups: make([]groupTruth, groups)}
	for i := range t.pairs {
		t.pairs[i] = pair{deaf: true, cut: true}
	}
	return t
}

func (t *truth) pair(a, b int) *pair {
	if a > b {
		a, b = b, a
	}
	return &t.pairs[a*t.nodes+b]
}

// truthChanged takes note that something about a host has changed.
func (w *World) truthChanged(host int) {
	w.truth.steady[host] = w.now
	w.unsound(1 << host)
	for b := range w.hosts {
		if b != host {
			w.pairChanged(host, b)
		}
	}
	w.resettle(1 << host)
}

// linkChanged takes note that a link between two nodes has changed.
func (w *World) linkChanged(a, b int) {
	w.truth.linked[a*w.truth.nodes+b] = w.now
	w.pairChanged(a, b)
	w.unsound(1<<a | 1<<b)
	w.resettle(1<<a | 1<<b)
}

// unsound takes note that something went wrong, or was mended, at some nodes.
func (w *World) unsound(nodes uint64) {
	for g := range w.truth.groups {
		if w.votersOf(g)&nodes != 0 {
			w.truth.groups[g].soundSince = w.now
		}
	}
}

func (w *World) pairChanged(a, b int) {
	p := w.truth.pair(a, b)
	clean, forth, back := false, false, false
	if w.hosts[a].running() && w.hosts[b].running() {
		for path := range w.setup.paths(a, b) {
			ab, ba := w.network.link(a, b, path), w.network.link(b, a, path)
			clean = clean || ab.clean() && ba.clean()
			forth = forth || ab.cuts == 0
			back = back || ba.cuts == 0
		}
	}
	if clean && !p.clean {
		p.cleanSince = w.now
	}
	deaf := !forth || !back
	if deaf && !p.deaf {
		p.deafSince = w.now
	}
	if !deaf && p.deaf {
		p.deafFor, p.deafUntil = w.now.sub(p.deafSince), w.now
	}
	p.clean, p.deaf, p.cut = clean, deaf, !forth && !back
}

// resettle starts the waiting time again for every group that one of the nodes has a part in.
func (w *World) resettle(nodes uint64) {
	for g := range w.truth.groups {
		if w.votersOf(g)&nodes != 0 {
			w.settle(g)
		}
	}
	w.calm.disturb(w)
}

// eligibleChanged notes since when each member could take a group over.
func (w *World) eligibleChanged(g int) {
	for _, m := range w.group(g).Members {
		h := w.hosts[m.Node]
		o := &h.holdings[g].watch
		is := h.up && !h.drained && !h.stopping && w.healthy(h, g) && w.priority(h, g) > 0 && o.heard != unheard
		if is && !o.eligible {
			o.eligibleSince = w.now
		}
		o.eligible = is
	}
}

func (w *World) votersOf(g int) uint64 {
	var mask uint64
	for _, v := range partakers(w.group(g)) {
		mask |= 1 << v
	}
	return mask
}

// settle works out what must be the case for a group from now on.
func (w *World) settle(g int) {
	t := &w.truth.groups[g]
	t.settledSince = w.now
	if len(t.sides) == 0 {
		t.idleAt = w.now
	}
	t.sides, t.known, t.byStore = t.sides[:0], true, 0
	w.eligibleChanged(g)
	if w.group(g).Everyone {
		w.settleEveryone(g)
		return
	}
	if w.group(g).Right != nil {
		w.settleRight(g)
		return
	}
	var placed uint64
	for _, v := range partakers(w.group(g)) {
		a := int(v)
		if placed&(1<<a) != 0 || !w.hosts[a].running() {
			continue
		}
		part := w.partOf(g, a)
		placed |= part
		if !w.isWhole(g, part) {
			t.known = false
			return
		}
		switch {
		case w.mustHold(g, part):
			t.sides = append(t.sides, part)
		case w.group(g).StoreVotes:
			w.settleByStore(g, part)
		}
	}
	if t.byStore != 0 {
		t.sides = append(t.sides, t.byStore) // whoever of them is first
	}
}

// settleEveryone is settle for a group in which every ready node serves by itself.
func (w *World) settleEveryone(g int) {
	t := &w.truth.groups[g]
	for _, m := range w.group(g).Members {
		h := w.hosts[m.Node]
		if h.running() && (h.holdings[g].unreliable() || w.doubtful(h, g)) {
			t.known = false
		}
		if w.ready(h, g) {
			t.sides = append(t.sides, 1<<h.id)
		}
	}
}

// partOf is a running voter and those with which it has a clean link.
func (w *World) partOf(g, a int) uint64 {
	part := uint64(1) << a
	for _, v := range partakers(w.group(g)) {
		if b := int(v); b != a && w.truth.pair(a, b).clean {
			part |= 1 << b
		}
	}
	return part
}

// isWhole tells whether all in a part hear each other well, and nobody outside at all.
func (w *World) isWhole(g int, part uint64) bool {
	for _, v := range partakers(w.group(g)) {
		a := int(v)
		if part&(1<<a) == 0 {
			continue
		}
		if w.hosts[a].holdings[g].unreliable() || w.doubtful(w.hosts[a], g) {
			return false
		}
		for _, u := range partakers(w.group(g)) {
			b := int(u)
			switch p := w.truth.pair(a, b); {
			case a == b:
			case part&(1<<b) != 0 && !p.clean, part&(1<<b) == 0 && !p.cut:
				return false
			}
		}
	}
	return true
}

// mustHold tells whether a part has the votes and a ready member.
func (w *World) mustHold(g int, part uint64) bool {
	cfg := w.group(g)
	votes := 0
	for _, v := range partakers(cfg) {
		if part&(1<<v) != 0 {
			votes++
		}
	}
	if cfg.Quorum && votes <= (len(cfg.Voters)+b2i(cfg.StoreVotes))/2 {
		return false
	}
	for _, m := range cfg.Members {
		if part&(1<<m.Node) != 0 && w.ready(w.hosts[m.Node], g) {
			return true
		}
	}
	return false
}

// unreliable tells whether the actuator of a group does not do its work.
func (o *holding) unreliable() bool { return o.broken > 0 || o.hung > 0 || o.slow > 0 }

// ready tells whether a member could serve a group, as far as its checks, its
// interfaces and its operator are concerned. One whose kernel has refused the
// addresses stays away for a while: nothing is asked of it any more in this run.
func (w *World) ready(h *host, g int) bool {
	return h.running() && !h.drained && !h.stopping && !h.holdings[g].refused && w.healthy(h, g) && w.priority(h, g) > 0 &&
		h.holdings[g].watch.heard == heard
}

// healthy tells whether no fatal check is down or unknown and all interfaces have a carrier.
func (w *World) healthy(h *host, g int) bool {
	cfg := w.group(g)
	for c := range cfg.Checks {
		if cfg.Checks[c].Fatal && !h.checks[g][c].up() {
			return false
		}
	}
	for _, name := range cfg.Interfaces {
		if h.linkDown[name] > 0 {
			return false
		}
	}
	return true
}

// priority is a member's priority with the weights of its checks; 0 for no member.
func (w *World) priority(h *host, g int) int {
	cfg := w.group(g)
	for _, m := range cfg.Members {
		if int(m.Node) != h.id {
			continue
		}
		p := m.Priority
		for c := range cfg.Checks {
			truth, weight := &h.checks[g][c], cfg.Checks[c].Weight
			if weight < 0 && truth.down() || weight > 0 && truth.up() {
				p += weight
			}
		}
		return min(max(p, 0), max(254, m.Priority))
	}
	return 0
}

// memberOf tells whether a node may hold a group.
func memberOf(g *core.Group, id int) bool {
	for _, m := range g.Members {
		if int(m.Node) == id {
			return true
		}
	}
	return false
}
