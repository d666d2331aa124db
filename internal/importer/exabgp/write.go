package exabgp

import (
	"fmt"
	"net/netip"
	"path"
	"slices"
	"strconv"
	"strings"

	"stead/internal/importer/draft"
)

// secretsDir is where passwords are expected.
const secretsDir = "/etc/stead"

// writer puts hosts into one configuration.
type writer struct {
	o        Options
	hosts    []*host
	top      draft.Section
	findings []draft.Finding
	secrets  []Secret
	names    map[netip.Addr]string // of the peers
	shares   []*share
}

func newWriter(o Options, hosts []*host) *writer {
	w := &writer{o: o, hosts: hosts, names: map[netip.Addr]string{}}
	w.shares = w.makeShares()
	return w
}

// write renders the configuration.
func (w *writer) write(sources []Source) []byte {
	for _, h := range w.hosts {
		w.top.Sub("nodes").Sub(h.name).Set("address", literal(h.address), h.addrFrom)
	}
	bgp := w.top.Sub("bgp")
	bgp.Set("local_as", strconv.FormatUint(uint64(w.hosts[0].localAS), 10), from(w.hosts[0].asFrom))
	w.speaker(bgp)
	w.peers(bgp.Sub("peers"))
	w.groups(w.top.Sub("groups"))
	var b strings.Builder
	var files []string
	for _, s := range sources {
		files = append(files, draft.Printable(s.Path))
	}
	fmt.Fprintf(&b, "# Made from %s by stead import exabgp.\n", strings.Join(files, ", "))
	w.top.Write(&b, 0)
	return []byte(b.String())
}

func (w *writer) dir() string {
	if w.o.Secrets != "" {
		return w.o.Secrets
	}
	return secretsDir
}

func (w *writer) find(d *Directive, kind draft.Kind, why, do string) {
	w.findings = append(w.findings, finding(d, directiveText(d), kind, why, do))
}

// speaker writes what the sessions share.
func (w *writer) speaker(s *draft.Section) {
	var ids []string
	var places []string
	for _, h := range w.hosts {
		if h.localAS != w.hosts[0].localAS {
			w.find(h.asFrom, draft.Lost, "nodes that share a configuration have one AS, here that of "+w.hosts[0].name, "give each node a file of its own")
		}
		ids = append(ids, draft.Scalar(h.name)+": "+h.routerID.String())
		places = append(places, from(h.idFrom))
	}
	if len(w.hosts) == 1 {
		s.Set("router_id", w.hosts[0].routerID.String(), places[0])
	} else {
		s.Set("router_id", "{ "+strings.Join(ids, ", ")+" }", strings.Join(places, ", "))
	}
	for _, h := range w.hosts {
		if h.listen != 0 {
			s.Set("port", strconv.FormatUint(h.listen, 10), from(h.listenAt))
			break
		}
	}
}

// peers writes the neighbors, each once.
func (w *writer) peers(s *draft.Section) {
	for _, h := range w.hosts {
		for _, p := range h.peers {
			if w.names[p.address] == "" {
				w.peer(s, p)
			}
		}
	}
}

// peer writes a neighbor with what its other nodes say of it.
func (w *writer) peer(top *draft.Section, p *peer) {
	name := draft.Unique(p.address.String(), top.Has)
	w.names[p.address] = name
	head := "neighbor " + p.address.String() + " (" + from(p.d) + ")"
	if p.description != "" {
		head += ": " + draft.Printable(p.description)
	}
	s := top.Headed(name, head)
	s.Set("address", literal(p.address), "")
	s.Set("as", strconv.FormatUint(uint64(p.as), 10), "")
	w.sources(s, p)
	note := from(p.holdFrom)
	if p.holdFrom == nil {
		note = "exabgp's default; 9s finds a silent peer sooner"
	}
	s.Set("hold_time", strconv.Itoa(int(p.hold.Seconds()))+"s", note)
	switch {
	case p.passive != nil:
		s.Set("passive", "true", from(p.passive))
		if p.portFrom != nil {
			w.find(p.portFrom, draft.Unneeded, "a passive session connects to no port", "")
		}
	case p.portFrom != nil:
		s.Set("port", strconv.FormatUint(p.port, 10), from(p.portFrom))
	}
	note = from(p.hopFrom)
	if p.hopFrom == nil {
		note = "exabgp sends with the kernel's TTL; 1 is enough for a peer on a link of the node"
	}
	s.Set("multihop", strconv.Itoa(p.multihop), note)
	if p.gtsm != nil {
		s.Set("ttl_security", "true", from(p.gtsm))
	}
	if p.passFrom != nil {
		w.password(s, p, name)
	}
	w.families(s, p)
	w.compare(p)
}

// sources writes from where each node connects.
func (w *writer) sources(s *draft.Section, p *peer) {
	var list, places []string
	for _, h := range w.hosts {
		if q := h.peer(p.address); q != nil && q.source.IsValid() && (len(w.hosts) == 1 || w.speaks(h, p.address)) {
			list = append(list, draft.Scalar(h.name)+": "+literal(q.source))
			places = append(places, from(q.sourceFrom))
		}
	}
	switch {
	case len(list) == 0:
	case len(w.hosts) == 1:
		s.Set("source", literal(p.source), places[0])
	default:
		s.Set("source", "{ "+strings.Join(list, ", ")+" }", strings.Join(places, ", "))
	}
}

// password names the file of a password, and notes what goes into it.
func (w *writer) password(s *draft.Section, p *peer, name string) {
	file := path.Join(w.dir(), draft.PlainName(name)+".password")
	if w.o.Secrets == "" {
		w.find(p.passFrom, draft.Todo, "secrets are not written into the configuration", "put it into "+file+" with mode 0600, or import again with --secrets DIR")
	}
	w.secrets = append(w.secrets, Secret{Path: file, Content: append(slices.Clone(p.password), '\n'), File: p.passFrom.File, Line: p.passFrom.Line})
	s.Set("password_file", draft.Scalar(file), from(p.passFrom))
}

func (w *writer) families(s *draft.Section, p *peer) {
	var list []string
	if p.ipv4 {
		list = append(list, "ipv4")
	}
	if p.ipv6 {
		list = append(list, "ipv6")
	}
	if list != nil {
		s.Set("families", draft.Flow(list), from(p.familyFrom))
	}
	if p.nextHop6 != nil && (p.ipv4 || list == nil) {
		s.Set("extended_next_hop", "true", from(p.nextHop6))
	}
}

// compare lists what other nodes say otherwise of a peer: they share one session's settings.
func (w *writer) compare(p *peer) {
	first := w.hosts[0].name
	for _, h := range w.hosts {
		q := h.peer(p.address)
		if q == p {
			first = h.name
		}
	}
	for _, h := range w.hosts {
		q := h.peer(p.address)
		if q == nil && !w.speaks(h, p.address) {
			continue
		}
		if q == nil {
			w.find(p.d, draft.Changed, "node "+h.name+" has no such neighbor, and nodes that share a configuration announce to the same peers", "let the peer take its session, or give each node a file of its own")
			continue
		}
		if q == p {
			continue
		}
		for _, x := range []struct {
			differ bool
			d      *Directive
			what   string
		}{
			{q.as != p.as, nil, "the AS of the peer"},
			{q.hold != p.hold, q.holdFrom, "the hold time"},
			{q.port != p.port, q.portFrom, "the port"},
			{(q.passive == nil) != (p.passive == nil), q.passive, "passive"},
			{q.multihop != p.multihop || (q.gtsm == nil) != (p.gtsm == nil), q.hopFrom, "how far the peer is"},
			{string(q.password) != string(p.password), q.passFrom, "the password"},
			{q.ipv4 != p.ipv4 || q.ipv6 != p.ipv6, q.familyFrom, "the families"},
			{(q.nextHop6 == nil) != (p.nextHop6 == nil), q.nextHop6, "the family of next hops"},
		} {
			if x.differ {
				d := x.d
				if d == nil {
					d = q.d
				}
				w.find(d, draft.Changed, x.what+" is not that of node "+first+", which is taken for all nodes of the configuration", "make them the same, or give each node a file of its own")
			}
		}
	}
}

// peer finds a neighbor by its address.
func (h *host) peer(a netip.Addr) *peer {
	for _, p := range h.peers {
		if p.address == a {
			return p
		}
	}
	return nil
}

// literal writes an address so that YAML reads it as a text.
func literal(a netip.Addr) string {
	if a.Is4() {
		return a.String()
	}
	return strconv.Quote(a.String())
}
