package daemon

import (
	"bufio"
	"encoding/json"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"

	"stead/internal/report"
	"stead/internal/testns"
)

// ears hear what a host's daemon tells the outside, on the loopback of the host.
type ears struct {
	mu       sync.Mutex
	requests []heard
	mails    []string
}

type heard struct {
	Event, Group, Node, Role, ID string
	Epoch                        uint64
	Reason                       string
	token                        string
}

func (e *ears) listen(t *testing.T, h *host) {
	t.Helper()
	for address, serve := range map[string]func(net.Listener){"127.0.0.1:8025": e.post, "127.0.0.1:8080": e.web} {
		var l net.Listener
		var err error
		h.ns.Do(func() { l, err = net.Listen("tcp", address) })
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = l.Close() })
		go serve(l)
	}
}

func (e *ears) web(l net.Listener) {
	_ = http.Serve(l, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		text, _ := io.ReadAll(r.Body)
		h := heard{token: r.Header.Get("Authorization")}
		if err := json.Unmarshal(text, &h); err != nil {
			w.WriteHeader(http.StatusBadRequest)
			return
		}
		e.mu.Lock()
		defer e.mu.Unlock()
		e.requests = append(e.requests, h)
	}))
}

// post is as much of a mail server as it takes.
func (e *ears) post(l net.Listener) {
	for {
		c, err := l.Accept()
		if err != nil {
			return
		}
		go func() {
			defer c.Close()
			say := func(text string) { _, _ = io.WriteString(c, text+"\r\n") }
			say("220 mail")
			var data *strings.Builder
			for in := bufio.NewScanner(c); in.Scan(); {
				line := in.Text()
				switch {
				case data != nil && line == ".":
					e.mu.Lock()
					e.mails = append(e.mails, data.String())
					e.mu.Unlock()
					data = nil
					say("250 queued")
				case data != nil:
					data.WriteString(line + "\n")
				case line == "DATA":
					data = &strings.Builder{}
					say("354 go on")
				default:
					say("250 ok")
				}
			}
		}()
	}
}

// events are the changes that the webhook heard of.
func (e *ears) events() string {
	e.mu.Lock()
	defer e.mu.Unlock()
	var words []string
	for _, r := range e.requests {
		words = append(words, r.Event+"/"+r.Reason)
	}
	return strings.Join(words, " ")
}

// A fault befalls the standby and passes; then the standby takes over. Scripts for
// keepalived, a webhook and a mailbox are told of all of it, in order.
func TestTheOutsideIsTold(t *testing.T) {
	tr := newTrial(t, conf{})
	said, token := filepath.Join(tr.dir, "said"), filepath.Join(tr.dir, "token")
	script, sick := filepath.Join(tr.dir, "notify.sh"), filepath.Join(tr.dir, "sick")
	writeFile(t, script, "#!/bin/sh\necho \"$@\" >>"+said+"\n", 0o755)
	writeFile(t, token, "s3cret\n", 0o600)
	var ears ears
	ears.listen(t, tr.secondary)
	tr.primary.start(t)
	tr.client.start(t)
	tr.primary.becomes(t, "web", report.RoleActive)

	tr.conf.group = "hooks: { change: { exec: [" + script + ", mine], arguments: keepalived } }\n" +
		"checks: { well: { exec: \"! test -e " + sick + "\", shell: true, interval: 100ms, fatal: true } }\n"
	tr.conf.top = `notify:
  email: { server: "127.0.0.1:8025", tls: none, from: stead@example.com, to: [ops@example.com] }
  webhooks:
    sdn: { url: "http://127.0.0.1:8080/in", token_file: ` + token + ` }
    other: { url: "http://127.0.0.1:8080/in", events: [stop] }
`
	tr.secondary.start(t)
	ready := func(want bool) {
		t.Helper()
		tr.secondary.until(t, "is ready or not", func(s *report.Status) bool { return s.Group("web").Ready == want })
	}
	ready(true)
	writeFile(t, sick, "", 0o644)
	ready(false)
	if err := os.Remove(sick); err != nil {
		t.Fatal(err)
	}
	ready(true)
	tr.primary.kill(t, false)
	tr.secondary.becomes(t, "web", report.RoleActive)
	epoch := tr.secondary.status(t).Group("web").Epoch

	want := "standby/check-unknown fault/check-failed standby/check-passed activate/peer-silent"
	testns.Eventually(t, patience, "the webhook is told "+want, func() bool { return ears.events() == want })
	if last := ears.requests[3]; last.Group != "web" || last.Node != "secondary" || last.Role != "active" || last.Epoch != epoch || last.ID == "" || last.token != "Bearer s3cret" {
		t.Errorf("the webhook was told %+v; the epoch is %d", last, epoch)
	}
	tr.secondary.logged(t, "the webhook was told", func(e *report.Event) bool { return e.Kind == report.Notified && e.Detail == "webhook sdn" })
	testns.Eventually(t, patience, "the metric counts the webhook", func() bool {
		return tr.secondary.metric(t, `stead_notifications_total{kind="webhook",name="sdn",outcome="sent"}`) == "4"
	})
	tr.secondary.signal(t, syscall.SIGTERM, false)
	tr.secondary.ends(t, stopWithin)

	// At the end the mail does not wait for its window, and "other" is told, too.
	if got := ears.events(); got != want+" stop/stopping stop/stopping" {
		t.Errorf("the webhooks were told %s", got)
	}
	mails := strings.Join(ears.mails, "\n")
	for _, part := range []string{"Subject: [stead] web: secondary ", "To: <ops@example.com>", "secondary has stopped", "(peer-silent)", "10.0.1.200/24"} {
		if !strings.Contains(strings.ReplaceAll(mails, "=\n", ""), part) {
			t.Errorf("no %q in the mails\n%s", part, mails)
		}
	}
	text, err := os.ReadFile(said)
	if err != nil {
		t.Fatal(err)
	}
	wanted := "mine INSTANCE web BACKUP 100\nmine INSTANCE web FAULT 100\nmine INSTANCE web BACKUP 100\nmine INSTANCE web MASTER 100\nmine INSTANCE web STOP 100\n"
	if string(text) != wanted {
		t.Errorf("the script was told\n%swant\n%s", text, wanted)
	}
}

// Recipients come and go with a reload. One that does not answer does not hold up
// the end, and what it did not get is said to be lost.
func TestRecipientsAreReloaded(t *testing.T) {
	tr := newTrial(t, conf{})
	var ears ears
	ears.listen(t, tr.primary)
	tr.start(t)
	tr.conf.top = "notify: { webhooks: { sdn: { url: \"http://127.0.0.1:8080/in\" }, away: { url: \"http://127.0.0.1:9\" } } }\n"
	tr.primary.file(t)
	if out := tr.primary.do(t, "reload"); !strings.Contains(out, "sdn") {
		t.Errorf("reload says %s", out)
	}
	tr.primary.do(t, "switchover", "web", "--to", "secondary", "--wait")
	testns.Eventually(t, patience, "the new webhook is told", func() bool { return ears.events() == "standby/switchover" })
	tr.primary.until(t, "the problem is named", func(s *report.Status) bool {
		return strings.Contains(strings.Join(s.Problems(), "\n"), "webhook away: nobody is told: 127.0.0.1:9: ")
	})
	tr.conf.top = "notify: { webhooks: { sdn: { url: \"http://127.0.0.1:8080/in\" } } }\n"
	tr.primary.file(t)
	tr.primary.do(t, "reload")
	tr.primary.logged(t, "what the removed one did not get is lost", func(e *report.Event) bool {
		return e.Kind == report.NotifyFailed && strings.HasPrefix(e.Detail, "webhook away: 1 change lost: ")
	})
	tr.primary.signal(t, syscall.SIGTERM, false)
	tr.primary.ends(t, stopWithin)
	if got := ears.events(); got != "standby/switchover stop/stopping" {
		t.Errorf("the webhook was told %s", got)
	}
}

// A script for keepalived is told by a virtual router what keepalived would tell
// it: BACKUP after the start, MASTER, FAULT while a check fails, BACKUP when it has
// passed, MASTER again, and STOP at the end.
func TestScriptsForKeepalivedWithVRRP(t *testing.T) {
	tr := newTrial(t, conf{})
	said, script, sick := filepath.Join(tr.dir, "said"), filepath.Join(tr.dir, "notify.sh"), filepath.Join(tr.dir, "sick")
	writeFile(t, script, "#!/bin/sh\necho \"$3 $4\" >>"+said+"\n", 0o755)
	tr.conf.groups = `VI_1:
  members: { primary: 100, secondary: 90 }
  election: { type: vrrp, vrid: 51, interval: 100ms }
  addresses: [ { address: 10.0.1.210/24, interface: eth1 } ]
  hooks: { change: { exec: [` + script + `], arguments: keepalived } }
  checks: { well: { exec: "! test -e ` + sick + `", shell: true, interval: 100ms, fatal: true } }
`
	tr.primary.start(t)
	tells := func(want string) {
		t.Helper()
		testns.Eventually(t, patience, "the script is told "+want, func() bool {
			text, _ := os.ReadFile(said)
			return strings.Join(strings.Split(strings.TrimSpace(string(text)), "\n"), ", ") == want
		})
	}
	tells("BACKUP 100, MASTER 100")
	writeFile(t, sick, "", 0o644)
	tells("BACKUP 100, MASTER 100, FAULT 100")
	if err := os.Remove(sick); err != nil {
		t.Fatal(err)
	}
	tells("BACKUP 100, MASTER 100, FAULT 100, BACKUP 100, MASTER 100")
	tr.primary.signal(t, syscall.SIGTERM, false)
	tr.primary.ends(t, stopWithin)
	tells("BACKUP 100, MASTER 100, FAULT 100, BACKUP 100, MASTER 100, STOP 100")
}
