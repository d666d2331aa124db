package core

import "stead/internal/core/reason"

// Groups with the same Sync change together. What one of them finds out about
// the other routers the others follow; what keeps one of them from serving keeps
// all.

// synced returns the groups that change together with g, itself included.
func (c *Core) synced(g *group) []*group {
	if g.sync == nil {
		return g.alone[:]
	}
	return g.sync
}

// sync joins the groups of each name.
func (c *Core) sync() {
	for _, g := range c.groups {
		g.alone[0], g.sync = g, nil
		if g.router == nil || g.cfg.Sync == "" {
			continue
		}
		for _, other := range c.groups {
			if other.router != nil && other.cfg.Sync == g.cfg.Sync {
				g.sync = append(g.sync, other)
			}
		}
	}
}

// spread tells the groups that change together with g whether one of them is not
// ready.
func (c *Core) spread(now Instant, g *group) {
	for _, s := range g.sync {
		s.router.r.SetSync(now, s.blocked())
	}
}

// blocked tells whether a group that changes together with g is not ready.
func (g *group) blocked() bool {
	for _, other := range g.sync {
		if other != g && !other.ready {
			return true
		}
	}
	return false
}

// follow has the groups that change together with g take over or give way with it.
func (c *Core) follow(now Instant, g *group, active bool) {
	for _, s := range g.sync {
		if s != g && s.active != active {
			s.router.r.Force(now, active, reason.SyncGroup)
			c.touched = true
		}
	}
}
