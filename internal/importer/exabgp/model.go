package exabgp

import (
	"net/netip"
	"slices"
	"time"
)

// host is what one configuration says, before it is written.
type host struct {
	name     string
	address  netip.Addr
	addrFrom string // a comment

	localAS  uint32
	asFrom   *Directive
	routerID netip.Addr // zero: none is given
	idFrom   *Directive
	listen   uint64 // 0: not given
	listenAt *Directive

	peers  []*peer
	groups []*group
}

// peer is a neighbor.
type peer struct {
	d           *Directive
	address     netip.Addr
	as          uint32
	description string
	source      netip.Addr // zero: the kernel's choice
	sourceFrom  *Directive
	hold        time.Duration
	holdFrom    *Directive
	port        uint64 // 0: the usual one
	portFrom    *Directive
	passive     *Directive
	multihop    int
	hopFrom     *Directive // nil: ExaBGP's default
	gtsm        *Directive
	password    []byte
	passFrom    *Directive
	ipv4, ipv6  bool
	familyFrom  *Directive
	nextHop6    *Directive // IPv4 prefixes with IPv6 next hops

	processes map[string]bool // whose announcements go to it
	localAS   uint32
	paths     []*route // that are announced from the start
}

func (p *peer) internal() bool { return p.as == p.localAS }

// route is a prefix with its attributes.
type route struct {
	d       *Directive
	prefix  netip.Prefix
	name    string
	nextHop []netip.Addr // without the session's own address
	prepend int
	attrs   attributes
}

// attributes are those that stand in a group as they are.
type attributes struct {
	med         string // empty: none
	localPref   string
	communities []string // both kinds, as Stead writes them
}

// same tells whether paths can be in one group.
func (p *route) same(q *route) bool {
	return p.name == q.name && p.prepend == q.prepend && slices.Equal(p.nextHop, q.nextHop) &&
		p.attrs.med == q.attrs.med && p.attrs.localPref == q.attrs.localPref && slices.Equal(p.attrs.communities, q.attrs.communities)
}

// withdrawn says that nothing is announced in a role.
const withdrawn = -1

// group is what is announced together.
type group struct {
	name      string
	head      string // a comment before it
	d         *Directive
	prefixes  []netip.Prefix
	bare      bool // its addresses are not held
	path      route
	peers     []netip.Addr // of the neighbors; nil: all
	unhealthy int
	drain     int
	checks    []check
	hooks     []hook
}

// check is a health check.
type check struct {
	name              string
	exec              string // of a shell, or
	command           []string
	user              string
	interval, timeout time.Duration
	rise, fall        int
	d                 *Directive
	note              string
}

// hook is a program that is told of a change.
type hook struct {
	kind, exec string
	d          *Directive
}
