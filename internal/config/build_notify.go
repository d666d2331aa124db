package config

import (
	"fmt"
	"net"
	"net/netip"
	"net/url"
	"slices"
)

// notify is who is told of changes by mail and by webhooks.
func (b *builder) notify(v *value) {
	b.cfg.Notify.Email = b.email(v.get("email"))
	for _, e := range sorted(v.get("webhooks")) {
		if !e.value.ok() {
			continue
		}
		w := Webhook{
			Of:        b.told(e.value),
			Name:      e.name,
			URL:       or(e.value.get("url"), ""),
			TokenFile: or(e.value.get("token_file"), ""),
			Timeout:   or(e.value.get("timeout"), defaultWebTimeout),
			Retry:     or(e.value.get("retry"), defaultRetry),
		}
		if headers := e.value.get("headers"); headers.ok() && len(headers.entries) > 0 {
			w.Headers = map[string]string{}
			for _, h := range headers.entries {
				w.Headers[h.name] = or(h.value, "")
			}
		}
		if token := e.value.get("token_file"); token.ok() && inTheClear(w.URL) {
			b.notes.about(e.value.get("url"), "sends the token in the clear", "", "use https")
		}
		b.cfg.Notify.Webhooks = append(b.cfg.Notify.Webhooks, w)
	}
}

// inTheClear tells that others can read what goes to a URL.
func inTheClear(text string) bool {
	u, err := url.Parse(text)
	if err != nil || u.Scheme != "http" {
		return false
	}
	return !local(u.Hostname())
}

func local(host string) bool {
	a, err := netip.ParseAddr(host)
	return host == "localhost" || err == nil && a.IsLoopback()
}

func (b *builder) email(v *value) *Email {
	if !v.ok() {
		return nil
	}
	e := &Email{
		Of:           b.told(v),
		Server:       or(v.get("server"), ""),
		TLS:          or(v.get("tls"), TLSStart),
		Hello:        or(v.get("hello"), ""),
		User:         or(v.get("user"), ""),
		PasswordFile: or(v.get("password_file"), ""),
		From:         or(v.get("from"), ""),
		To:           scalars[string](v.get("to")),
		Timeout:      or(v.get("timeout"), defaultMailTimeout),
		Retry:        or(v.get("retry"), defaultRetry),
	}
	if to := v.get("to"); to.ok() {
		b.unique(to)
		if len(to.items) == 0 {
			b.whole(to, "is empty", "one address or more", "add who is to be told")
		}
	}
	user, password := v.get("user"), v.get("password_file")
	switch {
	case user != nil && password == nil:
		b.about(user, "stands without password_file", "password_file beside it", "add password_file: …, or remove it")
	case user == nil && password != nil:
		b.about(password, "stands without user", "user beside it", "add user: …, or remove it")
	}
	if host, _, err := net.SplitHostPort(e.Server); err == nil && e.TLS == TLSNone && user.ok() && !local(host) {
		b.about(user, "sends the password in the clear with tls: none", "tls: starttls or tls", "leave tls off, or leave user and password_file off")
	}
	return e
}

// told is which changes a recipient is told of.
func (b *builder) told(v *value) Of {
	of := Of{Events: slices.Clone(roleHooks), Groups: scalars[string](v.get("groups"))}
	if events := v.get("events"); events.ok() {
		b.some(events)
		of.Events = nil
		for _, name := range scalars[string](events) {
			of.Events = append(of.Events, HookKind(name))
		}
	}
	groups := v.get("groups")
	if !groups.ok() {
		return of
	}
	b.some(groups)
	known := b.top.get("groups")
	if known != nil && !known.ok() {
		return of
	}
	names := make([]string, 0, len(b.cfg.Groups))
	for _, e := range sorted(known) {
		names = append(names, e.name)
	}
	for _, item := range groups.items {
		if name := or(item, ""); item.ok() && known.get(name) == nil {
			b.about(item, "is not a group", "one of "+listed(names), didYouMean(name, names))
		}
	}
	return of
}

// some refuses a list without entries, or with one twice.
func (b *builder) some(v *value) {
	b.unique(v)
	if len(v.items) == 0 {
		b.whole(v, "is empty", "one entry or more", "leave it off for all")
	}
}

// log is where the daemon's log goes.
func (b *builder) log(v *value) {
	b.cfg.Log = Log{
		Target: or(v.get("target"), LogStderr),
		Format: or(v.get("format"), "text"),
		Level:  or(v.get("level"), "info"),
		Syslog: or(v.get("syslog"), defaultSyslog),
	}
	target := v.get("target")
	if target != nil && target.bad {
		return
	}
	if syslog := v.get("syslog"); syslog.ok() && b.cfg.Log.Target != LogSyslog {
		b.about(syslog, "has no meaning with target: "+b.cfg.Log.Target, "target: syslog", fmt.Sprintf("add target: %s, or remove it", LogSyslog))
	}
	if format := v.get("format"); format.ok() && b.cfg.Log.Target == LogJournald {
		b.about(format, "has no meaning with target: journald", "target: stderr or syslog", "journald has fields of its own: remove it")
	}
}
