// Package config reads the configuration file and checks it as a whole.
//
// What it returns is complete: defaults are filled in, names are resolved, and
// every value is one that the rest of the program can act on. A file with any
// mistake is refused, and all its mistakes are reported in one run.
package config

import (
	"cmp"
	"net/netip"
	"slices"
	"time"
)

// Config is a checked configuration, as one node sees it.
type Config struct {
	File      string
	Self      string // the node that this process is; empty when it was not asked for
	Nodes     []Node // sorted by name
	Security  Security
	Heartbeat Heartbeat
	Overlays  []Overlay // sorted by name
	Groups    []Group   // sorted by name
	BGP       *BGP      // nil: nothing is announced by BGP
	Stores    []Store   // sorted by name
	Gate      *Gate     // nil: this daemon holds no workload back
	Control   Control
	HTTP      HTTP
	State     State
	Notify    Notify
	Log       Log
	Realtime  Realtime
	Fence     FenceMode
	Warnings  []Problem // what is allowed, but seldom meant
}

// Node finds a node by its name.
func (c *Config) Node(name string) (*Node, bool) {
	i, ok := slices.BinarySearchFunc(c.Nodes, name, func(n Node, name string) int { return cmp.Compare(n.Name, name) })
	if !ok {
		return nil, false
	}
	return &c.Nodes[i], true
}

// Group finds a group by its name.
func (c *Config) Group(name string) (*Group, bool) {
	i, ok := slices.BinarySearchFunc(c.Groups, name, func(g Group, name string) int { return cmp.Compare(g.Name, name) })
	if !ok {
		return nil, false
	}
	return &c.Groups[i], true
}

// Heartbeats tells whether nodes exchange any: not where every group has no
// election, or is decided by VRRP whose advertisements find the faults, or by a
// lease that no peer has a say in.
func (c *Config) Heartbeats() bool {
	return len(c.Groups) == 0 && c.Gate == nil || slices.ContainsFunc(c.Groups, func(g Group) bool { return g.Election.heartbeats() })
}

// Role is what a node may do.
type Role string

// The roles of a node.
const (
	RoleMember  Role = "member"  // may hold groups that name it, and votes in them
	RoleWitness Role = "witness" // votes in every group, never holds
	RoleClient  Role = "client"  // in the overlays only
)

// Node is a machine. Its first address is the underlay address of its overlays.
type Node struct {
	Name      string
	Addresses []netip.Addr // one for each path; `address:` or `addresses:`
	Role      Role
}

// Security holds the keys that authenticate all traffic between nodes.
type Security struct {
	KeyFiles []string // `key_file:` and, during a rotation, `previous_key_file:`
	Keys     [][]byte // their contents, 16 bytes or more each; the first signs
}

// Heartbeat is what is common to all heartbeats.
type Heartbeat struct {
	Port uint16 // UDP, default 9176
}

// Overlay is a network that Stead builds over the underlay.
type Overlay struct {
	Name      string                  // of the device
	Type      string                  // vxlan
	VNI       uint32                  // 0 to 16777215
	Port      uint16                  // UDP, default 4789
	Underlay  string                  // the interface that carries it
	MTU       int                     // 0: derived from the underlay
	Remotes   []netip.Addr            // further tunnel endpoints beside the nodes
	Addresses map[string]netip.Prefix // by node
	MAC       map[string]string       // by node; empty: derived by the kernel
}

// Timing presets: a promise that nothing fails over by mistake.
const (
	TimingFast   = "fast"   // 5 ms x 3, wants real-time priority
	TimingLAN    = "lan"    // 10 ms x 4
	TimingCloud  = "cloud"  // 50 ms x 4, the default
	TimingWAN    = "wan"    // 500 ms x 4
	TimingCustom = "custom" // interval and multiplier were given
)

// Group is a set of addresses that move together.
type Group struct {
	Name       string
	Members    []Member // sorted by name
	Election   Election
	Preempt    Preempt
	StartDelay time.Duration // `start_delay:`
	Linger     time.Duration // default 20 ms
	Addresses  []Address
	Checks     []Check // sorted by name
	Hooks      map[HookKind]Hook
	Sync       string // groups with the same name change together: only with vrrp
	Announce   Announce
	Damping    time.Duration // `damping.window:` after a change of the active node, for how long the next one that nothing forces waits; default 0, with Routes 40 s
	Routes     *Routes       // `bgp:`; nil: the group is not announced by BGP
}

// Member is a node that may hold the group.
type Member struct {
	Node     string
	Priority int // 1 to 254; 255 never yields to another priority
}

// The types of election.
const (
	ElectionPeer  = "peer"  // Stead's own
	ElectionVRRP  = "vrrp"  // RFC 9568
	ElectionNone  = "none"  // every node that is ready is active
	ElectionLease = "lease" // a record in a shared store, replaced by compare and swap
)

// What becomes of an active node that cannot renew its lease because the store
// cannot be reached.
const (
	StoreLossRelease = "release"             // it lets go before the lease ends
	StoreLossPeer    = "hold-if-peer-agrees" // it goes on while every other member hears it and says so
	StoreLossHold    = "hold"                // it goes on; a node that reaches the store may become active as well
)

// What finds a silent router of a virtual router.
const (
	DetectAdvertisement = "advertisement"
	DetectHeartbeat     = "heartbeat"
)

// The types of VRRPAuth.
const (
	AuthHMAC     = "hmac"
	AuthPassword = "password"
)

// Election is how the active node is decided.
type Election struct {
	Type         string // peer, vrrp, none or lease
	Timing       string
	Interval     time.Duration // 1 ms to 60 s
	Multiplier   int           // 2 to 100
	Quorum       bool          // default: true with three voters or more
	Voters       []string      // members and witnesses; empty without a vote
	OnQuorumLoss string        // release (default) or hold
	VRRP         *VRRP         // of the type vrrp, else nil
	Right        *Lease        // of the type lease, else nil
	Witness      string        // of the type peer: `witness.store`, the store that is one more voter; empty: none
}

// Lease is an election by a record in a store.
type Lease struct {
	Store  string        // of Config.Stores
	TTL    time.Duration // 500 ms to 1 h in whole milliseconds, default 10 s: how long others wait for a holder that has fallen silent
	Renew  time.Duration // 20 ms to a third of TTL, default a fifth of it
	OnLoss string        // `on_store_loss:` release (default), hold-if-peer-agrees, hold
}

// VRRP is a virtual router (RFC 9568). Interval and Multiplier of its Election
// are those of the heartbeats, where Detect asks for them, else 0.
type VRRP struct {
	VRID        uint8                 // 1 to 255
	Interface   string                // default: that of the first address
	Version     int                   // 3 (default) or 2
	IPv6        bool                  // `family:`; default: that of the first address
	Interval    time.Duration         // of advertisements: 10 ms to 40.95 s; version 2: whole seconds to 255 s
	Unicast     bool                  // to each of Peers instead of Group
	Peers       []netip.Addr          // all routers, this one too where all nodes share the file; default: the members' Sources or addresses
	Group       netip.Addr            // multicast: default 224.0.0.18 or ff02::12
	Sources     map[string]netip.Addr // by node: where advertisements come from; default: the primary (IPv6: link-local) address of Interface
	TTL         int                   // of what is sent: default 255
	MinTTL      int                   // of what is accepted: default 255
	Checksum    string                // of version 3 over IPv4: auto (default: as the others send), message, pseudo-header
	Auth        *VRRPAuth             // nil: none
	Accept      bool                  // packets to the addresses are accepted: default true
	VirtualMAC  bool                  // addresses and advertisements on a macvlan with 00:00:5e:00:01:VRID (IPv6: 02:VRID)
	Detect      string                // advertisement (default) or heartbeat
	DownAdverts int                   // advertisements that may be missing: 3, as in the RFC; 1 to 100
}

// VRRPAuth authenticates advertisements as keepalived does.
type VRRPAuth struct {
	Type     string           // hmac (version 3, keepalived 2.4.2's auth_hmac) or password (version 2, PASS)
	KeyFiles map[uint8]string // hmac: by key ID; password: ID 0
	Keys     map[uint8][]byte // their contents: hmac 32 to 64 bytes, password 1 to 8
	KeyID    uint8            // hmac: the one that signs
	Replay   string           // hmac: time (default) or monotonic
}

// Lease is the detection time and the length of a promise.
func (e Election) Lease() time.Duration { return e.Interval * time.Duration(e.Multiplier) }

// Votes is how many votes there are: those of the voters, and of the store that is a
// witness.
func (e Election) Votes() int {
	if e.Witness != "" {
		return len(e.Voters) + 1
	}
	return len(e.Voters)
}

// heartbeats tells whether the group needs heartbeats between its nodes.
func (e Election) heartbeats() bool {
	switch {
	case e.VRRP != nil:
		return e.VRRP.Detect == DetectHeartbeat
	case e.Right != nil:
		return e.Right.OnLoss == StoreLossPeer
	default:
		return e.Type != ElectionNone
	}
}

// damping is the default of damping.window.
func (g *Group) damping() time.Duration {
	if g.Routes != nil && g.Election.VRRP == nil {
		return defaultDamping
	}
	return 0
}

func (e Election) preemptDelay() time.Duration {
	if e.VRRP != nil {
		return 0 // as RFC 9568: at once
	}
	return defaultPreemptDelay
}

// refresh is the default of announce.refresh.
func (e Election) refresh() time.Duration {
	if e.Type == ElectionVRRP {
		return defaultRouterRefresh
	}
	return defaultRefresh
}

// Preempt is whether a better node takes the group over from a running one.
type Preempt struct {
	Enabled bool
	Delay   time.Duration // how long it has to be ready before
}

// Address is a service address and where it lives.
type Address struct {
	Prefix    netip.Prefix
	Interface string
	Excluded  bool // `advertised: false`: held with the others, but not in VRRP's advertisements
}

// Announce is how often addresses are announced again while nothing happens.
type Announce struct {
	Refresh time.Duration // default 60 s, with vrrp 5 s; 0 never
}

// CheckKind is the kind of a health check.
type CheckKind string

// The kinds of check.
const (
	CheckHTTP      CheckKind = "http"
	CheckTCP       CheckKind = "tcp"
	CheckUDP       CheckKind = "udp"
	CheckProcess   CheckKind = "process"
	CheckExec      CheckKind = "exec"
	CheckFile      CheckKind = "file"
	CheckInterface CheckKind = "interface"
	CheckBFD       CheckKind = "bfd"
	CheckProgress  CheckKind = "progress"
)

// Check is one health check of a group.
type Check struct {
	Name     string
	Kind     CheckKind
	Target   string        // URL, host:port, process name, path or interface
	Command  []string      // of exec
	Shell    bool          // exec: run Command[0] by /bin/sh -c
	User     string        // exec: run as this user
	Send     string        // udp, tcp: what to send
	Expect   string        // http: substring of the body; udp, tcp: of the answer; file: of the content
	Status   []int         // http: accepted codes; empty: 200 to 399
	MaxAge   time.Duration // file: not older than
	Number   bool          // file: the weight counts as often as the number in the file, -254 or less in all is a fault; without a weight any number but 0 is
	Progress *Progress     // progress: what is compared; Target is Progress.At.From
	BFD      *BFD          // bfd: the session; Target is the other system's address. Interval, Timeout are 0, Rise and Fall 1
	Interval time.Duration // 10 ms or more; exec 100 ms or more
	Timeout  time.Duration
	Rise     int
	Fall     int
	Weight   int
	Fatal    bool
}

// Progress is a check of the work itself: its checkpoint has to move while there
// is work left.
type Progress struct {
	At      Number        // the checkpoint of the consumer
	End     *Number       // how far the producer is; nil: a checkpoint that stands still for Stalled has failed
	Stalled time.Duration // for how long it may stand still while work is left: default 30 s
}

// Number is a number in a JSON document.
type Number struct {
	From    string // a path, an http or https URL, or store:NAME/KEY, store:NAME/KEY#METADATA
	Pointer string // RFC 6901, such as /SequenceNumber; empty: the document is the number
}

// Store is the name of the store that the number is in; empty: it is elsewhere.
func (n *Number) Store() string {
	name, _, _ := cutStore(n.From)
	return name
}

// HookKind is when a hook runs.
type HookKind string

// The moments at which hooks run.
const (
	HookPrepare  HookKind = "prepare" // target of a switchover, before it takes over
	HookActivate HookKind = "activate"
	HookStandby  HookKind = "standby"
	HookFault    HookKind = "fault"
	HookStop     HookKind = "stop"
	HookChange   HookKind = "change" // on each of activate, standby, fault and stop, after it
)

// roleHooks are the changes of a role: those of which others are told.
var roleHooks = []HookKind{HookActivate, HookStandby, HookFault, HookStop}

// hookKinds are all moments, in the order in which people are told of them.
var hookKinds = []HookKind{HookPrepare, HookActivate, HookStandby, HookFault, HookStop, HookChange}

// What can be added to the command of a Hook.
const (
	ArgumentsKeepalived      = "keepalived"
	ArgumentsKeepalivedGroup = "keepalived-group"
)

// Hook is a program that is told of a change.
type Hook struct {
	Command []string
	Shell   bool
	User    string
	Timeout time.Duration
	// Arguments is what is added to the command: nothing, or `keepalived`: INSTANCE
	// GROUPNAME STATE PRIORITY, or `keepalived-group`: GROUP SYNCNAME STATE PRIORITY.
	Arguments string
}

// Notify is who is told of changes beside the programs of hooks.
type Notify struct {
	Email    *Email
	Webhooks []Webhook // sorted by name
}

// Of which changes a recipient is told.
type Of struct {
	Events []HookKind // activate, standby, fault, stop: default all four
	Groups []string   // default all
}

// How a connection to a mail server is protected.
const (
	TLSStart     = "starttls"
	TLSFromStart = "tls"
	TLSNone      = "none"
)

// Email tells of changes by mail (RFC 5321).
type Email struct {
	Of
	Server       string // host:port
	TLS          string // starttls (default, required), tls (from the start), none
	Hello        string // the name in EHLO: default the host's
	User         string // empty: no authentication
	PasswordFile string
	Password     []byte // its content
	From         string
	To           []string
	Timeout      time.Duration // of one attempt: default 10 s
	Retry        time.Duration // for how long it is tried again: default 15 min
}

// Webhook tells of changes by a POST of the JSON that hooks read from their input.
type Webhook struct {
	Of
	Name      string
	URL       string
	TokenFile string // sent as `Authorization: Bearer`
	Token     []byte
	Headers   map[string]string
	Timeout   time.Duration // of one attempt: default 5 s
	Retry     time.Duration // for how long it is tried again: default 15 min
}

// Where the log can go.
const (
	LogStderr   = "stderr"
	LogJournald = "journald"
	LogSyslog   = "syslog"
)

// Log is where the daemon's log goes.
type Log struct {
	Target string // stderr (default), journald, syslog
	Format string // text (default) or json; journald has fields of its own
	Level  string // debug, info (default), warn, error
	Syslog string // unix socket path, udp://host:port or tcp://host:port; default /dev/log
}

// Control is the socket of the command line.
type Control struct {
	Socket string   // default /run/stead/stead.sock
	Users  []string // who may write beside root and the daemon's own user
}

// HTTP is the listener of metrics and probes.
type HTTP struct {
	Listen string // empty: none
}

// State is where what must outlive a restart is kept.
type State struct {
	Dir string // default /var/lib/stead
}

// Realtime is whether the daemon asks for real-time priority.
type Realtime struct {
	Mode     string // auto (default), required, off
	Priority int    // 1 to 99, default 50
}

// FenceMode is which fence is to be used.
type FenceMode string

// The fences. FenceAuto takes the best that the kernel allows.
const (
	FenceAuto   FenceMode = "auto"
	FenceKernel FenceMode = "kernel"
	FenceGuard  FenceMode = "guard"
	FenceNone   FenceMode = "none"
)
