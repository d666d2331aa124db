package mail

import (
	"cmp"
	"fmt"
	"os"
	"strings"
	"time"

	gomail "github.com/wneessen/go-mail"

	"stead/internal/adapter/hook"
	"stead/internal/adapter/outbox"
	"stead/internal/adapter/spawn"
	"stead/internal/config"
)

// compose writes the mail of a batch to one recipient. A mail that is sent again
// has the same Message-ID.
func (m *Mailer) compose(cfg *config.Email, recipient string, number int, items []outbox.Item[hook.Event]) (*gomail.Msg, error) {
	message := gomail.NewMsg()
	if err := message.From(cfg.From); err != nil {
		return nil, fmt.Errorf("from %q: %w", cfg.From, err)
	}
	if err := message.To(recipient); err != nil {
		return nil, fmt.Errorf("to %q: %w", recipient, err)
	}
	message.SetMessageIDWithValue(fmt.Sprintf("%s.%d@%s", items[0].ID, number, cmp.Or(cfg.Hello, m.o.Hello, hostname())))
	message.SetDateWithValue(now())
	message.SetGenHeader("Auto-Submitted", "auto-generated") // RFC 3834: nobody answers it
	message.SetUserAgent("stead")
	message.Subject(subject(items))
	message.SetBodyString(gomail.TypeTextPlain, m.body(items))
	return message, nil
}

func hostname() string {
	name, err := os.Hostname()
	if err != nil {
		return "localhost"
	}
	return name
}

// became says what has happened to the node, for a subject.
func became(e *hook.Event) string {
	switch e.Kind {
	case config.HookActivate:
		return e.Node + " is active"
	case config.HookFault:
		return e.Node + " has a fault"
	case config.HookStop:
		return e.Node + " has stopped"
	default:
		return e.Node + " is standby"
	}
}

func subject(items []outbox.Item[hook.Event]) string {
	last := latest(items)
	if len(items) == 1 {
		return fmt.Sprintf("[stead] %s: %s (%s)", last[0].Group, became(&last[0]), last[0].Reason)
	}
	if len(last) == 1 {
		return fmt.Sprintf("[stead] %s: %s, after %d changes", last[0].Group, became(&last[0]), len(items))
	}
	return fmt.Sprintf("[stead] %s: %d changes in %d groups", last[0].Node, len(items), len(last))
}

// latest are the last changes of each group, in the order of the groups' first.
func latest(items []outbox.Item[hook.Event]) (last []hook.Event) {
	place := map[string]int{}
	for i := range items {
		e := items[i].Thing
		if at, ok := place[e.Group]; ok {
			last[at] = e
			continue
		}
		place[e.Group] = len(last)
		last = append(last, e)
	}
	return last
}

// body tells how things are in every group that has changed, and, where there was
// more than one change, each of them.
func (m *Mailer) body(items []outbox.Item[hook.Event]) string {
	var b strings.Builder
	for _, e := range latest(items) {
		m.state(&b, &e)
	}
	if len(items) > 1 {
		fmt.Fprintf(&b, "All changes, in their order:\n\n")
		for i := range items {
			e := &items[i].Thing
			fmt.Fprintf(&b, "  %s  %s: %s (%s), epoch %d\n", stamp(e.At), e.Group, e.Kind, e.Reason, e.Epoch)
		}
	}
	return b.String()
}

func (m *Mailer) state(b *strings.Builder, e *hook.Event) {
	fmt.Fprintf(b, "Group %s: %s\n\n", e.Group, became(e))
	line := func(name, value string) {
		if value != "" {
			fmt.Fprintf(b, "  %-11s %s\n", name+":", value)
		}
	}
	why := string(e.Reason)
	if m.o.Why != nil && m.o.Why(e.Reason) != "" {
		why = fmt.Sprintf("%s (%s)", m.o.Why(e.Reason), e.Reason)
	}
	line("Why", why)
	line("Seen", spawn.LastLine([]byte(e.Detail)))
	line("Since", stamp(e.At))
	line("Node", e.Node)
	line("Epoch", fmt.Sprint(e.Epoch))
	line("Priority", fmt.Sprint(e.Priority))
	addresses := make([]string, len(e.Addresses))
	for i, a := range e.Addresses {
		addresses[i] = a.String()
	}
	line("Addresses", strings.Join(addresses, " "))
	active := "not known to this node"
	if m.o.Active != nil {
		active = cmp.Or(m.o.Active(e.Group), active)
	}
	line("Active now", active)
	b.WriteString("\n")
}

func stamp(t time.Time) string { return t.UTC().Format("2006-01-02 15:04:05.000 UTC") }
