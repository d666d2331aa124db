package config

import (
	"bytes"
	"fmt"
	"maps"
	"net/netip"
	"slices"
	"strconv"
)

// reopened is what happens to a session that peers cannot change while it is there.
const reopened = "the session is closed and opened anew"

// bgp compares the sessions. What belongs to the AS or to the node changes all of them.
func (d *differ) bgp(old, new *Config) {
	a, b := old.BGP, new.BGP
	switch {
	case a == nil && b == nil:
		return
	case b == nil:
		d.add("bgp", "is gone: what was announced is withdrawn")
		return
	case a == nil:
		a = &BGP{}
	}
	if a.LocalAS != b.LocalAS && a.LocalAS != 0 {
		d.add("bgp", "local_as %d becomes %d: all sessions are closed and opened anew", a.LocalAS, b.LocalAS)
	}
	if a.RouterID != b.RouterID && a.LocalAS != 0 {
		d.add("bgp", "router_id %s becomes %s: all sessions are closed and opened anew", orNo(a.RouterID), orNo(b.RouterID))
	} else if !maps.Equal(a.RouterIDs, b.RouterIDs) && a.LocalAS != 0 {
		d.add("bgp", "router_id %s becomes %s", sourceWords(a.RouterIDs), sourceWords(b.RouterIDs))
	}
	if a.Port != b.Port {
		d.add("bgp", "connections are taken at port %s instead of %s", portWords(b.Port), portWords(a.Port))
	}
	before := map[string]*BGPPeer{}
	for i := range a.Peers {
		before[a.Peers[i].Name] = &a.Peers[i]
	}
	for i := range b.Peers {
		p := &b.Peers[i]
		where := fmt.Sprintf("bgp: peer %q", p.Name)
		was := before[p.Name]
		delete(before, p.Name)
		if was == nil {
			d.add(where, "is new")
			continue
		}
		d.bgpPeer(where, was, p)
	}
	for _, name := range slices.Sorted(maps.Keys(before)) {
		d.add(fmt.Sprintf("bgp: peer %q", name), "is gone: the session is closed")
	}
}

func portWords(port uint16) string {
	if port == 0 {
		return "none"
	}
	return strconv.Itoa(int(port))
}

func (d *differ) bgpPeer(where string, a, b *BGPPeer) {
	for _, c := range []struct {
		key      string
		old, new any
		anew     bool
	}{
		{"address", orNo(a.Address), orNo(b.Address), true},
		{"port", a.Port, b.Port, true},
		{"as", a.AS, b.AS, true},
		{"hold_time", length(a.HoldTime), length(b.HoldTime), true},
		{"connect_retry", length(a.ConnectRetry), length(b.ConnectRetry), false},
		{"passive", a.Passive, b.Passive, false},
		{"multihop", a.Multihop, b.Multihop, false},
		{"ttl_security", a.TTLSecurity, b.TTLSecurity, false},
		{"password_file", orNone(a.PasswordFile), orNone(b.PasswordFile), false},
		{"families", a.familyWords(), b.familyWords(), true},
		{"extended_next_hop", a.ExtendedNextHop, b.ExtendedNextHop, true},
		{"graceful_shutdown", a.GracefulShutdown, b.GracefulShutdown, false},
	} {
		switch {
		case c.old != c.new && c.anew:
			d.add(where, "%s %v becomes %v: %s", c.key, c.old, c.new, reopened)
		case c.old != c.new:
			d.add(where, "%s %v becomes %v", c.key, c.old, c.new)
		}
	}
	if !bytes.Equal(a.Password, b.Password) {
		d.add(where, "the password is another one at once: the session ends unless the peer's changes too")
	}
	d.sources(where, a.Source, b.Source, a.Sources, b.Sources, reopened)
	d.bfd(where, a.BFD, b.BFD)
}

// sources compares where this node's side of a session is, and those of others.
func (d *differ) sources(where string, a, b netip.Addr, all, now map[string]netip.Addr, then string) {
	if a != b {
		d.add(where, "source %s becomes %s: %s", orNo(a), orNo(b), then)
	} else if !maps.Equal(all, now) {
		d.add(where, "source %s becomes %s", sourceWords(all), sourceWords(now))
	}
}

func (d *differ) bfd(where string, a, b *BFD) {
	switch {
	case a == nil && b == nil:
		return
	case a == nil:
		d.add(where, "is watched by BFD: %s", b.words())
		return
	case b == nil:
		d.add(where, "is not watched by BFD any more")
		return
	}
	const anew = "the BFD session begins anew"
	for _, c := range []struct {
		key      string
		old, new any
		anew     bool
	}{
		{"interval", length(a.Interval), length(b.Interval), false},
		{"min_rx", length(a.MinRX), length(b.MinRX), false},
		{"multiplier", a.Multiplier, b.Multiplier, false},
		{"multihop", a.Multihop, b.Multihop, (a.Multihop > 1) != (b.Multihop > 1)},
		{"passive", a.Passive, b.Passive, false},
	} {
		switch {
		case c.old != c.new && c.anew:
			d.add(where, "bfd: %s %v becomes %v: %s", c.key, c.old, c.new, anew)
		case c.old != c.new:
			d.add(where, "bfd: %s %v becomes %v", c.key, c.old, c.new)
		}
	}
	d.sources(where+": bfd", a.Source, b.Source, a.Sources, b.Sources, anew)
	d.bfdAuth(where+": bfd", a.Auth, b.Auth)
}

func (d *differ) bfdAuth(where string, a, b *BFDAuth) {
	switch {
	case a == nil && b == nil:
		return
	case a == nil:
		d.add(where, "packets are authenticated by %s", b.Type)
		return
	case b == nil:
		d.add(where, "packets are no longer authenticated")
		return
	}
	if a.Type != b.Type {
		d.add(where, "auth type %s becomes %s", a.Type, b.Type)
	}
	d.keys(where, a.KeyID, b.KeyID, a.KeyFiles, b.KeyFiles, a.Keys, b.Keys)
}

// announced compares what a group announces.
func (d *differ) announced(where string, a, b *Routes) {
	switch {
	case a == nil && b == nil:
		return
	case a == nil:
		d.add(where, "%s announced by BGP", counted(len(b.Prefixes), "prefix is", "prefixes are"))
		return
	case b == nil:
		d.add(where, "is not announced by BGP any more: %s withdrawn", counted(len(a.Prefixes), "prefix is", "prefixes are"))
		return
	}
	d.prefixes(where, a.Prefixes, b.Prefixes)
	for _, name := range b.Peers {
		if !slices.Contains(a.Peers, name) {
			d.add(where, "is announced to %s", name)
		}
	}
	for _, name := range a.Peers {
		if !slices.Contains(b.Peers, name) {
			d.add(where, "is withdrawn from %s", name)
		}
	}
	d.attributes(where+": bgp", a, b)
	if a.Linger != b.Linger {
		d.add(where+": bgp", "linger %s becomes %s", length(a.Linger), length(b.Linger))
	}
	for _, name := range slices.Sorted(maps.Keys(b.PerNode)) {
		d.attributes(fmt.Sprintf("%s: bgp: node %q", where, name), a.For(name), b.For(name))
	}
	for _, name := range slices.Sorted(maps.Keys(a.PerNode)) {
		if _, still := b.PerNode[name]; !still {
			d.attributes(fmt.Sprintf("%s: bgp: node %q", where, name), a.For(name), b)
		}
	}
}

func (d *differ) prefixes(where string, was, now []netip.Prefix) {
	for _, p := range now {
		if !slices.Contains(was, p) {
			d.add(where, "%s is announced", p)
		}
	}
	for _, p := range was {
		if !slices.Contains(now, p) {
			d.add(where, "%s is withdrawn", p)
		}
	}
}

// attributes compares those of the paths: they are announced again with the new ones.
func (d *differ) attributes(where string, a, b *Routes) {
	for _, c := range []struct{ key, old, new string }{
		{"next_hop", words(a.NextHop), words(b.NextHop)},
		{"communities", a.communityWords(), b.communityWords()},
		{"med", orNoNumber(a.MED), orNoNumber(b.MED)},
		{"local_pref", orNoNumber(a.LocalPref), orNoNumber(b.LocalPref)},
		{"prepend.active", countWords(a.Prepend.Active), countWords(b.Prepend.Active)},
		{"prepend.standby", countWords(a.Prepend.Standby), countWords(b.Prepend.Standby)},
		{"prepend.unhealthy", countWords(a.Prepend.Unhealthy), countWords(b.Prepend.Unhealthy)},
		{"prepend.drain", countWords(a.Prepend.Drain), countWords(b.Prepend.Drain)},
		{"room", strconv.Itoa(a.Room), strconv.Itoa(b.Room)},
	} {
		if c.old != c.new {
			d.add(where, "%s %s becomes %s", c.key, c.old, c.new)
		}
	}
}

func orNoNumber(n *uint32) string {
	if n == nil {
		return "none"
	}
	return strconv.FormatUint(uint64(*n), 10)
}

func countWords(n int) string {
	if n == Withdrawn {
		return withdrawnWord
	}
	return strconv.Itoa(n)
}
