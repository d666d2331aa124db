package config

import (
	"fmt"
	"net/netip"
	"slices"
	"time"
)

// bgp takes the sessions. What of them depends on the groups is found by speakers.
func (b *builder) bgp(v *value) {
	if !v.ok() {
		return
	}
	c := &BGP{LocalAS: or(v.get("local_as"), uint32(0)), RouterIDs: map[string]netip.Addr{}, Port: uint16(or(v.get("port"), 0))}
	b.cfg.BGP = c
	peers := v.get("peers")
	if peers.ok() && len(peers.node.Content) == 0 {
		b.whole(peers, "names no peer", "one peer or more", "add name: { address: …, as: … }")
	}
	seen := map[netip.Addr]string{}
	for _, e := range sorted(peers) {
		if !e.value.ok() {
			continue
		}
		p := b.bgpPeer(e)
		if other, taken := seen[p.Address]; taken && p.Address.IsValid() {
			b.about(e.value.get("address"), fmt.Sprintf("is already that of peer %q", other), "an address of its own", "one session for each peer: remove one")
		}
		seen[p.Address] = e.name
		if p.Passive && v.get("port") == nil {
			c.Port = defaultBGPPort
		}
		c.Peers = append(c.Peers, p)
	}
}

func (b *builder) bgpPeer(e entry) BGPPeer {
	v := e.value
	p := BGPPeer{
		Name:             e.name,
		Address:          or(v.get("address"), netip.Addr{}),
		Port:             uint16(or(v.get("port"), defaultBGPPort)),
		AS:               or(v.get("as"), uint32(0)),
		HoldTime:         or(v.get("hold_time"), defaultHoldTime),
		ConnectRetry:     or(v.get("connect_retry"), defaultBGPRetry),
		Passive:          or(v.get("passive"), false),
		Multihop:         or(v.get("multihop"), 1),
		TTLSecurity:      or(v.get("ttl_security"), false),
		PasswordFile:     or(v.get("password_file"), ""),
		ExtendedNextHop:  or(v.get("extended_next_hop"), false),
		GracefulShutdown: or(v.get("graceful_shutdown"), false),
	}
	for _, key := range []string{"port", "connect_retry"} {
		if x := v.get(key); x.ok() && p.Passive {
			b.about(x, "has no meaning with passive: true", "passive: false", "the peer connects: remove it")
		}
	}
	if families := v.get("families"); families.ok() {
		b.unique(families)
		if len(families.items) == 0 {
			b.whole(families, "is empty", "ipv4, ipv6 or both", "leave it off for those of what is announced")
		}
		list := scalars[string](families)
		p.IPv4, p.IPv6 = slices.Contains(list, "ipv4"), slices.Contains(list, "ipv6")
	}
	if x := v.get("extended_next_hop"); x.ok() && p.ExtendedNextHop && v.get("families").ok() && !p.IPv4 {
		b.about(x, "has no meaning without ipv4 in families", "families: [ipv4, …]", "it is for IPv4 prefixes: remove it, or add ipv4")
	}
	if bfd := v.get("bfd"); bfd.ok() {
		p.BFD = b.bfd(bfd, p.Multihop)
		b.holdTimes(v, &p)
	}
	return p
}

// holdTimes notes a detection by BFD that comes after the hold time.
func (b *builder) holdTimes(v *value, p *BGPPeer) {
	if found := p.BFD.detection(); found >= p.HoldTime {
		b.notes.whole(v.get("bfd"), fmt.Sprintf("finds a fault after %s, and the hold time after %s", length(found), length(p.HoldTime)), "",
			"BFD is there to be sooner: lower interval or multiplier")
	}
}

// bfd is a session; hops is how far the other system is where nothing else is said.
func (b *builder) bfd(v *value, hops int) *BFD {
	d := &BFD{
		Interval:   or(v.get("interval"), defaultBFDInterval),
		Multiplier: or(v.get("multiplier"), defaultBFDMult),
		Multihop:   or(v.get("multihop"), hops),
		Passive:    or(v.get("passive"), false),
		Auth:       b.bfdAuth(v.get("auth")),
	}
	d.MinRX = or(v.get("min_rx"), d.Interval)
	return d
}

// detection is after how long without a packet the session is down where the other
// system has the same settings (RFC 5880 section 6.8.4).
func (d *BFD) detection() time.Duration {
	return max(d.Interval, d.MinRX) * time.Duration(d.Multiplier)
}

// bfdAuth is how Control packets are authenticated; nil without.
func (b *builder) bfdAuth(v *value) *BFDAuth {
	if !v.ok() || !v.get("type").ok() {
		return nil
	}
	a := &BFDAuth{Type: or(v.get("type"), ""), KeyID: uint8(or(v.get("key_id"), 1)), KeyFiles: map[uint8]string{}}
	a.KeyFiles[a.KeyID] = or(v.get("key_file"), "")
	id, previous := v.get("previous_key_id"), v.get("previous_key_file")
	switch {
	case previous == nil && id == nil:
	case previous == nil:
		b.about(id, "stands without previous_key_file", "previous_key_file beside it", "name the key before in previous_key_file")
	case id == nil:
		b.about(previous, "stands without previous_key_id", "previous_key_id beside it", "packets name their key by its ID: add that of the key before")
	case id.ok() && uint8(or(id, 0)) == a.KeyID:
		b.about(id, "is also the ID of the key that signs", "another ID", "give the new key another ID: that is how the other system tells them apart")
	case id.ok():
		a.KeyFiles[uint8(or(id, 0))] = or(previous, "")
	}
	return a
}

// pathCheck is a check by BFD. Where a BGP session to the same address has BFD, it is
// that session, but for what the check says itself.
func (b *builder) pathCheck(v *value, c *Check, g *Group) {
	c.Rise, c.Fall = 1, 1
	remote, _ := netip.ParseAddr(c.Target)
	c.BFD = b.bfd(v, 1)
	for i := range b.peersOf() {
		p := &b.cfg.BGP.Peers[i]
		if p.Address != remote || p.BFD == nil || v.get("multihop") != nil && (or(v.get("multihop"), 1) > 1) != (p.BFD.Multihop > 1) {
			continue
		}
		c.BFD.Interval = or(v.get("interval"), p.BFD.Interval)
		c.BFD.MinRX = or(v.get("min_rx"), p.BFD.MinRX)
		if v.get("interval") != nil && v.get("min_rx") == nil {
			c.BFD.MinRX = c.BFD.Interval
		}
		c.BFD.Multiplier = or(v.get("multiplier"), p.BFD.Multiplier)
		c.BFD.Multihop = or(v.get("multihop"), p.BFD.Multihop)
		c.BFD.Passive = or(v.get("passive"), p.BFD.Passive)
		if v.get("auth") == nil {
			c.BFD.Auth = p.BFD.Auth
		}
	}
	if interval := v.get("interval"); interval.ok() {
		switch f := wholeMicroseconds(c.BFD.Interval); {
		case c.BFD.Interval > mostBFD:
			b.about(interval, "is not in "+length(leastBFD)+"–"+length(mostBFD), length(leastBFD)+"–"+length(mostBFD), "")
		case f != nil:
			b.about(interval, f.what, f.expected, f.advice)
		}
	}
	if holds(g, remote) {
		b.about(v.get("bfd"), "is an address of this group", "another system", "a service address moves: name the router that is watched")
	}
}

// peersOf are the peers that were accepted.
func (b *builder) peersOf() []BGPPeer {
	if b.cfg.BGP == nil {
		return nil
	}
	return b.cfg.BGP.Peers
}
