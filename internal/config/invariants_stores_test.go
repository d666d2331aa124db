package config

import (
	"errors"
	"fmt"
	"slices"
	"time"

	"stead/internal/adapter/store"
)

// leaseInvariants are what a lease and the daemon rely on.
func leaseInvariants(c *Config, g *Group) error {
	e, r := g.Election, g.Election.Right
	if r == nil || len(e.Voters) > 0 || e.Quorum || e.Witness != "" || e.OnQuorumLoss != "" || g.Sync != "" {
		return fmt.Errorf("election %+v", e)
	}
	if _, ok := c.Store(r.Store); !ok {
		return fmt.Errorf("there is no store %q", r.Store)
	}
	if r.TTL < leastTTL || r.TTL > mostTTL || r.TTL%time.Millisecond != 0 || r.Renew < leastRenew || r.Renew > r.TTL/3 {
		return fmt.Errorf("times %+v", r)
	}
	if agrees := r.OnLoss == StoreLossPeer; agrees != e.heartbeats() || agrees != (e.Interval > 0 && e.Multiplier > 1) || agrees && len(g.Members) < 2 {
		return fmt.Errorf("on loss of the store %+v of %+v", r, e)
	}
	return nil
}

// storeInvariants are what is relied on of stores, of what is kept there, and of gates.
func storeInvariants(c *Config) error {
	var all []error
	bad := func(format string, args ...any) { all = append(all, fmt.Errorf(format, args...)) }
	if !slices.IsSortedFunc(c.Stores, func(a, b Store) int { return compare(a.Name, b.Name) }) || len(c.Stores) > MaxStores {
		bad("stores %+v", c.Stores)
	}
	for _, s := range c.Stores {
		if _, err := store.Parse(s.URL); err != nil || s.Timeout <= 0 {
			bad("store %+v: %w", s, err)
		}
	}
	known := func(name string) {
		if _, ok := c.Store(name); !ok {
			bad("there is no store %q", name)
		}
	}
	for _, g := range c.Groups {
		if g.Election.Witness != "" {
			known(g.Election.Witness)
		}
		for _, k := range g.Checks {
			if (k.Kind == CheckProgress) != (k.Progress != nil) {
				bad("check %+v", k)
			}
			if k.Progress == nil {
				continue
			}
			if k.Progress.Stalled < 2*k.Interval || k.Target != k.Progress.At.From {
				bad("check %+v of %+v", k, k.Progress)
			}
			if name, _, found := cutStore(k.Progress.At.From); found {
				known(name)
			}
		}
	}
	if c.Gate != nil {
		if p := c.Gate.Progress; p != nil && (p.Stalled < 2*p.Interval || p.Pause <= 0) {
			bad("progress of a gate %+v", p)
		}
		if err := gateInvariants(c, c.Gate); err != nil {
			bad("gate %+v: %w", c.Gate, err)
		}
	}
	return errors.Join(all...)
}

func gateInvariants(c *Config, g *Gate) error {
	if g.Pair[0] == "" || g.Pair[0] >= g.Pair[1] || len(g.Sites) == 0 || len(g.Witnesses) == 0 {
		return errors.New("sites or witnesses are missing")
	}
	seen := map[string]bool{}
	for node, site := range g.Sites {
		if n, ok := c.Node(node); !ok || n.Role == RoleClient || seen[site] || !slices.Contains(g.Pair[:], site) {
			return fmt.Errorf("node %s guards %s", node, site)
		}
		seen[site] = true
		own := g.For(node)
		if own.Site != site || own.Other == site || !slices.Contains(g.Pair[:], own.Other) || own.Preferred != (site == g.Favourite) {
			return fmt.Errorf("node %s has the gate %+v", node, own)
		}
		if len(g.Listens) > 0 && own.Listen == "" || len(g.SendTo) > 0 && len(own.Advertise) == 0 {
			return fmt.Errorf("node %s listens at %q and sends to %q", node, own.Listen, own.Advertise)
		}
	}
	for _, w := range g.Witnesses {
		if _, ok := c.Store(w.Store); ok == w.Network || w.Network && len(g.Listens) == 0 {
			return fmt.Errorf("witness %+v", w)
		}
	}
	if _, ok := c.Store(g.Store); !ok && (g.Right || g.Store != "") {
		return errors.New("no store")
	}
	if g.Network() && len(c.Security.KeyFiles) == 0 {
		return errors.New("no key")
	}
	return g.Timing(c.GateTimeout()).Check()
}
