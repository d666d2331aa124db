package doctor

import (
	"context"
	"encoding/hex"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"time"

	"stead/internal/report"
)

var (
	twoHolders = &Problem{"two-holders", Fatal, "two hosts answer for one address",
		"clients reach now the one, now the other: the service is split", "find the hardware addresses: ip neigh, bridge fdb; then stead status on every node, and take the address from whoever should not have it"}
	wrongInterface = &Problem{"answers-on-wrong-interface", Warning, "another interface of this host answers for the address",
		"clients may learn the hardware address of the wrong interface, and lose the service when that one fails",
		"sysctl -w net/ipv4/conf/all/arp_ignore=1 net/ipv4/conf/all/arp_announce=2, and the same in /etc/sysctl.d/90-stead.conf"}
	noHolder = &Problem{"nobody-answers", Warning, "nobody answers for the address, although a node is active",
		"clients cannot reach the service: the active node's fence is closed, or the network between drops ARP", "stead status on {node}; then tcpdump -ni {interface} arp or icmp6"}
	leftover = &Problem{"leftover-address", Warning, "the address is on an interface here, and no daemon answers",
		"without a fence this host answers for it whoever is active", "systemctl start stead (it removes leftovers), or ip addr del {prefix} dev {interface}"}
	staleCache = &Problem{"stale-neighbour", Warning, "this host's cache has another holder than the one that answers",
		"the announcement of the takeover did not arrive here or was not believed: it may not arrive at clients, either", "ip neigh show {address}; sysctl net.ipv4.conf.{interface}.drop_gratuitous_arp; tcpdump -ni {interface} arp during: stead switchover {group}"}
)

// askWait is how long answers are waited for.
const askWait = 300 * time.Millisecond

// asking is an interface and the addresses that are asked for on it.
type asking struct {
	link  *Link
	vips  []vip
	heard map[netip.Addr][]MAC    // others
	own   map[netip.Addr][]string // other interfaces of this host
	here  map[netip.Addr]string   // where this host has it: this interface or a virtual router's device
	err   error
}

// asked asks once for all addresses; two checks read it.
func (e *Env) asked(ctx context.Context) ([]asking, error) {
	if e.answers != nil {
		return e.answers, nil
	}
	links, err := e.Links()
	if err != nil {
		return nil, err
	}
	names, by := e.byInterface()
	out := []asking{}
	for _, name := range names {
		a := asking{link: link(links, name), vips: by[name], here: map[netip.Addr]string{}}
		for _, v := range a.vips {
			for i := range links {
				if l := &links[i]; (l.Name == name || ofRouter(l.MAC)) && l.has(v.Prefix.Addr()) {
					a.here[v.Prefix.Addr()] = l.Name
				}
			}
		}
		switch {
		case a.link == nil:
			a.err = fmt.Errorf("%s does not exist", name)
		case a.link.Loopback || a.link.NoARP:
			a.err = fmt.Errorf("there are no neighbours on %s", name)
		case !a.link.Up || !a.link.Carrier:
			a.err = fmt.Errorf("%s is down", name)
		default:
			a.heard, a.err = e.ask(ctx, a.link, a.vips)
			a.partOwn(links)
		}
		out = append(out, a)
	}
	e.answers = out
	return out, nil
}

// ofRouter tells whether an Ethernet address is that of a virtual router (RFC 9568
// section 7.3), which every router has and only the active one answers with.
func ofRouter(m MAC) bool {
	return m[0] == 0 && m[1] == 0 && m[2] == 0x5e && m[3] == 0 && (m[4] == 1 || m[4] == 2)
}

// partOwn tells other interfaces of this host from other hosts. A virtual router's
// own device does not hear what is asked on the interface below it.
func (a *asking) partOwn(links []Link) {
	a.own = map[netip.Addr][]string{}
	for addr, macs := range a.heard {
		a.heard[addr] = slices.DeleteFunc(macs, func(m MAC) bool {
			i := slices.IndexFunc(links, func(l Link) bool { return l.MAC == m && !ofRouter(m) })
			if i >= 0 {
				a.own[addr] = append(a.own[addr], links[i].Name)
			}
			return i >= 0
		})
	}
}

// ask asks again where the answers look wrong: a takeover may have been under way.
func (e *Env) ask(ctx context.Context, l *Link, vips []vip) (map[netip.Addr][]MAC, error) {
	var addrs []netip.Addr
	for _, v := range vips {
		addrs = append(addrs, v.Prefix.Addr())
	}
	heard, err := e.Ask(ctx, l, addrs, askWait)
	if err != nil || !slices.ContainsFunc(addrs, func(a netip.Addr) bool { return len(heard[a]) != 1 }) {
		return heard, err
	}
	again, err := e.Ask(ctx, l, addrs, askWait)
	if err != nil {
		return nil, err
	}
	for a, macs := range heard { // what answers only once was on its way
		if len(again[a]) == 0 && len(macs) == 1 {
			again[a] = macs
		}
	}
	return again, nil
}

var holders = Check{
	Name:     "holders",
	Problems: []*Problem{twoHolders, wrongInterface, noHolder, leftover},
	Run: func(ctx context.Context, e *Env) []Finding {
		if len(e.vips()) == 0 {
			return nil
		}
		all, err := e.asked(ctx)
		if err != nil {
			return []Finding{unchecked("who answers for the addresses", err.Error())}
		}
		var out []Finding
		for i := range all {
			for _, v := range all[i].vips {
				out = append(out, e.judgeHolder(&all[i], v))
				for _, name := range all[i].own[v.Prefix.Addr()] {
					out = append(out, wrongInterface.at(v.String(), name+" answers"))
				}
			}
		}
		return out
	},
}

func (e *Env) judgeHolder(a *asking, v vip) Finding {
	where, here := a.here[v.Prefix.Addr()]
	var g *report.Group
	if e.Status != nil {
		g = e.Status.Group(v.group)
	}
	serves := g != nil && g.Serves()
	switch {
	case here && e.absent():
		seen := "ip addr shows it"
		if others := a.heard[v.Prefix.Addr()]; len(others) > 0 {
			seen += ", and " + list(others) + " answers"
		}
		return leftover.at(v.String(), seen, "prefix", v.Prefix.String(), "interface", where)
	case here && e.Status == nil:
		return unchecked("who answers for "+v.String(), "the address is here, and the daemon does not say whether it serves")
	}
	if a.link != nil && a.link.Loopback && e.routed(v) {
		return fine(v.String(), "routers send packets for it here, and nobody asks for it by ARP")
	}
	if a.err != nil {
		return unchecked("who answers for "+v.String(), a.err.Error())
	}
	macs := a.heard[v.Prefix.Addr()]
	switch {
	case len(macs) > 1:
		return twoHolders.at(v.String(), list(macs)+" answer")
	case len(macs) == 1 && serves:
		return twoHolders.at(v.String(), "this node serves it, and "+list(macs)+" answers")
	case len(macs) == 0 && !serves && g != nil && g.Holder() != "" && g.ActiveNode != e.Status.Node:
		return noHolder.at(v.String(), "nobody answers, while "+g.Holder()+" is active", "node", g.Holder(), "interface", v.Interface)
	case len(macs) == 1:
		return fine(v.String(), list(macs)+" answers, and nobody else")
	case serves:
		return fine(v.String(), "this node serves it, and nobody else answers")
	}
	return fine(v.String(), "nobody answers")
}

// routed tells whether an address is announced by BGP.
func (e *Env) routed(v vip) bool { return slices.Contains(e.announced(), v) }

func list(macs []MAC) string {
	if len(macs) == 0 {
		return "nobody"
	}
	var out []string
	for _, m := range macs {
		out = append(out, macText(m))
	}
	slices.Sort(out)
	return strings.Join(out, " and ")
}

func macText(m MAC) string {
	text := hex.EncodeToString(m[:])
	var parts []string
	for i := 0; i < len(text); i += 2 {
		parts = append(parts, text[i:i+2])
	}
	return strings.Join(parts, ":")
}

var caches = Check{
	Name:     "neighbours",
	Problems: []*Problem{staleCache},
	Run: func(ctx context.Context, e *Env) []Finding {
		all, err := e.asked(ctx)
		if err != nil || len(e.vips()) == 0 {
			return nil // holders has said so
		}
		known, err := e.Neighbours()
		if err != nil {
			return []Finding{unchecked("caches of neighbours", err.Error())}
		}
		var out []Finding
		for _, a := range all {
			for _, v := range a.vips {
				macs := a.heard[v.Prefix.Addr()]
				i := slices.IndexFunc(known, func(n Neighbour) bool { return a.link != nil && n.Index == a.link.Index && n.Addr == v.Prefix.Addr() })
				if len(macs) != 1 || i < 0 {
					continue
				}
				if known[i].MAC != macs[0] {
					out = append(out, staleCache.at(v.String(), fmt.Sprintf("%s answers, the cache has %s", macText(macs[0]), macText(known[i].MAC)),
						"address", v.Prefix.Addr().String(), "interface", v.Interface, "group", v.group))
				} else {
					out = append(out, fine(v.String(), "the cache has who answers"))
				}
			}
		}
		return out
	},
}

// swallowed says what no check can see from here.
var swallowed = Check{
	Name: "announcements",
	Run: func(_ context.Context, e *Env) []Finding {
		if !slices.ContainsFunc(e.vips(), func(v vip) bool { return v.Interface != "lo" }) {
			return nil
		}
		return []Finding{unchecked("whether the network lets announcements through to clients",
			"one host cannot see that; try it while a client runs `stead probe ping`: stead switchover "+e.vips()[0].group)}
	},
}
