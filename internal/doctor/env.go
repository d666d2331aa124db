package doctor

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net/netip"
	"slices"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"stead/internal/config"
	"stead/internal/core"
	"stead/internal/core/gate"
	"stead/internal/report"
)

// MAC is an Ethernet address.
type MAC = [6]byte

// Env is what the checks see of the host. Each field may be replaced in a test.
type Env struct {
	File      string
	Config    *config.Config // nil where it is not valid
	ConfigErr error
	KeyErr    error

	Socket    string
	Status    *report.Status // nil without a daemon that answers
	StatusErr error
	PID       int // of the daemon; 0 where it is not known
	Version   string

	Now      func() core.Instant
	ReadFile func(path string) ([]byte, error)
	ReadDir  func(path string) ([]string, error) // names in order
	ReadLink func(path string) (string, error)
	Stat     func(path string) (fs.FileInfo, error)
	Space    func(dir string) (free uint64, err error) // err where it cannot be written
	User     func(name string) error

	Links      func() ([]Link, error)
	Neighbours func() ([]Neighbour, error)
	Features   func() Features
	Realtime   func(priority int) error
	Lateness   func(s Sample) ([]time.Duration, error)
	Ask        func(ctx context.Context, l *Link, addrs []netip.Addr, wait time.Duration) (map[netip.Addr][]MAC, error)
	PathMTU    func(ctx context.Context, paths []Path) []PathMTU
	Greet      func(ctx context.Context, p Path) (Greeting, error)
	Firewall   func(ctx context.Context) (string, error)
	Route      func(remote, source netip.Addr) (Route, error)
	Call       func(ctx context.Context, c Call) (Called, error)
	Store      func(ctx context.Context, s *config.Store, write bool) (StoreTrial, error)
	Beats      func(ctx context.Context, s *config.Store, sites []string) (map[string]gate.Sample, error) // by site

	tried   *Features
	answers []asking
}

// Link is an interface of this host.
type Link struct {
	Index       int
	Name        string
	Kind        string // of the kernel, such as device, vxlan, bridge
	MTU         int
	Up          bool // administratively
	Carrier     bool
	Loopback    bool
	NoARP       bool
	NoMulticast bool
	MAC         MAC
	Addrs       []netip.Prefix
}

// has tells whether the interface has the address.
func (l *Link) has(a netip.Addr) bool {
	return slices.ContainsFunc(l.Addrs, func(p netip.Prefix) bool { return p.Addr() == a })
}

// Neighbour is what the kernel believes about an address.
type Neighbour struct {
	Index int // of the interface
	Addr  netip.Addr
	MAC   MAC
}

// Path is one way to another node, or to another end of a tunnel.
type Path struct {
	Node          string // empty: an address of overlays.NAME.remotes
	Number        int    // in the order of the configuration
	Local, Remote netip.AddrPort
	Heartbeats    bool // go over it
	Size          int  // bytes of the largest IP packet that it has to carry; see tunnels
}

func (p Path) String() string {
	if p.Node == "" {
		return p.Remote.Addr().String()
	}
	return fmt.Sprintf("%s (%s)", p.Node, p.Remote.Addr())
}

// vip is a service address and its group.
type vip struct {
	group string
	config.Address
}

func (v vip) String() string { return fmt.Sprintf("%s on %s", v.Prefix.Addr(), v.Interface) }

// self is this node, or nil.
func (e *Env) self() *config.Node {
	if e.Config == nil {
		return nil
	}
	n, _ := e.Config.Node(e.Config.Self)
	return n
}

// groups are those that this node may hold.
func (e *Env) groups() []*config.Group {
	var out []*config.Group
	if e.Config == nil {
		return nil
	}
	for i := range e.Config.Groups {
		g := &e.Config.Groups[i]
		if slices.ContainsFunc(g.Members, func(m config.Member) bool { return m.Node == e.Config.Self }) {
			out = append(out, g)
		}
	}
	return out
}

// vips are the addresses that this node may hold.
func (e *Env) vips() []vip {
	var out []vip
	for _, g := range e.groups() {
		for _, a := range g.Addresses {
			out = append(out, vip{g.Name, a})
		}
	}
	return out
}

// byInterface are the addresses that this node may hold, by interface, with the interfaces in order.
func (e *Env) byInterface() (names []string, by map[string][]vip) {
	by = map[string][]vip{}
	for _, v := range e.vips() {
		by[v.Interface] = append(by[v.Interface], v)
	}
	for name := range by {
		names = append(names, name)
	}
	slices.Sort(names)
	return names, by
}

// overlay is the overlay of that name, or nil.
func (e *Env) overlay(name string) *config.Overlay {
	for i := range e.Config.Overlays {
		if e.Config.Overlays[i].Name == name {
			return &e.Config.Overlays[i]
		}
	}
	return nil
}

// shorter is the lesser of two times; 0 is none.
func shorter(a, b time.Duration) time.Duration {
	if a == 0 || b != 0 && b < a {
		return b
	}
	return a
}

// interval is the shortest between heartbeats, advertisements or BFD packets, and
// lease the shortest lease or detection time, of the groups in which this node takes
// part; 0 without any.
func (e *Env) interval() (interval, lease time.Duration) {
	if e.Config == nil {
		return 0, 0
	}
	for i := range e.Config.Groups {
		g := &e.Config.Groups[i]
		if !slices.Contains(g.Election.Voters, e.Config.Self) && !slices.ContainsFunc(g.Members, func(m config.Member) bool { return m.Node == e.Config.Self }) {
			continue
		}
		tick, held := g.Election.Interval, g.Election.Lease()
		if r := g.Election.VRRP; r != nil && tick == 0 {
			tick, held = r.Interval, time.Duration(r.DownAdverts)*r.Interval
		}
		interval, lease = shorter(interval, tick), shorter(lease, held)
	}
	tick, held := e.bfdTiming()
	return shorter(interval, tick), shorter(lease, held)
}

// paths are the ways of heartbeats from this node.
func (e *Env) paths() []Path {
	self := e.self()
	if self == nil || self.Role == config.RoleClient || !e.Config.Heartbeats() {
		return nil
	}
	var out []Path
	port := e.Config.Heartbeat.Port
	for _, n := range e.Config.Nodes {
		if n.Name == self.Name || n.Role == config.RoleClient {
			continue
		}
		for i := range min(len(n.Addresses), len(self.Addresses)) {
			out = append(out, Path{
				Node: n.Name, Number: i, Heartbeats: true,
				Local: netip.AddrPortFrom(self.Addresses[i], port), Remote: netip.AddrPortFrom(n.Addresses[i], port),
			})
		}
	}
	return out
}

// absent tells whether no daemon runs on the socket. One that does not answer, or
// whose socket this user may not open, is not absent.
func (e *Env) absent() bool {
	return e.Status == nil && (errors.Is(e.StatusErr, unix.ENOENT) || errors.Is(e.StatusErr, unix.ECONNREFUSED))
}

// ordinary tells whether this process is that of an ordinary user, who sees less
// than the daemon.
func (e *Env) ordinary() bool {
	text, err := e.ReadFile("/proc/self/status")
	set, bad := effective(text)
	return err == nil && bad == nil && set == 0 && !strings.Contains(string(text), "\nUid:\t0\t")
}

// hidden says why the rights and limits of the daemon cannot be looked at; empty
// where they can, or where those of this process stand for them.
func (e *Env) hidden() string {
	switch {
	case e.PID != 0:
		return ""
	case !e.absent():
		return "the daemon's process is not seen from here: another user's, or in another PID namespace"
	case e.ordinary():
		return "no daemon runs, and this is an ordinary user's process: run it as root"
	}
	return ""
}

// proc is a file of the daemon, or of this process where none runs.
func (e *Env) proc(file string) string {
	if e.PID != 0 {
		return fmt.Sprintf("/proc/%d/%s", e.PID, file)
	}
	return "/proc/self/" + file
}

// who names the process whose rights were looked at.
func (e *Env) who() string {
	if e.PID != 0 {
		return fmt.Sprintf("the daemon (process %d)", e.PID)
	}
	return "this process"
}

// word reads a file of one value.
func (e *Env) word(path string) (string, error) {
	b, err := e.ReadFile(path)
	return strings.TrimSpace(string(b)), err
}

// link finds an interface.
func link(links []Link, name string) *Link {
	i := slices.IndexFunc(links, func(l Link) bool { return l.Name == name })
	if i < 0 {
		return nil
	}
	return &links[i]
}
