package config

import (
	"net/netip"
	"slices"
	"time"
)

// BGP is how this node speaks BGP (RFC 4271). Where the file names values by
// node, those of Config.Self stand here; of a file that was read for no node, none.
type BGP struct {
	LocalAS  uint32     // `local_as:` 1 to 4294967295, also as 1.10 (RFC 5396)
	RouterID netip.Addr // `router_id:` an IPv4 address, or one by node; default: the first IPv4 address of the node
	// RouterIDs are those of all nodes that announce something.
	RouterIDs map[string]netip.Addr
	Port      uint16    // `port:` where connections of peers are taken; default 179 when a peer is passive, else 0: none
	Peers     []BGPPeer // sorted by name
}

// BGPPeer is a router to which this node announces.
type BGPPeer struct {
	Name             string
	Address          netip.Addr    // not link-local
	Port             uint16        // default 179
	AS               uint32        // of the peer; equal to LocalAS: internal
	HoldTime         time.Duration // 3 s to 65535 s, whole seconds; default 9 s
	ConnectRetry     time.Duration // first pause between attempts, doubles up to 30 s; 100 ms to 5 min, default 1 s
	Passive          bool          // wait for the peer to connect
	Multihop         int           // hops to the peer: 1 (default; the peer is on a link of this node) to 255
	TTLSecurity      bool          // GTSM (RFC 5082): send TTL 255, accept no packet that passed more than Multihop hops
	PasswordFile     string        // TCP MD5 signature (RFC 2385)
	Password         []byte        // its content, 1 to 80 bytes
	Source           netip.Addr    // `source:` an address of this node, or one by node; zero: the kernel's choice
	Sources          map[string]netip.Addr
	IPv4, IPv6       bool // `families:`; default: those of the prefixes that groups announce to it
	ExtendedNextHop  bool // `extended_next_hop:` IPv4 prefixes with IPv6 next hops (RFC 8950); default false
	GracefulShutdown bool // `graceful_shutdown:` mark paths of a node that is drained with GRACEFUL_SHUTDOWN (RFC 8326)
	BFD              *BFD // nil: none
}

// The types of BFDAuth.
const (
	BFDAuthSHA1           = "sha1"
	BFDAuthMeticulousSHA1 = "meticulous-sha1"
)

// BFD is a session of Bidirectional Forwarding Detection (RFC 5880).
type BFD struct {
	Interval   time.Duration         // `interval:` Desired Min TX Interval: 5 ms to 60 s, default 50 ms
	MinRX      time.Duration         // `min_rx:` Required Min RX Interval; default Interval
	Multiplier int                   // Detect Mult: 2 to 255, default 3
	Multihop   int                   // 1 (default of a check; that of the peer for a BGP session): single hop (RFC 5881); 2 to 255: multihop (RFC 5883), and how many hops at most
	Source     netip.Addr            // default: that of the BGP session, else any
	Sources    map[string]netip.Addr // by node
	Passive    bool
	Auth       *BFDAuth
}

// BFDAuth authenticates Control packets (RFC 5880 section 6.7).
type BFDAuth struct {
	Type     string // sha1 or meticulous-sha1
	KeyFiles map[uint8]string
	Keys     map[uint8][]byte // their contents: 1 to 20 bytes
	KeyID    uint8            // the one that signs
}

// Withdrawn says that nothing is announced in a role.
const Withdrawn = -1

// Routes is what a group announces by BGP.
type Routes struct {
	Prefixes    []netip.Prefix // default: the group's addresses as /32 and /128
	Peers       []string       // sorted; default: all
	NextHop     []netip.Addr   // `next_hop:` one of each family at most; default: the session's own address
	Communities []uint32       // RFC 1997, sorted: "65010:100", no-export, no-advertise, blackhole, graceful-shutdown …
	Large       [][3]uint32    // RFC 8092, sorted: "65010:1:2", in the same list
	MED         *uint32        // nil: none
	LocalPref   *uint32        // to internal peers, before what is prepended is taken off; nil: 100
	Prepend     Prepend
	Room        int               // `room:` 0 to Prepend.Active: by how much the path of a node that took over from a silent one is shorter; default 2 where Prepend.Active is not given and the nodes elect, else Prepend.Active
	PerNode     map[string]Routes // `per_node:` what each node announces, complete; nil where all announce the same
	Linger      time.Duration     // `linger:` how long the old path stays, marked and prepended as drained, after a planned change; default 1 s, 0 to 60 s
}

// Prepend is how often the local AS is prepended in each role, 0 to 100, or
// Withdrawn.
type Prepend struct {
	Active    int // default: Room
	Standby   int // default Withdrawn
	Unhealthy int // default Withdrawn
	Drain     int // default Withdrawn; a path that lingers is then prepended LastChoice times
}

// For is how one node speaks BGP: with its own router ID and sources.
func (b *BGP) For(node string) *BGP {
	out := *b
	out.RouterID = b.RouterIDs[node]
	out.Peers = slices.Clone(b.Peers)
	for i := range out.Peers {
		p := &out.Peers[i]
		p.Source = p.Sources[node]
		p.BFD = p.BFD.For(node)
	}
	return &out
}

// For is the session of one node: with its own source.
func (d *BFD) For(node string) *BFD {
	if d == nil {
		return nil
	}
	out := *d
	out.Source = d.Sources[node]
	return &out
}

// lastChoice is by how much longer than the paths of active nodes one is that
// routers are to take only where there is no other.
const lastChoice = 2

// LastChoice is how often the local AS is prepended by such a path: more often than
// by any node while it is active, which is what the others may be.
func (r *Routes) LastChoice() int {
	most := max(r.Prepend.Active, 0)
	for _, own := range r.PerNode {
		most = max(most, own.Prepend.Active)
	}
	return most + lastChoice
}

// For is what one node announces.
func (r *Routes) For(node string) *Routes {
	if r == nil {
		return nil
	}
	if own, ok := r.PerNode[node]; ok {
		return &own
	}
	return r
}

// SpeaksTo tells whether a node has a session with a peer: it is a member of a
// group that is announced to it.
func (c *Config) SpeaksTo(node, peer string) bool {
	for i := range c.Groups {
		if g := &c.Groups[i]; g.Routes != nil && slices.Contains(g.Routes.Peers, peer) && g.hasMember(node) {
			return true
		}
	}
	return false
}

// Speakers are the nodes that have a session with a peer, sorted.
func (c *Config) Speakers(peer string) []string {
	var names []string
	for _, n := range c.Nodes {
		if c.SpeaksTo(n.Name, peer) {
			names = append(names, n.Name)
		}
	}
	return names
}

func (g *Group) hasMember(node string) bool {
	return slices.ContainsFunc(g.Members, func(m Member) bool { return m.Node == node })
}

// become makes cfg that of one node.
func (c *Config) become(node string) {
	c.Self = node
	if c.BGP != nil {
		c.BGP = c.BGP.For(node)
	}
	c.Gate = c.Gate.For(node)
	for i := range c.Groups {
		g := &c.Groups[i]
		for j := range g.Checks {
			g.Checks[j].BFD = g.Checks[j].BFD.For(node)
		}
		if own, ok := g.Routes.perNode(node); ok {
			own.PerNode = g.Routes.PerNode
			g.Routes = &own
		}
	}
}

func (r *Routes) perNode(node string) (Routes, bool) {
	if r == nil {
		return Routes{}, false
	}
	own, ok := r.PerNode[node]
	return own, ok
}
