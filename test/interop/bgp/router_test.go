package bgp

import (
	"encoding/json"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"stead/internal/testns"
)

// router is software that route servers run.
type router interface {
	String() string
	start(t testing.TB, h *host, with terms)
	// paths are those that it has for a prefix, in the order of their servers.
	paths(t testing.TB, h *host, prefix netip.Prefix) []path
	// session is how that with a server is.
	session(t testing.TB, h *host, server *host) session
	// refresh asks a server to announce everything again.
	refresh(t testing.TB, h *host, server *host)
	// updates is how many UPDATEs it has had from a server.
	updates(t testing.TB, h *host, server *host) int
	// bfd is how its BFD session with a server is.
	bfd(t testing.TB, h *host, with *terms, server *host) bfdSession
}

// terms is how a route server speaks with the servers.
type terms struct {
	hold      int      // hold time in seconds; 0: 9
	internal  bool     // it is in the servers' AS
	oneHop    bool     // sessions over the switch, not over gw
	over6     bool     // sessions over IPv6
	passive   bool     // it does not connect
	active    bool     // it alone connects
	password  string   // TCP MD5 signature
	hops      int      // TTL security: how many hops servers are away at most
	noAS4     bool     // it knows 16-bit AS numbers only; FRR: and no capability at all
	serverAS  int      // 0: the usual one
	nextHop6  bool     // IPv4 prefixes may have IPv6 next hops
	share     bool     // equal paths share the traffic
	errorWait string   // BIRD: how long it refuses a peer after an error: "60,300" as it comes
	table     int      // BIRD: how many routes it tells the servers of
	bfd       *bfdWith // watches the servers
}

// bfdWith is a BFD session of a route server.
type bfdWith struct {
	interval   time.Duration
	multiplier int
	auth       string // BIRD: such as "meticulous keyed sha1"
	secret     string
	bare       bool // BGP does not know of it
}

// multihop tells whether the servers are more than a hop away.
func (w *terms) multihop() bool { return !w.oneHop }

func (w *terms) holdTime() int {
	if w.hold == 0 {
		return 9
	}
	return w.hold
}

func (w *terms) as() int {
	if w.internal {
		return w.server()
	}
	return routerAS
}

// server is the servers' AS number.
func (w *terms) server() int {
	if w.serverAS == 0 {
		return serverAS
	}
	return w.serverAS
}

// local is where a route server is for its sessions.
func (w *terms) local(h *host) netip.Addr {
	switch {
	case w.oneHop:
		return h.link(w.over6)
	case w.over6:
		return h.far6
	}
	return h.far4
}

// path is a route that a router has from a server.
type path struct {
	From        string // the server
	NextHop     string
	ASPath      []int
	MED         int // -1: none
	LocalPref   int // -1: none
	Origin      string
	Communities []string // as 65010:100
	Large       []string // as 65010:1:2
	Best        bool
}

// session is how a router's session with a server is.
type session struct {
	Established bool
	Last        string // what it says of how the session before ended
}

// bfdSession is how a router's BFD session with a server is.
type bfdSession struct {
	Up           bool
	Mine, Theirs uint32 // discriminators, where the router shows them
}

// serverAt finds a server by an address of its.
func (n *network) serverAt(a netip.Addr) string {
	for _, h := range []*host{n.a, n.b} {
		if a == h.link4 || a == h.link6 {
			return h.name
		}
	}
	return a.String()
}

// forwards names the servers to which the kernel of a router sends packets for a
// service address.
func (h *host) forwards(t testing.TB, vip netip.Addr) (to []string) {
	t.Helper()
	family := "-4"
	if vip.Is6() {
		family = "-6"
	}
	var routes []struct {
		Gateway  string
		Via      struct{ Host string }
		Nexthops []struct {
			Gateway string
			Via     struct{ Host string }
		}
	}
	if err := json.Unmarshal([]byte(h.ns.Run(t, "ip", "-j", family, "route", "show", prefixOf(vip).String())), &routes); err != nil {
		t.Fatal(err)
	}
	add := func(gateway, via string) {
		for _, text := range []string{gateway, via} {
			if a, err := netip.ParseAddr(text); err == nil {
				to = append(to, h.net.serverAt(a))
			}
		}
	}
	for _, r := range routes {
		add(r.Gateway, r.Via.Host)
		for _, hop := range r.Nexthops {
			add(hop.Gateway, hop.Via.Host)
		}
	}
	slices.Sort(to)
	return to
}

// prefixOf is an address as a route of its own.
func prefixOf(a netip.Addr) netip.Prefix { return netip.PrefixFrom(a, a.BitLen()) }

// sends waits until the kernels of both route servers send packets for a service
// address to these servers.
func (n *network) sends(t testing.TB, vip netip.Addr, to ...string) {
	t.Helper()
	for _, rs := range n.routers() {
		rs.sends(t, vip, to...)
	}
}

// sends waits until the kernel of a route server does.
func (h *host) sends(t testing.TB, vip netip.Addr, to ...string) {
	t.Helper()
	testns.Eventually(t, patience, fmt.Sprintf("%s sends packets for %s to %v", h.name, vip, to), func() bool {
		return slices.Equal(h.forwards(t, vip), to)
	})
}

func sortPaths(all []path) {
	slices.SortFunc(all, func(a, b path) int { return strings.Compare(a.From, b.From) })
}
