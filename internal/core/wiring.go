package core

import (
	"time"

	"stead/internal/core/peer"
)

// idleInterval is how often nodes that share no group would be heard. They are
// not: there is nothing between them to decide.
const idleInterval = time.Second

// peerConfig is what the election has to know.
func peerConfig(cfg *Config) *peer.Config {
	out := &peer.Config{Self: int(cfg.Self), Incarnation: cfg.Incarnation, Keys: cfg.Keys}
	for i := range cfg.Groups {
		if g := &cfg.Groups[i]; g.hasHeartbeats() {
			out.Groups = append(out.Groups, peerGroup(cfg, g))
		}
	}
	for i := range cfg.Nodes {
		n := &cfg.Nodes[i]
		node := peer.Node{Name: n.Name, Paths: len(n.Paths), Interval: pairInterval(cfg, NodeID(i))}
		if n.Client {
			node.Paths = 0
		}
		out.Nodes = append(out.Nodes, node)
	}
	if cfg.Witness != nil {
		out.Store = true
		out.Nodes = append(out.Nodes, peer.Node{Name: storeNode, Interval: idleInterval})
	}
	return out
}

// storeNode is what the store that votes is called among nodes: no node's name.
const storeNode = "the store"

func peerGroup(cfg *Config, g *Group) peer.Group {
	out := peer.Group{
		Name: g.Name, Priorities: make([]int, len(cfg.Nodes)+1), Quorum: g.Quorum,
		Interval: g.Interval, Lease: g.Lease(), Preempt: g.Preempt, PreemptDelay: g.PreemptDelay,
		StartDelay: g.StartDelay, Damping: g.Damping, HoldOnQuorumLoss: g.HoldOnQuorumLoss, Floor: g.EpochFloor,
	}
	if g.watched() || g.Pledged {
		out.Watch, out.Pledge = g.watched(), g.Pledged
		for _, m := range g.Members {
			out.Voters = append(out.Voters, int(m.Node))
		}
		return out
	}
	for _, m := range g.Members {
		out.Priorities[m.Node] = m.Priority
	}
	for _, v := range g.Voters {
		out.Voters = append(out.Voters, int(v))
	}
	if g.StoreVotes && cfg.Witness != nil {
		out.Voters = append(out.Voters, len(cfg.Nodes))
	}
	return out
}

// pairInterval is the shortest interval of the groups in which both this node
// and the other have a part: one stream of heartbeats serves them all.
func pairInterval(cfg *Config, other NodeID) time.Duration {
	interval := idleInterval
	for i := range cfg.Groups {
		g := &cfg.Groups[i]
		if g.hasHeartbeats() && g.has(cfg.Self) && g.has(other) {
			interval = min(interval, g.Interval)
		}
	}
	return interval
}

// byPeers tells whether the nodes elect among themselves. A group decided by
// VRRP in which this node has no part is nobody's here.
func (g *Group) byPeers() bool { return g.Router == nil && !g.Everyone && g.Right == nil }

// hasHeartbeats tells whether the nodes of a group have heartbeats for its sake.
func (g *Group) hasHeartbeats() bool { return g.byPeers() || g.watched() || g.Pledged }

// watched tells whether heartbeats find silent routers.
func (g *Group) watched() bool { return g.Router != nil && g.Router.Detector.Interval > 0 }

// has tells whether a node is a member or a voter.
func (g *Group) has(n NodeID) bool {
	for _, m := range g.Members {
		if m.Node == n {
			return true
		}
	}
	for _, v := range g.Voters {
		if v == n {
			return true
		}
	}
	return false
}
