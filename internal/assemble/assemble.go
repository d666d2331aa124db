// Package assemble turns a checked configuration into what the core has to
// know. The daemon and the simulator share it, so that what is simulated is
// what runs.
package assemble

import (
	"fmt"
	"net/netip"
	"slices"
	"time"

	"stead/internal/config"
	"stead/internal/core"
)

// CoreConfig returns the core's view of cfg for the node cfg.Self.
// Incarnation is a random number of this run of the daemon. Floors holds the
// stored epoch ceiling of each group by name; a group that is not in it starts
// from zero. An error says which name of cfg does not resolve, or which limit
// of the core cfg exceeds.
func CoreConfig(cfg *config.Config, incarnation uint64, floors map[string]uint64) (core.Config, error) {
	if len(cfg.Nodes) > core.MaxNodes {
		return core.Config{}, fmt.Errorf("nodes: %d are configured: %d is the limit", len(cfg.Nodes), core.MaxNodes)
	}
	ids := nodeIDs(cfg.Nodes)
	self, ok := ids[cfg.Self]
	if !ok {
		return core.Config{}, fmt.Errorf("node %q: not in the configuration: name one with --node", cfg.Self)
	}
	out := core.Config{
		Self:        self,
		Nodes:       nodes(cfg),
		Groups:      make([]core.Group, 0, len(cfg.Groups)),
		Incarnation: incarnation,
		Keys:        cfg.Security.Keys,
	}
	sessions := sessionsOf(cfg)
	var err error
	if out.Witness, out.WitnessStore, err = voter(cfg, incarnation|1); err != nil {
		return core.Config{}, err
	}
	if out.BFD, err = sessions.paths(incarnation); err != nil {
		return core.Config{}, err
	}
	if out.Peers, err = peers(cfg, incarnation, &sessions); err != nil {
		return core.Config{}, err
	}
	for i := range cfg.Groups {
		g, err := group(cfg, &cfg.Groups[i], ids, floors[cfg.Groups[i].Name])
		if err != nil {
			return core.Config{}, fmt.Errorf("group %q: %w", cfg.Groups[i].Name, err)
		}
		if err := takeLease(&cfg.Groups[i], cfg.Self, incarnation|1, &g); err != nil {
			return core.Config{}, fmt.Errorf("group %q: %w", cfg.Groups[i].Name, err)
		}
		g.Routes = routes(cfg, &cfg.Groups[i], out.Peers)
		watch(cfg, &cfg.Groups[i], &g, &sessions)
		out.Groups = append(out.Groups, g)
	}
	out.Interval = shortest(out.Groups)
	return out, nil
}

func nodeIDs(list []config.Node) map[string]core.NodeID {
	ids := make(map[string]core.NodeID, len(list))
	for i, n := range list {
		ids[n.Name] = core.NodeID(i)
	}
	return ids
}

func nodes(cfg *config.Config) []core.Node {
	out := make([]core.Node, len(cfg.Nodes))
	for i, n := range cfg.Nodes {
		out[i] = core.Node{
			Name:    n.Name,
			Witness: n.Role == config.RoleWitness,
			Client:  n.Role == config.RoleClient,
		}
		for _, a := range n.Addresses {
			out[i].Paths = append(out[i].Paths, netip.AddrPortFrom(a, cfg.Heartbeat.Port))
		}
	}
	return out
}

func group(cfg *config.Config, g *config.Group, ids map[string]core.NodeID, floor uint64) (core.Group, error) {
	out := core.Group{
		Name:             g.Name,
		Quorum:           g.Election.Quorum,
		Interval:         g.Election.Interval,
		Multiplier:       g.Election.Multiplier,
		Preempt:          g.Preempt.Enabled,
		PreemptDelay:     g.Preempt.Delay,
		StartDelay:       g.StartDelay,
		Linger:           g.Linger,
		Refresh:          g.Announce.Refresh,
		HoldOnQuorumLoss: g.Election.OnQuorumLoss == "hold",
		EpochFloor:       floor,
		Sync:             g.Sync,
		Everyone:         g.Election.Type == config.ElectionNone,
		Damping:          g.Damping,
	}
	out.StoreVotes = g.Election.Witness != ""
	if g.Routes != nil {
		out.Linger = max(out.Linger, g.Routes.Linger)
	}
	var err error
	if out.Router, err = router(g, cfg.Self, floor); err != nil {
		return out, err
	}
	_, out.PrepareHook = g.Hooks[config.HookPrepare]
	for _, m := range g.Members {
		id, ok := ids[m.Node]
		if !ok {
			return out, fmt.Errorf("member %q: no such node", m.Node)
		}
		out.Members = append(out.Members, core.Member{Node: id, Priority: m.Priority, Router: sourceOf(g, m.Node)})
	}
	for _, name := range g.Election.Voters {
		id, ok := ids[name]
		if !ok {
			return out, fmt.Errorf("voter %q: no such node", name)
		}
		out.Voters = append(out.Voters, id)
	}
	for _, c := range g.Checks {
		out.Checks = append(out.Checks, core.Check{
			Name: c.Name, Rise: c.Rise, Fall: c.Fall, Weight: c.Weight, Fatal: c.Fatal, Number: c.Number,
		})
	}
	if g.Election.VRRP != nil {
		out.RouterLink = g.Election.VRRP.Interface
		out.Interfaces = append(out.Interfaces, out.RouterLink)
	}
	for _, a := range g.Addresses {
		if !slices.Contains(out.Interfaces, a.Interface) {
			out.Interfaces = append(out.Interfaces, a.Interface)
		}
	}
	return out, nil
}

// watch names the session that each check by BFD is. A node that is not a member has none.
func watch(cfg *config.Config, from *config.Group, g *core.Group, sessions *pathSessions) {
	if !isMember(from, cfg.Self) {
		return
	}
	for i, k := range from.Checks {
		remote, err := netip.ParseAddr(k.Target)
		if k.BFD == nil || err != nil {
			continue
		}
		g.Checks[i].BFD, g.Checks[i].IsBFD = sessions.place[pathOf(remote, k.BFD.For(cfg.Self))], true
	}
}

// shortest is the heartbeat interval: one stream serves all groups, so it has
// to be as fast as the fastest of them. Groups that VRRP decides by advertisements
// alone need none; 0 says that no group does.
func shortest(groups []core.Group) time.Duration {
	var least time.Duration
	for i := range groups {
		if every := groups[i].Interval; every > 0 && (least == 0 || every < least) {
			least = every
		}
	}
	return least
}
