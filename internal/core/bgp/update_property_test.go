package bgp

import (
	"fmt"
	"net/netip"
	"slices"
	"testing"

	gobgp "github.com/osrg/gobgp/v4/pkg/packet/bgp"
	"pgregory.net/rapid"
)

// decoded is what another implementation, GoBGP, reads in UPDATEs.
type decoded struct {
	announced, withdrawn []netip.Prefix
	nextHops             []netip.Addr
	paths                []string // the attributes in words, one for each UPDATE that announces
}

// add decodes one UPDATE, strictly.
func (d *decoded) add(message []byte, s *Speaker) error {
	parsed, err := gobgp.ParseBGPMessage(message, &gobgp.MarshallingOption{Use2ByteAS: !s.FourOctet})
	if err != nil {
		return fmt.Errorf("decode: %w", err)
	}
	update := parsed.Body.(*gobgp.BGPUpdate)
	families := map[gobgp.Family]gobgp.BGPAddPathMode{}
	if s.IPv4 {
		families[gobgp.RF_IPv4_UC] = 0
	}
	if s.IPv6 {
		families[gobgp.RF_IPv6_UC] = 0
	}
	if ok, err := gobgp.ValidateUpdateMsg(update, families, !s.Internal, false, true); !ok {
		return fmt.Errorf("validate: %w", err)
	}
	d.withdrawn = append(d.withdrawn, prefixesOf(update.WithdrawnRoutes)...)
	d.announced = append(d.announced, prefixesOf(update.NLRI)...)
	return d.attributes(update)
}

func (d *decoded) attributes(update *gobgp.BGPUpdate) error {
	words, last := "", gobgp.BGPAttrType(0)
	for i, attribute := range update.PathAttributes {
		reach := false
		switch a := attribute.(type) {
		case *gobgp.PathAttributeMpReachNLRI:
			reach = true
			d.announced = append(d.announced, prefixesOf(a.Value)...)
			d.nextHops = append(d.nextHops, a.Nexthop)
			if i != 0 {
				return fmt.Errorf("MP_REACH_NLRI comes at place %d", i)
			}
		case *gobgp.PathAttributeMpUnreachNLRI:
			d.withdrawn = append(d.withdrawn, prefixesOf(a.Value)...)
			continue
		case *gobgp.PathAttributeNextHop:
			d.nextHops = append(d.nextHops, a.Value)
		default:
			words += attribute.String()
		}
		if !reach {
			if attribute.GetType() <= last {
				return fmt.Errorf("%v comes after %v", attribute.GetType(), last)
			}
			last = attribute.GetType()
		}
		if err := flagsFit(attribute); err != nil {
			return err
		}
	}
	if words != "" {
		d.paths = append(d.paths, words)
	}
	return nil
}

// flagsFit compares an attribute's flags with those of its type. A length of two
// bytes is only for what needs it.
func flagsFit(a gobgp.PathAttributeInterface) error {
	want := gobgp.PathAttrFlags[a.GetType()]
	if a.Len() > 3+255 {
		want |= gobgp.BGP_ATTR_FLAG_EXTENDED_LENGTH
	}
	if a.GetFlags() != want {
		return fmt.Errorf("%v has flags %v, want %v", a.GetType(), a.GetFlags(), want)
	}
	return nil
}

func prefixesOf(routes []gobgp.PathNLRI) (prefixes []netip.Prefix) {
	for _, route := range routes {
		prefixes = append(prefixes, netip.MustParsePrefix(route.NLRI.String()))
	}
	return prefixes
}

// wordsOf is a path in the words of GoBGP.
func wordsOf(s *Speaker, p *Path) string {
	attributes := []gobgp.PathAttributeInterface{gobgp.NewPathAttributeOrigin(0)}
	_, asPath, _ := s.Sendable(p)
	real4, shown := segmented(asPath)
	switch {
	case s.FourOctet:
		attributes = append(attributes, gobgp.NewPathAttributeAsPath(asParams(real4)))
	default:
		attributes = append(attributes, gobgp.NewPathAttributeAsPath(shown))
	}
	if p.HasMED {
		attributes = append(attributes, gobgp.NewPathAttributeMultiExitDisc(p.MED))
	}
	if s.Internal {
		attributes = append(attributes, gobgp.NewPathAttributeLocalPref(p.LocalPref-uint32(p.Prepend)))
	}
	if len(p.Communities) > 0 {
		var values []uint32
		for _, c := range p.Communities {
			values = append(values, uint32(c))
		}
		attributes = append(attributes, gobgp.NewPathAttributeCommunities(values))
	}
	if !s.FourOctet && s.LocalAS > 65535 && len(asPath) > 0 {
		attributes = append(attributes, gobgp.NewPathAttributeAs4Path(real4))
	}
	if len(p.Large) > 0 {
		var values []*gobgp.LargeCommunity
		for _, c := range p.Large {
			values = append(values, &gobgp.LargeCommunity{ASN: c.Global, LocalData1: c.Local1, LocalData2: c.Local2})
		}
		attributes = append(attributes, gobgp.NewPathAttributeLargeCommunities(values))
	}
	words := ""
	for _, a := range attributes {
		words += a.String()
	}
	return words
}

// segmented is an AS_PATH in segments, and as a peer of two bytes is shown it.
func segmented(asPath []uint32) (real4 []*gobgp.As4PathParam, shown []gobgp.AsPathParamInterface) {
	for len(asPath) > 0 {
		count := (len(asPath)-1)%255 + 1
		two := make([]uint16, count)
		for i, as := range asPath[:count] {
			two[i] = uint16(as)
			if as > 65535 {
				two[i] = 23456
			}
		}
		real4 = append(real4, gobgp.NewAs4PathParam(gobgp.BGP_ASPATH_ATTR_TYPE_SEQ, asPath[:count]))
		shown = append(shown, gobgp.NewAsPathParam(gobgp.BGP_ASPATH_ATTR_TYPE_SEQ, two))
		asPath = asPath[count:]
	}
	return real4, shown
}

func asParams(params []*gobgp.As4PathParam) (out []gobgp.AsPathParamInterface) {
	for _, p := range params {
		out = append(out, p)
	}
	return out
}

// splitUpdates takes messages apart by their headers.
func splitUpdates(b []byte) (messages [][]byte, err error) {
	for len(b) > 0 {
		kind, length, n := ParseHeader(b)
		if n != nil || kind != TypeUpdate || length > len(b) {
			return nil, fmt.Errorf("type %d of %d bytes in %d: %v", kind, length, len(b), n)
		}
		messages, b = append(messages, b[:length]), b[length:]
	}
	return messages, nil
}

// decode reads all messages.
func decode(b []byte, s *Speaker) (d decoded, count int, err error) {
	messages, err := splitUpdates(b)
	if err != nil {
		return d, 0, err
	}
	for _, message := range messages {
		if err := d.add(message, s); err != nil {
			return d, 0, fmt.Errorf("%x: %w", message[:min(len(message), 200)], err)
		}
	}
	return d, len(messages), nil
}

// anySpeaker is a session of any kind, with next hops for both families.
func anySpeaker(t *rapid.T) Speaker {
	s := Speaker{
		LocalAS:         rapid.OneOf(rapid.Uint32Range(1, 1<<32-1), rapid.Uint32Range(65530, 65540)).Draw(t, "AS"),
		Internal:        rapid.Bool().Draw(t, "internal"),
		FourOctet:       rapid.Bool().Draw(t, "four octets"),
		ExtendedNextHop: rapid.Bool().Draw(t, "extended next hop"),
		IPv4:            true, IPv6: true,
		Local: this4, NextHop6: this6,
	}
	if rapid.Bool().Draw(t, "over IPv6") {
		s.Local, s.NextHop6 = this6, netip.Addr{}
		if !s.ExtendedNextHop || rapid.Bool().Draw(t, "next hop of IPv4") {
			s.NextHop4 = this4
		}
	}
	return s
}

// anyPath is a path with any attributes that have room in a message.
func anyPath(t *rapid.T, prefix netip.Prefix) Path {
	p := Path{
		Prefix:    prefix,
		Prepend:   rapid.OneOf(rapid.IntRange(0, 3), rapid.IntRange(0, 300)).Draw(t, "prepend"),
		MED:       rapid.Uint32().Draw(t, "MED"),
		HasMED:    rapid.Bool().Draw(t, "has MED"),
		LocalPref: rapid.Uint32Range(300, 1<<32-1).Draw(t, "LOCAL_PREF"),
	}
	for range rapid.IntRange(0, 80).Draw(t, "communities") {
		p.Communities = append(p.Communities, Community(rapid.Uint32().Draw(t, "community")))
	}
	for i := range rapid.IntRange(0, 30).Draw(t, "large communities") { // GoBGP wants each once
		p.Large = append(p.Large, LargeCommunity{uint32(i), rapid.Uint32().Draw(t, "1"), rapid.Uint32().Draw(t, "2")})
	}
	return p
}

// somePrefixes are prefixes of one family, each once, so many that they may take
// several messages.
func somePrefixes(t *rapid.T, four bool) (prefixes []netip.Prefix) {
	count := rapid.OneOf(rapid.IntRange(1, 5), rapid.IntRange(1, 2500)).Draw(t, "prefixes")
	least := rapid.IntRange(16, 32).Draw(t, "bits")
	seen := map[netip.Prefix]bool{}
	for i := range count {
		bits := least + i%(33-least)
		prefix := netip.PrefixFrom(netip.AddrFrom4([4]byte{10, byte(i >> 8), byte(i), byte(i)}), bits)
		if !four {
			prefix = netip.PrefixFrom(netip.AddrFrom16([16]byte{0xfd, byte(i >> 8), byte(i), byte(i), 15: byte(i)}), bits*4)
		}
		if prefix = prefix.Masked(); !seen[prefix] {
			seen[prefix] = true
			prefixes = append(prefixes, prefix)
		}
	}
	return prefixes
}

// TestAnnounceProperty announces anything in any session: another implementation
// reads every prefix once and in order, with the attributes of the path in every
// UPDATE, and no UPDATE is begun while the one before it has room.
func TestAnnounceProperty(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s := anySpeaker(t)
		prefixes := somePrefixes(t, rapid.Bool().Draw(t, "IPv4"))
		p := anyPath(t, prefixes[0])
		hop, _, why := s.Sendable(&p)
		if why != "" {
			t.Fatal(why)
		}
		b := s.AppendAnnounce(nil, &p, prefixes)
		d, count, err := decode(b, &s)
		if err != nil {
			t.Fatal(err)
		}
		if !slices.Equal(d.announced, prefixes) || len(d.withdrawn) > 0 {
			t.Fatalf("announced %d of %d prefixes, withdrew %v", len(d.announced), len(prefixes), d.withdrawn)
		}
		if len(d.paths) != count || len(d.nextHops) != count {
			t.Fatalf("%d paths, %d next hops in %d messages", len(d.paths), len(d.nextHops), count)
		}
		for i := range count {
			if want := wordsOf(&s, &p); d.paths[i] != want || d.nextHops[i] != hop {
				t.Fatalf("%s via %v\nwant %s via %v", d.paths[i], d.nextHops[i], want, hop)
			}
		}
		fullMessages(t, b)
	})
}

// TestWithdrawProperty withdraws anything in any session.
func TestWithdrawProperty(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s := anySpeaker(t)
		prefixes4, prefixes6 := somePrefixes(t, true), somePrefixes(t, false)
		mixed := slices.Concat(prefixes6[:len(prefixes6)/2], prefixes4, prefixes6[len(prefixes6)/2:])
		b := s.AppendWithdraw(nil, mixed)
		d, _, err := decode(b, &s)
		if err != nil {
			t.Fatal(err)
		}
		if !slices.Equal(d.withdrawn, slices.Concat(prefixes4, prefixes6)) || len(d.announced) > 0 {
			t.Fatalf("withdrew %d of %d prefixes, announced %v", len(d.withdrawn), len(mixed), d.announced)
		}
	})
}

// fullMessages wants all messages but the last to have no room for one more prefix
// and the one byte that MP_REACH_NLRI's length may take beside it.
func fullMessages(t *rapid.T, b []byte) {
	messages, err := splitUpdates(b)
	if err != nil {
		t.Fatal(err)
	}
	for _, message := range messages[:len(messages)-1] {
		if len(message) < MaxMessage-18 {
			t.Fatalf("a message has %d bytes and is not the last", len(message))
		}
	}
}

// TestOpenDecoded has another implementation read the OPENs.
func TestOpenDecoded(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		o := anyOpen(t)
		parsed, err := gobgp.ParseBGPMessage(AppendOpen(nil, &o))
		if err != nil {
			t.Fatal(err)
		}
		open := parsed.Body.(*gobgp.BGPOpen)
		got := Open{AS: uint32(open.MyAS), HoldTime: open.HoldTime, RouterID: open.ID}
		for _, parameter := range open.OptParams {
			for _, capability := range parameter.(*gobgp.OptionParameterCapability).Capability {
				switch c := capability.(type) {
				case *gobgp.CapMultiProtocol:
					got.IPv4 = got.IPv4 || c.CapValue == gobgp.RF_IPv4_UC
					got.IPv6 = got.IPv6 || c.CapValue == gobgp.RF_IPv6_UC
				case *gobgp.CapRouteRefresh:
					got.Refresh = true
				case *gobgp.CapExtendedNexthop:
					got.ExtendedNextHop = len(c.Tuples) == 1 && *c.Tuples[0] == gobgp.CapExtendedNexthopTuple{NLRIAFI: 1, NLRISAFI: 1, NexthopAFI: 2}
				case *gobgp.CapFourOctetASNumber:
					got.AS, got.FourOctet = c.CapValue, true
				default:
					t.Fatalf("capability %v", capability)
				}
			}
		}
		want := o
		if len(open.OptParams) == 0 {
			want.IPv4 = false // which goes without saying
		}
		if got != want {
			t.Fatalf("read %+v\nwant %+v", got, want)
		}
	})
}

// anyOpen is an OPEN that can be sent.
func anyOpen(t *rapid.T) Open {
	o := Open{
		HoldTime:  rapid.OneOf(rapid.Just(uint16(0)), rapid.Uint16Range(3, 65535)).Draw(t, "hold time"),
		RouterID:  netip.AddrFrom4([4]byte{byte(rapid.IntRange(1, 255).Draw(t, "identifier")), 0, 2, 1}),
		IPv4:      rapid.Bool().Draw(t, "IPv4"),
		FourOctet: rapid.Bool().Draw(t, "four octets"),
		Refresh:   rapid.Bool().Draw(t, "refresh"),
	}
	o.IPv6 = !o.IPv4 || rapid.Bool().Draw(t, "IPv6")
	o.ExtendedNextHop = rapid.Bool().Draw(t, "extended next hop")
	o.AS = rapid.Uint32Range(1, 65535).Draw(t, "AS")
	if o.FourOctet {
		o.AS = rapid.Uint32Range(1, 1<<32-1).Draw(t, "four octet AS")
	}
	return o
}
