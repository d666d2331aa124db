// Package mail tells of changes by mail (RFC 5321, RFC 5322).
//
// Changes that come within two seconds of each other go in one mail, and there
// are at most six mails a minute: a group that flaps does not fill a mailbox.
// Each of the recipients gets a mail of its own, so that one address that the
// server refuses does not keep the others from theirs. What the server does not
// take for now is tried again until the change is older than the retry time.
//
// Names are looked up and connections are made by the goroutine of the outbox:
// whoever tells of a change never waits for a mail server.
package mail

import (
	"context"
	"crypto/x509"
	"errors"
	"fmt"
	"net/textproto"
	"os"
	"sync/atomic"
	"time"

	gomail "github.com/wneessen/go-mail"

	"stead/internal/adapter/hook"
	"stead/internal/adapter/outbox"
	"stead/internal/config"
	"stead/internal/core/reason"
)

// How changes are put together.
const (
	digestWindow   = 2 * time.Second
	mailsPerMinute = 6
	changesPerMail = 64
)

// Options are what New needs beside the configuration. The functions are called
// by the mailer's own goroutine.
type Options struct {
	Hello  string                     // the name in EHLO where none is configured
	Why    func(reason.Reason) string // a reason in words
	Active func(group string) string  // the node that is active now, as far as this one knows
	Report func(outbox.Result)        // what became of changes
}

// Mailer tells the recipients of one configuration. Its methods may be called
// from any goroutine.
type Mailer struct {
	o     Options
	cfg   atomic.Pointer[config.Email]
	roots *x509.CertPool // nil: those of the system
	box   *outbox.Box[hook.Event]

	batch string          // what the last attempt carried
	done  map[string]bool // who has it already, or never will
}

// New starts a mailer.
func New(cfg config.Email, o Options) *Mailer {
	return start(cfg, o, nil, outbox.Options[hook.Event]{First: time.Second, Gather: digestWindow})
}

func start(cfg config.Email, o Options, roots *x509.CertPool, box outbox.Options[hook.Event]) *Mailer {
	m := &Mailer{o: o, roots: roots}
	m.cfg.Store(&cfg)
	box.Send, box.Report, box.Retry = m.send, o.Report, cfg.Retry
	box.Batch, box.PerMinute = changesPerMail, mailsPerMinute
	m.box = outbox.New(box)
	return m
}

// Tell hands a change over. It never waits.
func (m *Mailer) Tell(e hook.Event) { m.box.Put(e) }

// Replace changes server and recipients. What waits goes to the new ones.
func (m *Mailer) Replace(cfg config.Email) {
	m.cfg.Store(&cfg)
	m.box.SetRetry(cfg.Retry)
}

// Counts tells what became of the changes so far.
func (m *Mailer) Counts() outbox.Counts { return m.box.Counts() }

// Stop sends what waits until ctx is done.
func (m *Mailer) Stop(ctx context.Context) { m.box.Stop(ctx) }

// send makes one attempt at the mails of a batch, to those who do not have theirs.
func (m *Mailer) send(ctx context.Context, items []outbox.Item[hook.Event]) error {
	cfg := m.cfg.Load()
	if m.batch != items[0].ID {
		m.batch, m.done = items[0].ID, map[string]bool{}
	}
	client, ctx, cancel, err := m.connect(ctx, cfg)
	if err != nil {
		return err
	}
	defer cancel()
	var messages []*gomail.Msg
	var to []string
	for i, recipient := range cfg.To {
		if m.done[recipient] {
			continue
		}
		message, err := m.compose(cfg, recipient, i, items)
		if err != nil {
			return outbox.Permanent(err)
		}
		messages, to = append(messages, message), append(to, recipient)
	}
	err = client.DialAndSendWithContext(ctx, messages...)
	return m.judge(ctx, cfg, err, messages, to)
}

// judge keeps who has the mail now. As long as anybody may still get it, the
// error is one that is tried again.
func (m *Mailer) judge(ctx context.Context, cfg *config.Email, err error, messages []*gomail.Msg, to []string) error {
	var refused, waiting []error
	tried := false
	for i, message := range messages {
		failure := message.SendError()
		switch {
		case message.IsDelivered():
			m.done[to[i]] = true
			tried = true
		case failure != nil:
			tried = true
			if isRefusal(failure) {
				m.done[to[i]] = true
				refused = append(refused, inWords(to[i], failure))
			} else {
				waiting = append(waiting, inWords(to[i], failure))
			}
		}
	}
	switch {
	case len(waiting) > 0:
		return fmt.Errorf("%s: %w", cfg.Server, errors.Join(append(waiting, refused...)...))
	case len(refused) > 0:
		return outbox.Permanent(fmt.Errorf("%s: %w", cfg.Server, errors.Join(refused...)))
	case err == nil || tried:
		return nil
	case ctx.Err() != nil, errors.Is(err, os.ErrDeadlineExceeded):
		return fmt.Errorf("%s: no answer within %v: %w", cfg.Server, cfg.Timeout, err)
	case isRefusal(err):
		return outbox.Permanent(fmt.Errorf("%s: %w", cfg.Server, err))
	}
	return fmt.Errorf("%s: %w", cfg.Server, err)
}

// isRefusal tells whether a server has refused for good (RFC 5321 section 4.2.1).
func isRefusal(err error) bool {
	var send *gomail.SendError
	if errors.As(err, &send) {
		return send.ErrorCode() >= 500
	}
	var answer *textproto.Error
	return errors.As(err, &answer) && answer.Code >= 500
}

func inWords(recipient string, err error) error {
	return fmt.Errorf("to %s: %w", recipient, err)
}
