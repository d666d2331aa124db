package config

import (
	"errors"
	"fmt"
	"io"
	"net/netip"
	"slices"
	"testing"
	"time"
)

// invariants are what the rest of the program relies on in every Config.
func invariants(c *Config) error {
	var all []error
	bad := func(format string, args ...any) { all = append(all, fmt.Errorf(format, args...)) }
	if len(c.Nodes) < 1 || len(c.Nodes) > MaxNodes || len(c.Groups) > MaxGroups {
		bad("%d nodes, %d groups", len(c.Nodes), len(c.Groups))
	}
	if !slices.IsSortedFunc(c.Nodes, func(a, b Node) int { return compare(a.Name, b.Name) }) ||
		!slices.IsSortedFunc(c.Groups, func(a, b Group) int { return compare(a.Name, b.Name) }) {
		bad("not sorted")
	}
	owner := map[netip.Addr]string{}
	own := func(a netip.Addr, who string) {
		if !a.IsValid() || a.Zone() != "" && !a.IsLinkLocalUnicast() || a.Is4In6() || a.IsUnspecified() || a.IsMulticast() {
			bad("%s has the address %v", who, a)
		}
		if other, taken := owner[a]; taken && other != who {
			bad("%s and %s have the address %v", who, other, a)
		}
		owner[a] = who
	}
	for _, n := range c.Nodes {
		if len(n.Addresses) < 1 || len(n.Addresses) > MaxPaths || !slices.Contains([]Role{RoleMember, RoleWitness, RoleClient}, n.Role) {
			bad("node %+v", n)
		}
		for _, a := range n.Addresses {
			own(a, "node "+n.Name)
		}
	}
	for _, o := range c.Overlays {
		if o.Type != "vxlan" || o.VNI >= 1<<24 || o.Port == 0 || o.Underlay == "" || o.Underlay == o.Name ||
			o.MTU != 0 && (o.MTU < 576 || o.MTU > 65535) || o.Port == c.Heartbeat.Port {
			bad("overlay %+v", o)
		}
		for name, p := range o.Addresses {
			if _, ok := c.Node(name); !ok {
				bad("overlay %s names node %q", o.Name, name)
			}
			own(p.Addr(), "node "+name)
		}
	}
	for i := range c.Groups {
		if err := groupInvariants(c, &c.Groups[i], own); err != nil {
			all = append(all, fmt.Errorf("group %q: %w", c.Groups[i].Name, err))
		}
	}
	if err := speakerInvariants(c); err != nil {
		all = append(all, err)
	}
	if err := storeInvariants(c); err != nil {
		all = append(all, err)
	}
	if c.Heartbeat.Port == 0 || c.Control.Socket == "" || c.State.Dir == "" || c.Realtime.Priority < 1 || c.Realtime.Priority > 99 {
		bad("daemon: %+v %+v %+v %+v", c.Heartbeat, c.Control, c.State, c.Realtime)
	}
	return errors.Join(all...)
}

func compare(a, b string) int {
	if a < b {
		return -1
	}
	return 1 // equal names are out of order: they may not be
}

func groupInvariants(c *Config, g *Group, own func(netip.Addr, string)) error {
	var all []error
	bad := func(format string, args ...any) { all = append(all, fmt.Errorf(format, args...)) }
	owners := 0
	for _, m := range g.Members {
		if n, ok := c.Node(m.Node); !ok || n.Role != RoleMember || m.Priority < 1 || m.Priority > 255 {
			bad("member %+v", m)
		}
		if m.Priority == 255 {
			owners++
		}
		if g.Election.Type == ElectionPeer && !slices.Contains(g.Election.Voters, m.Node) {
			bad("member %s has no vote", m.Node)
		}
	}
	e := g.Election
	if len(g.Members) == 0 || owners > 1 || (e.Type == ElectionVRRP) != (e.VRRP != nil) {
		bad("members %+v, election %+v", g.Members, e)
	}
	if e.VRRP != nil {
		if err := routerInvariants(g); err != nil {
			bad("%w", err)
		}
	} else if e.Type == ElectionNone {
		if g.Sync != "" || e.Interval != 0 || len(e.Voters) > 0 || e.Quorum || g.Preempt.Enabled || g.Routes != nil && g.Routes.Room != 0 {
			bad("without election: %+v", g)
		}
	} else if e.Type == ElectionLease {
		if err := leaseInvariants(c, g); err != nil {
			bad("%w", err)
		}
	} else if e.Right != nil || g.Sync != "" || e.Type != ElectionPeer || e.Interval < time.Millisecond || e.Interval > time.Minute ||
		e.Multiplier < 2 || e.Multiplier > 100 || e.Quorum && e.Votes() < 3 || e.Witness != "" && !e.Quorum || e.OnQuorumLoss != "release" && e.OnQuorumLoss != "hold" {
		bad("members %+v, election %+v", g.Members, e)
	}
	if g.Linger < 0 || g.StartDelay < 0 || g.Preempt.Delay < 0 || g.Announce.Refresh < 0 {
		bad("times %v %v %v %v", g.Linger, g.StartDelay, g.Preempt, g.Announce)
	}
	for i, a := range g.Addresses {
		if a.Interface == "" || len(a.Interface) > 15 || !a.Prefix.IsValid() {
			bad("address %+v", a)
		}
		own(scoped(a), fmt.Sprintf("group %s address %d", g.Name, i))
	}
	for _, k := range g.Checks {
		least := 10 * time.Millisecond
		if k.Kind == CheckExec {
			least = leastExecInterval
		}
		if k.Kind == CheckBFD {
			if err := pathInvariants(k.BFD); err != nil || k.Interval != 0 || k.Timeout != 0 || k.Rise != 1 || k.Fall != 1 {
				bad("check %+v: %w", k, err)
			}
			if _, err := netip.ParseAddr(k.Target); err != nil {
				bad("check %+v: %w", k, err)
			}
			continue
		}
		if k.BFD != nil || k.Interval < least || k.Timeout <= 0 || k.Timeout > k.Interval || k.Rise < 1 || k.Fall < 1 ||
			(k.Kind == CheckExec) != (len(k.Command) > 0) || (k.Target == "") != (k.Kind == CheckExec) {
			bad("check %+v", k)
		}
	}
	for kind, h := range g.Hooks {
		if len(h.Command) == 0 || h.Timeout <= 0 || h.Shell && len(h.Command) != 1 {
			bad("hook %s %+v", kind, h)
		}
	}
	return errors.Join(all...)
}

// routerInvariants are what the virtual router of a group and the adapters rely on.
func routerInvariants(g *Group) error {
	r, e := g.Election.VRRP, g.Election
	var all []error
	bad := func(format string, args ...any) { all = append(all, fmt.Errorf(format, args...)) }
	heartbeats := r.Detect == DetectHeartbeat
	if len(e.Voters) > 0 || e.Quorum || heartbeats != (e.Interval > 0) || heartbeats != (e.Multiplier > 0) || heartbeats && len(g.Members) < 2 {
		bad("election %+v", e)
	}
	if r.VRID == 0 || r.Interface == "" || r.Version != 2 && r.Version != 3 || r.Version == 2 && r.IPv6 || r.DownAdverts < 1 ||
		r.TTL < 1 || r.TTL > 255 || r.MinTTL < 1 || r.MinTTL > 255 || !r.Unicast && r.TTL != 255 {
		bad("router %+v", r)
	}
	step, least, most := 10*time.Millisecond, 10*time.Millisecond, 40950*time.Millisecond
	if r.Version == 2 {
		step, least, most = time.Second, time.Second, 255*time.Second
	}
	if r.Interval < least || r.Interval > most || r.Interval%step != 0 {
		bad("interval %v of version %d", r.Interval, r.Version)
	}
	count := 0
	for _, a := range g.Addresses {
		if !a.Excluded {
			count++
			if a.Prefix.Addr().Is6() != r.IPv6 {
				bad("%s is advertised", a.Prefix)
			}
		}
	}
	if count < 1 || count > 255 {
		bad("%d addresses are advertised", count)
	}
	if r.Unicast != (len(r.Peers) > 0) || r.Unicast == r.Group.IsValid() || r.Group.IsValid() && (!r.Group.IsMulticast() || r.Group.Is6() != r.IPv6) {
		bad("peers %v, group %v", r.Peers, r.Group)
	}
	for _, m := range g.Members {
		own, known := r.Sources[m.Node]
		if known && own.Is6() != r.IPv6 || r.Unicast && !slices.ContainsFunc(r.Peers, func(a netip.Addr) bool { return a != own }) ||
			r.Unicast && len(g.Members) > 1 && !slices.Contains(r.Peers, own) {
			bad("member %s from %v to %v", m.Node, own, r.Peers)
		}
	}
	if a := r.Auth; a != nil {
		if _, ok := a.KeyFiles[a.KeyID]; !ok || (a.Type == AuthHMAC) != (r.Version == 3) || (a.Type == AuthHMAC) != (a.Replay != "") {
			bad("auth %+v", a)
		}
	}
	return errors.Join(all...)
}

// describeEveryNode: every accepted configuration can be told in words.
func describeEveryNode(t testing.TB, c *Config) {
	for _, node := range append([]string{""}, nodeNames(c)...) {
		plan, err := Describe(c, node)
		if err != nil {
			t.Fatal(err)
		}
		if err := plan.WriteText(io.Discard); err != nil {
			t.Fatal(err)
		}
	}
}
