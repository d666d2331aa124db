package beacon

import (
	"net/netip"
	"time"

	"stead/internal/core/clock"
)

// strangersPerSecond is how many datagrams of unknown sources are looked at
// closely, each second and at once.
const strangersPerSecond = 200

// guard keeps a flood of datagrams from sources that are no site's from costing
// more than their receipt.
type guard struct {
	tokens   int
	filled   clock.Instant
	started  bool
	familiar [8]netip.Addr // sources of authentic datagrams
	next     int
}

// admit tells whether the tag of a datagram is to be looked at.
func (g *guard) admit(now clock.Instant, from netip.Addr, known bool) bool {
	if known {
		return true
	}
	for _, a := range g.familiar {
		if a == from {
			return true
		}
	}
	if !g.started {
		g.started, g.filled, g.tokens = true, now, strangersPerSecond
	}
	const each = time.Second / strangersPerSecond
	if gained := now.Sub(g.filled) / each; gained > 0 {
		g.tokens = int(min(gained+time.Duration(g.tokens), strangersPerSecond))
		g.filled = g.filled.Add(gained * each)
	}
	if g.tokens == 0 {
		return false
	}
	g.tokens--
	return true
}

// trust remembers the source of an authentic datagram.
func (g *guard) trust(from netip.Addr) {
	for _, a := range g.familiar {
		if a == from {
			return
		}
	}
	g.familiar[g.next] = from
	g.next = (g.next + 1) % len(g.familiar)
}
