package daemon

import (
	"context"
	"fmt"
	"log/slog"
	"os"
	"slices"
	"strings"
	"sync"
	"time"

	"stead/internal/adapter/hook"
	"stead/internal/adapter/mail"
	"stead/internal/adapter/outbox"
	"stead/internal/adapter/webhook"
	"stead/internal/config"
	"stead/internal/report"
)

// notifyPatience bounds how long the end of the daemon, or of a recipient, waits
// for mails and webhooks.
const notifyPatience = 2 * time.Second

// deliverer is a mailer or a webhook.
type deliverer interface {
	Tell(hook.Event)
	Counts() outbox.Counts
	Stop(ctx context.Context)
}

// recipient is who is told of changes beside the programs of hooks.
type recipient struct {
	deliverer
	kind, name string
	of         config.Of
}

// wants tells whether the recipient asked for a change.
func (r *recipient) wants(e *hook.Event) bool {
	if len(r.of.Groups) > 0 && !slices.Contains(r.of.Groups, e.Group) {
		return false
	}
	if len(r.of.Events) > 0 && !slices.Contains(r.of.Events, e.Kind) {
		return false
	}
	return e.Kind != config.HookPrepare
}

// notifier tells all recipients. Its methods may be called from any goroutine.
type notifier struct {
	log    *slog.Logger
	say    func(report.Event)
	active func(group string) string

	mu         sync.Mutex
	recipients []*recipient // the mailer first, then webhooks by name
	leaving    sync.WaitGroup
}

// replace makes these the recipients. Those that stay keep what waits.
func (n *notifier) replace(cfg config.Notify) {
	n.mu.Lock()
	defer n.mu.Unlock()
	before := map[string]*recipient{}
	for _, r := range n.recipients {
		before[r.kind+" "+r.name] = r
	}
	n.recipients = nil
	if cfg.Email != nil {
		r := before["email "]
		delete(before, "email ")
		if r == nil {
			r = n.mailer(*cfg.Email)
		} else {
			r.deliverer.(*mail.Mailer).Replace(*cfg.Email)
		}
		r.of = cfg.Email.Of
		n.recipients = append(n.recipients, r)
	}
	for _, w := range cfg.Webhooks {
		key := "webhook " + w.Name
		r := before[key]
		delete(before, key)
		if r == nil {
			r = n.webhook(w)
		} else {
			r.deliverer.(*webhook.Webhook).Replace(w)
		}
		r.of = w.Of
		n.recipients = append(n.recipients, r)
	}
	for _, r := range before {
		n.leaving.Add(1)
		go func() { defer n.leaving.Done(); r.end() }()
	}
}

// end gives a recipient its last chance.
func (r *recipient) end() {
	ctx, cancel := context.WithTimeout(context.Background(), notifyPatience)
	defer cancel()
	r.Stop(ctx)
}

func (n *notifier) mailer(cfg config.Email) *recipient {
	hello, _ := os.Hostname() // where there is none, the mail library's choice
	return &recipient{kind: "email", deliverer: mail.New(cfg, mail.Options{
		Hello: hello, Why: report.ReasonText, Active: n.active, Report: func(o outbox.Result) { n.report("email", o) },
	})}
}

func (n *notifier) webhook(cfg config.Webhook) *recipient {
	what := "webhook " + cfg.Name
	return &recipient{kind: "webhook", name: cfg.Name, deliverer: webhook.New(cfg, func(o outbox.Result) { n.report(what, o) })}
}

// report says what became of changes.
func (n *notifier) report(what string, r outbox.Result) {
	failure := ""
	if r.Err != nil {
		failure = report.Printable(strings.ReplaceAll(r.Err.Error(), "\n", "; "), 500)
	}
	switch r.Outcome {
	case outbox.Sent:
		n.say(report.Event{Kind: report.Notified, Detail: what, TookUS: r.Took.Microseconds()})
	case outbox.Trying:
		n.log.Warn("not delivered yet", "to", what, "problem", failure)
	case outbox.Dropped:
		n.say(report.Event{Kind: report.NotifyFailed, Detail: what + ": too many changes wait for it: the oldest was dropped"})
	default:
		n.say(report.Event{Kind: report.NotifyFailed, Detail: fmt.Sprintf("%s: %s %s: %s", what, number(r.Things, "change"), r.Outcome, failure)})
	}
}

func number(n int, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return fmt.Sprintf("%d %ss", n, what)
}

// tell hands a change to everybody who asked for it. It waits for nobody.
func (n *notifier) tell(e *hook.Event) {
	n.mu.Lock()
	defer n.mu.Unlock()
	for _, r := range n.recipients {
		if r.wants(e) {
			r.Tell(*e)
		}
	}
}

// stop delivers what waits, for a bounded time; what is left is said to be lost.
func (n *notifier) stop() {
	n.mu.Lock()
	all := n.recipients
	n.recipients = nil
	n.mu.Unlock()
	for _, r := range all {
		n.leaving.Add(1)
		go func() { defer n.leaving.Done(); r.end() }()
	}
	n.leaving.Wait()
}

// status is how the deliveries are.
func (n *notifier) status() []report.Recipient {
	n.mu.Lock()
	defer n.mu.Unlock()
	var out []report.Recipient
	for _, r := range n.recipients {
		c := r.Counts()
		out = append(out, report.Recipient{
			Kind: r.kind, Name: r.name, Waiting: c.Waiting, Sent: c.Sent, Failed: c.Failed,
			Dropped: c.Dropped, Lost: c.Lost, LastError: report.Printable(strings.ReplaceAll(c.LastError, "\n", "; "), 500),
		})
	}
	return out
}

// activeNow is who is active for a group, as the last snapshot knows.
func (d *Daemon) activeNow(group string) string {
	s := d.Snapshot()
	if s == nil {
		return ""
	}
	g := s.Group(group)
	switch {
	case g == nil:
		return ""
	case g.ActiveNode != "":
		return g.ActiveNode
	default:
		return g.ActiveAddress
	}
}

func (d *Daemon) openNotifier() error {
	d.notifier.log, d.notifier.say, d.notifier.active = d.log, d.say, d.activeNow
	d.notifier.replace(d.cfg.Notify)
	return nil
}
