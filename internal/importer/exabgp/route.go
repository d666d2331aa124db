package exabgp

import (
	"net/netip"
	"slices"
	"strconv"
	"strings"

	"stead/internal/importer/draft"
)

// mostParts is how many prefixes one that is split may become.
const mostParts = 256

// routes converts what is announced from the start.
func (c *converter) routes(p *peer, d *Directive) {
	switch d.Name() {
	case "static":
		d.use(0)
		for _, in := range d.Block {
			switch in.Name() {
			case "route":
				in.use(0)
				c.route(p, in, 1)
			case "attributes", "attribute":
				in.use(0)
				c.attributes(p, in)
			}
		}
	case "announce":
		d.use(0)
		for _, family := range d.Block {
			if family.Name() != "ipv4" && family.Name() != "ipv6" {
				c.find(family, draft.Lost, "Stead announces unicast prefixes only", "leave it to a program of its own")
				continue
			}
			family.use(0)
			for _, in := range family.Block {
				if in.Name() != "unicast" {
					c.find(in, draft.Lost, "Stead announces unicast prefixes only", "leave it to a program of its own")
					continue
				}
				in.use(0)
				c.route(p, in, 1)
			}
		}
	}
}

// reading is a path while its attributes are read.
type reading struct {
	c     *converter
	peer  *peer
	d     *Directive
	words []string
	at    int
	path  route
	split int  // 0: the prefix is one
	skip  bool // it is not announced
}

// take is the next word, marked as converted; empty at the end.
func (r *reading) take() string {
	if r.at >= len(r.words) {
		return ""
	}
	r.d.use(r.at)
	r.at++
	return r.words[r.at-1]
}

// list takes one word, or several in brackets.
func (r *reading) list() []string {
	first := r.take()
	if first != "[" {
		return []string{first}
	}
	var list []string
	for depth := 1; r.at < len(r.words); {
		switch word := r.take(); word {
		case ",":
		case "[":
			depth++
			list = append(list, word)
		case "]":
			if depth--; depth == 0 {
				return list
			}
			list = append(list, word)
		default:
			list = append(list, word)
		}
	}
	r.c.refuse(r.d, "add it", "the closing ] is missing")
	return list
}

// route converts a prefix with its attributes, in its line or in a block.
func (c *converter) route(p *peer, d *Directive, word int) {
	prefix, ok := prefix(d.Arg(word))
	if !ok {
		c.refuse(d, "write one such as 10.1.0.5/32, without bits behind its length", "%q is not a prefix", d.Arg(word))
		return
	}
	d.use(word)
	r := &reading{c: c, peer: p, d: d, words: d.Words, at: word + 1, path: route{d: d, prefix: prefix}}
	r.read()
	for _, in := range d.Block {
		r.d, r.words, r.at = in, in.Words, 0
		r.read()
	}
	r.d = d
	r.announce([]netip.Prefix{prefix})
}

// attributes converts several prefixes that share their attributes.
func (c *converter) attributes(p *peer, d *Directive) {
	at := slices.Index(d.Words, "nlri")
	if at < 0 {
		c.refuse(d, "add it, with the prefixes behind", "nlri is missing")
		return
	}
	d.use(at)
	var list []netip.Prefix
	for i, word := range d.Words[at+1:] {
		one, ok := prefix(word)
		if !ok {
			c.refuse(d, "correct it", "%q is not a prefix", word)
			return
		}
		d.use(at + 1 + i)
		list = append(list, one)
	}
	r := &reading{c: c, peer: p, d: d, words: d.Words[:at], at: 1, path: route{d: d}}
	if len(list) > 0 {
		r.path.prefix = list[0]
	}
	r.read()
	r.announce(list)
}

// announce adds the prefixes with what was read to those of the peer.
func (r *reading) announce(list []netip.Prefix) {
	if r.skip || r.c.err != nil {
		return
	}
	for _, one := range list {
		made := []netip.Prefix{one}
		if r.split != 0 {
			var ok bool
			if made, ok = parts(one, r.split, mostParts); !ok {
				r.c.note(r.d, draft.Lost, "it is split into more than "+strconv.Itoa(mostParts)+" prefixes: it was left out", "announce it as one")
				continue
			}
		}
		for _, prefix := range made {
			if !service(prefix) {
				r.c.note(r.d, draft.Lost, notService, notServiceDo)
				continue
			}
			if slices.ContainsFunc(r.peer.paths, func(q *route) bool { return q.prefix == prefix }) {
				r.c.note(r.d, draft.Lost, "Stead announces one path for each prefix, and "+prefix.String()+" is there already", "remove one of them")
				continue
			}
			p := r.path
			p.prefix = prefix
			r.peer.paths = append(r.peer.paths, &p)
		}
	}
}

const (
	notService   = "it is not the prefix of a service, which is all that Stead announces: it was left out"
	notServiceDo = "nothing, if it was a test"
)

// service tells whether Stead announces the prefix.
func service(p netip.Prefix) bool {
	a := p.Addr()
	return p.Bits() > 0 && !a.IsLoopback() && !a.IsMulticast() && !a.IsLinkLocalUnicast() && !a.IsUnspecified() && a != broadcast
}

// read reads attributes to the end of the words.
func (r *reading) read() {
	for r.at < len(r.words) && r.c.err == nil {
		start := r.at
		name := r.words[r.at]
		if v, ok := attributeVerdicts[name]; ok {
			r.take()
			r.value(name)
			text := r.d.Name()
			if text != name {
				text += " ... " + strings.Join(r.words[start:r.at], " ")
			} else {
				text = strings.Join(r.words[start:r.at], " ")
			}
			r.c.about(r.d, text, v.kind, v.why, v.do)
			r.skip = r.skip || notAlone[name]
			continue
		}
		if !r.attribute() {
			return // what is left is listed by the sweep
		}
	}
}

// notAlone are attributes without which a path would mean something else.
var notAlone = map[string]bool{"withdraw": true, "rd": true, "route-distinguisher": true, "label": true}

// value passes over the value of an attribute.
func (r *reading) value(name string) {
	switch name {
	case "atomic-aggregate", "withdraw":
	case "aggregator", "bgp-prefix-sid-srv6":
		if word := r.take(); strings.HasPrefix(word, "(") && !strings.HasSuffix(word, ")") {
			for r.at < len(r.words) && !strings.HasSuffix(r.take(), ")") {
			}
		}
	default:
		r.list()
	}
}

// attribute reads one attribute, and is false where it is not known.
func (r *reading) attribute() bool {
	c, p := r.c, &r.path
	name := r.words[r.at]
	take := func() string { r.take(); return r.take() }
	switch name {
	case "next-hop":
		r.nextHop(take())
	case "as-path":
		r.take()
		p.prepend = r.asPath(r.list())
	case "med":
		p.attrs.med = r.number(take())
	case "local-preference":
		p.attrs.localPref = r.number(take())
		if !r.peer.internal() {
			c.about(r.d, "local-preference "+p.attrs.localPref, draft.Unneeded, "a peer of another AS is told none", "")
			p.attrs.localPref = ""
		}
	case "community", "large-community":
		r.take()
		for _, word := range r.list() {
			r.community(name, word)
		}
	case "origin":
		if word := take(); !strings.EqualFold(word, "igp") {
			c.about(r.d, "origin "+word, draft.Lost, "the ORIGIN of Stead is always IGP, which is preferred to others", "nothing, unless it decides which path is taken")
		}
	case "name":
		p.name = draft.PlainName(take())
	case "split":
		n, err := strconv.Atoi(strings.TrimPrefix(take(), "/"))
		if err != nil || n < 0 || n > p.prefix.Addr().BitLen() {
			c.refuse(r.d, "write one such as /24", "split has no length")
		}
		r.split = n
	default:
		return false
	}
	return true
}

func (r *reading) number(word string) string {
	n, err := strconv.ParseUint(word, 10, 32)
	if err != nil {
		r.c.refuse(r.d, "correct it", "%q is not a number from 0 to 4294967295", word)
	}
	return strconv.FormatUint(n, 10)
}

var broadcast = netip.AddrFrom4([4]byte{255, 255, 255, 255})

// nextHop reads a next hop; the session's own address is that of Stead, too.
func (r *reading) nextHop(word string) {
	if strings.EqualFold(word, "self") {
		return
	}
	a, err := netip.ParseAddr(word)
	if err != nil || a.Zone() != "" {
		r.c.refuse(r.d, "write self or an address", "%q is not a next hop", word)
		return
	}
	if a.Is4In6() || a.IsUnspecified() || a.IsMulticast() || a == broadcast {
		r.c.about(r.d, "next-hop "+word, draft.Lost, "is not the address of one host: the session's own is taken", "correct it")
		return
	}
	if a != r.peer.source {
		r.path.nextHop = []netip.Addr{a}
	}
}

func (r *reading) community(kind, word string) {
	read := community
	if kind == "large-community" {
		read = largeCommunity
	}
	text, ok := read(word)
	if !ok {
		r.c.refuse(r.d, "correct it", "%q is not a %s", word, strings.ReplaceAll(kind, "-", " "))
		return
	}
	if !slices.Contains(r.path.attrs.communities, text) {
		r.path.attrs.communities = append(r.path.attrs.communities, text)
	}
}

// asPath is how often the local AS is prepended where ExaBGP sends exactly this path.
func (r *reading) asPath(list []string) int {
	return r.c.prepend(r.d, r.peer, list, "as-path [ "+strings.Join(list, " ")+" ]")
}
