package doctor

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net/netip"
	"slices"
	"strconv"
	"strings"
)

// spot is an interface with the addresses that this node may put there.
type spot struct {
	iface  string
	family int // 4 or 6
	vips   []vip
	fenced bool   // by the kernel
	flux   string // another interface in the same subnet, or empty
	near   bool   // who asks for the addresses is in a subnet of this interface
}

// host tells whether a service address has a prefix of its full length.
func (s *spot) host() bool {
	return slices.ContainsFunc(s.vips, func(v vip) bool { return v.Prefix.IsSingleIP() })
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

const setSysctl = "sysctl -w {settings}, and the same in /etc/sysctl.d/90-stead.conf"

var (
	rpFilter = &Problem{"rp-filter-strict", Warning, "strict reverse path filter",
		"packets to the service address whose way back is another interface are dropped: clients behind a router or an overlay may not reach it", setSysctl}
	arpSilent = &Problem{"arp-ignore-silences", Fatal, "arp_ignore keeps this host from answering for the address",
		"clients ask who has the address and nobody answers: they reach it only while an announcement is fresh", setSysctl}
	arpFlux = &Problem{"arp-flux", Warning, "the host answers ARP for an address on any of its interfaces in the subnet",
		"clients may learn the hardware address of the wrong interface, and lose the service when that one fails", setSysctl}
	arpAnnounce = &Problem{"arp-announce", Hint, "the host may ask with the address of another interface",
		"neighbours learn an address of this host at the wrong interface", setSysctl}
	arpFilter = &Problem{"arp-filter", Hint, "the host answers ARP only where its route to the asker leaves",
		"clients in other subnets get no answer over this interface", setSysctl}
	proxyARP = &Problem{"proxy-arp", Warning, "the host answers ARP in place of others",
		"a standby may answer for the service address, too: clients turn to a host that does not serve", setSysctl}
	arpNotify = &Problem{"kernel-announces", Warning, "the kernel announces addresses by itself",
		"when the link comes up it announces an address that is only prepared here, and clients turn to the standby", setSysctl}
	dropGARP = &Problem{"ignores-announcements", Warning, "this host ignores announcements of addresses",
		"as a client of the service it goes on sending to the old node after a takeover, until its cache expires", setSysctl}
	noIPv6 = &Problem{"ipv6-disabled", Fatal, "IPv6 is switched off on the interface",
		"the IPv6 address cannot be added: a takeover by this node fails", setSysctl}
	noIPv6AtAll = &Problem{"no-ipv6", Fatal, "the kernel runs without IPv6",
		"the IPv6 address cannot be added: a takeover by this node fails", "remove ipv6.disable=1 from the kernel's command line (cat /proc/cmdline), or modprobe ipv6"}
	dadStops = &Problem{"dad-disables-ipv6", Hint, "a duplicate link-local address switches IPv6 off",
		"a cloned machine with the same hardware address loses IPv6 on the interface, the service address included", setSysctl}
)

// settings, and how the kernel combines each (include/linux/inetdevice.h,
// net/ipv6/ndisc.c, net/ipv6/addrconf.c). promote_secondaries is not among them:
// the daemon sets it before it adds an address.
var settings = []setting{
	{rpFilter, 4, "rp_filter", maximum, func(v int, _ *spot) bool { return v == 1 }, 2, hintWhereNear},
	{arpSilent, 4, "arp_ignore", maximum, func(v int, s *spot) bool { return v == 8 || v == 2 && s.host() }, 1, nil},
	{arpFlux, 4, "arp_ignore", maximum, func(v int, s *spot) bool { return v == 0 && s.flux != "" }, 1, nil},
	{arpAnnounce, 4, "arp_announce", maximum, func(v int, s *spot) bool { return v == 0 && s.flux != "" }, 2, nil},
	{arpFilter, 4, "arp_filter", maximum, isOne, 0, nil},
	{proxyARP, 4, "proxy_arp", maximum, isOne, 0, hintWhereFenced},
	{proxyARP, 4, "proxy_arp_pvlan", maximum, isOne, 0, hintWhereFenced},
	{arpNotify, 4, "arp_notify", maximum, isOne, 0, hintWhereFenced},
	{dropGARP, 4, "drop_gratuitous_arp", maximum, isOne, 0, nil},
	{noIPv6, 6, "disable_ipv6", ownOnly, isOne, 0, nil},
	{arpNotify, 6, "ndisc_notify", maximum, isOne, 0, hintWhereFenced},
	{dropGARP, 6, "drop_unsolicited_na", ownOnly, isOne, 0, nil},
	{dadStops, 6, "accept_dad", maximum, func(v int, _ *spot) bool { return v == 2 }, 1, nil},
}

func isOne(v int, _ *spot) bool { return v == 1 }

// hintWhereNear: the way back to who is in the subnet is the interface itself.
func hintWhereNear(s *spot) Severity {
	if s.near {
		return Hint
	}
	return Warning
}

// hintWhereFenced: the kernel's fence holds such frames back.
func hintWhereFenced(s *spot) Severity {
	if s.fenced {
		return Hint
	}
	return Warning
}

var sysctls = Check{
	Name: "sysctls",
	Problems: []*Problem{rpFilter, arpSilent, arpFlux, arpAnnounce, arpFilter, proxyARP, arpNotify, dropGARP,
		noIPv6, noIPv6AtAll, dadStops},
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
			switch {
			case l.Name == name && l.Loopback && family == 4:
				return nil // what is said of the loopback counts for nobody outside
			case l.Name == name:
				s.near = s.near || !v.Prefix.IsSingleIP() || near(l, v.Prefix.Addr())
			case l.Up && !l.Loopback && near(l, v.Prefix.Addr()):
				s.flux = l.Name
			}
		}
		if o := e.overlay(name); o != nil && o.Addresses[e.Config.Self].IsValid() {
			s.near = s.near || o.Addresses[e.Config.Self].Masked().Contains(v.Prefix.Addr())
		}
	}
	return s
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
	if _, err := e.ReadDir(fmt.Sprintf("/proc/sys/net/ipv%d", s.family)); err != nil {
		if s.family == 6 && errors.Is(err, fs.ErrNotExist) {
			return []Finding{noIPv6AtAll.at(s.iface, oneLine(err))}
		}
		return []Finding{unchecked("settings of "+s.iface, oneLine(err))}
	}
	for _, x := range settings {
		if x.family != s.family {
			continue
		}
		v, err := e.value(&x, s.iface)
		switch {
		case errors.Is(err, fs.ErrNotExist):
			continue // a kernel without the setting has not the problem
		case err != nil:
			out = append(out, unchecked("settings of "+s.iface, oneLine(err)))
			continue
		case !x.wrong(v.counts, s):
			continue
		}
		if s.flux != "" && (x.problem == arpFlux || x.problem == arpAnnounce) {
			v.seen += fmt.Sprintf("; %s is in the same subnet", s.flux)
		}
		f := x.problem.at(s.iface, v.seen, "settings", v.set)
		if x.worse != nil {
			f = f.as(x.worse(s))
		}
		out = append(out, f)
	}
	return out
}

// value is a setting as the kernel has it.
type value struct {
	counts int
	seen   string
	set    string // what makes it right, for sysctl
}

// value reads a setting. An interface that the daemon has yet to make gets the
// default.
func (e *Env) value(x *setting, iface string) (v value, err error) {
	file := func(where string) string {
		return fmt.Sprintf("net/ipv%d/conf/%s/%s", x.family, where, x.name)
	}
	read := func(where string) (int, error) {
		text, err := e.word("/proc/sys/" + file(where))
		if err != nil {
			return 0, err
		}
		return strconv.Atoi(text)
	}
	where := iface
	own, err := read(iface)
	if errors.Is(err, fs.ErrNotExist) {
		where = "default"
		own, err = read(where)
	}
	if err != nil {
		return v, err
	}
	v.counts, v.seen = own, fmt.Sprintf("%s is %d", file(where), own)
	var set []string
	if x.combine == maximum {
		all, err := read("all")
		if err != nil {
			return v, err
		}
		if all > own {
			v.counts, v.seen = all, fmt.Sprintf("%s is %d, %s is %d: the larger one counts", file("all"), all, file(where), own)
		}
		if all > x.right {
			set = append(set, fmt.Sprintf("%s=%d", file("all"), x.right))
		}
	}
	if own > x.right || v.counts < x.right {
		set = append(set, fmt.Sprintf("%s=%d", file(where), x.right))
	}
	v.set = strings.Join(set, " ")
	return v, nil
}
