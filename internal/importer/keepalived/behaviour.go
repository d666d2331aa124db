package keepalived

import (
	"strconv"
	"strings"
)

// behaviour writes checksum, accept mode, virtual MAC and the patience of backups.
func (c *converter) behaviour(g *group) {
	c.checksum(g)
	c.accept(g)
	c.virtualMAC(g)
	d := g.at["down_timer_adverts"]
	if d == nil {
		d = c.global.down
	}
	if d == nil {
		return
	}
	n, ok := c.integer(d, 1, 1, 100)
	switch {
	case !ok:
	case g.strict:
		c.note(d, Unneeded, "keepalived ignores it in strict mode", "")
	default:
		g.election.Set("down_adverts", strconv.Itoa(n), from(d))
	}
}

// checksum writes the form that keepalived sends in version 3 over IPv4: with the
// pseudo-header, unless v3_checksum_as_v2 is set. It takes no other form, so an
// active router that waited to hear one would be refused.
func (c *converter) checksum(g *group) {
	asV2, d := c.global.asV2, c.global.pseudo
	if own := g.at["v3_checksum_as_v2"]; own != nil {
		asV2, d = c.flag(own), own
	}
	if g.version != 3 || g.v6 {
		return
	}
	form, note := "pseudo-header", "keepalived's default, and the only one that it takes then"
	if d != nil {
		note = from(d)
	}
	if asV2 {
		form = "message"
	}
	g.election.Set("checksum", form, note)
}

// accept writes that packets to the addresses are dropped: by no_accept, or by
// strict mode unless the router owns them.
func (c *converter) accept(g *group) {
	accept, note := !g.strict || g.owner(), "strict mode"
	if d := g.at["accept"]; d != nil {
		d.use(0)
		if g.strict && g.version == 2 && !g.owner() {
			c.note(d, Unneeded, "keepalived ignores it in strict mode with version 2", "")
		} else {
			accept = true
		}
	}
	if d := g.at["no_accept"]; d != nil {
		d.use(0)
		accept, note = false, from(d)
	}
	if !accept {
		g.election.Set("accept", "false", note)
	}
}

func (c *converter) virtualMAC(g *group) {
	d, base := g.at["use_vmac"], g.at["vmac_xmit_base"]
	if base != nil {
		base.use(0)
		switch {
		case d == nil:
			c.note(base, Unneeded, "there is no use_vmac", "")
		case g.unicast:
			c.note(base, Unneeded, "unicast advertisements leave from the interface itself", "")
		default:
			c.note(base, Changed, "with virtual_mac the advertisements leave from the macvlan", "leave virtual_mac off where that is not wanted")
		}
	}
	if d == nil {
		return
	}
	d.use(0)
	g.election.Set("virtual_mac", "true", from(d))
	for i := 1; i < len(d.Words); i++ {
		word := d.Arg(i)
		d.use(i)
		switch {
		case strings.Contains(word, ":"):
			c.note(d, Changed, "the MAC address is that of the RFC, not "+word, "")
		case word == "netlink_notify_msg":
			c.note(d, Unneeded, "netlink_notify_msg: Stead tells the kernel what it has to know", "")
		case word == "group":
			i++
			d.use(i)
			c.note(d, Lost, "Stead puts the macvlan into no link group", "")
		case word == "name":
			i++
			d.use(i)
			c.note(d, Changed, "Stead chooses the name of the macvlan, not "+d.Arg(i), "look at firewall rules that name it")
		default:
			c.note(d, Changed, "Stead chooses the name of the macvlan, not "+word, "look at firewall rules that name it")
		}
	}
}
