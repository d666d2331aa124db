package core

import (
	"net/netip"
	"slices"

	"stead/internal/core/bfd"
	"stead/internal/core/health"
	"stead/internal/core/reason"
)

// path is a BFD session with what it is for.
type path struct {
	*bfd.Session
	index  int
	cfg    *Path
	checks []pathCheck
	peers  []int // BGP sessions that end when this one goes down

	up bool

	seen struct{ sends, changes int } // of Out in this step
}

// pathCheck is a check whose outcome a BFD session is.
type pathCheck struct {
	group GroupID
	check int
}

func (c *Core) newPath(i int) *path {
	cfg := &c.cfg.BFD[i]
	return &path{Session: bfd.New(cfg.Session), index: i, cfg: cfg}
}

// wirePaths finds out what each BFD session is for.
func (c *Core) wirePaths() {
	for _, p := range c.paths {
		p.checks, p.peers = p.checks[:0], p.peers[:0]
	}
	for _, g := range c.groups {
		for i := range g.cfg.Checks {
			if g.base == 0 {
				break // a witness watches nothing
			}
			if check := &g.cfg.Checks[i]; check.IsBFD {
				p := c.paths[check.BFD]
				p.checks = append(p.checks, pathCheck{g.id, i})
			}
		}
	}
	for i := range c.cfg.Peers {
		if at := c.cfg.Peers[i].BFD; at >= 0 {
			c.paths[at].peers = append(c.paths[at].peers, i)
		}
	}
}

// controlled takes a BFD Control packet in. A packet that names no session of
// this node by its discriminator is for the one with its sender (RFC 5880 section
// 6.3); the session refuses it where that may not be.
func (c *Core) controlled(now Instant, e *Control) {
	_, yours, ok := bfd.Discriminators(e.Bytes)
	if !ok {
		return
	}
	for _, p := range c.paths {
		if yours != 0 && p.cfg.Session.Discriminator == yours || yours == 0 && p.matches(e.Local, e.Remote, e.Multihop) {
			if p.cfg.Multihop == e.Multihop {
				p.Receive(now, &bfd.Packet{TTL: e.TTL, Bytes: e.Bytes})
			}
			return
		}
	}
}

func (p *path) matches(local, remote netip.Addr, multihop bool) bool {
	return p.cfg.Remote == remote && p.cfg.Multihop == multihop && (!p.cfg.Local.IsValid() || p.cfg.Local == local)
}

// absorbPaths turns what the BFD sessions say into actions.
func (c *Core) absorbPaths(now Instant) {
	for _, p := range c.paths {
		out := p.Finish(now)
		for ; p.seen.changes < len(out.Changes); p.seen.changes++ {
			c.pathChanged(now, p, &out.Changes[p.seen.changes])
		}
		for ; p.seen.sends < len(out.Sends); p.seen.sends++ {
			c.acts.Control = append(c.acts.Control, ControlSend{Session: p.index, Bytes: out.Sends[p.seen.sends]})
		}
	}
}

// pathChanged takes a change of a BFD session in. That either system is taken out
// of service says nothing about the path (RFC 5882 section 3.2).
func (c *Core) pathChanged(now Instant, p *path, ch *bfd.Change) {
	p.up = ch.To == bfd.Up
	admin := ch.PeerAdmin || ch.To == bfd.AdminDown
	n := Note{At: now, Group: NoGroup, Node: NoNode, Detail: p.cfg.Name, Took: ch.Took}
	switch {
	case ch.To == bfd.Up:
		n.Kind = PathUp
	case ch.From == bfd.Up && admin:
		n.Kind, n.Detail = PathDown, told(p.cfg.Name, "taken out of service: not a failure")
	case ch.From == bfd.Up:
		n.Kind, n.Reason = PathDown, reason.BFDDown
		n.Detail = told(p.cfg.Name, "the other system signals it")
		if ch.Silent {
			n.Detail = told(p.cfg.Name, "nothing was heard for the detection time")
		}
	default:
		return
	}
	c.note(n)
	c.touched = true
	for _, i := range p.peers {
		c.sessions[i].BFD(now, ch.To == bfd.Up, admin)
	}
	outcome := Failed
	switch {
	case ch.To == bfd.Up:
		outcome = Passed
	case admin:
		outcome = CouldNotRun
	}
	for _, k := range p.checks {
		c.checked(now, CheckResult{Group: k.group, Check: k.check, Outcome: outcome, Detail: n.Detail})
	}
}

// reconfigurePaths keeps the BFD sessions that are left, ends those that are not
// without a failure, and starts new ones.
func (c *Core) reconfigurePaths(now Instant) {
	old := c.paths
	c.paths = nil
	for i := range c.cfg.BFD {
		cfg := &c.cfg.BFD[i]
		var p *path
		for _, was := range old {
			if was.same(cfg) {
				p = was
			}
		}
		if p != nil {
			cfg.Session.Discriminator = p.cfg.Session.Discriminator
			p.index, p.cfg = i, cfg
			p.Reconfigure(now, cfg.Session)
		} else {
			cfg.Session.Discriminator = unused(cfg.Session.Discriminator, old)
			p = c.newPath(i)
			p.Begin(now)
			p.Session.Start(now)
		}
		c.paths = append(c.paths, p)
	}
	c.wirePaths()
	for _, p := range c.paths {
		p.tellChecks(c, !slices.Contains(old, p))
	}
}

// tellChecks says to checks that have come to a path, or from another one, how it is.
func (p *path) tellChecks(c *Core, fresh bool) {
	for _, k := range p.checks {
		switch h := c.groups[k.group].health; {
		case p.up:
			h.Result(k.check, health.Passed)
		case fresh:
			h.Forget(k.check)
		}
	}
}

func (p *path) same(cfg *Path) bool {
	return p.cfg.Remote == cfg.Remote && p.cfg.Local == cfg.Local && p.cfg.Multihop == cfg.Multihop
}

// unused returns a discriminator like the one proposed that no session has.
func unused(d uint32, taken []*path) uint32 {
	for {
		free := d != 0
		for _, p := range taken {
			free = free && p.cfg.Session.Discriminator != d
		}
		if free {
			return d
		}
		d++
	}
}

// tell says to a BGP session how the path to its peer is.
func (p *path) tell(now Instant, s *session) {
	if p.up {
		s.BFD(now, true, false)
	}
}
