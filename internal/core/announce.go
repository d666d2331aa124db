package core

import (
	"time"

	"stead/internal/core/clock"
)

// announceAfter is when a change is announced: at once, and again, because a
// switch port, a bridge or a tunnel that is still opening swallows the first
// frames without a word.
var announceAfter = [...]time.Duration{0, 5 * time.Millisecond, 20 * time.Millisecond, 100 * time.Millisecond, time.Second, 5 * time.Second}

// reannounce starts the series of announcements again.
func (c *Core) reannounce(now Instant, g *group) {
	if !g.open || g.stalled {
		return
	}
	c.acts.Announce = append(c.acts.Announce, Announce{Group: g.id})
	g.announceStep = 1
	g.announceAt = now.Add(announceAfter[1])
	c.due = clock.Min(c.due, g.announceAt)
}

// dropStaleAnnouncements keeps of a step's announcements one for each group that
// is served at its end: a step may find a group announced and let go of it, or
// come before the one in which the end of a lease is noticed.
func (c *Core) dropStaleAnnouncements(now Instant) {
	kept := c.acts.Announce[:0]
	for _, a := range c.acts.Announce {
		g := c.groups[a.Group]
		if g.open && !g.said && g.leased(now) {
			g.said = true
			kept = append(kept, a)
		}
	}
	for _, a := range kept {
		c.groups[a.Group].said = false
	}
	c.acts.Announce = kept
}

// announceDue announces a group whose moment has come, and sets the next one.
func (c *Core) announceDue(now Instant, g *group) {
	if !g.open {
		g.announceAt = clock.Never
		return
	}
	if !g.stalled {
		c.acts.Announce = append(c.acts.Announce, Announce{Group: g.id})
	}
	g.announceStep++
	g.announceAt = clock.Never
	if g.announceStep < len(announceAfter) {
		g.announceAt = now.Add(announceAfter[g.announceStep] - announceAfter[g.announceStep-1])
	}
	if g.cfg.Refresh > 0 {
		g.announceAt = min(g.announceAt, now.Add(g.cfg.Refresh))
	}
}

// lingering is a slot that still lets packets under way in, but no ARP.
type lingering struct {
	slot  int
	until Instant
}

// linger lets the old holder of a switchover answer packets that were under way.
func (c *Core) linger(now Instant, g *group) {
	until := now.Add(g.cfg.Linger)
	if g.everyone != nil {
		g.lingerUntil = until
		c.due = clock.Min(c.due, until)
		return
	}
	slot := c.lingerSlot(now, until)
	if slot == 0 {
		c.letGo(g)
		return
	}
	g.lingerUntil, g.slot = until, slot
	if g.cfg.Routes != nil && g.router == nil {
		g.route.overlaps = now.Add(min(g.cfg.Linger/2, overlap))
		until = g.route.overlaps
	}
	c.due = clock.Min(c.due, until)
	c.bind(g, slot)
}

// endLinger lets go for good, where this node has not become active again.
func (c *Core) endLinger(g *group) {
	if g.lingerUntil == clock.Never {
		return
	}
	g.lingerUntil, g.route.overlaps = clock.Never, clock.Never
	c.reroute(g)
	if !g.active {
		c.letGo(g)
	}
}

// letGo closes the fence of a group and takes its addresses away, unless it is
// to take over again.
func (c *Core) letGo(g *group) {
	if g.everyone == nil || g.cfg.Routes == nil || !c.stays(g) {
		c.bind(g, 0)
	}
	if !g.preparing {
		c.release(g, g.cause)
	}
}

// lingerSlots is how many slots of the fence are for lingering. Leases have the rest.
const lingerSlots = FenceSlots / 4

// lingerSlot returns a slot that closes at until, or 0 when all are taken. Groups
// that let go in the same step share one. They are counted down from the last
// slot; leases take theirs from the first.
func (c *Core) lingerSlot(now, until Instant) int {
	free := -1
	for i := range c.lingers {
		if c.lingers[i].until == until {
			return c.lingers[i].slot
		}
		if free < 0 && c.lingers[i].until < now {
			free = i
		}
	}
	if free < 0 && len(c.lingers) == lingerSlots {
		return 0
	}
	if free < 0 {
		free = len(c.lingers)
		c.lingers = append(c.lingers, lingering{slot: FenceSlots - 1 - free})
	}
	c.lingers[free].until = until
	slot := c.lingers[free].slot
	c.acts.Fence = append(c.acts.Fence, FenceSlot{Slot: slot, Serve: until})
	return slot
}

// runTimers does what the groups wait for on their own.
func (c *Core) runTimers(now Instant) {
	due := clock.Never
	for _, g := range c.groups {
		if now >= g.announceAt {
			c.announceDue(now, g)
		}
		if now >= g.lingerUntil {
			c.endLinger(g)
		}
		if now >= g.failedUntil {
			g.failedUntil = clock.Never
			c.assess(now, g)
		}
		if now >= g.retryAt {
			c.leaveToOthers(now, g)
		}
		if g.everyone != nil {
			if now >= g.everyone.startAt {
				g.everyone.settle(now)
			}
			due = clock.Min(due, g.everyone.due(now))
		}
		if g.lease != nil {
			if now >= g.lease.wakeAt {
				g.lease.settle(now)
			}
			due = clock.Min(due, g.lease.wakeAt)
		}
		if g.cfg.Routes != nil {
			due = clock.Min(due, c.routesDue(now, g))
		}
		due = clock.Min(due, clock.Min(clock.Min(g.announceAt, g.lingerUntil), clock.Min(g.failedUntil, g.retryAt)))
	}
	c.due = due
}
