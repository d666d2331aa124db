package core

import (
	"stead/internal/core/clock"
	"stead/internal/core/health"
)

// Retire is the first half of a change of the configuration: groups that it does
// not have, or in which this node is no member any more, are let go of. Groups
// keep their numbers until Reconfigure.
func (c *Core) Retire(now Instant, cfg *Config) *Actions {
	c.begin(now)
	c.machine.Retire(now, func(name string) bool {
		for i := range cfg.Groups {
			if g := &cfg.Groups[i]; g.Name == name {
				return g.priority(cfg.Self) > 0
			}
		}
		return false
	})
	return c.finish(now)
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
			if was.cfg.Name == g.cfg.Name {
				g = was.carriedOver(g)
				break
			}
		}
		c.groups = append(c.groups, g)
	}
	c.machine.Reconfigure(now, peerConfig(&c.cfg))
	for _, g := range c.groups {
		slot := 0
		if g.open {
			slot = g.slot
		}
		c.bind(g, slot)
		if g.want.Generation > 0 {
			g.lingerUntil = clock.Never
			c.wantHeld(g, g.want.Held && (g.active || g.preparing), g.want.Active && g.active, g.cause)
		}
		c.assess(now, g)
		c.reannounce(now, g)
	}
	return c.finish(now)
}

// carriedOver is the state of a group under its new configuration.
func (g *group) carriedOver(fresh *group) *group {
	checks := health.New(healthChecks(fresh.cfg.Checks))
	checks.Inherit(g.health)
	g.id, g.cfg, g.base, g.links, g.health = fresh.id, fresh.cfg, fresh.base, fresh.links, checks
	return g
}
