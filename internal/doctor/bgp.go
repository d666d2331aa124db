package doctor

import (
	"cmp"
	"context"
	"fmt"
	"net/netip"
	"slices"
	"time"

	"stead/internal/config"
	"stead/internal/core/bfd"
	"stead/internal/report"
)

var (
	bgpNoSource = &Problem{"bgp-no-source-address", Fatal, "the address that a session comes from is not here",
		"the session is never established, and nothing is announced: a takeover by this node fails", "ip addr add ADDRESS/LENGTH dev INTERFACE; or correct `source` of peer {peer} in {file}"}
	bgpNoRoute = &Problem{"bgp-no-route", Fatal, "there is no route to a BGP peer",
		"the session is never established, and nothing is announced: a takeover by this node fails", "ip route get {address}; then add the route"}
	bgpBehindRouter = &Problem{"bgp-needs-multihop", Fatal, "a BGP peer is behind a router, and `multihop` is 1",
		"packets are sent with a TTL of 1 and end at the router: the session is never established", "`multihop: 2` or more for peer {peer} in {file}, and as many on the peer (BIRD: multihop; FRR: neighbor … ebgp-multihop)"}
	bgpRefused = &Problem{"bgp-refused", Fatal, "a BGP peer refuses connections",
		"nothing is announced to it: a takeover by this node moves no traffic there", "look whether the BGP daemon of {address} runs and listens at port {port}, and whether a firewall rejects it"}
	bgpSilent = &Problem{"bgp-no-answer", Fatal, "a BGP peer does not answer",
		"nothing is announced to it: a takeover by this node moves no traffic there",
		"another TCP MD5 password, or one on one side only, is answered with silence; so is a firewall, and a TTL too low (`multihop`, `ttl_security`): tcpdump -ni any host {address} and port {port}"}
	bgpCloses = &Problem{"bgp-closes", Warning, "a BGP peer closes connections at once",
		"it does not know this address as a peer, or has a session with it already", "compare the address and the AS of this node in the configuration of {address}: it has to name {source}"}
)

var (
	bgpDown = &Problem{"bgp-session-down", Warning, "a BGP session is not established",
		"nothing is announced to this peer: a takeover by this node moves no traffic there", "what was seen says why, or: stead events; the log of the BGP daemon of {address}"}
	bfdDown = &Problem{"bfd-down", Warning, "a BFD session is not up",
		"the BGP session beside it is not tried, and a check that it is fails", "look whether BFD runs on {address} for this node's address, and whether UDP port {port} is let in there and here"}
	bfdRefused = &Problem{"bfd-refused", Warning, "packets of a BFD session are refused",
		"the session does not come up, or goes down", "the same auth, key ID and key on both sides; where it is the TTL: `multihop: 2` where the other system is not on a link of this node"}
)

var (
	bgpFilter = &Problem{"bgp-rp-filter-strict", Warning, "a strict reverse path filter where routers send packets for the service address",
		"packets of clients whose way back is another interface are dropped: with several routers that is the rule", setSysctl}
	bgpAnswers = &Problem{"bgp-arp-answers", Hint, "the host answers ARP for a service address on every interface",
		"nothing but the kernel's fence keeps a node that is not to serve from drawing hosts of its network to itself", setSysctl}
	bgpConnected = &Problem{"bgp-in-connected-network", Warning, "the service address is in a network that this host is connected to",
		"hosts of that network ask for it by ARP and do not send to routers, and in a cloud the system route of the network wins over what is announced", "take an address that is in no network of nodes and clients, in {file}"}
	bgpSpeaker = &Problem{"bgp-other-speaker", Hint, "another program that speaks BGP or BFD runs here",
		"two speakers at one address have one session with a peer between them, and one of them has none; ports of BFD belong to one program", "systemctl disable --now {program}, or give the two different peers and sources"}
	bgpPort = &Problem{"bgp-port-taken", Fatal, "another program has the port where BGP peers connect",
		"connections of peers that are waited for never arrive", "ss -ltnp sport = :{port}; then end that program, or `port` of bgp in {file}"}
	bfdPort = &Problem{"bfd-port-taken", Fatal, "another program has a port of BFD",
		"no packet of a BFD session is heard: the session stays down, and what it watches is never established", "ss -lunp sport = :{port}; then end that program"}
	bgpBlocked = &Problem{"bgp-may-be-blocked", Hint, "the packet filter may drop BGP or BFD",
		"where it does, a session is never established, or BFD finds its path down", "nft list ruleset; and accept {what}"}
	bgpNumber = &Problem{"bgp-as-number", Hint, "the number of an AS is one that peers may not take",
		"a peer that knows 2-byte numbers alone gets 23456 in its place, and some route servers refuse that; numbers for documentation are filtered by many", "a private number of 16 bits, 64512–65534, as `local_as` in {file}"}
	bgpFlaps = &Problem{"bgp-flaps", Warning, "the group moves back soon after a failover, and nothing is damped",
		"route servers of clouds hold a second change within half a minute back: traffic goes to the node that has let go meanwhile", "`preempt: { delay: 30s }` or more, or `damping: { window: 40s }` for group {group} in {file}"}
)

// bgpSessions looks at what this node's BGP and BFD sessions need.
var bgpSessions = Check{
	Name: "bgp",
	Problems: []*Problem{bgpNoSource, bgpNoRoute, bgpBehindRouter, bgpRefused, bgpSilent, bgpCloses, bgpDown, bfdDown, bfdRefused, bgpFilter, bgpAnswers, bgpConnected,
		bgpSpeaker, bgpPort, bfdPort, bgpBlocked, bgpNumber, bgpFlaps},
	Run: func(ctx context.Context, e *Env) []Finding {
		peers, paths := e.bgpPeers(), e.bfdPaths()
		if len(peers) == 0 && len(paths) == 0 {
			return nil
		}
		links, err := e.Links()
		if err != nil {
			return []Finding{unchecked("BGP sessions", err.Error())}
		}
		var out []Finding
		ways := map[string]bool{} // interfaces that lead to peers
		for i := range peers {
			found, way := e.bgpPeer(ctx, links, &peers[i])
			if len(found) == 0 {
				found = []Finding{fine(bgpName(&peers[i]), "there is a way to it, and it takes connections")}
			}
			out = append(out, found...)
			if way != "" {
				ways[way] = true
			}
		}
		out = append(out, e.bfdHeard()...)
		out = append(out, e.bgpAddresses(links, ways)...)
		out = append(out, e.bgpPolicy()...)
		out = append(out, e.bgpBeside(peers, paths)...)
		return append(out, e.bgpFiltered(ctx, peers, paths)...)
	},
}

func bgpName(p *config.BGPPeer) string {
	return fmt.Sprintf("%s (AS %d at %s)", p.Name, p.AS, p.Address)
}

// bgpPeers are those with which this node has a session, as it sees them.
func (e *Env) bgpPeers() []config.BGPPeer {
	if e.Config == nil || e.Config.BGP == nil || e.Config.Self == "" {
		return nil
	}
	return slices.DeleteFunc(e.Config.BGP.For(e.Config.Self).Peers, func(p config.BGPPeer) bool { return !e.Config.SpeaksTo(e.Config.Self, p.Name) })
}

// bfdPath is a BFD session of this node.
type bfdPath struct {
	remote netip.Addr
	bfd    *config.BFD
}

// bfdPaths are those of peers and of checks.
func (e *Env) bfdPaths() (out []bfdPath) {
	for _, p := range e.bgpPeers() {
		if p.BFD != nil {
			out = append(out, bfdPath{p.Address, p.BFD})
		}
	}
	for _, g := range e.groups() {
		for i := range g.Checks {
			k := &g.Checks[i]
			if remote, err := netip.ParseAddr(k.Target); err == nil && k.BFD != nil {
				out = append(out, bfdPath{remote, k.BFD.For(e.Config.Self)})
			}
		}
	}
	return out
}

// bfdTiming is the shortest interval and the shortest detection time of BFD
// sessions; 0 without any.
func (e *Env) bfdTiming() (interval, detection time.Duration) {
	for _, p := range e.bfdPaths() {
		found := p.bfd.Interval * time.Duration(p.bfd.Multiplier)
		if interval == 0 || p.bfd.Interval < interval {
			interval = p.bfd.Interval
		}
		if detection == 0 || found < detection {
			detection = found
		}
	}
	return interval, detection
}

// bgpPeer looks for the way to a peer, and whether it takes connections; way is the
// interface that leads there.
func (e *Env) bgpPeer(ctx context.Context, links []Link, p *config.BGPPeer) (out []Finding, way string) {
	if p.Source.IsValid() && !slices.ContainsFunc(links, func(l Link) bool { return l.has(p.Source) }) {
		return []Finding{bgpNoSource.at(bgpName(p), fmt.Sprintf("no interface has %s", p.Source), "peer", p.Name, "file", e.File)}, ""
	}
	route, err := e.Route(p.Address, p.Source)
	switch {
	case cutOff(err):
		return []Finding{bgpNoRoute.at(bgpName(p), oneLine(err), "address", p.Address.String())}, ""
	case err != nil:
		return []Finding{unchecked("way to "+bgpName(p), oneLine(err))}, ""
	case route.Gateway.IsValid() && p.Multihop == 1:
		seen := fmt.Sprintf("the way there is through %s on %s", route.Gateway, route.Interface)
		return []Finding{bgpBehindRouter.at(bgpName(p), seen, "peer", p.Name, "file", e.File)}, route.Interface
	}
	if found, known := e.bgpHeard(p); known {
		return found, route.Interface // what the daemon was told says more than silence
	}
	return e.bgpConnects(ctx, p, cmp.Or(p.Source, route.Source)), route.Interface
}

// bgpConnects tries a connection, unless the daemon has one or is to wait for it.
func (e *Env) bgpConnects(ctx context.Context, p *config.BGPPeer, source netip.Addr) []Finding {
	if p.Passive {
		return nil
	}
	if there, err := e.connectedTo(p.Address); err != nil {
		return []Finding{unchecked("whether "+bgpName(p)+" takes connections", oneLine(err))}
	} else if there {
		return nil
	}
	if p.PasswordFile != "" && len(p.Password) == 0 {
		return []Finding{unchecked("whether "+bgpName(p)+" takes connections", "its password was not read")}
	}
	called, err := e.Call(ctx, Call{Remote: netip.AddrPortFrom(p.Address, p.Port), Source: p.Source, TTL: ttlOf(p), MD5: p.Password})
	fill := []string{"address", p.Address.String(), "port", fmt.Sprint(p.Port), "source", orUnknown(source)}
	switch {
	case cutOff(err):
		return []Finding{bgpNoRoute.at(bgpName(p), oneLine(err), fill...)}
	case err != nil:
		return []Finding{unchecked("whether "+bgpName(p)+" takes connections", oneLine(err))}
	case called == CallRefused:
		return []Finding{bgpRefused.at(bgpName(p), fmt.Sprintf("port %d: connection refused", p.Port), fill...)}
	case called == CallSilent:
		return []Finding{bgpSilent.at(bgpName(p), fmt.Sprintf("port %d: no answer within %s", p.Port, callWait), fill...)}
	case called == CallClosed:
		return []Finding{bgpCloses.at(bgpName(p), fmt.Sprintf("port %d: the connection was closed before anything was said", p.Port), fill...)}
	}
	return nil
}

// bgpHeard reads what the running daemon says of a session. It is not known where
// the daemon cannot say why there is none.
func (e *Env) bgpHeard(p *config.BGPPeer) (found []Finding, known bool) {
	if e.Status == nil {
		return nil, false
	}
	i := slices.IndexFunc(e.Status.BGP, func(s report.BGPSession) bool { return s.Name == p.Name })
	switch {
	case i < 0:
		return nil, false
	case e.Status.BGP[i].Up():
		return nil, true
	}
	s := &e.Status.BGP[i]
	seen := fmt.Sprintf("state %s after %d attempts", s.State, s.Attempts)
	if s.LastError != "" {
		seen += ": " + s.LastError
	}
	return []Finding{bgpDown.at(bgpName(p), seen, "address", p.Address.String())}, s.LastError != "" || p.Passive
}

// bfdHeard reads what the running daemon says of BFD sessions.
func (e *Env) bfdHeard() (out []Finding) {
	if e.Status == nil {
		return nil
	}
	for i := range e.Status.BFD {
		s := &e.Status.BFD[i]
		subject, fill := fmt.Sprintf("BFD with %s", s.Remote), []string{"address", s.Remote, "port", fmt.Sprint(bfd.PortSingleHop)}
		if s.Multihop {
			fill[3] = fmt.Sprint(bfd.PortMultihop)
		}
		switch {
		case s.Up():
			out = append(out, fine(subject, "up"))
		case s.Refused > 0:
			out = append(out, bfdRefused.at(subject, fmt.Sprintf("%d refused: %s", s.Refused, s.LastRefusal), fill...))
		default:
			out = append(out, bfdDown.at(subject, fmt.Sprintf("state %s, the other system's %s, %d packets heard", s.State, s.RemoteState, s.Received), fill...))
		}
	}
	return out
}

// ttlOf is the TTL of what is sent to a peer, as the daemon sends it.
func ttlOf(p *config.BGPPeer) int {
	if p.TTLSecurity {
		return 255
	}
	return p.Multihop
}

func orUnknown(a netip.Addr) string {
	if !a.IsValid() {
		return "this node's address"
	}
	return a.String()
}

// bgpPolicy looks at numbers and times that routers may not bear with.
func (e *Env) bgpPolicy() (out []Finding) {
	if e.Config.BGP == nil || len(e.bgpPeers()) == 0 {
		return nil
	}
	switch as := e.Config.BGP.LocalAS; {
	case as >= 64496 && as <= 64511, as >= 65536 && as <= 65551:
		out = append(out, bgpNumber.at(fmt.Sprintf("AS %d", as), "it is for documentation (RFC 5398)", "file", e.File))
	case as > 65535:
		out = append(out, bgpNumber.at(fmt.Sprintf("AS %d", as), "it does not fit into 16 bits", "file", e.File))
	}
	for _, g := range e.groups() {
		if g.Routes != nil && g.Preempt.Enabled && g.Damping < leastCalm && g.Preempt.Delay < leastCalm && len(g.Members) > 1 {
			out = append(out, bgpFlaps.at(g.Name, fmt.Sprintf("preempt.delay is %s, damping.window %s", g.Preempt.Delay, g.Damping), "group", g.Name, "file", e.File))
		}
	}
	return out
}

// leastCalm is for how long route servers of clouds hold a second change back.
const leastCalm = 30 * time.Second
