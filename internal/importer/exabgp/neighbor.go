package exabgp

import (
	"encoding/base64"
	"slices"
	"strconv"
	"strings"
	"time"

	"stead/internal/importer/draft"
)

const (
	exabgpHold = 180 * time.Second // without hold-time
	kernelTTL  = 64                // without outgoing-ttl
	mostTTL    = 255
)

// settings are the directives of a neighbor with those that it inherits. Of what can
// be said once, that of the last template counts, before the neighbor's own.
func (c *converter) settings(d *Directive) []*Directive {
	list := slices.Clone(d.Block)
	for _, in := range d.Block {
		if in.Name() != "inherit" || in.Open {
			continue
		}
		in.use(0)
		for i, name := range in.Words[1:] {
			if name == "[" || name == "]" || name == "," {
				in.use(i + 1)
				continue
			}
			t := c.templates[name]
			if t == nil {
				c.refuse(in, "write the template, or correct the name", "there is no template %q", name)
				continue
			}
			in.use(i + 1)
			list = append(list, t.Block...)
		}
	}
	return list
}

// neighbor converts a neighbor.
func (c *converter) neighbor(d *Directive) {
	p := &peer{d: d, processes: map[string]bool{}, hold: exabgpHold, multihop: kernelTTL}
	d.use(0)
	at := map[string]*Directive{}
	var sections []*Directive
	for _, in := range c.settings(d) {
		switch {
		case c.verdict(in, neighborVerdicts):
		case in.Open:
			sections = append(sections, in)
		case in.Name() == "inherit":
		default:
			if before := at[in.Name()]; before != nil && before != in && !before.listed {
				c.find(before, draft.Unneeded, "is said again in line "+strconv.Itoa(in.Line)+", which counts", "")
			}
			at[in.Name()] = in
		}
	}
	if !c.peerAddress(p, d, at["peer-address"]) {
		return
	}
	c.identity(p, at)
	c.session(p, at)
	c.hops(p, at)
	c.password(p, at)
	for _, in := range sections {
		c.section(p, in)
	}
	for _, in := range sections {
		c.routes(p, in)
	}
	if c.err == nil {
		c.host.peers = append(c.host.peers, p)
	}
}

// peerAddress reads who the neighbor is.
func (c *converter) peerAddress(p *peer, d, override *Directive) bool {
	at, word := d, d.Arg(1)
	if override != nil {
		d.use(1)
		at, word = override, override.Arg(1)
	}
	if ip, bits, ranged := strings.Cut(word, "/"); ranged && !(bits == "32" && !strings.Contains(ip, ":")) && bits != "128" {
		c.find(d, draft.Lost, "Stead takes sessions from peers that it knows, not from a range", "write one neighbor for each")
		return false
	} else if ranged {
		at.Words[1] = ip
	}
	p.address = c.address(at, 1)
	if p.address.Is6() && p.address.IsLinkLocalUnicast() {
		c.find(d, draft.Lost, "Stead has no sessions with link-local addresses", "use another address of the peer")
		return false
	}
	if slices.ContainsFunc(c.host.peers, func(q *peer) bool { return q.address == p.address }) && p.address.IsValid() {
		c.find(d, draft.Lost, "Stead has one session with each peer, and this one is there already", "put what it announces into the other neighbor")
		return false
	}
	return c.err == nil
}

// identity reads who this node is for the peer.
func (c *converter) identity(p *peer, at map[string]*Directive) {
	h := &c.host
	if local, peer := at["local-as"], at["peer-as"]; local == nil || peer == nil {
		c.refuse(p.d, "add it", "local-as and peer-as are not both there")
		return
	} else {
		p.localAS, p.as = c.asn(local), c.asn(peer)
		if h.localAS == 0 {
			h.localAS, h.asFrom = p.localAS, local
		} else if h.localAS != p.localAS {
			c.note(local, draft.Lost, "Stead has one AS of its own, here "+strconv.FormatUint(uint64(h.localAS), 10)+" of line "+strconv.Itoa(h.asFrom.Line),
				"tell the peer that AS, or run a second Stead")
		}
	}
	if d := at["local-address"]; d == nil {
		c.refuse(p.d, "add it", "local-address is not there")
	} else if d.Arg(1) == "auto" {
		d.use(0, 1)
	} else {
		p.source, p.sourceFrom = c.address(d, 1), d
	}
	id, d := p.source, at["router-id"]
	if d != nil {
		if id = c.address(d, 1); c.err == nil && !id.Is4() {
			c.refuse(d, "write an IPv4 address", "%q is not a router ID", d.Arg(1))
		}
	} else if !id.Is4() {
		c.refuse(p.d, "add router-id", "a router ID is needed beside an IPv6 address")
		return
	}
	switch {
	case !h.routerID.IsValid():
		h.routerID, h.idFrom = id, d
		if d == nil {
			h.idFrom = p.sourceFrom
		}
	case h.routerID != id:
		place := p.sourceFrom
		if d != nil {
			place = d
		}
		c.note(place, draft.Changed, "Stead has one router ID for all peers: that of "+from(h.idFrom), "nothing, unless somebody looks for this one")
	}
}

// session reads how the session is kept.
func (c *converter) session(p *peer, at map[string]*Directive) {
	if d := at["description"]; d != nil {
		d.useAll()
		p.description = strings.Join(d.Words[1:], " ")
	}
	if d := at["hold-time"]; d != nil {
		p.hold, p.holdFrom = time.Duration(c.number(d, 1, 0, 65535))*time.Second, d
		switch {
		case p.hold == 0:
			c.note(d, draft.Changed, "a session of Stead always has a hold time: it became "+length(exabgpHold), "lower it: 9s is usual with Stead")
			p.hold = exabgpHold
		case p.hold < 3*time.Second:
			c.refuse(d, "write 3 or more", "a hold time is 3 seconds or more")
		}
	}
	if d := at["passive"]; d != nil && c.flag(d) {
		p.passive = d
	}
	if d := at["connect"]; d != nil {
		p.port, p.portFrom = c.number(d, 1, 1, 65535), d
	}
	if d := at["listen"]; d != nil {
		port := c.number(d, 1, 1, 65535)
		if c.host.listen != 0 && c.host.listen != port {
			c.note(d, draft.Changed, "Stead listens on one port: "+strconv.FormatUint(c.host.listen, 10), "let the peer connect there")
		} else {
			c.host.listen, c.host.listenAt = port, d
		}
	}
}

// ttl reads a TTL; 0 and disable mean the kernel's.
func (c *converter) ttl(d *Directive) int {
	if d == nil {
		return 0
	}
	switch d.Arg(1) {
	case "false", "disable", "disabled":
		d.use(0, 1)
		return 0
	}
	return int(c.number(d, 1, 0, mostTTL))
}

// hops reads how far the peer may be. incoming-ttl is the least TTL that is taken.
func (c *converter) hops(p *peer, at map[string]*Directive) {
	out, in := at["outgoing-ttl"], at["incoming-ttl"]
	if both := at["ttl-security"]; both != nil {
		if out == nil {
			out = both
		}
		if in == nil {
			in = both
		}
	}
	sent, least := c.ttl(out), c.ttl(in)
	if sent != 0 {
		p.multihop, p.hopFrom = sent, out
	}
	if least == 0 {
		return
	}
	p.gtsm, p.multihop, p.hopFrom = in, mostTTL+1-least, in
	if p.multihop > mostTTL {
		p.multihop = mostTTL
	}
	if sent != mostTTL {
		c.note(in, draft.Changed, "with TTL security Stead sends with a TTL of 255, too", "nothing, unless the peer wants another")
	}
}

// password reads the password of TCP MD5 signatures.
func (c *converter) password(p *peer, at map[string]*Directive) {
	d := at["md5-password"]
	if coded := at["md5-base64"]; coded != nil {
		if strings.EqualFold(coded.Arg(1), "auto") {
			coded.use(0, 1)
		} else if c.flag(coded) && d != nil {
			plain, err := base64.StdEncoding.DecodeString(d.Arg(1))
			if err != nil {
				c.refuse(d, "correct it, or remove md5-base64", "the password is not base64")
				return
			}
			p.password = plain
		}
	}
	if d == nil {
		return
	}
	d.use(0, 1)
	if p.password == nil {
		p.password = []byte(d.Arg(1))
	}
	p.passFrom = d
	if len(p.password) == 0 || len(p.password) > 80 {
		c.refuse(d, "write 1 to 80 bytes", "a password has 1 to 80 bytes")
	}
	if ip := at["md5-ip"]; ip != nil {
		if a := c.address(ip, 1); a.IsValid() && a != p.source {
			c.note(ip, draft.Unneeded, "Stead signs by the address of the peer", "")
		}
	}
}
