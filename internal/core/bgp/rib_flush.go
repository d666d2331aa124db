package bgp

import (
	"cmp"
	"net/netip"
	"slices"
)

// flush sends what the peer is to have and has not, and withdraws the rest. In a
// step it comes last, so that withdrawals may be sent before everything else.
func (s *Session) flush(now Instant) {
	f, r := s.established(), &s.rib
	if f == nil {
		return
	}
	// What the peer has asked for again waits until it has taken what it was sent.
	again := (r.again4 || r.again6) && !r.unsent
	if !again && (!r.pending() || !r.changed && s.flushSome(now, f)) {
		return
	}
	want, unsendable := s.sendable(r.spare[:0])
	again4, again6 := again && r.again4, again && r.again6
	announced, withdrawn, repeated := difference(r.has, want, again4, again6)
	s.withdraw(now, f, withdrawn)
	s.announce(now, f, announced)
	if r.first {
		s.endOfRIB(now, f)
	}
	troubled := len(unsendable) > 0 && !slices.Equal(unsendable, r.unsendable)
	if len(announced) > repeated || len(withdrawn) > 0 || troubled {
		s.change(Change{Kind: Announced, Detail: describe(announced, withdrawn, unsendable)})
	}
	if len(announced) > 0 || len(withdrawn) > 0 {
		r.unsent, r.mark = true, f.written
	}
	r.has, r.spare, r.unsendable = want, r.has, unsendable
	r.changed, r.first, r.touched = false, false, r.touched[:0]
	r.again4, r.again6 = r.again4 && !again4, r.again6 && !again6
}

// sendable appends the routes that can be sent, and says why others cannot.
func (s *Session) sendable(routes []route) (_ []route, unsendable []string) {
	for i := range s.rib.want {
		p := &s.rib.want[i]
		r, why := s.routeOf(p)
		if why != "" {
			unsendable = append(unsendable, p.Prefix.String()+": "+why)
			continue
		}
		routes = append(routes, r)
	}
	return routes, unsendable
}

// routeOf is a path as it is sent, or why it cannot be.
func (s *Session) routeOf(p *Path) (route, string) {
	nextHop, asPath, why := s.speaker.Sendable(p)
	r := route{Path: *p, nextHop: nextHop, asPath: asPath}
	if s.speaker.Internal {
		r.localPref = s.speaker.LocalPref(p)
	}
	return r, why
}

// difference compares what the peer has with what it is to have, both sorted by
// prefix. It points into want. repeated counts what is announced only because the
// peer wants it again.
func difference(has, want []route, again4, again6 bool) (announced []*route, withdrawn []netip.Prefix, repeated int) {
	for i, j := 0, 0; i < len(has) || j < len(want); {
		order := 0
		switch {
		case i == len(has):
			order = 1
		case j == len(want):
			order = -1
		default:
			order = has[i].Prefix.Compare(want[j].Prefix)
		}
		if order < 0 {
			withdrawn = append(withdrawn, has[i].Prefix)
			i++
			continue
		}
		again := again6
		if want[j].Prefix.Addr().Is4() {
			again = again4
		}
		same := order == 0 && compareAttributes(&has[i], &want[j]) == 0
		if !same || again {
			announced = append(announced, &want[j])
		}
		if same && again {
			repeated++
		}
		if order == 0 {
			i++
		}
		j++
	}
	return announced, withdrawn, repeated
}

// compareAttributes orders routes so that those that share UPDATEs are side by side.
func compareAttributes(a, b *route) int {
	if a.Prefix.Addr().Is4() != b.Prefix.Addr().Is4() {
		return a.Prefix.Addr().BitLen() - b.Prefix.Addr().BitLen()
	}
	return cmp.Or(
		a.nextHop.Compare(b.nextHop),
		slices.Compare(a.asPath, b.asPath),
		cmp.Compare(a.MED, b.MED),
		boolean(a.HasMED)-boolean(b.HasMED),
		cmp.Compare(a.localPref, b.localPref),
		slices.Compare(a.Communities, b.Communities),
		slices.CompareFunc(a.Large, b.Large, compareLarge),
	)
}

func boolean(b bool) int {
	if b {
		return 1
	}
	return 0
}

func compareLarge(a, b LargeCommunity) int {
	return cmp.Or(cmp.Compare(a.Global, b.Global), cmp.Compare(a.Local1, b.Local1), cmp.Compare(a.Local2, b.Local2))
}

// withdraw sends withdrawals ahead of everything that is written in this step. After
// something was announced in it, they may not overtake that.
func (s *Session) withdraw(now Instant, f *fsm, prefixes []netip.Prefix) {
	if len(prefixes) == 0 {
		return
	}
	start := len(s.buf)
	s.buf = s.speaker.AppendWithdraw(s.buf, prefixes)
	if s.rib.flushed {
		s.send(now, f, start)
		return
	}
	b := s.buf[start:len(s.buf):len(s.buf)]
	s.out.Retracts = append(s.out.Retracts, Write{Conn: f.conn, Bytes: b})
	s.wrote(now, f, b)
}

// announce sends routes, those with equal attributes together. It sorts them.
func (s *Session) announce(now Instant, f *fsm, routes []*route) {
	if len(routes) == 0 {
		return
	}
	slices.SortStableFunc(routes, compareAttributes)
	start := len(s.buf)
	for i := 0; i < len(routes); {
		first := routes[i]
		s.rib.prefixes = s.rib.prefixes[:0]
		for ; i < len(routes) && compareAttributes(first, routes[i]) == 0; i++ {
			s.rib.prefixes = append(s.rib.prefixes, routes[i].Prefix)
		}
		s.buf = s.speaker.AppendAnnounce(s.buf, &first.Path, s.rib.prefixes)
	}
	s.send(now, f, start)
	s.rib.flushed = true
}

// endOfRIB says that everything has been announced (RFC 4724 section 2).
func (s *Session) endOfRIB(now Instant, f *fsm) {
	start := len(s.buf)
	if s.speaker.IPv4 {
		s.buf = s.speaker.AppendEndOfRIB(s.buf, false)
	}
	if s.speaker.IPv6 {
		s.buf = s.speaker.AppendEndOfRIB(s.buf, true)
	}
	s.send(now, f, start)
}
