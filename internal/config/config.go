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
	Control   Control
	HTTP      HTTP
	State     State
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
	Announce   Announce
}

// Member is a node that may hold the group.
type Member struct {
	Node     string
	Priority int // 1 to 254; 255 never yields to another priority
}

// Election is how the active node is decided.
type Election struct {
	Type         string // peer
	Timing       string
	Interval     time.Duration // 1 ms to 60 s
	Multiplier   int           // 2 to 100
	Quorum       bool          // default: true with three voters or more
	Voters       []string      // members and witnesses
	OnQuorumLoss string        // release (default) or hold
}

// Lease is the detection time and the length of a promise.
func (e Election) Lease() time.Duration { return e.Interval * time.Duration(e.Multiplier) }

// Preempt is whether a better node takes the group over from a running one.
type Preempt struct {
	Enabled bool
	Delay   time.Duration // how long it has to be ready before
}

// Address is a service address and where it lives.
type Address struct {
	Prefix    netip.Prefix
	Interface string
}

// Announce is how often addresses are announced again while nothing happens.
type Announce struct {
	Refresh time.Duration // default 60 s; 0 never
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
	Interval time.Duration // 10 ms or more; exec 100 ms or more
	Timeout  time.Duration
	Rise     int
	Fall     int
	Weight   int
	Fatal    bool
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
)

// Hook is a program that is told of a change.
type Hook struct {
	Command []string
	Shell   bool
	User    string
	Timeout time.Duration
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
