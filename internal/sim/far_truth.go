package sim

import (
	"time"

	"stead/internal/core"
	"stead/internal/core/bfd"
)

// hearing is whether a host has a BGP session, as far as can be told from outside.
type hearing uint8

const (
	unheard hearing = iota // no connection is there
	unsure                 // one is, and may be about to become a session or to end
	heard                  // a session is established, and nothing is wrong with the way
)

// heardBy is whether a route server hears a host.
func (w *World) heardBy(e *farEnd) hearing {
	state := unheard
	for i := len(w.far.conns) - 1; i >= 0; i-- {
		c := w.far.conns[i]
		if c.host != e.host || c.server != e.server || !c.open[near] || !c.joined {
			continue
		}
		state = unsure
		if c.open[remote] && !c.closing && e.up && !c.flow[near].late && !c.flow[remote].late && w.farLink(e.host, e.server).clean() {
			return heard
		}
	}
	return state
}

// heardIn is whether any route server hears what a host announces of a group.
func (w *World) heardIn(h *host, g int) hearing {
	r := w.routes(h, g)
	if r == nil || !r.Needed || w.far == nil {
		return heard
	}
	state := unheard
	for _, peer := range r.Peers {
		state = max(state, w.heardBy(h.peers[peer]))
	}
	return state
}

// routes is what a host announces of a group; nil: nothing.
func (w *World) routes(h *host, g int) *core.Routes {
	if own := w.setup.host(h.id); len(own.Groups) > g {
		return own.Groups[g].Routes
	}
	return nil
}

// heardChanged takes note that something about the sessions of a host may have changed.
func (w *World) heardChanged(id int) {
	if w.far == nil {
		return
	}
	h, changed := w.hosts[id], false
	for g := range h.holdings {
		o := &h.holdings[g].watch
		if is := w.heardIn(h, g); is != o.heard {
			o.heard, changed = is, true
		}
	}
	for _, e := range h.peers {
		if is := w.heardBy(e); is != h.hears[e.server] {
			h.hears[e.server], h.hearsSince[e.server], changed = is, w.now, true
		}
	}
	changed = w.pathsLearned(h) || changed
	if changed {
		w.unsound(1 << id)
		w.resettle(1 << id)
	}
}

// pathsLearned notes what the BFD sessions that are checks find, as far as that can
// be told from outside, and tells whether it has changed.
func (w *World) pathsLearned(h *host) (changed bool) {
	own := w.setup.host(h.id)
	if len(own.Groups) == 0 {
		return false
	}
	for g := range h.checks {
		for c := range own.Groups[g].Checks {
			check, truth := &own.Groups[g].Checks[c], &h.checks[g][c]
			if !check.IsBFD {
				continue
			}
			up, sure := false, false
			for _, p := range h.paths[check.BFD].paths {
				if p.index == check.BFD {
					up, sure = w.pathIs(h, p, h.paths[check.BFD].server)
				}
			}
			if truth.unsure == !sure && truth.isUp == up && truth.known {
				continue
			}
			truth.known, truth.isUp, truth.unsure, changed = true, up, !sure, true
		}
	}
	return changed
}

// pathIs tells whether a BFD session is up, and whether that is certain.
func (w *World) pathIs(h *host, p *farPath, server int) (up, sure bool) {
	if !h.up || p.s == nil {
		return false, !h.up
	}
	up = p.s.Status(w.farNow()).State == bfd.Up
	return up, up && w.farLink(h.id, server).clean()
}

// byBFD tells whether a BFD session that is a fatal check is not up: the daemon finds
// out when its detection time is over.
func (w *World) byBFD(h *host, g int) bool {
	for c := range h.checks[g] {
		if k := &w.group(g).Checks[c]; k.IsBFD && k.Fatal && !h.checks[g][c].up() {
			return true
		}
	}
	return false
}

// doubtful tells whether it is not certain that a host is ready or not.
func (w *World) doubtful(h *host, g int) bool {
	if !memberOf(w.group(g), h.id) || w.far == nil {
		return false
	}
	if h.holdings[g].watch.heard == unsure {
		return true
	}
	for c := range h.checks[g] {
		if h.checks[g][c].unsure {
			return true
		}
	}
	return false
}

// routed tells whether any host announces a group.
func (s *Setup) routed(g int) bool {
	for id := range s.Hosts {
		if s.Hosts[id].Groups != nil && s.Hosts[id].Groups[g].Routes != nil {
			return true
		}
	}
	return false
}

// host is what a host has configured of its own.
func (s *Setup) host(id int) *core.Config {
	if id < len(s.Hosts) {
		return &s.Hosts[id]
	}
	return &noOwn
}

var noOwn core.Config

// speaks tells whether there are BGP or BFD sessions.
func (s *Setup) speaks() bool {
	for i := range s.Hosts {
		if len(s.Hosts[i].Peers)+len(s.Hosts[i].BFD) > 0 {
			return true
		}
	}
	return false
}

// longestStale is for how long the path of a silent host stays at most.
func (s *Setup) longestStale() time.Duration {
	var most time.Duration
	for i := range s.Hosts {
		for p := range s.Hosts[i].Peers {
			most = max(most, s.Hosts[i].Peers[p].Session.HoldTime+time.Second)
		}
	}
	return most
}

// longestRetry is the longest pause between two attempts to have a session, with all
// that may precede it: an attempt that nobody answers, and a timer of BGP or BFD.
func (s *Setup) longestRetry() time.Duration {
	var most time.Duration
	for i := range s.Hosts {
		for p := range s.Hosts[i].Peers {
			most = max(most, s.Hosts[i].Peers[p].Session.MaxRetry)
		}
	}
	return most + 40*time.Second
}
