package config

import (
	"bytes"
	"fmt"
	"maps"
	"net/netip"
	"slices"
)

// anew is what happens to a group that is another virtual router to the others.
const anew = "the group is let go of and taken anew"

// router compares the virtual routers of a group.
func (d *differ) router(where string, was, now Election) {
	a, b := was.VRRP, now.VRRP
	if was.Type != now.Type {
		d.add(where, "election type %s becomes %s: %s", was.Type, now.Type, anew)
		return
	}
	if a == nil || b == nil {
		return
	}
	for _, c := range []struct {
		key      string
		old, new any
	}{
		{"vrid", a.VRID, b.VRID},
		{"version", a.Version, b.Version},
		{"family", familyOf(a), familyOf(b)},
		{"interface", a.Interface, b.Interface},
	} {
		if c.old != c.new {
			d.add(where, "%s %v becomes %v: %s", c.key, c.old, c.new, anew)
		}
	}
	if a.VirtualMAC != b.VirtualMAC {
		d.restart(where, "virtual_mac %t becomes %t", a.VirtualMAC, b.VirtualMAC)
	}
	d.advertisements(where, a, b)
	d.auth(where, a.Auth, b.Auth)
}

// advertisements compares what can change while the virtual router runs.
func (d *differ) advertisements(where string, a, b *VRRP) {
	for _, c := range []struct {
		key      string
		old, new any
	}{
		{"interval", length(a.Interval), length(b.Interval)},
		{"unicast", a.Unicast, b.Unicast},
		{"peers", words(a.Peers), words(b.Peers)},
		{"group", orNo(a.Group), orNo(b.Group)},
		{"ttl", a.TTL, b.TTL},
		{"min_ttl", a.MinTTL, b.MinTTL},
		{"checksum", a.Checksum, b.Checksum},
		{"accept", a.Accept, b.Accept},
		{"detect", a.Detect, b.Detect},
		{"down_adverts", a.DownAdverts, b.DownAdverts},
	} {
		if c.old != c.new {
			d.add(where, "%s %v becomes %v", c.key, c.old, c.new)
		}
	}
	if !maps.Equal(a.Sources, b.Sources) {
		d.add(where, "source %s becomes %s", sourceWords(a.Sources), sourceWords(b.Sources))
	}
}

func orNo(a netip.Addr) string {
	if !a.IsValid() {
		return "none"
	}
	return a.String()
}

func sourceWords(sources map[string]netip.Addr) string {
	var list []string
	for _, name := range slices.Sorted(maps.Keys(sources)) {
		list = append(list, name+" "+sources[name].String())
	}
	return listed(list)
}

// auth compares how advertisements are authenticated, without naming any secret.
func (d *differ) auth(where string, a, b *VRRPAuth) {
	switch {
	case a == nil && b == nil:
		return
	case a == nil:
		d.add(where, "advertisements are authenticated by %s", b.Type)
		return
	case b == nil:
		d.add(where, "advertisements are no longer authenticated")
		return
	}
	if a.Type != b.Type {
		d.add(where, "auth type %s becomes %s", a.Type, b.Type)
	}
	if a.Replay != b.Replay {
		d.add(where, "auth replay %s becomes %s", a.Replay, b.Replay)
	}
	d.keys(where, a.KeyID, b.KeyID, a.KeyFiles, b.KeyFiles, a.Keys, b.Keys)
}

// keys compares keys by their IDs, without naming any secret.
func (d *differ) keys(where string, signed, signs uint8, was, now map[uint8]string, old, new map[uint8][]byte) {
	if signed != signs {
		d.add(where, "auth key %d signs instead of key %d", signs, signed)
	}
	for id := range 256 {
		key := uint8(id)
		before, had := was[key]
		file, has := now[key]
		switch {
		case had && !has:
			d.add(where, "auth key %d is not accepted any more", id)
		case !had && has:
			d.add(where, "auth key %d is accepted", id)
		case before != file:
			d.add(where, "auth key %d is read from %s instead of %s", id, file, before)
		case old != nil && new != nil && !bytes.Equal(old[key], new[key]):
			d.add(where, "auth key %d is another one", id)
		}
	}
}

// notify compares who is told of changes, without naming any secret.
func (d *differ) notify(old, new *Config) {
	a, b := old.Notify.Email, new.Notify.Email
	switch {
	case a == nil && b != nil:
		d.add("notify.email", "is sent to %s", listed(b.To))
	case a != nil && b == nil:
		d.add("notify.email", "is not sent any more")
	case a != nil && !sameEmail(a, b):
		d.add("notify.email", "changes: %s", emailWords(b))
	}
	before := map[string]Webhook{}
	for _, w := range old.Notify.Webhooks {
		before[w.Name] = w
	}
	for _, w := range new.Notify.Webhooks {
		was, had := before[w.Name]
		delete(before, w.Name)
		where := fmt.Sprintf("notify.webhooks %q", w.Name)
		if !had {
			d.add(where, "is added")
		} else if !sameWebhook(was, w) {
			d.add(where, "changes: %s", webhookWords(&w))
		}
	}
	for _, name := range slices.Sorted(maps.Keys(before)) {
		d.add(fmt.Sprintf("notify.webhooks %q", name), "is removed")
	}
}

func sameOf(a, b Of) bool {
	return slices.Equal(a.Events, b.Events) && slices.Equal(a.Groups, b.Groups)
}

func sameEmail(a, b *Email) bool {
	return sameOf(a.Of, b.Of) && a.Server == b.Server && a.TLS == b.TLS && a.Hello == b.Hello && a.User == b.User &&
		a.PasswordFile == b.PasswordFile && bytes.Equal(a.Password, b.Password) && a.From == b.From && slices.Equal(a.To, b.To) &&
		a.Timeout == b.Timeout && a.Retry == b.Retry
}

func sameWebhook(a, b Webhook) bool {
	return sameOf(a.Of, b.Of) && a.URL == b.URL && a.TokenFile == b.TokenFile && bytes.Equal(a.Token, b.Token) &&
		maps.Equal(a.Headers, b.Headers) && a.Timeout == b.Timeout && a.Retry == b.Retry
}
