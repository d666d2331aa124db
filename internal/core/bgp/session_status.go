package bgp

import (
	"fmt"
	"net/netip"
	"slices"
	"strconv"
	"strings"
)

// Status tells how the session is. What it points to is not changed any more.
func (s *Session) Status(Instant) Status {
	st := Status{
		State: s.current(), Since: s.since,
		Attempts: s.attempts, Flaps: s.flaps, In: s.in, Out: s.sent,
		LastError: s.lastError, Unsent: s.rib.unsent, Unsendable: s.rib.unsendable,
	}
	if f := s.established(); f != nil {
		st.RouterID, st.HoldTime = f.open.RouterID.String(), int(f.hold.Seconds())
		st.FourOctet, st.Refresh = s.speaker.FourOctet, f.open.Refresh
		st.IPv4, st.IPv6 = s.speaker.IPv4, s.speaker.IPv6
		for i := range s.rib.has {
			r := &s.rib.has[i]
			st.Paths = append(st.Paths, Sent{Path: r.Path, NextHop: r.nextHop.String(), ASPath: r.asPath, LocalPref: r.localPref})
		}
	}
	return st
}

// named is how many prefixes are named in what people are told of one change.
const named = 8

// describe says for people what was announced, withdrawn and could not be announced.
func describe(announced []*route, withdrawn []netip.Prefix, unsendable []string) string {
	var parts []string
	for i := 0; i < len(announced); {
		first := announced[i]
		var prefixes []netip.Prefix
		for ; i < len(announced) && compareAttributes(first, announced[i]) == 0; i++ {
			prefixes = append(prefixes, announced[i].Prefix)
		}
		if len(parts) == named {
			parts = append(parts, "and more with other attributes")
			break
		}
		parts = append(parts, "announced "+list(prefixes)+" ("+first.attributes()+")")
	}
	if len(withdrawn) > 0 {
		parts = append(parts, "withdrew "+list(withdrawn))
	}
	if len(unsendable) > 0 {
		parts = append(parts, "cannot announce "+list(unsendable))
	}
	return strings.Join(parts, "; ")
}

// list names the first few of many.
func list[T any](all []T) string {
	var b strings.Builder
	for i, one := range all {
		if i == named {
			fmt.Fprintf(&b, " and %d more", len(all)-named)
			break
		}
		if i > 0 {
			b.WriteString(", ")
		}
		fmt.Fprint(&b, one)
	}
	return b.String()
}

// attributes says for people how a route was announced.
func (r *route) attributes() string {
	parts := []string{"next hop " + r.nextHop.String()}
	if len(r.asPath) > 0 {
		parts = append(parts, "AS path "+strings.Trim(fmt.Sprint(r.asPath), "[]"))
	} else {
		parts = append(parts, "local preference "+strconv.Itoa(int(r.localPref)))
	}
	if r.HasMED {
		parts = append(parts, "MED "+strconv.Itoa(int(r.MED)))
	}
	if slices.Contains(r.Communities, GracefulShutdown) {
		parts = append(parts, "graceful shutdown")
	}
	return strings.Join(parts, ", ")
}
