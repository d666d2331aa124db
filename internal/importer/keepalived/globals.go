package keepalived

import (
	"net/netip"
	"strconv"
	"time"

	"stead/internal/importer/draft"
)

// globals are what global_defs sets for all instances.
type globals struct {
	routerID    *Directive
	version     int
	versionFrom *Directive
	strict      bool
	pseudo      *Directive // v3_checksum_as_v2
	asV2        bool
	group4      *Directive
	group6      *Directive
	startDelay  *Directive
	down        *Directive
	refresh     *Directive
	device      string // default_interface
	user        string // of scripts

	alert    *Directive // smtp_alert_vrrp, or smtp_alert
	alertOn  bool
	noFaults *Directive
	to       []mailTo
	from     *Directive
	server   *Directive
	hello    *Directive
	timeout  *Directive
	mail     []*Directive // all of them, for when nobody is told
	realtime *Directive
}

type mailTo struct {
	text string
	d    *Directive
}

func (c *converter) readGlobals() {
	g := &globals{version: 2, device: "eth0"}
	c.global = g
	for _, block := range c.tree {
		if block.Name() != "global_defs" {
			continue
		}
		block.use(0)
		for _, d := range block.Block {
			if !c.globalMail(d) && !c.globalVRRP(d) {
				c.verdict(d, globalVerdicts)
			}
		}
	}
	if g.user == "" && c.o.Host.HasUser("keepalived_script") {
		g.user = "keepalived_script"
	}
}

// globalVRRP reads what is about instances; false when it is something else.
func (c *converter) globalVRRP(d *Directive) bool {
	g := c.global
	switch d.Name() {
	case "router_id":
		g.routerID = d
		d.use(0)
	case "vrrp_version":
		if v, ok := c.integer(d, 1, 2, 3); ok {
			g.version, g.versionFrom = v, d
		}
	case "vrrp_strict":
		g.strict = c.flag(d)
	case "v3_checksum_as_v2":
		g.pseudo, g.asV2 = d, c.flag(d)
	case "vrrp_mcast_group4":
		g.group4 = d
		d.use(0)
	case "vrrp_mcast_group6":
		g.group6 = d
		d.use(0)
	case "vrrp_startup_delay":
		g.startDelay = d
		d.use(0)
	case "vrrp_down_timer_adverts":
		g.down = d
		d.use(0)
	case "vrrp_garp_master_refresh":
		g.refresh = d
		d.use(0)
	case "default_interface":
		g.device = d.Arg(1)
		d.use(0, 1)
	case "vrrp_rt_priority":
		g.realtime = d
		d.use(0)
	case "script_user":
		g.user = c.scriptUser(d, d.Arg(1))
		d.use(0, 1)
		c.userGroup(d, 2)
	default:
		return false
	}
	return true
}

// globalMail reads what is about mail.
func (c *converter) globalMail(d *Directive) bool {
	g := c.global
	switch d.Name() {
	case "notification_email":
		for _, line := range d.Block {
			for _, word := range line.Words {
				g.to = append(g.to, mailTo{word, line})
			}
			line.useAll()
		}
	case "notification_email_from":
		g.from = d
	case "smtp_server":
		g.server = d
	case "smtp_helo_name":
		g.hello = d
	case "smtp_connect_timeout":
		g.timeout = d
	case "no_email_faults":
		g.noFaults = d
	case "smtp_alert":
		if g.alert == nil || g.alert.Name() == "smtp_alert" {
			g.alert, g.alertOn = d, c.flag(d)
		}
		d.useAll()
		return true
	case "smtp_alert_vrrp":
		g.alert, g.alertOn = d, c.flag(d)
		return true
	default:
		return false
	}
	g.mail = append(g.mail, d)
	d.use(0)
	return true
}

// nodeName takes --node, or router_id, or the host's name.
func (c *converter) nodeName() {
	id := ""
	if d := c.global.routerID; d != nil {
		id = d.Arg(1)
		d.use(0, 1)
	}
	switch d := c.global.routerID; {
	case c.o.Node != "":
		c.node = c.o.Node
		if d != nil && id != c.node {
			c.note(d, Unneeded, "the node was named on the command line", "")
		}
	case id != "":
		if c.node = draft.PlainName(id); c.node != id {
			c.note(d, Changed, "the name of a node has letters, digits, '.', '_' and '-': it is "+c.node, "use --node to choose another")
		}
	case c.o.Host.Name != "":
		c.node = draft.PlainName(c.o.Host.Name)
	default:
		c.node = "node1"
	}
	note := ""
	if c.global.routerID != nil && c.o.Node == "" {
		note = from(c.global.routerID)
	}
	node := c.top.Sub("nodes").Sub(c.node)
	c.top.Sub("nodes").Remark(c.node, note)
	node.Set("address", "", "")
	c.top.Sub("groups")
}

// nodeAddress finds where this node is reached: keepalived.conf does not say it.
func (c *converter) nodeAddress() {
	address, note := c.o.Address, ""
	if !nodeHost(address) {
		for _, g := range c.groups {
			if nodeHost(g.source) && !c.isService(g.source) {
				address, note = g.source, "the source of advertisements: "+from(g.sourceFrom)
				break
			}
		}
	}
	if !nodeHost(address) {
		for _, g := range c.groups {
			if a := c.o.Host.Address(g.device); nodeHost(a) && !c.isService(a) {
				address, note = a, "of "+draft.Printable(g.device)
				break
			}
		}
	}
	if !nodeHost(address) {
		address = netip.AddrFrom4([4]byte{127, 0, 0, 1})
		note = "not in keepalived.conf: write the address of this node"
		if len(c.groups) > 0 {
			c.note(c.groups[0].d, Todo, "the node has no address: "+address.String()+" stands in its place", "use --address, or write it")
		}
	}
	c.top.Sub("nodes").Sub(c.node).Set("address", literal(address), note)
}

// isService tells whether an address is one that moves.
func (c *converter) isService(a netip.Addr) bool {
	for _, g := range c.groups {
		for _, p := range g.addresses {
			if p.Addr() == a {
				return true
			}
		}
	}
	return false
}

func (c *converter) finishGlobals() {
	c.email()
	if d := c.global.realtime; d != nil {
		if n, ok := c.integer(d, 1, 1, 99); ok {
			c.top.Sub("realtime").Set("priority", strconv.Itoa(n), from(d))
		}
	}
	for _, d := range []*Directive{c.global.group4, c.global.group6, c.global.startDelay, c.global.down, c.global.refresh} {
		if d != nil && !d.listed && len(d.used) > 1 && !d.used[1] {
			c.find(d, Unneeded, "no instance of this file uses it", "")
		}
	}
}

// start writes start_delay, which is of all instances.
func (c *converter) start(s *draft.Section) {
	d := c.global.startDelay
	if d == nil || d.listed {
		return
	}
	if v, ok := c.seconds(d, 1); ok && v > 0 {
		v = c.clamp(d, v, time.Millisecond, time.Hour, "start_delay")
		s.Set("start_delay", length(v), from(d))
	}
}

// userGroup lists a group beside a user.
func (c *converter) userGroup(d *Directive, word int) {
	if word >= len(d.Words) {
		return
	}
	d.use(word)
	c.note(d, Changed, "a program gets the groups of its user: "+d.Arg(word)+" is not taken over", "make it a group of the user, or nothing if it is one")
}
