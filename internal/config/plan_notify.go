package config

import (
	"fmt"
	"strings"
)

// PlanNotify is who is told of changes, in words.
type PlanNotify struct {
	Email    string   `json:"email,omitempty"`
	Webhooks []string `json:"webhooks,omitempty"`
}

func (c *Config) planNotify() PlanNotify {
	var p PlanNotify
	if e := c.Notify.Email; e != nil {
		p.Email = emailWords(e)
	}
	for i := range c.Notify.Webhooks {
		p.Webhooks = append(p.Webhooks, webhookWords(&c.Notify.Webhooks[i]))
	}
	return p
}

func emailWords(e *Email) string {
	tls := map[string]string{TLSStart: "STARTTLS required", TLSFromStart: "TLS", TLSNone: "in the clear"}[e.TLS]
	return fmt.Sprintf("to %s by %s, %s; %s; tried for %s", listed(e.To), e.Server, tls, ofWords(e.Of), length(e.Retry))
}

func webhookWords(w *Webhook) string {
	return fmt.Sprintf("%s: POST %s; %s; tried for %s", w.Name, clipped(w.URL), ofWords(w.Of), length(w.Retry))
}

func ofWords(of Of) string {
	kinds := make([]string, len(of.Events))
	for i, k := range of.Events {
		kinds[i] = string(k)
	}
	if of.Groups == nil {
		return strings.Join(kinds, ", ") + " of all groups"
	}
	return strings.Join(kinds, ", ") + " of " + listed(of.Groups)
}

func (l Log) words() string {
	switch l.Target {
	case LogJournald:
		return fmt.Sprintf("to journald, %s and above", l.Level)
	case LogSyslog:
		return fmt.Sprintf("to syslog at %s as %s, %s and above", l.Syslog, l.Format, l.Level)
	default:
		return fmt.Sprintf("to stderr as %s, %s and above", l.Format, l.Level)
	}
}
