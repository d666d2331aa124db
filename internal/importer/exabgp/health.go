package exabgp

import (
	"math"
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"time"

	"stead/internal/importer/draft"
)

// health is one `exabgp healthcheck`.
type health struct {
	c       *converter
	d       *Directive
	name    string
	peers   []netip.Addr // nil: all
	options options
}

// about lists an option.
func (h *health) about(name string, kind draft.Kind, why, do string) {
	text := "run ... --" + name
	if v := h.options.get(name, ""); v != "" {
		text += " " + v
	}
	h.c.about(h.d, text, kind, why, do)
}

// chosen are the peers that --neighbor names.
func (h *health) chosen(named []string, peers []netip.Addr) []netip.Addr {
	var list []netip.Addr
	for _, word := range named {
		a, err := netip.ParseAddr(word)
		switch {
		case err != nil:
			h.c.refuse(h.d, "correct it", "--neighbor %q is not an address", word)
		case !slices.Contains(peers, a):
			h.c.about(h.d, "run ... --neighbor "+word, draft.Unneeded, "is no neighbor that names the process in its api", "")
		case !slices.Contains(list, a):
			list = append(list, a)
		}
	}
	return list
}

// number reads the value of an option.
func (h *health) number(name, otherwise string, low, high int64) int64 {
	word := h.options.get(name, otherwise)
	n, err := strconv.ParseInt(word, 10, 64)
	if err != nil || n < low || n > high {
		h.c.refuse(h.d, "correct it", "--%s %q is not a number from %d to %d", name, word, low, high)
	}
	return n
}

// seconds reads a time, with a fraction.
func (h *health) seconds(name, otherwise string) time.Duration {
	word := h.options.get(name, otherwise)
	f, err := strconv.ParseFloat(word, 64)
	if err != nil || f < 0 || f > 86400 || math.IsNaN(f) || strings.ContainsAny(word, "xXpP_") {
		h.c.refuse(h.d, "correct it", "--%s %q is not a time in seconds", name, word)
		return 0
	}
	return time.Duration(math.Round(f*1000)) * time.Millisecond
}

// convert makes groups: one for all addresses, or one for each where they differ in
// their metric.
func (h *health) convert() {
	for _, o := range healthOptions {
		if v, ok := healthVerdicts[o.name]; ok && h.options.has(o.name) {
			h.about(o.name, v.kind, v.why, v.do)
		}
	}
	if h.options.has("name") {
		h.name = h.options.get("name", "")
	}
	list := h.addresses()
	if h.c.err != nil || len(list) == 0 {
		return
	}
	increase := h.number("increase", "1", 0, math.MaxUint32)
	up := h.number("up-metric", "100", 0, math.MaxUint32)
	var sets [][]netip.Prefix
	if increase == 0 {
		sets = [][]netip.Prefix{list}
	} else {
		for _, one := range list {
			sets = append(sets, []netip.Prefix{one})
		}
	}
	checks, hooks := h.checks(), h.hooks()
	for i, set := range sets {
		metric := up + int64(i)*increase
		if metric > math.MaxUint32 {
			h.c.refuse(h.d, "lower it", "the metric of %s is more than 4294967295", set[0])
			return
		}
		h.group(set, strconv.FormatInt(metric, 10), checks, hooks)
	}
	if len(sets) > 1 {
		h.about("increase", draft.Unneeded, "each address has a group of its own, since each has its own metric", "")
	}
}

// addresses are what is announced, in the order of their metrics.
func (h *health) addresses() []netip.Prefix {
	var list []netip.Prefix
	for _, word := range h.options["ip"] {
		p, ok := prefix(word)
		if !ok {
			h.c.refuse(h.d, "write one such as 10.1.0.5/32", "--ip %q is not a prefix", word)
			return nil
		}
		if !service(p) {
			h.c.about(h.d, "run ... --ip "+word, draft.Lost, notService, notServiceDo)
			continue
		}
		list = append(list, p)
	}
	label := h.options.get("label", "")
	if len(list) == 0 && !h.options.has("ip") {
		if list = h.c.o.Host.Loopback(label); len(list) == 0 {
			h.c.find(h.d, draft.Todo, "it announces the addresses that lo has, and there are none here: no group was made of it", "import again on the host, or name them with --ip")
			return nil
		}
		h.c.about(h.d, "run ...", draft.Changed, "it announces the addresses that lo has: those of this machine were taken", "look whether they are all")
	}
	if label != "" {
		h.about("label", draft.Unneeded, "an address of Stead has no label", "")
	}
	if h.options.has("deaggregate-networks") {
		var single []netip.Prefix
		for _, p := range list {
			made, ok := hosts(p, mostParts)
			if !ok {
				h.c.refuse(h.d, "name the addresses that are in use", "%s has more than %d addresses", p, mostParts)
				return nil
			}
			single = append(single, made...)
		}
		list = single
	}
	if len(list) > 64 {
		h.c.refuse(h.d, "name fewer", "it announces %d addresses", len(list))
		return nil
	}
	if start := int(h.number("start-ip", "0", math.MinInt32, math.MaxInt32)); start != 0 {
		start = ((start % len(list)) + len(list)) % len(list)
		list = append(list[start:], list[:start]...)
	}
	seen := map[netip.Prefix]bool{}
	return slices.DeleteFunc(list, func(p netip.Prefix) bool {
		again := seen[p]
		seen[p] = true
		return again
	})
}

// group makes a group of some of the addresses.
func (h *health) group(set []netip.Prefix, metric string, checks []check, hooks []hook) {
	c := h.c
	g := &group{d: h.d, head: "exabgp healthcheck (" + from(h.d) + ")", prefixes: set, peers: h.peers, bare: h.options.has("no-ip-setup"),
		checks: checks, hooks: hooks, path: route{d: h.d, prefix: set[0], attrs: attributes{med: metric}}}
	h.attributes(g)
	h.roles(g)
	if c.err != nil {
		return
	}
	g.name = c.groupName(draft.PlainName(h.name), "health")
	c.host.groups = append(c.host.groups, g)
}

// to are the peers that it announces to.
func (h *health) to() []*peer {
	return slices.DeleteFunc(slices.Clone(h.c.host.peers), func(p *peer) bool { return h.peers != nil && !slices.Contains(h.peers, p.address) })
}

// attributes reads what is announced with the prefixes.
func (h *health) attributes(g *group) {
	c, a := h.c, &g.path.attrs
	if word := h.options.get("next-hop", ""); word != "" {
		hop, err := netip.ParseAddr(word)
		if err != nil {
			c.refuse(h.d, "write an address", "--next-hop %q is not one", word)
			return
		}
		if !slices.ContainsFunc(h.to(), func(p *peer) bool { return p.source == hop }) {
			g.path.nextHop = []netip.Addr{hop}
		}
	}
	if n := h.number("local-preference", "-1", -1, math.MaxUint32); n >= 0 {
		if slices.ContainsFunc(h.to(), (*peer).internal) {
			a.localPref = strconv.FormatInt(n, 10)
		} else {
			h.about("local-preference", draft.Unneeded, "a peer of another AS is told none", "")
		}
	}
	for _, kind := range []string{"community", "large-community"} {
		r := &reading{c: c, d: h.d, path: g.path}
		for _, word := range strings.Fields(h.options.get(kind, "")) {
			r.community(kind, word)
		}
		a.communities = r.path.attrs.communities
	}
	for _, kind := range []string{"extended-community"} {
		if h.options.has(kind) {
			v := attributeVerdicts[kind]
			h.about(kind, v.kind, v.why, v.do)
		}
	}
	if h.options.has("disabled-community") {
		h.about("disabled-community", draft.Lost, "the communities of Stead are the same in all roles", "tell the roles apart by their AS_PATH: prepend: { unhealthy: N }")
	}
}
