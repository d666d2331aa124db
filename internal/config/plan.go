package config

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"
)

// Plan is a configuration in words: what a node does with it.
type Plan struct {
	File      string      `json:"file"`
	Node      string      `json:"node,omitempty"` // empty: it is told for all nodes
	Role      Role        `json:"role,omitempty"`
	Nodes     []PlanNode  `json:"nodes"`
	Fence     string      `json:"fence"`
	Realtime  string      `json:"realtime"`
	Heartbeat PlanBeat    `json:"heartbeat"`
	Overlays  []PlanLayer `json:"overlays"`
	Groups    []PlanGroup `json:"groups"`
	Control   string      `json:"control_socket"`
	Listen    string      `json:"http_listen,omitempty"`
	BGP       *PlanBGP    `json:"bgp,omitempty"`
	Stores    []string    `json:"stores,omitempty"`
	Gate      *PlanGate   `json:"gate,omitempty"`
	Notify    PlanNotify  `json:"notify"`
	Log       string      `json:"log"`
}

// PlanNode is a node with its addresses.
type PlanNode struct {
	Name      string   `json:"name"`
	Role      Role     `json:"role"`
	Addresses []string `json:"addresses"`
}

// PlanBeat is how often and to whom heartbeats go.
type PlanBeat struct {
	IntervalMS float64  `json:"interval_ms"` // the shortest of the groups'; 0 where no group needs heartbeats
	Port       uint16   `json:"port"`
	Paths      int      `json:"paths"`
	To         []string `json:"to"`
}

// PlanLayer is an overlay.
type PlanLayer struct {
	Name     string   `json:"name"`
	VNI      uint32   `json:"vni"`
	Port     uint16   `json:"port"`
	Underlay string   `json:"underlay"`
	MTU      int      `json:"mtu,omitempty"`     // 0: that of the underlay less the headers
	Address  string   `json:"address,omitempty"` // of the node that the plan is about
	Remotes  []string `json:"remotes"`           // endpoints that broadcasts go to
}

// PlanGroup is a group.
type PlanGroup struct {
	Name         string   `json:"name"`
	Part         string   `json:"part,omitempty"`  // of the node that the plan is about: preferred, standby, equal, votes, none
	Preference   []string `json:"preference"`      // members, the best first
	Election     string   `json:"election"`        // peer, vrrp, none or lease
	DetectionMS  float64  `json:"detection_ms"`    // a silent fault is found after
	IntervalMS   float64  `json:"interval_ms"`     // between heartbeats; 0 without
	Multiplier   int      `json:"multiplier"`      // heartbeats that may be lost, and one
	Timing       string   `json:"timing"`          // preset, or custom
	Quorum       bool     `json:"quorum"`          // a majority decides
	Voters       []string `json:"voters"`          // none with vrrp
	Majority     int      `json:"majority"`        // 0 without quorum
	OnQuorumLoss string   `json:"on_quorum_loss"`  //
	Addresses    []string `json:"addresses"`       // `192.168.0.200/24 on vxlan0`
	Checks       []string `json:"checks"`          // in words
	Hooks        []string `json:"hooks"`           // in words
	PreemptDelay float64  `json:"preempt_delay_s"` // -1: a better node does not take over
	Words        []string `json:"words"`           // the election in sentences

	VRRP    *PlanVRRP  `json:"vrrp,omitempty"`          // of the election vrrp
	Lease   *PlanLease `json:"lease,omitempty"`         // of the election lease
	Witness string     `json:"witness_store,omitempty"` // the store that votes
	Sync    string     `json:"sync,omitempty"`

	BGP      []PlanRoutes `json:"bgp,omitempty"`       // what is announced
	DampingS float64      `json:"damping_s,omitempty"` // for how long a change waits after another
}

// Describe tells what the configuration means for one node, or for all when node is empty.
func Describe(c *Config, node string) (*Plan, error) {
	p := &Plan{File: c.File, Node: node, Fence: fenceWords(c.Fence), Realtime: realtimeWords(c.Realtime), Control: c.Control.Socket,
		Listen: c.HTTP.Listen, BGP: c.planBGP(node), Stores: c.planStores(), Gate: c.planGate(node), Notify: c.planNotify(), Log: c.Log.words(), Overlays: []PlanLayer{}, Groups: []PlanGroup{}}
	if node != "" {
		self, ok := c.Node(node)
		if !ok {
			return nil, fmt.Errorf("%s: node %q is not in the configuration: %s", c.File, node, didYouMean(node, nodeNames(c)))
		}
		p.Role = self.Role
	}
	for _, n := range c.Nodes {
		pn := PlanNode{Name: n.Name, Role: n.Role}
		for _, a := range n.Addresses {
			pn.Addresses = append(pn.Addresses, a.String())
		}
		p.Nodes = append(p.Nodes, pn)
	}
	p.Heartbeat = c.planBeat(node)
	for i := range c.Overlays {
		p.Overlays = append(p.Overlays, c.planOverlay(&c.Overlays[i], node))
	}
	for i := range c.Groups {
		p.Groups = append(p.Groups, c.planGroup(&c.Groups[i], node))
	}
	return p, nil
}

func (c *Config) planBeat(node string) PlanBeat {
	beat := PlanBeat{Port: c.Heartbeat.Port, To: []string{}}
	for _, g := range c.Groups {
		if ms := milliseconds(g.Election.Interval); ms > 0 && (beat.IntervalMS == 0 || ms < beat.IntervalMS) {
			beat.IntervalMS = ms
		}
	}
	self, _ := c.Node(node)
	if self != nil && self.Role == RoleClient {
		return beat
	}
	for _, n := range c.Nodes {
		if n.Role == RoleClient {
			continue
		}
		beat.Paths = len(n.Addresses)
		if n.Name != node {
			beat.To = append(beat.To, n.Name)
		}
	}
	return beat
}

func (c *Config) planOverlay(o *Overlay, node string) PlanLayer {
	layer := PlanLayer{Name: o.Name, VNI: o.VNI, Port: o.Port, Underlay: o.Underlay, MTU: o.MTU, Remotes: []string{}}
	if p, ok := o.Addresses[node]; ok {
		layer.Address = p.String()
	}
	for _, n := range c.Nodes {
		if n.Name != node {
			layer.Remotes = append(layer.Remotes, n.Addresses[0].String())
		}
	}
	for _, r := range o.Remotes {
		layer.Remotes = append(layer.Remotes, r.String())
	}
	return layer
}

func (c *Config) planGroup(g *Group, node string) PlanGroup {
	e := g.Election
	p := PlanGroup{Name: g.Name, Election: e.Type, VRRP: planVRRP(g, node), Lease: planLease(e), Witness: e.Witness, Sync: g.Sync, DetectionMS: milliseconds(e.Lease()), IntervalMS: milliseconds(e.Interval), Multiplier: e.Multiplier,
		Timing: e.Timing, Quorum: e.Quorum, Voters: append([]string{}, e.Voters...), OnQuorumLoss: e.OnQuorumLoss, PreemptDelay: -1,
		Addresses: []string{}, Checks: []string{}, Hooks: []string{}}
	if e.VRRP != nil && e.VRRP.Detect == DetectAdvertisement {
		p.DetectionMS = milliseconds(e.VRRP.downAfter(leastPriority(g)))
	}
	if e.Right != nil {
		p.DetectionMS = milliseconds(e.Right.TTL)
	}
	if g.Preempt.Enabled {
		p.PreemptDelay = g.Preempt.Delay.Seconds()
	}
	if e.Quorum {
		p.Majority = e.Votes()/2 + 1
	}
	p.Preference = preference(g)
	p.Part = part(c, g, node)
	for _, a := range g.Addresses {
		text := a.Prefix.String() + " on " + a.Interface
		if a.Excluded {
			text += ", not advertised"
		}
		p.Addresses = append(p.Addresses, text)
	}
	for i := range g.Checks {
		p.Checks = append(p.Checks, checkWords(&g.Checks[i]))
	}
	for _, kind := range hookKinds {
		if h, ok := g.Hooks[kind]; ok {
			p.Hooks = append(p.Hooks, hookWords(kind, h))
		}
	}
	p.Words = slices.Concat(electionWords(g), dampingWords(g), c.stayWords(g))
	p.BGP, p.DampingS = c.planRoutes(g, node), g.Damping.Seconds()
	return p
}

// preference is the members in the order in which they are wanted: by priority,
// then by name, as the core compares them; by name where nobody is elected.
func preference(g *Group) []string {
	members := slices.Clone(g.Members)
	if g.Election.Type != ElectionNone {
		slices.SortFunc(members, func(a, b Member) int {
			return cmp.Or(cmp.Compare(b.Priority, a.Priority), strings.Compare(b.Node, a.Node))
		})
	}
	names := make([]string, len(members))
	for i, m := range members {
		names[i] = m.Node
	}
	return names
}

func part(c *Config, g *Group, node string) string {
	n, ok := c.Node(node)
	order := preference(g)
	switch {
	case !ok:
		return ""
	case g.Election.Type == ElectionNone && slices.Contains(order, node):
		return "equal"
	case order[0] == node:
		return "preferred"
	case slices.Contains(order, node):
		return "standby"
	case n.Role == RoleWitness && g.Election.Type == ElectionPeer:
		return "votes"
	default:
		return "none"
	}
}

func milliseconds(d time.Duration) float64 { return float64(d) / float64(time.Millisecond) }
