package sim

import (
	"fmt"
	"time"

	"stead/internal/core"
	"stead/internal/core/reason"
)

// routerDualBound is within which time two active routers that hear each other
// agree on one: whoever advertises first settles it, since one that gives no way
// answers at once (RFC 9568 section 6.4.3).
func (w *World) routerDualBound(g, a, b int) time.Duration {
	first := min(w.setup.routerOf(g, a).Interval, w.setup.routerOf(g, b).Interval)
	return first + first/64 + 2*w.setup.Network.worst() + 3*w.setup.Jitter + w.setup.Kernel.ApplyMax + w.lookEvery()
}

// checkTakeover: the best router takes over. Skew_Time orders those that wait for
// the same Active Router (RFC 9568 section 6.1): one becomes active only when no
// better one was ready, as long as their skews differ by more than a packet takes
// on its way.
func (w *World) checkTakeover(h *host, want *core.Want) {
	g := int(want.Group)
	cfg, why := w.group(g), want.Reason
	if cfg.Router == nil || !want.Active || why != reason.PeerSilent && why != reason.PeerResigned {
		return
	}
	old := w.groups[g].servedBy
	if cfg.Router.Detector.Interval > 0 || old == nobody || old == h.id || w.groups[g].moved || !w.undisturbed(g, h.id) || !w.gone(g, old, h.id) {
		return
	}
	for _, other := range w.hosts {
		if other == h || other.id == old || !memberOf(cfg, other.id) || !w.ready(other, g) || !w.undisturbed(g, other.id) || !w.gone(g, old, other.id) {
			continue
		}
		p := w.truth.pair(h.id, other.id)
		apart := time.Duration(w.priority(other, g)-w.priority(h, g)) * w.setup.routerOf(g, old).Interval / 256
		if p.clean && w.now.sub(p.cleanSince) > w.lease(g) && apart > 3*w.setup.Network.worst()+3*w.setup.Jitter+w.lease(g)/1000 {
			w.violate(checkOrder, h.id, g, fmt.Sprintf("becomes active (%s) before the better %s", why, w.nodeName(other.id)), int64(apart))
		}
	}
}

// undisturbed tells whether a host has run and could serve for long, with a
// priority that no check changes.
func (w *World) undisturbed(g, id int) bool {
	for _, c := range w.group(g).Checks {
		if !c.Fatal {
			return false
		}
	}
	o := &w.hosts[id].holdings[g].watch
	long := 2*w.lease(g) + w.group(g).StartDelay
	return o.eligible && w.now.sub(o.eligibleSince) > long && w.now.sub(w.truth.steady[id]) > long
}

// gone tells whether a host heard the end of the old holder as it was: its daemon
// does not run, or it resigned over a link on which nothing was wrong for long.
func (w *World) gone(g, old, id int) bool {
	l := w.network.link(old, id, 0)
	if !l.clean() {
		return false
	}
	p := w.truth.pair(old, id)
	return !w.hosts[old].running() && w.now.sub(w.truth.linked[old*w.network.nodes+id]) > 2*w.lease(g) ||
		p.clean && w.now.sub(p.cleanSince) > 2*w.lease(g)
}

// checkFence: who takes over because of silence takes over alone. The host of a
// daemon that was killed or paused has fallen silent before its three advertisements were
// missed, if nothing was wrong with the way of those.
func (w *World) checkFence(h *host, g int) {
	for _, other := range w.hosts {
		if other == h || other.running() || !w.answers(other, g) {
			continue
		}
		if l := w.network.link(other.id, h.id, 0); l.clean() && w.now.sub(w.truth.linked[other.id*w.network.nodes+h.id]) > 2*w.lease(g) {
			w.violate(checkLate, other.id, g, "answers without its daemon while another took over: "+w.nodeName(h.id), int64(other.holdings[g].answerUntil.sub(w.now)))
		}
	}
}
