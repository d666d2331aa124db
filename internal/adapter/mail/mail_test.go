package mail

import (
	"context"
	"crypto/x509"
	"net/mail"
	"net/netip"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"stead/internal/adapter/hook"
	"stead/internal/adapter/outbox"
	"stead/internal/config"
	"stead/internal/core/reason"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const generous = 20 * time.Second

// mailer starts one with short pauses; change alters the configuration.
func mailer(t *testing.T, s *smtpServer, box outbox.Options[hook.Event], change func(*config.Email)) (*Mailer, <-chan outbox.Result) {
	t.Helper()
	cfg := config.Email{
		Server: s.address, From: "Stead <stead@example.com>", To: []string{"ops@example.com"},
		Timeout: generous, Retry: time.Hour, Hello: "primary.example.com",
	}
	if change != nil {
		change(&cfg)
	}
	results := make(chan outbox.Result, 100)
	o := Options{
		Why:    func(r reason.Reason) string { return "because of " + string(r) },
		Active: func(string) string { return "secondary" },
		Report: func(r outbox.Result) { results <- r },
	}
	box.First, box.Most = time.Millisecond, 4*time.Millisecond
	m := start(cfg, o, s.roots, box)
	t.Cleanup(func() {
		ctx, cancel := context.WithCancel(context.Background())
		cancel()
		m.Stop(ctx)
	})
	return m, results
}

var plainBox = outbox.Options[hook.Event]{}

func change(kind config.HookKind, group string, epoch uint64) hook.Event {
	return hook.Event{
		Kind: kind, At: time.Date(2026, 1, 2, 3, 4, 5, 600e6, time.UTC), Group: group, Node: "primary", Epoch: epoch, Priority: 101,
		Reason: reason.CheckFailed, Detail: "web: connection\nrefused\x1b[2J", Addresses: []netip.Prefix{netip.MustParsePrefix("192.0.2.1/24")},
	}
}

func next(t *testing.T, results <-chan outbox.Result) outbox.Result {
	t.Helper()
	select {
	case r := <-results:
		return r
	case <-time.After(generous):
		t.Fatal("no result")
		return outbox.Result{}
	}
}

func TestMailSaysWhatChanged(t *testing.T) {
	s := &smtpServer{startTLS: true}
	s.listen(t, "127.0.0.1:0")
	m, results := mailer(t, s, plainBox, nil)
	m.Tell(change(config.HookFault, "web", 7))
	if r := next(t, results); r.Outcome != outbox.Sent {
		t.Fatalf("%v %v", r.Outcome, r.Err)
	}
	got := s.received()[0]
	if !got.encrypted || got.to != "<ops@example.com>" || !strings.HasPrefix(got.from, "FROM:<stead@example.com>") || !strings.Contains(s.said(), "tls EHLO primary.example.com") {
		t.Errorf("from %s to %s, encrypted %v; server was told\n%s", got.from, got.to, got.encrypted, s.said())
	}
	message, err := mail.ReadMessage(strings.NewReader(got.data))
	if err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]string{
		"Subject": "[stead] web: primary has a fault (check-failed)", "From": `"Stead" <stead@example.com>`, "To": "<ops@example.com>",
		"Auto-Submitted": "auto-generated",
	} {
		if message.Header.Get(name) != want {
			t.Errorf("%s: %q, want %q", name, message.Header.Get(name), want)
		}
	}
	if at, err := message.Header.Date(); err != nil || time.Since(at).Abs() > time.Minute {
		t.Errorf("Date %v %v", at, err)
	}
	if id := message.Header.Get("Message-ID"); !strings.HasSuffix(id, "@primary.example.com>") || len(id) < 40 {
		t.Errorf("Message-ID %q", id)
	}
	want := `Group web: primary has a fault

  Why:        because of check-failed (check-failed)
  Seen:       refused [2J
  Since:      2026-01-02 03:04:05.600 UTC
  Node:       primary
  Epoch:      7
  Priority:   101
  Addresses:  192.0.2.1/24
  Active now: secondary
`
	if body := bodyOf(t, message); strings.TrimSpace(body) != strings.TrimSpace(want) {
		t.Errorf("body\n%s\nwant\n%s", body, want)
	}
}

// Whoever sits in between and takes STARTTLS out of the server's answer gets nothing to read.
func TestNothingInTheClear(t *testing.T) {
	for name, s := range map[string]*smtpServer{
		"not offered":           {auth: "PLAIN LOGIN"},
		"refused":               {startTLS: true, auth: "PLAIN", answers: map[string][]string{"STARTTLS": {"454 not now", "454 not now", "454 not now"}}},
		"a stranger's promises": {startTLS: true, auth: "PLAIN"},
	} {
		s.listen(t, "127.0.0.1:0")
		if name == "a stranger's promises" {
			s.roots = x509.NewCertPool() // who signed the certificate is not trusted
		}
		m, results := mailer(t, s, plainBox, func(c *config.Email) { c.User, c.Password = mailUser, []byte(mailPassword) })
		m.Tell(change(config.HookStandby, "web", 1))
		if r := next(t, results); r.Outcome != outbox.Trying {
			t.Errorf("%s: %v %v", name, r.Outcome, r.Err)
		}
		for _, secret := range []string{"AUTH", "MAIL", "RCPT", "DATA"} {
			if strings.Contains(s.said(), " "+secret) {
				t.Errorf("%s: the server was told\n%s", name, s.said())
			}
		}
	}
}

func TestAuthentication(t *testing.T) {
	for _, c := range []struct{ offers, tls, want string }{
		{"LOGIN PLAIN CRAM-MD5", "starttls", "PLAIN stead"},
		{"LOGIN", "starttls", "LOGIN stead"},
		{"CRAM-MD5", "starttls", "CRAM-MD5 stead"},
		{"PLAIN", "tls", "PLAIN stead"},
		{"PLAIN CRAM-MD5", "none", "CRAM-MD5 stead"},
		{"PLAIN", "none", "PLAIN stead"},
	} {
		s := &smtpServer{startTLS: c.tls == "starttls", fromTLS: c.tls == "tls", auth: c.offers}
		s.listen(t, "127.0.0.1:0")
		m, results := mailer(t, s, plainBox, func(cfg *config.Email) {
			cfg.TLS, cfg.User, cfg.Password = c.tls, mailUser, []byte(mailPassword+"\n")
		})
		m.Tell(change(config.HookStandby, "web", 1))
		if r := next(t, results); r.Outcome != outbox.Sent {
			t.Errorf("%s over %s: %v %v", c.offers, c.tls, r.Outcome, r.Err)
			continue
		}
		if got := s.received()[0]; got.user != c.want || got.encrypted != (c.tls != "none") {
			t.Errorf("%s over %s: as %q, encrypted %v; want %q", c.offers, c.tls, got.user, got.encrypted, c.want)
		}
	}
}

func TestRefusalsAreNotTriedAgain(t *testing.T) {
	for command, s := range map[string]*smtpServer{
		"AUTH": {startTLS: true, auth: "PLAIN"},
		"MAIL": {startTLS: true, answers: map[string][]string{"MAIL": {"550 5.7.1 not you"}}},
		"RCPT": {startTLS: true, answers: map[string][]string{"RCPT": {"550 5.1.1 unknown"}}},
		"END":  {startTLS: true, answers: map[string][]string{"END": {"554 5.6.0 no"}}},
	} {
		s.listen(t, "127.0.0.1:0")
		m, results := mailer(t, s, plainBox, func(c *config.Email) {
			if command == "AUTH" {
				c.User, c.Password = mailUser, []byte("wrong")
			}
		})
		m.Tell(change(config.HookStandby, "web", 1))
		if r := next(t, results); r.Outcome != outbox.Failed || !strings.Contains(r.Err.Error(), "5") || strings.Contains(r.Err.Error(), "wrong") {
			t.Errorf("%s: %v %v", command, r.Outcome, r.Err)
		}
		if got := len(s.received()); got != 0 {
			t.Errorf("%s: %d mails", command, got)
		}
	}
}

func TestTemporaryErrorsAreTriedAgain(t *testing.T) {
	s := &smtpServer{startTLS: true, answers: map[string][]string{
		"greeting": {"421 busy"}, "MAIL": {"451 later"}, "RCPT": {"450 greylisted", "450 greylisted"}, "DATA": {"451 later"}, "END": {"452 full"},
	}}
	s.listen(t, "127.0.0.1:0")
	m, results := mailer(t, s, plainBox, nil)
	m.Tell(change(config.HookStandby, "web", 1))
	if r := next(t, results); r.Outcome != outbox.Trying || !strings.Contains(r.Err.Error(), "421") {
		t.Errorf("%v %v", r.Outcome, r.Err)
	}
	if r := next(t, results); r.Outcome != outbox.Sent || len(s.received()) != 1 {
		t.Errorf("%v %v, %d mails", r.Outcome, r.Err, len(s.received()))
	}
}

// One address that is refused, and one that is for now, keep nobody else from
// the mail, and nobody gets it twice.
func TestRecipientsOnTheirOwn(t *testing.T) {
	s := &smtpServer{startTLS: true, answers: map[string][]string{
		"RCPT <gone@example.com>": {"550 unknown"}, "RCPT <grey@example.com>": {"450 later", "450 later"},
	}}
	s.listen(t, "127.0.0.1:0")
	m, results := mailer(t, s, plainBox, func(c *config.Email) {
		c.To = []string{"gone@example.com", "grey@example.com", "ops@example.com"}
	})
	m.Tell(change(config.HookStandby, "web", 1))
	if r := next(t, results); r.Outcome != outbox.Trying {
		t.Errorf("%v %v", r.Outcome, r.Err)
	}
	if r := next(t, results); r.Outcome != outbox.Sent {
		t.Errorf("%v %v", r.Outcome, r.Err)
	}
	got := map[string]int{}
	for _, mail := range s.received() {
		got[mail.to]++
	}
	if len(got) != 2 || got["<ops@example.com>"] != 1 || got["<grey@example.com>"] != 1 {
		t.Errorf("received by %v", got)
	}
}

func TestServerAwayThenBack(t *testing.T) {
	s := &smtpServer{startTLS: true}
	stop := s.listen(t, "127.0.0.1:0")
	stop()
	m, results := mailer(t, s, plainBox, nil)
	m.Tell(change(config.HookStandby, "web", 1))
	if r := next(t, results); r.Outcome != outbox.Trying || !strings.Contains(r.Err.Error(), "refused") {
		t.Errorf("%v %v", r.Outcome, r.Err)
	}
	back := &smtpServer{startTLS: true, tls: s.tls, roots: s.roots}
	back.listen(t, s.address)
	if r := next(t, results); r.Outcome != outbox.Sent || len(back.received()) != 1 {
		t.Errorf("%v %v", r.Outcome, r.Err)
	}
}

func TestServerThatIsMute(t *testing.T) {
	s := &smtpServer{mute: true}
	s.listen(t, "127.0.0.1:0")
	m, results := mailer(t, s, plainBox, func(c *config.Email) { c.Timeout = 50 * time.Millisecond })
	m.Tell(change(config.HookStandby, "web", 1))
	if r := next(t, results); r.Outcome != outbox.Trying || !strings.Contains(r.Err.Error(), "no answer within 50ms") {
		t.Errorf("%v %v", r.Outcome, r.Err)
	}
}

func TestStopDoesNotWaitForAMuteServer(t *testing.T) {
	s := &smtpServer{mute: true}
	s.listen(t, "127.0.0.1:0")
	m, results := mailer(t, s, plainBox, nil)
	m.Tell(change(config.HookStop, "web", 1))
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	began := time.Now()
	m.Stop(ctx)
	if took := time.Since(began); took > generous/2 || m.Counts().Lost != 1 {
		t.Errorf("Stop took %v, counts %+v", took, m.Counts())
	}
	last := next(t, results)
	for last.Outcome != outbox.Lost {
		last = next(t, results)
	}
}

func TestDigest(t *testing.T) {
	s := &smtpServer{startTLS: true}
	s.listen(t, "127.0.0.1:0")
	m, results := mailer(t, s, outbox.Options[hook.Event]{Gather: 100 * time.Millisecond}, nil)
	for i, kind := range []config.HookKind{"activate", "standby", "activate", "fault"} {
		m.Tell(change(kind, "web", uint64(i+1)))
	}
	m.Tell(change("standby", "db", 9))
	if r := next(t, results); r.Outcome != outbox.Sent || r.Things != 5 {
		t.Errorf("%v of %d %v", r.Outcome, r.Things, r.Err)
	}
	message, err := mail.ReadMessage(strings.NewReader(s.received()[0].data))
	if err != nil {
		t.Fatal(err)
	}
	if got := message.Header.Get("Subject"); got != "[stead] primary: 5 changes in 2 groups" {
		t.Errorf("subject %q", got)
	}
	body := bodyOf(t, message)
	for _, want := range []string{
		"Group web: primary has a fault", "Group db: primary is standby", "web: activate (check-failed), epoch 1", "web: standby (check-failed), epoch 2",
		"web: activate (check-failed), epoch 3", "web: fault (check-failed), epoch 4", "db: standby (check-failed), epoch 9",
	} {
		if !strings.Contains(body, want) {
			t.Errorf("no %q in\n%s", want, body)
		}
	}
	if n := len(s.received()); n != 1 {
		t.Errorf("%d mails", n)
	}
}

// At most six mails a minute: the seventh waits.
func TestSixMailsAMinute(t *testing.T) {
	s := &smtpServer{startTLS: true}
	s.listen(t, "127.0.0.1:0")
	m, results := mailer(t, s, plainBox, nil)
	for i := range mailsPerMinute {
		m.Tell(change("standby", "web", uint64(i)))
		next(t, results)
	}
	m.Tell(change("standby", "web", 99))
	m.Tell(change("activate", "web", 100))
	select {
	case r := <-results:
		t.Errorf("%v %v", r.Outcome, r.Err)
	case <-time.After(100 * time.Millisecond):
	}
	m.Stop(context.Background()) // the end does not wait for the minute
	if got := s.received(); len(got) != mailsPerMinute+1 || !strings.Contains(got[mailsPerMinute].data, "after 2 changes") {
		t.Errorf("%d mails", len(got))
	}
}
