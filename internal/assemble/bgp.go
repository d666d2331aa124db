package assemble

import (
	"fmt"
	"net/netip"
	"slices"
	"time"

	"stead/internal/config"
	"stead/internal/core"
	"stead/internal/core/bgp"
)

// mostRetry bounds the pauses between attempts to reach a peer.
const mostRetry = 30 * time.Second

// staleMargin is how much longer than the hold time a silent node's path is taken to
// stay: its peers count from when they last heard it, and need a moment to withdraw.
const staleMargin = time.Second

// peersOf are the peers with which the node cfg.Self has sessions, with its own values.
func peersOf(cfg *config.Config) []config.BGPPeer {
	if cfg.BGP == nil {
		return nil
	}
	return slices.DeleteFunc(cfg.BGP.For(cfg.Self).Peers, func(p config.BGPPeer) bool { return !cfg.SpeaksTo(cfg.Self, p.Name) })
}

// peers is the core's view of the sessions. Watch has the BFD sessions beside them.
func peers(cfg *config.Config, incarnation uint64, watch *pathSessions) ([]core.Peer, error) {
	var out []core.Peer
	for _, p := range peersOf(cfg) {
		if p.PasswordFile != "" && len(p.Password) == 0 {
			return nil, fmt.Errorf("bgp peer %q: password file %s: not read yet", p.Name, p.PasswordFile)
		}
		own := cfg.BGP.For(cfg.Self)
		peer := core.Peer{Name: p.Name, BFD: -1, Session: bgp.Config{
			LocalAS:         own.LocalAS,
			PeerAS:          p.AS,
			RouterID:        own.RouterID,
			Peer:            p.Address,
			HoldTime:        p.HoldTime,
			Retry:           p.ConnectRetry,
			MaxRetry:        max(mostRetry, p.ConnectRetry),
			Passive:         p.Passive,
			IPv4:            p.IPv4,
			IPv6:            p.IPv6,
			ExtendedNextHop: p.ExtendedNextHop,
			WaitForBFD:      p.BFD != nil,
			Seed:            mixed(incarnation, "bgp "+p.Name),
		}}
		peer.Session.NextHop4, peer.Session.NextHop6 = otherHops(cfg, &p)
		if p.BFD != nil {
			peer.BFD = watch.place[pathOf(p.Address, p.BFD)]
		}
		out = append(out, peer)
	}
	return out, nil
}

// otherHops are the next hops of paths whose family is not that of the session: the
// node's own address. IPv4 over IPv6 needs none where the peer takes its IPv6 address.
func otherHops(cfg *config.Config, p *config.BGPPeer) (four, six netip.Addr) {
	n, ok := cfg.Node(cfg.Self)
	if !ok {
		return four, six
	}
	for _, a := range n.Addresses {
		switch {
		case p.Address.Is6() && a.Is4() && !four.IsValid() && !p.ExtendedNextHop:
			four = a
		case p.Address.Is4() && a.Is6() && !six.IsValid():
			six = a
		}
	}
	return four, six
}

// routes is what the node cfg.Self announces of a group; nil where it announces
// nothing. Those are the core's peers.
func routes(cfg *config.Config, g *config.Group, those []core.Peer) *core.Routes {
	if g.Routes == nil || !isMember(g, cfg.Self) {
		return nil
	}
	r := g.Routes.For(cfg.Self)
	out := &core.Routes{
		Prepend: core.Prepend{Active: r.Prepend.Active, Standby: r.Prepend.Standby, Unhealthy: r.Prepend.Unhealthy, Drain: r.Prepend.Drain},
		Room:    r.Room, LastChoice: g.Routes.LastChoice(),
		Needed: g.Election.Type != config.ElectionNone,
	}
	extended := true
	for i := range those {
		if !slices.Contains(r.Peers, those[i].Name) {
			continue
		}
		p := peerOf(cfg, those[i].Name)
		out.Peers = append(out.Peers, i)
		out.Graceful = append(out.Graceful, p.GracefulShutdown)
		out.Stale = max(out.Stale, p.HoldTime+staleMargin)
		extended = extended && p.ExtendedNextHop
	}
	for _, prefix := range r.Prefixes {
		out.Paths = append(out.Paths, pathTo(r, prefix, extended))
	}
	return out
}

func peerOf(cfg *config.Config, name string) *config.BGPPeer {
	i := slices.IndexFunc(cfg.BGP.Peers, func(p config.BGPPeer) bool { return p.Name == name })
	return &cfg.BGP.Peers[i]
}

// pathTo is the path to a prefix. Extended tells that all peers take IPv6 next hops
// for IPv4 prefixes.
func pathTo(r *config.Routes, prefix netip.Prefix, extended bool) bgp.Path {
	out := bgp.Path{Prefix: prefix, LocalPref: 100}
	for _, hop := range r.NextHop {
		if hop.Is4() == prefix.Addr().Is4() || extended && hop.Is6() && !out.NextHop.IsValid() {
			out.NextHop = hop
		}
	}
	if r.MED != nil {
		out.MED, out.HasMED = *r.MED, true
	}
	if r.LocalPref != nil {
		out.LocalPref = *r.LocalPref
	}
	for _, c := range r.Communities {
		out.Communities = append(out.Communities, bgp.Community(c))
	}
	for _, c := range r.Large {
		out.Large = append(out.Large, bgp.LargeCommunity{Global: c[0], Local1: c[1], Local2: c[2]})
	}
	return out
}
