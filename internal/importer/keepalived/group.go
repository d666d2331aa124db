package keepalived

import (
	"cmp"
	"net/netip"
	"strconv"
	"time"

	"stead/internal/importer/draft"
)

// writeGroup writes the group in the order of the reference.
func (c *converter) writeGroup(g *group) {
	g.section = c.top.Sub("groups").Headed(g.name, "vrrp_instance "+draft.Printable(g.d.Arg(1))+" ("+from(g.d)+")")
	c.state(g)
	c.priority(g)
	g.election = g.section.Sub("election")
	c.router(g)
	c.addresses(g)
	c.where(g)
	c.authenticate(g)
	c.behaviour(g)
	c.preempt(g)
	c.start(g.section)
	c.smtpAlert(g)
}

// state reads the state at the start: in keepalived MASTER means a priority of 255
// where none is given, and that nopreempt and preempt_delay are not followed. In
// strict mode, and where no state is given, 255 alone makes a master.
func (c *converter) state(g *group) {
	d := g.at["state"]
	if d == nil {
		return
	}
	d.use(0, 1)
	switch d.Arg(1) {
	case "MASTER":
		g.master = true
	case "BACKUP":
	default:
		c.note(d, Unneeded, "is neither MASTER nor BACKUP: keepalived takes BACKUP", "")
	}
}

func (c *converter) priority(g *group) {
	g.priority = 100
	note := "keepalived's default"
	if g.master {
		g.priority, note = 255, "keepalived's default with state MASTER: "+from(g.at["state"])
	}
	if d := g.at["priority"]; d != nil {
		if n, ok := c.integer(d, 1, 1, 255); ok {
			g.priority, note = n, from(d)
		} else {
			g.priority, note = 100, "keepalived's default"
		}
	}
	g.section.Sub("members").Set(c.node, strconv.Itoa(g.priority), note)
	if g.strict || g.at["state"] == nil {
		g.master = g.owner()
	}
}

// router writes what tells one virtual router from another.
func (c *converter) router(g *group) {
	e := g.election
	e.Set("type", "vrrp", "")
	vrid := g.at["virtual_router_id"]
	n, _ := c.integer(vrid, 1, 1, 255)
	e.Set("vrid", strconv.Itoa(n), from(vrid))
	e.Set("interface", draft.Scalar(g.device), from(g.at["interface"]))
	g.version = c.global.version
	note := cmp.Or(from(c.global.versionFrom), "keepalived's default")
	if g.v6 {
		g.version, note = 3, "IPv6"
	}
	if d := g.at["version"]; d != nil {
		if v, ok := c.integer(d, 1, 2, 3); ok {
			g.version, note = v, from(d)
		}
		if g.v6 && g.version == 2 {
			c.note(d, Changed, "version 2 is for IPv4 only: it became 3", "give the others version 3, too")
			g.version = 3
		}
	}
	e.Set("version", strconv.Itoa(g.version), note)
	c.interval(g)
}

// interval writes the time between advertisements, rounded as keepalived does.
func (c *converter) interval(g *group) {
	every, note := time.Second, "keepalived's default"
	step, low, high := 10*time.Millisecond, 10*time.Millisecond, 40950*time.Millisecond
	if g.version == 2 {
		step, low, high = time.Second, time.Second, 255*time.Second
	}
	if d := g.at["advert_int"]; d != nil {
		if v, ok := c.seconds(d, 1); ok && v > 0 {
			every, note = min(max(v.Round(step), low), high), from(d)
			if every != v {
				note += ": " + length(v) + ", as keepalived rounds it"
			}
		}
	}
	g.interval = every
	g.election.Set("interval", length(every), note)
}

// where writes where advertisements come from and go to.
func (c *converter) where(g *group) {
	for _, name := range []string{"mcast_src_ip", "unicast_src_ip"} {
		d := g.at[name]
		if d == nil {
			continue
		}
		a, ok := c.address(d, 1)
		switch {
		case !ok:
		case a.Is6() != g.v6:
			c.find(d, Unneeded, "is of another family than the addresses: keepalived ignores it", "")
		case g.holds(a) && !g.owner():
			c.find(d, Lost, "is an address of the instance itself, which moves", "write an address that the machine always has")
		case !oneHost(a):
			c.find(d, Lost, "is not an address of one machine", "correct it")
		default:
			g.source, g.sourceFrom = a, d
			g.election.Set("source", literal(a), from(d))
		}
	}
	c.unicastPeers(g)
	c.multicastGroup(g)
	if d := g.at["unicast_ttl"]; d != nil {
		n, ok := c.integer(d, 1, 0, 255)
		switch {
		case !ok:
		case !g.unicast:
			c.note(d, Unneeded, "keepalived uses it with unicast only", "")
		case n == 0:
			c.note(d, Changed, "a TTL of 0 leaves no machine: 255 is sent", "")
		default:
			g.election.Set("ttl", strconv.Itoa(n), from(d))
		}
	}
}

// unicastPeers writes unicast and the peers. keepalived takes an advertisement of any
// TTL from a peer that has no min_ttl.
func (c *converter) unicastPeers(g *group) {
	least := 256
	var leastFrom *Directive
	seen := map[netip.Addr]bool{}
	for _, block := range g.peers {
		for _, d := range block.Block {
			a, ok := c.address(d, 0)
			if !ok || a.Is6() != g.v6 || !oneHost(a) || seen[a] {
				c.find(d, Unneeded, "is not another address of the family: keepalived ignores it", "")
				continue
			}
			seen[a] = true
			if c.own(g, a) || g.holds(a) {
				c.find(d, Unneeded, "is this machine, or an address that moves: no other router is there", "")
				continue
			}
			ttl := c.peerTTL(d)
			if least != 256 && ttl != least {
				c.note(d, Changed, "the peers have one min_ttl: the lowest is taken", "")
			}
			if ttl < least {
				least, leastFrom = ttl, d
			}
			g.election.Set("unicast", "true", from(block))
			g.election.Add("peers", draft.Item{Text: literal(a), Note: from(d)})
			g.unicast = true
		}
	}
	if !g.unicast {
		return
	}
	if g.strict {
		c.note(g.peers[0], Changed, "keepalived runs no instance with unicast in strict mode; Stead does", "remove vrrp_strict or strict_mode on the others, too")
	}
	note := "keepalived takes any; 255 is safer where the peers are on one link"
	if leastFrom != nil && len(leastFrom.Words) > 1 && least > 1 {
		note = from(leastFrom)
	}
	g.election.Set("min_ttl", strconv.Itoa(max(least, 1)), note)
}

// peerTTL reads what stands behind the address of a peer.
func (c *converter) peerTTL(d *Directive) int {
	least := 0
	for i := 1; i < len(d.Words); i += 2 {
		switch d.Arg(i) {
		case "min_ttl":
			n, ok := c.integer(d, i+1, 0, 255)
			if ok {
				least = n
			}
			d.use(i)
		case "max_ttl":
			d.use(i, i+1)
			if d.Arg(i+1) != "255" {
				c.note(d, Lost, "Stead has no upper bound of the TTL", "nothing, unless the peers must not be near")
			}
		}
	}
	return least
}

// multicastGroup writes the group where it is not the usual one.
func (c *converter) multicastGroup(g *group) {
	global := c.global.group4
	if g.v6 {
		global = c.global.group6
	}
	for _, d := range []*Directive{global, g.at["mcast_dst_ip"]} {
		if d == nil {
			continue
		}
		if g.unicast {
			if d != global {
				c.find(d, Unneeded, "keepalived ignores it with unicast", "")
			}
			continue
		}
		a, ok := c.address(d, 1)
		switch {
		case !ok:
		case a.Is6() != g.v6 || !a.IsMulticast() || a.Is4In6():
			c.find(d, Unneeded, "is not a multicast address of the family: keepalived ignores it", "")
		default:
			g.election.Set("group", literal(a), from(d))
		}
	}
}

// preempt writes whether a better router takes over. keepalived follows neither
// nopreempt nor a delay with state MASTER.
func (c *converter) preempt(g *group) {
	enabled, delay, note := true, time.Duration(0), "keepalived's default"
	if d := g.at["preempt"]; d != nil {
		d.use(0)
		note = from(d)
	}
	const ignored = "keepalived ignores it with state MASTER"
	if d := g.at["nopreempt"]; d != nil {
		d.use(0)
		switch {
		case g.master:
			c.note(d, Unneeded, ignored, "")
		case g.owner():
			c.note(d, Unneeded, "keepalived ignores it with priority 255", "")
		default:
			enabled, note = false, from(d)
		}
	}
	if d := g.at["preempt_delay"]; d != nil {
		v, ok := c.seconds(d, 1)
		switch {
		case !ok:
		case g.master:
			c.note(d, Unneeded, ignored, "")
		case g.strict || !enabled:
			c.note(d, Unneeded, "keepalived ignores it with nopreempt and in strict mode", "")
		case v > 0:
			delay, note = c.clamp(d, v, time.Millisecond, 24*time.Hour, "preempt: delay"), from(d)
		}
	}
	g.section.Set("preempt", "{ enabled: "+boolean(enabled)+", delay: "+length(delay)+" }", note)
}

// smtpAlert reads whether changes are mailed.
func (c *converter) smtpAlert(g *group) {
	g.alert, g.alertFrom = c.global.alertOn, c.global.alert
	if d := g.at["smtp_alert"]; d != nil {
		g.alert, g.alertFrom = c.flag(d), d
	}
}

// refresh writes how often the addresses are announced again.
func (c *converter) refresh(g *group) {
	d := g.at["garp_master_refresh"]
	if d == nil {
		d = c.global.refresh
	}
	if d == nil {
		return
	}
	v, ok := c.seconds(d, 1)
	if !ok {
		return
	}
	if v > 0 {
		v = c.clamp(d, v.Round(time.Second), time.Second, 24*time.Hour, "announce: refresh")
	}
	g.section.Sub("announce").Set("refresh", length(v), from(d))
}
