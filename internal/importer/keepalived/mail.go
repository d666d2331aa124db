package keepalived

import (
	"cmp"
	"net"
	"strings"
	"time"

	"stead/internal/importer/draft"
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
	if g.server == nil || len(g.to) == 0 || !c.mailServerIs() {
		c.note(c.alertFrom, Unneeded, "notification_email or smtp_server is missing, so keepalived sends no mail", "")
		for _, d := range g.mail {
			c.find(d, Unneeded, "keepalived sends no mail without smtp_server and notification_email", "")
		}
		return
	}
	s := c.top.Sub("notify").Sub("email")
	c.mailServer(s)
	s.Set("tls", "none", "keepalived knows no other way; starttls is the better one where the server has it")
	c.mailHello(s)
	c.mailFrom(s)
	seen := map[string]bool{}
	for _, to := range g.to {
		switch address := c.mailbox(to.d, to.text); {
		case seen[address]:
		case len(seen) == 64:
			c.note(to.d, Lost, "at most 64 recipients are told", "use a list of the mail server")
		default:
			seen[address] = true
			s.Add("to", draft.Item{Text: draft.Scalar(address), Note: from(to.d)})
		}
	}
	if g.timeout != nil {
		if v, ok := c.seconds(g.timeout, 1); ok {
			v = c.clamp(g.timeout, v, 100*time.Millisecond, 10*time.Minute, "the timeout of mail")
			s.Set("timeout", length(v), from(g.timeout))
		}
	}
	if g.noFaults != nil {
		g.noFaults.useAll()
		s.Set("events", "[activate, standby, stop]", from(g.noFaults))
	}
	if len(c.alerts) < len(c.groups) {
		s.Set("groups", draft.Flow(c.alerts), "those with smtp_alert")
	}
}

// mailServerIs tells whether smtp_server is a host with a port.
func (c *converter) mailServerIs() bool { return destination(c.mailHost()) }

func (c *converter) mailHost() (host, port string) {
	d := c.global.server
	return strings.Trim(d.Arg(1), "[]"), cmp.Or(d.Arg(2), "25")
}

func (c *converter) mailServer(s *draft.Section) {
	d := c.global.server
	d.use(0, 1, 2)
	s.Set("server", draft.Scalar(net.JoinHostPort(c.mailHost())), from(d))
}

func (c *converter) mailHello(s *draft.Section) {
	d := c.global.hello
	switch {
	case d == nil:
	case !hostName.MatchString(d.Arg(1)):
		c.find(d, Changed, "is not the name of a host: the host's own is said", "correct it")
	default:
		d.use(0, 1)
		s.Set("hello", draft.Scalar(d.Arg(1)), from(d))
	}
}

func (c *converter) mailFrom(s *draft.Section) {
	d := c.global.from
	if d == nil {
		host := c.o.Host.Name
		if host == "" {
			host = c.node
		}
		s.Set("from", draft.Scalar("keepalived@"+draft.PlainName(host)), "keepalived's default")
		return
	}
	d.useAll()
	s.Set("from", draft.Scalar(c.mailbox(d, strings.Join(d.Words[1:], " "))), from(d))
}

// mailbox makes an address of a text: a name without a domain gets the host's.
func (c *converter) mailbox(d *Directive, text string) string {
	if mailAddress(text) {
		return text
	}
	if mailAddress(text + "@localhost") {
		c.note(d, Changed, text+" has no domain: localhost was added", "write the address that is meant")
		return text + "@localhost"
	}
	c.note(d, Todo, text+" is not an address", "write one")
	return "root@localhost"
}
