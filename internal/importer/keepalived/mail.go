package keepalived

import (
	"net"
	"regexp"
	"strings"
	"time"
)

// email writes notify: email for the groups whose changes are mailed.
func (c *converter) email() {
	g := c.global
	if len(c.alerts) == 0 {
		for _, d := range g.mail {
			c.find(d, Unneeded, "no instance has smtp_alert, so keepalived sends no mail", "")
		}
		return
	}
	if g.server == nil || len(g.to) == 0 {
		c.note(c.alertFrom, Unneeded, "notification_email or smtp_server is missing, so keepalived sends no mail", "")
		for _, d := range g.mail {
			c.find(d, Unneeded, "keepalived sends no mail without smtp_server and notification_email", "")
		}
		return
	}
	s := c.top.sub("notify").sub("email")
	c.mailServer(s)
	s.set("tls", "none", "keepalived knows no other way; starttls is the better one where the server has it")
	if g.hello != nil {
		g.hello.use(0, 1)
		s.set("hello", scalar(g.hello.Arg(1)), from(g.hello))
	}
	c.mailFrom(s)
	for _, to := range g.to {
		s.add("to", item{scalar(c.mailbox(to.d, to.text)), from(to.d)})
	}
	if g.timeout != nil {
		if v, ok := c.seconds(g.timeout, 1); ok {
			v = c.clamp(g.timeout, v, 100*time.Millisecond, 10*time.Minute, "the timeout of mail")
			s.set("timeout", length(v), from(g.timeout))
		}
	}
	if g.noFaults != nil {
		g.noFaults.useAll()
		s.set("events", "[activate, standby, stop]", from(g.noFaults))
	}
	if len(c.alerts) < len(c.groups) {
		s.set("groups", flow(c.alerts), "those with smtp_alert")
	}
}

func (c *converter) mailServer(s *section) {
	d := c.global.server
	d.use(0, 1, 2)
	port := d.Arg(2)
	if port == "" {
		port = "25"
	}
	s.set("server", scalar(net.JoinHostPort(strings.Trim(d.Arg(1), "[]"), port)), from(d))
}

func (c *converter) mailFrom(s *section) {
	d := c.global.from
	if d == nil {
		host := c.o.Host.Name
		if host == "" {
			host = c.node
		}
		s.set("from", scalar("keepalived@"+host), "keepalived's default")
		return
	}
	d.useAll()
	s.set("from", scalar(c.mailbox(d, strings.Join(d.Words[1:], " "))), from(d))
}

var bareAddress = regexp.MustCompile(`^[^@\s<>]+@[^@\s<>]+$`)

// mailbox makes an address of a text: a name without a domain gets the host's.
func (c *converter) mailbox(d *Directive, text string) string {
	if bareAddress.MatchString(text) || strings.Contains(text, "<") {
		return text
	}
	if regexp.MustCompile(`^[A-Za-z0-9._+-]+$`).MatchString(text) {
		c.note(d, Changed, text+" has no domain: localhost was added", "write the address that is meant")
		return text + "@localhost"
	}
	c.note(d, Todo, text+" is not an address", "write one")
	return "root@localhost"
}
