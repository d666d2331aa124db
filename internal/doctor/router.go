package doctor

import (
	"context"
	"fmt"
	"net/netip"
	"slices"
	"strings"

	"stead/internal/config"
	"stead/internal/report"
)

var (
	routerNoSource = &Problem{"vrrp-no-source-address", Fatal, "a virtual router has no address to advertise from",
		"it stays in the state initialize and takes no part: a takeover by this node fails", "ip addr add ADDRESS/LENGTH dev {interface}; or correct `source` of the group in {file}"}
	routerNoMulticast = &Problem{"vrrp-no-multicast", Warning, "the interface of a virtual router is marked as one without multicast",
		"where its driver means it, the routers do not hear each other, and each of them serves", "ip link set {interface} multicast on; or `unicast: true` with `peers` on every router"}
	routerFilter = &Problem{"vrrp-rp-filter-strict", Fatal, "the device of a virtual MAC has a strict reverse path filter",
		"packets to the address arrive there, and their way back is the interface below it: they are dropped, and the active node serves nobody", setSysctl}
	routerSameVRID = &Problem{"vrrp-same-vrid-here", Fatal, "another program on this host has the same virtual router",
		"two routers with one number on one host do not hear each other, and both serve", "systemctl disable --now {program}, or give one of the two another number"}
	routerBlocked = &Problem{"vrrp-may-be-blocked", Hint, "the packet filter may drop advertisements",
		"where it does, this node hears no other router and serves beside it", "nft list ruleset; and accept protocol 112 on {interface}"}
)

var (
	routerAddresses = &Problem{"vrrp-other-addresses", Warning, "another router advertises other addresses",
		"a takeover loses the addresses that only one of the two has", "compare the configurations: " + lookAtAdvertisements}
	routerKey = &Problem{"vrrp-other-key", Warning, "advertisements are refused for their authentication",
		"a router that is not believed is not there for this one: both serve", "the same type, key ID and key on every router (election.auth); in a rotation the new key goes everywhere as previous_key_file first"}
	routerClock = &Problem{"vrrp-other-clock", Warning, "advertisements are refused for their time",
		"a router whose clock is wrong is not believed, and serves beside this one; or somebody sends old advertisements again", "chronyc tracking on every router; or `replay: monotonic` on all of them"}
	routerVersion = &Problem{"vrrp-other-version", Warning, "another router speaks the other version of VRRP",
		"the two do not hear each other: both serve", "the same `version` on every router; keepalived's default is 2, FRR's and Stead's is 3"}
	routerInterval = &Problem{"vrrp-other-interval", Warning, "another router of version 2 advertises at another interval",
		"its advertisements are refused, as the RFC has it: both serve", "the same `interval` on every router"}
	routerTTL = &Problem{"vrrp-low-ttl", Warning, "advertisements come with too low a TTL or hop limit",
		"they are refused as ones that a router has forwarded, and their sender serves beside this node", "where that is a router of yours: `min_ttl` of the group in {file}; keepalived sends unicast over IPv6 with 64"}
	routerWay = &Problem{"vrrp-other-way", Warning, "advertisements come another way than is configured",
		"a router that sends by multicast and one that sends by unicast do not believe each other, nor do two that know other peers: both serve",
		"the same `unicast`, `peers` and `group` on every router: " + lookAtAdvertisements}
	routerMalformed = &Problem{"vrrp-malformed", Warning, "advertisements of this virtual router are malformed",
		"their sender is not believed and serves beside this node", lookAtAdvertisements}
	routerChecksum = &Problem{"vrrp-other-checksum", Hint, "another router sends the other form of the checksum",
		"its advertisements are believed; keepalived and FRR do not believe this node's unless they have the form with the addresses", "`checksum: auto` of the group in {file}"}
	routerPace = &Problem{"vrrp-other-pace", Hint, "another router advertises at another interval",
		"a Backup Router waits as long as the Active Router's interval says: how long a failover takes depends on who fails", "the same `interval` on every router"}
)

const lookAtAdvertisements = "tcpdump -vni {interface} proto 112"

// routerCounts are what a virtual router counts of the advertisements of others,
// by what is wrong with them.
var routerCounts = []struct {
	problem *Problem
	refused []string
	other   func(*report.VRRP, *config.VRRP) uint64 // believed all the same
}{
	{routerKey, []string{"no-auth", "other-auth", "unknown-key", "bad-auth", "bad-trailer"}, nil},
	{routerClock, []string{"outside-window", "replayed"}, nil},
	{routerVersion, []string{"bad-version"}, nil},
	{routerInterval, []string{"other-interval"}, nil},
	{routerTTL, []string{"bad-ttl"}, nil},
	{routerWay, []string{"bad-destination", "not-a-peer"}, nil},
	{routerMalformed, []string{"bad-length", "bad-type", "address-count", "bad-checksum", "zero-interval"}, nil},
	{routerAddresses, nil, func(v *report.VRRP, _ *config.VRRP) uint64 { return v.OtherAddresses }},
	{routerChecksum, nil, func(v *report.VRRP, c *config.VRRP) uint64 {
		if c.Checksum == "auto" {
			return 0
		}
		return v.OtherChecksum
	}},
	{routerPace, nil, func(v *report.VRRP, _ *config.VRRP) uint64 { return v.OtherInterval }},
}

var virtualRouters = Check{
	Name: "virtual-routers",
	Problems: []*Problem{routerNoSource, routerNoMulticast, routerFilter, routerSameVRID, routerBlocked, routerAddresses, routerKey, routerClock,
		routerVersion, routerInterval, routerTTL, routerWay, routerMalformed, routerChecksum, routerPace},
	Run: func(ctx context.Context, e *Env) []Finding {
		groups := e.routers()
		if len(groups) == 0 {
			return nil
		}
		links, err := e.Links()
		if err != nil {
			return []Finding{unchecked("virtual routers", err.Error())}
		}
		var out []Finding
		for _, g := range groups {
			found := append(e.routerHere(links, g), e.routerHeard(g)...)
			if len(found) == 0 {
				found = []Finding{fine(routerName(g), "it has an address to advertise from, and no other router contradicts it")}
			}
			out = append(out, found...)
		}
		out = append(out, e.routersBeside(groups)...)
		return append(out, e.routersFiltered(ctx, groups)...)
	},
}

// routers are the groups of this node that VRRP decides.
func (e *Env) routers() []*config.Group {
	return slices.DeleteFunc(e.groups(), func(g *config.Group) bool { return g.Election.VRRP == nil })
}

func routerName(g *config.Group) string {
	return fmt.Sprintf("%s (virtual router %d on %s)", g.Name, g.Election.VRRP.VRID, g.Election.VRRP.Interface)
}

// routerHere looks whether this host can advertise.
func (e *Env) routerHere(links []Link, g *config.Group) (out []Finding) {
	r := g.Election.VRRP
	l := link(links, r.Interface)
	if l == nil {
		return nil // interfaces has said so
	}
	if why := e.noSource(links, l, g); why != "" {
		out = append(out, routerNoSource.at(routerName(g), why, "interface", r.Interface, "file", e.File))
	}
	if l.NoMulticast && !r.Unicast {
		out = append(out, routerNoMulticast.at(routerName(g), "the interface has not the flag MULTICAST", "interface", r.Interface))
	}
	return append(out, e.routerFilter(links, g)...)
}

// routerFilter looks at what was set after the daemon had made the device of a
// virtual MAC.
func (e *Env) routerFilter(links []Link, g *config.Group) []Finding {
	r := g.Election.VRRP
	if !r.VirtualMAC || r.IPv6 {
		return nil
	}
	i := slices.IndexFunc(links, func(l Link) bool { return l.MAC == MAC{0, 0, 0x5e, 0, 1, r.VRID} })
	if i < 0 {
		return nil // the daemon makes it, and sets it
	}
	v, err := e.value(&setting{family: 4, name: "rp_filter", combine: maximum, right: 2}, links[i].Name)
	switch {
	case err != nil:
		return []Finding{unchecked("settings of "+links[i].Name, oneLine(err))}
	case v.counts == 1:
		return []Finding{routerFilter.at(routerName(g), v.seen, "settings", v.set)}
	}
	return nil
}

// noSource says why there is no address to advertise from; empty where there is one.
func (e *Env) noSource(links []Link, l *Link, g *config.Group) string {
	r := g.Election.VRRP
	if source := r.Sources[e.Config.Self]; source.IsValid() {
		if l.has(source) || !source.IsLinkLocalUnicast() && slices.ContainsFunc(links, func(l Link) bool { return l.has(source) }) {
			return ""
		}
		return fmt.Sprintf("the address %s, from which it is to advertise, is not here", source)
	}
	service := map[netip.Addr]bool{}
	for _, v := range e.vips() {
		service[v.Prefix.Addr()] = true
	}
	for _, p := range l.Addrs {
		a := p.Addr()
		if a.Is6() == r.IPv6 && !service[a] && !a.IsLoopback() && (a.Is4() || a.IsLinkLocalUnicast()) {
			return ""
		}
	}
	if r.IPv6 {
		return fmt.Sprintf("%s has no link-local address", l.Name)
	}
	return fmt.Sprintf("%s has no IPv4 address but the service addresses", l.Name)
}

// routerHeard reads what the running daemon has counted.
func (e *Env) routerHeard(g *config.Group) (out []Finding) {
	if e.Status == nil {
		return nil
	}
	status := e.Status.Group(g.Name)
	if status == nil || status.VRRP == nil {
		return nil
	}
	v, r := status.VRRP, g.Election.VRRP
	for _, c := range routerCounts {
		var seen []string
		for _, cause := range c.refused {
			if n := v.Refused[cause]; n > 0 {
				seen = append(seen, fmt.Sprintf("%d refused (%s)", n, cause))
			}
		}
		if c.other != nil {
			if n := c.other(v, r); n > 0 {
				seen = append(seen, fmt.Sprintf("%d of %d", n, v.Received))
			}
		}
		if len(seen) > 0 {
			out = append(out, c.problem.at(routerName(g), strings.Join(seen, ", ")+" since the daemon has started", "interface", r.Interface, "file", e.File))
		}
	}
	return out
}
