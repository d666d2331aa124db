package doctor

import (
	"context"
	"fmt"
	"net/netip"
	"strconv"
)

// spot is an interface with the addresses that this node may put there.
type spot struct {
	iface  string
	family int // 4 or 6
	vips   []vip
	fenced bool   // by the kernel
	flux   string // another interface in the same subnet, or empty
	shares bool   // a service address is in a subnet of another address of the interface
}

// host tells whether a service address has a prefix of its full length.
func (s *spot) host() bool {
	for _, v := range s.vips {
		if v.Prefix.IsSingleIP() {
			return true
		}
	}
	return false
}

// combine is how the kernel joins the setting of an interface with that of all.
type combine uint8

const (
	maximum combine = iota // the larger one
	ownOnly                // that of the interface
)

// setting is a kernel setting of an interface.
type setting struct {
	problem *Problem
	family  int
	name    string
	combine combine
	wrong   func(value int, s *spot) bool
	right   int
	worse   func(s *spot) Severity // nil: that of the problem
}

const setSysctl = "sysctl -w net/ipv{family}/conf/{where}/{name}={right}, and the same line in /etc/sysctl.d/90-stead.conf"

var (
	rpFilter = &Problem{"rp-filter-strict", Warning, "strict reverse path filter",
		"packets to the service address whose way back is another interface are dropped: clients behind a router or an overlay do not reach it", setSysctl}
	arpSilent = &Problem{"arp-ignore-silences", Fatal, "arp_ignore keeps this host from answering for the address",
		"clients ask who has the address and nobody answers: they reach it only while an announcement is fresh", setSysctl}
	arpFlux = &Problem{"arp-flux", Warning, "the host answers ARP for an address on any of its interfaces in the subnet",
		"clients may learn the hardware address of the wrong interface, and lose the service when that one fails", setSysctl}
	arpAnnounce = &Problem{"arp-announce", Hint, "the host may ask with the address of another interface",
		"neighbours learn an address of this host at the wrong interface", setSysctl}
	arpFilter = &Problem{"arp-filter", Hint, "the host answers ARP only where its route to the asker leaves",
		"clients in other subnets get no answer over this interface", setSysctl}
	promote = &Problem{"no-promote-secondaries", Warning, "removing an address removes those that came after it in its subnet",
		"whoever removes the first address of the subnet takes the service address along, or the release of the service address takes the node's own", setSysctl}
	arpNotify = &Problem{"kernel-announces", Warning, "the kernel announces addresses by itself",
		"when the link comes up it announces an address that is only prepared here, and clients turn to the standby", setSysctl}
	dropGARP = &Problem{"ignores-announcements", Warning, "this host ignores announcements of addresses",
		"after a takeover it goes on sending to the old node until its cache expires", setSysctl}
	arpAccept = &Problem{"arp-accept", Hint, "gratuitous ARP makes new entries",
		"whoever is on the link can fill the table of neighbours", setSysctl}
	noIPv6 = &Problem{"ipv6-disabled", Fatal, "IPv6 is switched off on the interface",
		"the IPv6 address cannot be added: a takeover by this node fails", setSysctl}
	dadStops = &Problem{"dad-disables-ipv6", Hint, "a duplicate link-local address switches IPv6 off",
		"a cloned machine with the same hardware address loses IPv6 on the interface, the service address included", setSysctl}
)

var settings = []setting{
	{rpFilter, 4, "rp_filter", maximum, func(v int, _ *spot) bool { return v == 1 }, 2, nil},
	{arpSilent, 4, "arp_ignore", maximum, func(v int, s *spot) bool { return v == 8 || v == 2 && s.host() }, 1, nil},
	{arpFlux, 4, "arp_ignore", maximum, func(v int, s *spot) bool { return v == 0 && s.flux != "" }, 1, nil},
	{arpAnnounce, 4, "arp_announce", maximum, func(v int, s *spot) bool { return v == 0 && s.flux != "" }, 2, nil},
	{arpFilter, 4, "arp_filter", maximum, isOne, 0, nil},
	{promote, 4, "promote_secondaries", maximum, func(v int, s *spot) bool { return v == 0 && s.shares }, 1, nil},
	{arpNotify, 4, "arp_notify", maximum, isOne, 0, hintWhereFenced},
	{dropGARP, 4, "drop_gratuitous_arp", maximum, isOne, 0, nil},
	{arpAccept, 4, "arp_accept", maximum, isOne, 0, nil},
	{noIPv6, 6, "disable_ipv6", ownOnly, isOne, 0, nil},
	{arpNotify, 6, "ndisc_notify", maximum, isOne, 0, hintWhereFenced},
	{dropGARP, 6, "drop_unsolicited_na", ownOnly, isOne, 0, nil},
	{dadStops, 6, "accept_dad", maximum, func(v int, _ *spot) bool { return v == 2 }, 1, nil},
}

func isOne(v int, _ *spot) bool { return v == 1 }

// hintWhereFenced: the kernel's fence holds such frames back on their way out.
func hintWhereFenced(s *spot) Severity {
	if s.fenced {
		return Hint
	}
	return Warning
}

var sysctls = Check{
	Name: "sysctls",
	Problems: []*Problem{rpFilter, arpSilent, arpFlux, arpAnnounce, arpFilter, promote, arpNotify, dropGARP, arpAccept,
		noIPv6, dadStops},
	Run: func(_ context.Context, e *Env) []Finding {
		links, err := e.Links()
		if err != nil {
			return []Finding{unchecked("sysctls", err.Error())}
		}
		var out []Finding
		names, by := e.byInterface()
		for _, name := range names {
			for _, family := range []int{4, 6} {
				if s := e.spot(links, name, family, by[name]); s != nil {
					out = append(out, e.judge(s)...)
				}
			}
		}
		if len(out) == 0 && len(names) > 0 {
			out = append(out, fine("", fmt.Sprint("of ", names)))
		}
		return out
	},
}

// spot is nil where no address of the family goes to the interface.
func (e *Env) spot(links []Link, name string, family int, vips []vip) *spot {
	s := &spot{iface: name, family: family}
	for _, v := range vips {
		if v.Prefix.Addr().Is4() == (family == 4) {
			s.vips = append(s.vips, v)
		}
	}
	if len(s.vips) == 0 {
		return nil
	}
	s.fenced = e.Status != nil && e.Status.Fence.Kind == "kernel" || e.Status == nil && e.features().Untried == nil && e.features().Fence == nil
	for _, v := range s.vips {
		for i := range links {
			l := &links[i]
			if l.Name == name {
				s.shares = s.shares || !v.Prefix.IsSingleIP() && shares(l, v)
			} else if l.Up && !l.Loopback && near(l, v.Prefix.Addr()) {
				s.flux = l.Name
			}
		}
		if o := e.overlay(name); o != nil && !v.Prefix.IsSingleIP() && o.Addresses[e.Config.Self].IsValid() {
			s.shares = s.shares || v.Prefix.Masked().Contains(o.Addresses[e.Config.Self].Addr())
		}
	}
	return s
}

// shares tells whether the interface has another address in the subnet of v.
func shares(l *Link, v vip) bool {
	for _, p := range l.Addrs {
		if p.Addr() != v.Prefix.Addr() && p.Masked() == v.Prefix.Masked() {
			return true
		}
	}
	return false
}

// near tells whether an address of the interface has a in its subnet.
func near(l *Link, a netip.Addr) bool {
	for _, p := range l.Addrs {
		if p.Addr() != a && !p.IsSingleIP() && p.Contains(a) {
			return true
		}
	}
	return false
}

// judge reads every setting of a spot.
func (e *Env) judge(s *spot) (out []Finding) {
	for _, x := range settings {
		if x.family != s.family {
			continue
		}
		value, where, seen, err := e.setting(&x, s.iface)
		if err != nil {
			continue // a kernel without the setting has not the problem
		}
		if !x.wrong(value, s) {
			continue
		}
		if s.flux != "" && (x.problem == arpFlux || x.problem == arpAnnounce) {
			seen += fmt.Sprintf("; %s is in the same subnet", s.flux)
		}
		f := x.problem.at(s.iface, seen, "family", strconv.Itoa(x.family), "where", where, "name", x.name, "right", strconv.Itoa(x.right))
		if x.worse != nil {
			f = f.as(x.worse(s))
		}
		out = append(out, f)
	}
	return out
}

// setting reads the value in force, and where it comes from. An interface that
// the daemon has yet to make gets the default.
func (e *Env) setting(x *setting, iface string) (value int, where, seen string, err error) {
	read := func(where string) (int, error) {
		text, err := e.word(fmt.Sprintf("/proc/sys/net/ipv%d/conf/%s/%s", x.family, where, x.name))
		if err != nil {
			return 0, err
		}
		return strconv.Atoi(text)
	}
	where = iface
	own, err := read(iface)
	if err != nil {
		where = "default"
		if own, err = read(where); err != nil {
			return 0, "", "", err
		}
	}
	seen = fmt.Sprintf("net.ipv%d.conf.%s.%s is %d", x.family, where, x.name, own)
	if x.combine == ownOnly {
		return own, where, seen, nil
	}
	all, err := read("all")
	if err != nil {
		return 0, "", "", err
	}
	if all <= own {
		return own, where, seen, nil
	}
	seen = fmt.Sprintf("net.ipv%d.conf.all.%s is %d, %s is %d: the larger one counts", x.family, x.name, all, where, own)
	if x.right < all {
		where = "all"
	}
	return all, where, seen, nil
}
