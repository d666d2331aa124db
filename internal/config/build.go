package config

import (
	"cmp"
	"net/netip"
	"slices"
)

// builder makes a Config of values whose structure was checked, and finds the
// mistakes that take more than one value to see.
type builder struct {
	problems
	notes problems // become Config.Warnings
	cfg   *Config
	top   *value
	owner map[netip.Addr]owned // every address that somebody has

	virtual     map[virtualRouter]string // the group of each virtual router
	routersSeen int                      // groups decided by VRRP

	announced map[announcement]string // the group of each prefix that a peer is told of

	inUse map[string]bool               // stores that something names
	votes struct{ store, where string } // the store that votes, and the first group in which it does
}

func (b *builder) build(top *value) {
	b.top = top
	b.owner = map[netip.Addr]owned{}
	b.virtual = map[virtualRouter]string{}
	b.announced = map[announcement]string{}
	b.inUse = map[string]bool{}
	b.nodes(top.get("nodes"))
	b.daemon(top)
	b.overlays(top.get("overlays"))
	b.bgp(top.get("bgp"))
	b.stores(top.get("stores"))
	b.gate(top.get("gate"))
	b.groups(top.get("groups"))
	b.sync(top.get("groups"))
	b.speakers(top)
	b.idleStores(top.get("stores"))
	b.notify(top.get("notify"))
	b.log(top.get("log"))
	b.security(top.get("security"))
}

// daemon is what is about the process and not about any group.
func (b *builder) daemon(top *value) {
	c := b.cfg
	c.Heartbeat.Port = uint16(or(top.get("heartbeat").get("port"), defaultHeartbeatPort))
	c.Control = Control{Socket: or(top.get("control").get("socket"), defaultSocket)}
	if users := top.get("control").get("users"); users.ok() {
		c.Control.Users = scalars[string](users)
		b.unique(users)
	}
	c.HTTP.Listen = or(top.get("http").get("listen"), defaultListen)
	if c.HTTP.Listen == "none" {
		c.HTTP.Listen = ""
	}
	if a, err := netip.ParseAddrPort(c.HTTP.Listen); err == nil && !a.Addr().IsLoopback() {
		b.notes.about(top.get("http").get("listen"), "can be reached from other machines, and asks for no password", "",
			"let a firewall admit only those who are to see it")
	}
	c.State.Dir = or(top.get("state").get("dir"), defaultStateDir)
	c.Realtime = Realtime{Mode: or(top.get("realtime").get("mode"), "auto"),
		Priority: or(top.get("realtime").get("priority"), defaultRealtimePriority)}
	c.Fence = FenceMode(or(top.get("fence"), string(FenceAuto)))
}

// security takes the names of the key files. Nodes that exchange heartbeats need one.
func (b *builder) security(v *value) {
	key, previous := v.get("key_file"), v.get("previous_key_file")
	if key.ok() {
		b.cfg.Security.KeyFiles = append(b.cfg.Security.KeyFiles, or(key, ""))
	}
	if previous.ok() {
		b.cfg.Security.KeyFiles = append(b.cfg.Security.KeyFiles, or(previous, ""))
		switch {
		case key == nil:
			b.about(previous, "stands without key_file", "key_file beside it", "name the new key in key_file")
		case or(key, "") == or(previous, ""):
			b.about(previous, "is the same file as key_file", "the file of the key before", "leave it off when no key is being replaced")
		}
	}
	talking := 0
	for _, n := range b.cfg.Nodes {
		if n.Role != RoleClient {
			talking++
		}
	}
	talks := talking > 1 && b.cfg.Heartbeats() || b.cfg.Gate != nil && b.cfg.Gate.Network()
	if key == nil && previous == nil && talks && (v == nil || v.ok()) {
		at, what := b.top, "security: key_file is missing"
		if v != nil {
			at, what = v, "key_file is missing"
		}
		b.of(at, what, "the path of a key", "nodes authenticate each other; "+keyAdvice("/etc/stead/key"))
	}
}

// unique refuses an entry of a list that stands there twice.
func (b *builder) unique(v *value) {
	seen := map[any]bool{}
	for _, item := range v.items {
		if !item.ok() {
			continue
		}
		if seen[item.scalar] {
			b.about(item, "stands here a second time", "each entry once", "remove one")
		}
		seen[item.scalar] = true
	}
}

// scalars are the values of a list that were not refused.
func scalars[T any](v *value) []T {
	var out []T
	if !v.ok() {
		return nil
	}
	for _, item := range v.items {
		if item.ok() {
			if t, ok := item.scalar.(T); ok {
				out = append(out, t)
			}
		}
	}
	return out
}

// sorted are the entries of v by name: what is made of them does not depend on
// the order of the file.
func sorted(v *value) []entry {
	entries := slices.Clone(v.children())
	slices.SortFunc(entries, func(a, b entry) int { return cmp.Compare(a.name, b.name) })
	return entries
}
