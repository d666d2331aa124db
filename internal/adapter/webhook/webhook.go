// Package webhook tells of changes by HTTP: a POST of the document that hooks
// read from their standard input.
//
// Each webhook gets its changes in order, one at a time, the first attempt at
// once. An answer of 2xx ends it. Where nothing answers, or with 5xx, 408, 425 or
// 429, the same document is sent again, with pauses that grow, until the change
// is older than the webhook's retry time. Every other answer is a refusal: asking
// again would not help.
package webhook

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	"stead/internal/adapter/hook"
	"stead/internal/adapter/outbox"
	"stead/internal/adapter/spawn"
	"stead/internal/config"
)

// longestPause bounds what a server may ask for by Retry-After.
const longestPause = 5 * time.Minute

// Webhook is one recipient. Its methods may be called from any goroutine.
type Webhook struct {
	cfg    atomic.Pointer[config.Webhook]
	client *http.Client
	box    *outbox.Box[hook.Event]
}

// New starts the deliveries to a webhook. What becomes of them is given to report.
func New(cfg config.Webhook, report func(outbox.Result)) *Webhook {
	return start(cfg, outbox.Options[hook.Event]{Report: report})
}

func start(cfg config.Webhook, o outbox.Options[hook.Event]) *Webhook {
	w := &Webhook{client: &http.Client{
		Transport:     http.DefaultTransport.(*http.Transport).Clone(),
		CheckRedirect: mayFollow,
	}}
	w.cfg.Store(&cfg)
	o.Send, o.Retry = w.send, cfg.Retry
	w.box = outbox.New(o)
	return w
}

// Tell hands a change over. It never waits.
func (w *Webhook) Tell(e hook.Event) { w.box.Put(e) }

// Replace changes the recipient. What waits goes to the new one.
func (w *Webhook) Replace(cfg config.Webhook) {
	w.cfg.Store(&cfg)
	w.box.SetRetry(cfg.Retry)
}

// Counts tells what became of the changes so far.
func (w *Webhook) Counts() outbox.Counts { return w.box.Counts() }

// Stop delivers what waits until ctx is done.
func (w *Webhook) Stop(ctx context.Context) {
	w.box.Stop(ctx)
	w.client.CloseIdleConnections()
}

// document is what is sent.
type document struct {
	hook.Document
	ID     string    `json:"id"` // the same at every attempt
	SentAt time.Time `json:"sent_at"`
}

func (w *Webhook) send(ctx context.Context, items []outbox.Item[hook.Event]) error {
	item := &items[0]
	cfg := w.cfg.Load()
	ctx, cancel := context.WithTimeout(ctx, cfg.Timeout)
	defer cancel()
	body, err := json.Marshal(document{item.Thing.Document(), item.ID, now().UTC()})
	if err != nil {
		return outbox.Permanent(err)
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, cfg.URL, bytes.NewReader(body))
	if err != nil {
		return outbox.Permanent(errors.New("the address is not one of HTTP"))
	}
	setHeaders(req, cfg, item.ID)
	resp, err := w.client.Do(req)
	if err != nil {
		return fmt.Errorf("%s: %w", req.URL.Host, withoutURL(err))
	}
	defer resp.Body.Close()
	text, _ := io.ReadAll(io.LimitReader(resp.Body, 4096))
	if err := judge(resp, text); err != nil {
		return fmt.Errorf("%s: %w", req.URL.Host, err)
	}
	return nil
}

func setHeaders(req *http.Request, cfg *config.Webhook, id string) {
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("User-Agent", "stead")
	for name, value := range cfg.Headers {
		if strings.EqualFold(name, "Host") {
			req.Host = value
			continue
		}
		req.Header.Set(name, value)
	}
	if len(cfg.Token) > 0 {
		req.Header.Set("Authorization", "Bearer "+strings.TrimSpace(string(cfg.Token)))
	}
	req.Header.Set("Idempotency-Key", id)
}

// withoutURL takes the URL out of an error: it may hold a secret.
func withoutURL(err error) error {
	var u *url.Error
	if errors.As(err, &u) {
		return u.Err
	}
	return err
}

// mayFollow follows a redirection that keeps the method and stays where the
// token may be seen. Every other one is a refusal.
func mayFollow(req *http.Request, via []*http.Request) error {
	keeps := req.Response.StatusCode == http.StatusTemporaryRedirect || req.Response.StatusCode == http.StatusPermanentRedirect
	if !keeps || len(via) > 5 || req.URL.Host != via[0].URL.Host || req.URL.Scheme != via[0].URL.Scheme {
		return http.ErrUseLastResponse
	}
	return nil
}

// judge makes an error of every answer but 2xx.
func judge(resp *http.Response, text []byte) error {
	code := resp.StatusCode
	if code >= 200 && code < 300 {
		return nil
	}
	err := errors.New(resp.Status)
	if line := spawn.LastLine(text); line != "" {
		err = fmt.Errorf("%s: %s", resp.Status, line)
	}
	switch {
	case code >= 300 && code < 400:
		return outbox.Permanent(fmt.Errorf("%s: the redirection is not followed: configure the address that it leads to", resp.Status))
	case code == http.StatusRequestTimeout, code == http.StatusTooEarly, code == http.StatusTooManyRequests, code >= 500:
		return outbox.Later(err, retryAfter(resp.Header.Get("Retry-After")))
	default:
		return outbox.Permanent(err)
	}
}

// retryAfter reads a Retry-After field (RFC 9110 section 10.2.3): seconds or a date.
func retryAfter(text string) time.Duration {
	var pause time.Duration
	if seconds, err := strconv.Atoi(text); err == nil {
		pause = time.Duration(min(seconds, int(longestPause/time.Second))) * time.Second
	} else if at, err := http.ParseTime(text); err == nil {
		pause = at.Sub(now())
	}
	return min(max(pause, 0), longestPause)
}
