package keepalived

import (
	"net/netip"
	"strconv"
	"time"

	"stead/internal/config"
	"stead/internal/importer/draft"
)

// group is a vrrp_instance on its way to a group of Stead.
type group struct {
	d          *Directive
	name       string
	at         map[string]*Directive // directives of one line, the last of each
	lists      []*Directive          // virtual_ipaddress and virtual_ipaddress_excluded
	peers      []*Directive
	tracks     []*Directive
	auth       *Directive
	authHMAC   *Directive
	section    *draft.Section
	election   *draft.Section
	checks     *draft.Section
	hooks      *draft.Section
	device     string
	v6         bool
	interval   time.Duration
	version    int
	priority   int
	strict     bool
	master     bool
	unicast    bool
	source     netip.Addr
	sourceFrom *Directive
	addresses  []netip.Prefix
	alert      bool
	alertFrom  *Directive
	sync       *syncGroup
}

// owner tells whether the router owns the addresses.
func (g *group) owner() bool { return g.priority == 255 }

// single are the directives of an instance that have one value.
var single = map[string]bool{
	"state": true, "interface": true, "virtual_router_id": true, "priority": true, "advert_int": true, "version": true,
	"mcast_src_ip": true, "unicast_src_ip": true, "mcast_dst_ip": true, "unicast_ttl": true, "v3_checksum_as_v2": true,
	"accept": true, "no_accept": true, "strict_mode": true, "preempt": true, "nopreempt": true, "preempt_delay": true,
	"smtp_alert": true, "garp_master_refresh": true, "down_timer_adverts": true, "use_vmac": true, "vmac_xmit_base": true,
}

// readInstance converts a vrrp_instance, all but what waits for the sync groups.
func (c *converter) readInstance(d *Directive) {
	switch {
	case d.Arg(1) == "":
		c.find(d, Lost, "has no name: keepalived ignores it", "give it one")
		return
	case c.names[d.Arg(1)] != "":
		c.find(d, Unneeded, "is there already: keepalived ignores the second", "")
		return
	}
	d.use(0, 1)
	g := &group{d: d, at: map[string]*Directive{}, checks: &draft.Section{}, hooks: &draft.Section{}, sync: c.syncOf(d.Arg(1))}
	var notify []*Directive
	for _, in := range d.Block {
		switch name := in.Name(); {
		case single[name]:
			before := g.at[name]
			c.last(&before, in)
			g.at[name] = in
		case hookOf[name] != "":
			notify = append(notify, in)
		default:
			c.instanceBlock(g, in)
		}
	}
	if !c.possible(g) {
		return
	}
	g.name = draft.Unique(d.Arg(1), c.top.Sub("groups").Has)
	c.names[d.Arg(1)] = g.name
	if g.name != d.Arg(1) {
		c.note(d, Changed, "the name of a group has letters, digits, '.', '_' and '-': it is "+g.name, "look at scripts that compare the name")
	}
	c.groups = append(c.groups, g)
	if g.sync != nil {
		g.sync.members = append(g.sync.members, g)
	}
	c.writeGroup(g)
	for _, t := range g.tracks {
		c.track(g, t)
	}
	for _, n := range notify {
		if old := g.hooks.Has(hookOf[n.Name()]); old {
			c.note(n, Unneeded, "keepalived takes the last one", "")
		}
		c.notify(g, n)
	}
}

// instanceBlock sorts what has a block, and lists what has no counterpart.
func (c *converter) instanceBlock(g *group, d *Directive) {
	switch d.Name() {
	case "virtual_ipaddress", "virtual_ipaddress_excluded":
		d.use(0)
		g.lists = append(g.lists, d)
	case "unicast_peer":
		d.use(0)
		g.peers = append(g.peers, d)
	case "track_interface", "track_script", "track_process", "track_file":
		g.tracks = append(g.tracks, d)
	case "authentication":
		d.use(0)
		g.auth = d
	case "auth_hmac":
		d.use(0)
		g.authHMAC = d
	default:
		c.verdict(d, instanceVerdicts)
	}
}

// track converts one track block for a group.
func (c *converter) track(g *group, d *Directive) {
	switch d.Name() {
	case "track_interface":
		c.trackInterfaces(g, d)
	case "track_script":
		c.trackScripts(g, d)
	case "track_process":
		c.trackProcesses(g, d)
	case "track_file":
		c.trackFiles(g, d)
	}
}

// possible checks what a group cannot be without, and reads the addresses.
func (c *converter) possible(g *group) bool {
	if len(c.groups) >= config.MaxRouters {
		c.find(g.d, Lost, "is one more than the "+strconv.Itoa(config.MaxRouters)+" that Stead holds", "hold more addresses in one")
		return false
	}
	vrid := g.at["virtual_router_id"]
	n := 0
	if vrid != nil {
		n, _ = strconv.Atoi(vrid.Arg(1))
	}
	if n < 1 || n > 255 {
		c.find(g.d, Lost, "has no virtual_router_id from 1 to 255: keepalived does not run it", "add one")
		return false
	}
	if s := g.at["strict_mode"]; s != nil {
		g.strict = c.flag(s)
	} else {
		g.strict = c.global.strict
	}
	g.device = c.global.device
	if d := g.at["interface"]; d != nil {
		g.device = d.Arg(1)
		d.use(0, 1)
	}
	if !interfaceName.MatchString(g.device) {
		c.find(g.d, Lost, "its interface is not the name of one", "correct it")
		return false
	}
	if !c.family(g) {
		c.find(g.d, Lost, "has no address that VRRP could advertise: Stead holds no such group", "use election: { type: peer }, whose groups need no address")
		return false
	}
	for _, other := range c.groups {
		if o := other.at["virtual_router_id"]; other.device == g.device && other.v6 == g.v6 && o.Arg(1) == vrid.Arg(1) {
			c.find(g.d, Lost, "has the interface and virtual_router_id of "+other.d.Arg(1), "give each virtual router a number of its own")
			return false
		}
	}
	return true
}

// family is that of the first address that is advertised; false without any.
func (c *converter) family(g *group) bool {
	for _, list := range g.lists {
		if list.Name() != "virtual_ipaddress" {
			continue
		}
		for _, d := range list.Block {
			if p, why := vip(d.Name()); why == "" && !c.isService(p.Addr()) {
				g.v6 = p.Addr().Is6()
				return true
			}
		}
	}
	return false
}

// finish writes what was collected while the group was read.
func (c *converter) finish(g *group) {
	if g.checks.Len() > 0 {
		g.section.Take("checks", g.checks)
	}
	if g.hooks.Len() > 0 {
		g.section.Take("hooks", g.hooks)
	}
	c.refresh(g)
	g.section.Order(order)
}

// order is that of the keys of a group in the reference.
var order = []string{"members", "election", "preempt", "sync", "start_delay", "addresses", "checks", "hooks", "announce"}
