package sim

import (
	"fmt"
	"time"

	"stead/internal/core"
)

// calmWatch checks that calm is quiet: while nothing goes wrong, no role
// changes, and heartbeats keep their pace and their size.
type calmWatch struct {
	on     bool // every group is settled and every link clean
	since  moment
	counts []int // heartbeats by sender, receiver and path since then
	size   int
}

// disturb ends a time of calm.
func (c *calmWatch) disturb(w *World) {
	if c.on {
		c.count(w)
		c.on = false
	}
}

// look begins a time of calm when there is reason to.
func (c *calmWatch) look(w *World) {
	if c.on || w.setup.Network.Loss > 0 {
		return
	}
	for g := range w.groups {
		if t := &w.truth.groups[g]; !t.known || w.now.sub(t.settledSince) < w.calmBound(g) {
			return
		}
	}
	for a := range w.hosts {
		for g := range w.groups {
			if o := &w.hosts[a].holdings[g]; o.refused || o.unhooked {
				return // it comes back when it has rested, which is no calm
			}
		}
		for b := a + 1; b < len(w.hosts); b++ {
			if !w.hosts[a].client && !w.hosts[b].client && !w.truth.pair(a, b).clean {
				return
			}
		}
	}
	c.on, c.since, c.size = true, w.now, 0
	if c.counts == nil {
		c.counts = make([]int, len(w.network.links))
	}
	clear(c.counts)
}

// calmBound is after which time nothing moves any more: roles are settled, and
// an active node has raised its epoch past what a restarted voter may have
// promised, which it does once in four leases at most.
func (w *World) calmBound(g int) time.Duration {
	if w.group(g).Right != nil {
		return w.settleBound(g) + 2*w.lease(g)
	}
	return w.settleBound(g) + 9*w.lease(g)
}

// noted: no change of a role, no claim, no stall and no lost peer in a calm.
func (c *calmWatch) noted(w *World, h *host, n *core.Note) {
	if !c.on {
		return
	}
	switch n.Kind {
	case core.BecameActive, core.BecameStandby, core.Claiming, core.Preparing, core.Stalled,
		core.PeerDown, core.CheckDown, core.NotReady, core.DualSeen, core.Raised:
		w.violate(checkCalm, h.id, int(n.Group), fmt.Sprintf("%s (%s) while nothing is wrong", noteName(n.Kind), n.Reason), int64(n.Epoch))
	}
}

// countHeartbeat counts a packet of a calm time. All have one size, whatever
// the number of groups.
func (w *World) countHeartbeat(h *host, s *core.Send) {
	c := &w.calm
	if !c.on {
		return
	}
	if c.size == 0 {
		c.size = len(s.Bytes)
	}
	if c.size != len(s.Bytes) {
		w.violate(checkCalm, h.id, -1, fmt.Sprintf("a heartbeat of %d bytes among others of", len(s.Bytes)), int64(c.size))
	}
	w.result.HeartbeatBytes = c.size
	c.counts[(h.id*w.network.nodes+int(s.To))*w.network.paths+s.Path]++
}

// count compares the pace of the heartbeats with the configured interval: at
// least four of five of those due between two nodes that share a group, and, answers to
// requests included, at most two and a fifth for each interval.
func (c *calmWatch) count(w *World) {
	lasted := w.now.sub(c.since)
	if !c.on || lasted < 20*w.setup.Config.Interval {
		return
	}
	for a := range w.hosts {
		for b := range w.hosts {
			shared := w.sharedInterval(a, b)
			if a == b || shared == 0 {
				continue
			}
			for path := range w.setup.paths(a, b) {
				n := c.counts[(a*w.network.nodes+b)*w.network.paths+path]
				least := int(lasted/shared) * 4 / 5
				most := int(lasted/w.setup.Config.Interval)*22/10 + 2
				if n < least-1 || n > most {
					w.violate(checkCalm, a, -1, fmt.Sprintf("%d heartbeats to %s in %v: expected %d to", n, w.nodeName(b), lasted, least), int64(most))
				}
			}
		}
	}
}

// sharedInterval is the shortest interval of the groups in which both nodes vote; 0 for none.
func (w *World) sharedInterval(a, b int) time.Duration {
	var least time.Duration
	for g := range w.groups {
		if v := w.votersOf(g); v>>a&1 == 1 && v>>b&1 == 1 {
			if i := w.group(g).Interval; i > 0 && (least == 0 || i < least) {
				least = i
			}
		}
	}
	return least
}
