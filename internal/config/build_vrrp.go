package config

import (
	"fmt"
	"net/netip"
	"slices"
	"time"
)

// The bounds of advertisement intervals.
const (
	leastInterval  = 10 * time.Millisecond    // version 3 counts hundredths of a second
	mostInterval   = 40950 * time.Millisecond // in 12 bits: RFC 9568 section 5.2.7
	mostIntervalV2 = 255 * time.Second        // version 2 counts seconds in 8 bits: RFC 3768 section 5.3.7
	mostHeartbeat  = time.Minute
)

// vrrp is an election by a virtual router. g has its members and addresses.
func (b *builder) vrrp(group entry, g *Group) Election {
	v := group.value.get("election")
	r := &VRRP{
		VRID:        uint8(or(v.get("vrid"), 0)),
		Version:     or(v.get("version"), defaultVRRPVersion),
		Interval:    or(v.get("interval"), defaultAdvertInterval),
		Unicast:     or(v.get("unicast"), false),
		TTL:         or(v.get("ttl"), defaultTTL),
		MinTTL:      or(v.get("min_ttl"), defaultTTL),
		Checksum:    or(v.get("checksum"), "auto"),
		Accept:      or(v.get("accept"), true),
		VirtualMAC:  or(v.get("virtual_mac"), false),
		Detect:      or(v.get("detect"), DetectAdvertisement),
		DownAdverts: or(v.get("down_adverts"), defaultDownAdverts),
	}
	e := Election{Type: ElectionVRRP, VRRP: r}
	b.advertised(group, g, r)
	b.vrid(group, r)
	b.version(v, r)
	b.routers(group.value, g, r)
	b.hops(v, r)
	r.Auth = b.auth(v, r)
	b.detector(v, g, &e)
	if r.VirtualMAC && r.Interface != "" && !slices.ContainsFunc(g.Addresses, func(a Address) bool { return a.Interface == r.Interface }) {
		b.notes.about(v.get("virtual_mac"), "changes no address: none is on "+r.Interface, "", "only addresses on the interface of the virtual router get its MAC address")
	}
	if prepare := group.value.get("hooks").get("prepare"); prepare != nil {
		b.whole(prepare, "is never run with type vrrp", "activate", "VRRP has no message that prepares a router before it takes over: use activate")
	}
	return e
}

// advertised finds family and interface, and checks what is advertised.
func (b *builder) advertised(group entry, g *Group, r *VRRP) {
	v := group.value.get("election")
	first := Address{}
	for _, a := range g.Addresses {
		if !first.Prefix.IsValid() || first.Excluded && !a.Excluded {
			first = a
		}
	}
	r.Interface = or(v.get("interface"), first.Interface)
	r.IPv6 = first.Prefix.Addr().Is6()
	if family := v.get("family"); family.ok() {
		r.IPv6 = or(family, "") == "ipv6"
	}
	list := group.value.get("addresses")
	if list != nil && !list.ok() || v.get("family") != nil && v.get("family").bad {
		return
	}
	count, broken := 0, false
	var head *value
	for _, item := range list.listed() {
		at, only := item.get("address"), item.get("advertised")
		if !at.ok() || only != nil && only.bad {
			broken = true
			continue
		}
		a := or(at, netip.Prefix{}).Addr()
		switch {
		case !or(only, true):
			continue
		case a.Is6() != r.IPv6:
			b.about(at, fmt.Sprintf("is %s, but the virtual router is %s", family(a), familyOf(r)), familyOf(r)+", or advertised: false",
				"add advertised: false, so that it is held with the others, or give it a group with a virtual router of its own")
			continue
		}
		if count++; count == 1 {
			head = at
		}
	}
	switch {
	case count == 0 && !broken:
		b.of(group.value, fmt.Sprintf("no %s address is advertised", familyOf(r)), "one address or more that VRRP can advertise",
			"add one to addresses, or leave advertised: false off")
	case count > maxAdvertised:
		b.whole(list, fmt.Sprintf("has %d addresses that are advertised", count), fmt.Sprintf("at most %d", maxAdvertised),
			"an advertisement counts its addresses in 8 bits: add advertised: false to some")
	case count > 0 && r.IPv6 && !or(head, netip.Prefix{}).Addr().IsLinkLocalUnicast():
		b.notes.about(head, "comes first and is not link-local", "",
			"RFC 9568 section 5.2.9 wants the link-local address of the virtual router first, such as fe80::1/64: some routers refuse others")
	}
}

// vrid checks that no other group has the virtual router.
func (b *builder) vrid(group entry, r *VRRP) {
	v := group.value.get("election")
	if b.routersSeen++; b.routersSeen == MaxRouters+1 {
		b.at(group.key, "", fmt.Sprintf("group %q is the %dth that VRRP decides", group.name, b.routersSeen), fmt.Sprintf("at most %d such groups", MaxRouters),
			"hold more addresses in one group")
	}
	vrid := v.get("vrid")
	if vrid == nil {
		if !v.meant["vrid"] {
			b.of(v, "vrid is missing", "integer, 1–255", "add vrid: …, a number that no other virtual router of this network has")
		}
		return
	}
	if !vrid.ok() || r.Interface == "" {
		return
	}
	key := virtualRouter{r.Interface, r.IPv6, r.VRID}
	if other, taken := b.virtual[key]; taken {
		b.about(vrid, fmt.Sprintf("is already that of group %q on %s over %s", other, r.Interface, familyOf(r)), "a VRID of its own",
			"give each virtual router of an interface its own")
		return
	}
	b.virtual[key] = group.name
}

// virtualRouter tells one virtual router from another (RFC 9568 section 3).
type virtualRouter struct {
	on   string
	ipv6 bool
	vrid uint8
}

// version checks what only one version of the protocol can say.
func (b *builder) version(v *value, r *VRRP) {
	version, interval := v.get("version"), v.get("interval")
	if version != nil && version.bad {
		return
	}
	if r.Version == 2 && r.IPv6 {
		b.about(version, "is for IPv4 only", "3", "write version: 3, or leave it off")
	}
	if checksum := v.get("checksum"); checksum.ok() && (r.Version == 2 || r.IPv6) {
		b.about(checksum, "has a meaning in version 3 over IPv4 only", "version: 3 and IPv4", "the others have one form: remove it")
	}
	if !interval.ok() {
		return
	}
	switch d := r.Interval; {
	case r.Version == 2 && (d < time.Second || d%time.Second != 0):
		b.about(interval, "is not in whole seconds, as version 2 counts", "1s–"+length(mostIntervalV2), "write "+length(max(d.Round(time.Second), time.Second))+", or version: 3")
	case r.Version == 3 && (d < leastInterval || d > mostInterval):
		b.about(interval, "is not in "+length(leastInterval)+"–"+length(mostInterval), length(leastInterval)+"–"+length(mostInterval),
			"an advertisement holds it in 12 bits of hundredths of a second")
	case r.Version == 3 && d%leastInterval != 0:
		b.about(interval, "is not in steps of "+length(leastInterval), "a multiple of "+length(leastInterval), "write "+length(max(d.Round(leastInterval), leastInterval)))
	}
}

// hops checks how far advertisements go and may have come.
func (b *builder) hops(v *value, r *VRRP) {
	if r.Unicast || v.get("unicast") != nil && v.get("unicast").bad {
		return
	}
	if ttl := v.get("ttl"); ttl.ok() && r.TTL != defaultTTL {
		b.about(ttl, "is refused by the others", "255", "RFC 9568 section 5.1.1.3: only 255 shows that no router forwarded it; another one makes sense with unicast: true")
	}
	if least := v.get("min_ttl"); least.ok() && r.MinTTL < defaultTTL {
		b.notes.about(least, "lets advertisements in that a router forwarded", "", "255 refuses what comes from another network")
	}
}

// detector is what finds a silent router: its missing advertisements, or missing heartbeats.
func (b *builder) detector(v *value, g *Group, e *Election) {
	r := e.VRRP
	if r.Detect != DetectHeartbeat {
		return
	}
	e.Timing = or(v.get("timing"), TimingCloud)
	e.Interval, e.Multiplier = preset(e.Timing)
	detect := v.get("detect")
	if !b.top.get("nodes").ok() {
		return
	}
	switch known := len(r.Sources); {
	case len(g.Members) < 2:
		b.about(detect, "has nobody to hear heartbeats from", "two members or more",
			"heartbeats go between the nodes of this file: add the other one to nodes and to members, and a security.key_file that both have; or write detect: advertisement")
	case len(g.Members) > 2 && known < len(g.Members):
		b.about(detect, fmt.Sprintf("needs to know whose an advertisement is, but of %d members only %d have a source", len(g.Members), known),
			"a source for each member", "add source: { node: address, … }")
	}
}

func familyOf(r *VRRP) string {
	if r.IPv6 {
		return "IPv6"
	}
	return "IPv4"
}
