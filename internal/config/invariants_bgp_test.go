package config

import (
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"time"
)

// speakerInvariants are what the sessions and the core rely on.
func speakerInvariants(c *Config) error {
	var all []error
	bad := func(format string, args ...any) { all = append(all, fmt.Errorf(format, args...)) }
	for i := range c.Groups {
		if g := &c.Groups[i]; g.Routes != nil {
			if err := routesInvariants(c, g); err != nil {
				bad("group %q: %w", g.Name, err)
			}
		}
	}
	if c.BGP == nil {
		return errors.Join(all...)
	}
	if len(c.BGP.Peers) == 0 || len(c.BGP.Peers) > maxBGPPeers || reservedAS[c.BGP.LocalAS] != "" {
		bad("bgp %+v", c.BGP)
	}
	ids := map[netip.Addr]string{}
	for _, p := range c.BGP.Peers {
		if !p.Address.IsValid() || p.Address.IsMulticast() || !p.Passive && p.Port == 0 || reservedAS[p.AS] != "" || p.HoldTime < 3*time.Second || p.HoldTime%time.Second != 0 ||
			p.HoldTime > 65535*time.Second || p.ConnectRetry < 100*time.Millisecond || p.Multihop < 1 || p.Multihop > 255 || !p.IPv4 && !p.IPv6 || p.Passive && c.BGP.Port == 0 {
			bad("peer %+v", p)
		}
		if p.BFD != nil {
			if err := pathInvariants(p.BFD); err != nil {
				bad("peer %q: %w", p.Name, err)
			}
		}
		for _, n := range c.Speakers(p.Name) {
			own := c.BGP.For(n)
			if other, taken := ids[own.RouterID]; taken && other != n || !own.RouterID.Is4() || own.RouterID.IsUnspecified() {
				bad("node %q has the router ID %v, which %q has", n, own.RouterID, other)
			}
			ids[own.RouterID] = n
			if i := slices.IndexFunc(own.Peers, func(o BGPPeer) bool { return o.Name == p.Name }); own.Peers[i].Source.IsValid() && own.Peers[i].Source.Is4() != p.Address.Is4() {
				bad("node %q: peer %+v", n, own.Peers[i])
			}
		}
	}
	return errors.Join(all...)
}

func pathInvariants(d *BFD) error {
	if d == nil || d.Interval < leastBFD || d.Interval > mostBFD || d.MinRX < leastBFD || d.MinRX > mostBFD || d.Interval%time.Microsecond != 0 ||
		d.Multiplier < 2 || d.Multiplier > 255 || d.Multihop < 1 || d.Multihop > 255 {
		return fmt.Errorf("bfd %+v", d)
	}
	if a := d.Auth; a != nil {
		if _, ok := a.KeyFiles[a.KeyID]; !ok || a.Type != BFDAuthSHA1 && a.Type != BFDAuthMeticulousSHA1 || len(a.KeyFiles) > 2 {
			return fmt.Errorf("bfd auth %+v", a)
		}
	}
	return nil
}

func routesInvariants(c *Config, g *Group) error {
	r := g.Routes
	if c.BGP == nil || len(r.Prefixes) == 0 || len(r.Peers) == 0 || r.Linger < 0 || !slices.IsSorted(r.Peers) || !slices.IsSortedFunc(r.Prefixes, comparePrefixes) {
		return fmt.Errorf("bgp %+v", r)
	}
	for _, p := range r.Prefixes {
		if networkFault(p) != nil {
			return fmt.Errorf("prefix %s", p)
		}
	}
	if r.PerNode != nil && len(r.PerNode) != len(g.Members) {
		return fmt.Errorf("%d of %d members are named", len(r.PerNode), len(g.Members))
	}
	for _, a := range g.Members {
		of := r.For(a.Node)
		if of.Room < 0 || of.Room > of.Prepend.Active || of.Prepend.Active < 0 || len(of.NextHop) > 2 || !slices.IsSorted(of.Communities) {
			return fmt.Errorf("node %q: %+v", a.Node, of)
		}
		for _, o := range g.Members {
			for _, idle := range []int{r.For(o.Node).Prepend.Standby, r.For(o.Node).Prepend.Unhealthy, r.For(o.Node).Prepend.Drain} {
				worse := func(internal bool) bool {
					return r.For(o.Node).badness(internal, idle) > of.badness(internal, of.Prepend.Active)
				}
				if a.Node != o.Node && idle != Withdrawn && slices.ContainsFunc((&builder{cfg: c}).kinds(r), func(internal bool) bool { return !worse(internal) }) {
					return fmt.Errorf("%s announces %d while %s is active with %d", o.Node, idle, a.Node, of.Prepend.Active)
				}
			}
		}
	}
	return nil
}
