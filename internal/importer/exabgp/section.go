package exabgp

import (
	"strings"

	"stead/internal/importer/draft"
)

// section converts a block of a neighbor that is not about routes.
func (c *converter) section(p *peer, d *Directive) {
	switch d.Name() {
	case "family":
		d.use(0)
		for _, in := range d.Block {
			c.family(p, in)
		}
	case "capability":
		d.use(0)
		for _, in := range d.Block {
			c.capability(p, in)
		}
	case "nexthop":
		d.use(0)
		for _, in := range d.Block {
			if strings.EqualFold(strings.Join(in.Words, " "), "ipv4 unicast ipv6") {
				in.useAll()
				p.nextHop6 = in
				continue
			}
			c.find(in, draft.Lost, "Stead has IPv6 next hops of IPv4 unicast prefixes only", "")
		}
	case "api":
		d.useAll()
		for _, in := range d.Block {
			c.api(p, in)
		}
	}
}

// family reads an address family that is offered to the peer.
func (c *converter) family(p *peer, d *Directive) {
	switch strings.ToLower(strings.Join(d.Words, " ")) {
	case "ipv4 unicast":
		p.ipv4, p.familyFrom = true, d
		d.useAll()
	case "ipv6 unicast":
		p.ipv6, p.familyFrom = true, d
		d.useAll()
	case "all":
		d.useAll()
	default:
		c.find(d, draft.Lost, "Stead announces unicast prefixes only", "leave the family to a program of its own")
	}
}

// capability reads a capability; one that is off needs no counterpart.
func (c *converter) capability(p *peer, d *Directive) {
	off := false
	switch strings.ToLower(d.Arg(1)) {
	case "disable", "disabled", "false":
		off = true
	}
	switch {
	case d.Name() == "nexthop":
		if c.flag(d) && p.nextHop6 == nil {
			p.nextHop6 = d
		} else if off {
			p.nextHop6 = nil
		}
	case off && capabilityVerdicts[d.Name()].why != "":
		if v := capabilityVerdicts[d.Name()]; v.kind == draft.Unneeded {
			c.find(d, v.kind, v.why, v.do)
			return
		}
		d.useAll()
	default:
		c.verdict(d, capabilityVerdicts)
	}
}

// api reads which processes announce to the peer; what they would be told is for
// them, and Stead runs none.
func (c *converter) api(p *peer, d *Directive) {
	if d.Name() != "processes" {
		c.find(d, draft.Unneeded, "tells what a process hears, and Stead runs none", "")
		return
	}
	d.use(0)
	for i, name := range d.Words[1:] {
		d.use(i + 1)
		switch name {
		case "[", ",":
		case "]":
			return
		default:
			p.processes[name] = true
		}
	}
}
