package core

import (
	"stead/internal/core/clock"
	"stead/internal/core/reason"
)

// Retire is the first half of a change of the configuration: groups that it does
// not have, or in which this node is no member any more, are let go of. Groups
// keep their numbers until Reconfigure.
func (c *Core) Retire(now Instant, cfg *Config) *Actions {
	c.begin(now)
	for _, g := range c.groups {
		g.gone = !g.keptBy(cfg)
		c.reroute(g)
		if g.gone {
			c.endLinger(g)
		}
		if g.everyone != nil && g.gone {
			g.everyone.stop(now, reason.Reconfigured)
		}
		if g.lease != nil && g.gone {
			g.lease.stop(now, reason.Reconfigured)
		}
	}
	c.machine.Retire(now, func(name string) bool {
		g := cfg.group(name)
		return g != nil && g.priority(cfg.Self) > 0 && g.hasHeartbeats()
	})
	for _, e := range c.routers {
		if g := cfg.group(e.g.cfg.Name); g == nil || g.priority(cfg.Self) == 0 || !g.sameRouter(e.g.cfg) {
			e.r.Stop(now, true, reason.Reconfigured)
		}
	}
	c.retireSessions(now, cfg)
	return c.finish(now)
}

// keptBy tells whether this node goes on with a group under another configuration.
func (g *group) keptBy(cfg *Config) bool {
	next := cfg.group(g.cfg.Name)
	return next != nil && next.priority(cfg.Self) > 0 && next.sameElection(g.cfg)
}

// group finds a group by its name.
func (cfg *Config) group(name string) *Group {
	for i := range cfg.Groups {
		if cfg.Groups[i].Name == name {
			return &cfg.Groups[i]
		}
	}
	return nil
}

// sameElection tells whether a group may keep its role under another
// configuration: it is decided in the same way.
func (g *Group) sameElection(other *Group) bool {
	switch {
	case g.Everyone || other.Everyone:
		return g.Everyone == other.Everyone
	case g.Right != nil || other.Right != nil:
		return g.Right != nil && other.Right != nil && g.Store == other.Store
	case g.byPeers() || other.byPeers():
		return g.byPeers() == other.byPeers()
	}
	return g.sameRouter(other)
}

// sameRouter tells whether two groups are the same virtual router to others.
func (g *Group) sameRouter(other *Group) bool {
	a, b := g.Router, other.Router
	return a != nil && b != nil && a.VRID == b.VRID && a.Version == b.Version && a.Family() == b.Family() && g.RouterLink == other.RouterLink
}

// priority is the configured priority of a node; 0 when it is no member.
func (g *Group) priority(n NodeID) int {
	for _, m := range g.Members {
		if m.Node == n {
			return m.Priority
		}
	}
	return 0
}

// Reconfigure is the second half. Nodes, their addresses and this node's name
// have to be as before. A group that keeps its name keeps its role; its fence
// and its addresses are asked for again, under its new number.
func (c *Core) Reconfigure(now Instant, cfg Config) *Actions {
	c.begin(now)
	cfg.Incarnation, cfg.Unfenced = c.cfg.Incarnation, c.cfg.Unfenced
	old := c.groups
	c.cfg = cfg
	c.groups = nil
	for i := range c.cfg.Groups {
		g := c.newGroup(GroupID(i), &c.cfg.Groups[i])
		for _, was := range old {
			if was.cfg.Name == g.cfg.Name && was.cfg.sameElection(g.cfg) {
				g = was.carriedOver(now, g)
				break
			}
		}
		c.groups = append(c.groups, g)
	}
	c.machine.Reconfigure(now, peerConfig(&c.cfg))
	c.reconfigureRouters(now)
	c.reconfigurePaths(now)
	c.reconfigureSessions(now)
	for _, g := range c.groups {
		c.holdAgain(now, g)
		c.assess(now, g)
		c.reannounce(now, g)
	}
	return c.finish(now)
}

// holdAgain asks for the fence and the holds of a group under its new number.
func (c *Core) holdAgain(now Instant, g *group) {
	slot, lingers := 0, g.lingerUntil != clock.Never
	if g.open || lingers {
		slot = g.slot
	}
	c.bind(g, slot)
	if e := g.everyone; e != nil {
		e.stopping, e.stopWhy = c.stopping || g.base == 0, c.stopWhy
		if e.startAt == clock.Never {
			e.start(now)
			e.setDrained(now, c.drained)
		}
	}
	if e := g.lease; e != nil {
		e.stopping, e.stopWhy = c.stopping, c.stopWhy
		if e.startAt == clock.Never {
			e.start(now)
			e.setDrained(now, c.drained)
		}
	}
	switch w := &g.want; {
	case w.Generation == 0:
	case w.Stay && g.cfg.Routes != nil && c.stays(g):
		c.wantStay(g, g.cause)
	default:
		c.wantHeld(g, w.Held && (g.active || g.preparing || lingers), w.Active && (g.active || lingers), g.cause)
	}
	if g.cfg.Routes == nil {
		g.route = newRouting()
	}
	c.reroute(g)
}

// reconfigureRouters keeps the virtual routers of groups that are left and starts
// those of new ones.
func (c *Core) reconfigureRouters(now Instant) {
	c.routers, c.leases = c.routers[:0], c.leases[:0]
	for _, g := range c.groups {
		if g.lease != nil {
			g.lease.reconfigure()
			c.leases = append(c.leases, g.lease)
		}
		if g.router != nil {
			g.router.r.Reconfigure(now, g.router.config())
			c.routers = append(c.routers, g.router)
		}
	}
	kept := len(c.routers)
	c.elect()
	for _, e := range c.routers[kept:] {
		e.r.Begin(now)
		if c.stopping {
			e.r.Stop(now, c.aborting, c.stopWhy)
		}
		e.r.Start(now)
		e.r.SetWall(c.wall)
		if c.drained {
			e.setDrained(now, true)
		}
	}
}

// carriedOver is the state of a group under its new configuration.
func (g *group) carriedOver(now Instant, fresh *group) *group {
	checks := healthOf(fresh.cfg)
	checks.Inherit(g.health)
	if old, next := g.cfg.Routes, fresh.cfg.Routes; old != nil && next != nil {
		g.route.fresh = append(g.route.fresh, old.freshIn(next)...)
	}
	if g.cfg.Routes == nil && g.active {
		g.route.settled, g.route.settleAt = true, now.Add(firstSession)
	}
	g.id, g.cfg, g.base, g.links, g.health = fresh.id, fresh.cfg, fresh.base, fresh.links, checks
	return g
}
