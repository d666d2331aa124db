package daemon

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"net"
	"net/http"
	"os/exec"
	"strings"
	"testing"
	"time"

	"stead/internal/report"
	"stead/internal/testns"
)

// try runs a verb against the host's daemon and returns what it wrote.
func (h *host) try(t testing.TB, verb string, args ...string) (string, error) {
	t.Helper()
	args = append([]string{verb}, append(args, "--socket", h.socket)...)
	ctx, cancel := context.WithTimeout(t.Context(), 2*patience)
	defer cancel()
	out, err := exec.CommandContext(ctx, testns.Stead(), args...).CombinedOutput()
	return string(out), err
}

// do is try for a verb that has to succeed.
func (h *host) do(t testing.TB, verb string, args ...string) string {
	t.Helper()
	out, err := h.try(t, verb, args...)
	if err != nil {
		t.Fatalf("stead %s %s on %s: %v\n%s", verb, strings.Join(args, " "), h.name, err, out)
	}
	return out
}

// exitCode is that of a program.
func exitCode(t testing.TB, err error) int {
	t.Helper()
	var exit *exec.ExitError
	switch {
	case err == nil:
		return 0
	case errors.As(err, &exit):
		return exit.ExitCode()
	}
	t.Fatal(err)
	return -1
}

// status asks the daemon for its status.
func (h *host) status(t testing.TB) *report.Status {
	t.Helper()
	var s report.Status
	decode(t, h.do(t, "status", "--json"), &s)
	return &s
}

func decode(t testing.TB, text string, v any) {
	t.Helper()
	if err := json.Unmarshal([]byte(text), v); err != nil {
		t.Fatalf("%v in\n%s", err, text)
	}
}

// until waits until the host's status is as wanted, and returns it.
func (h *host) until(t testing.TB, what string, done func(*report.Status) bool) *report.Status {
	t.Helper()
	var s *report.Status
	for end := time.Now().Add(patience); ; time.Sleep(10 * time.Millisecond) {
		if s = h.status(t); done(s) {
			return s
		}
		if time.Now().After(end) {
			text, _ := json.MarshalIndent(s, "", " ")
			t.Fatalf("on %s not within %v: %s\n%s", h.name, patience, what, text)
		}
	}
}

// becomes waits until the host has a role in a group and its addresses are as the
// role wants them.
func (h *host) becomes(t testing.TB, group string, role report.Role) *report.Group {
	t.Helper()
	s := h.until(t, "is "+string(role)+" for "+group, func(s *report.Status) bool {
		g := s.Group(group)
		return g != nil && g.Role == role && g.Applied && (role != report.RoleActive || g.Serves())
	})
	return s.Group(group)
}

// events are those that the daemon has logged.
func (h *host) events(t testing.TB) []report.Event {
	t.Helper()
	var all []report.Event
	for line := range strings.Lines(h.do(t, "events", "--json")) {
		var e report.Event
		decode(t, line, &e)
		all = append(all, e)
	}
	return all
}

// logged waits for an event.
func (h *host) logged(t testing.TB, what string, is func(*report.Event) bool) report.Event {
	t.Helper()
	var found report.Event
	testns.Eventually(t, patience, h.name+" logs: "+what, func() bool {
		for _, e := range h.events(t) {
			if is(&e) {
				found = e
				return true
			}
		}
		return false
	})
	return found
}

// count is how many events of a kind a group has had.
func (h *host) count(t testing.TB, kind report.Kind, group string) int {
	t.Helper()
	n := 0
	for _, e := range h.events(t) {
		if e.Kind == kind && e.Group == group {
			n++
		}
	}
	return n
}

// get asks the daemon's HTTP listener, from its own host.
func (h *host) get(t testing.TB, path string) (int, string) {
	t.Helper()
	client := http.Client{Timeout: patience, Transport: &http.Transport{
		DisableKeepAlives: true,
		DialContext: func(ctx context.Context, network, address string) (conn net.Conn, err error) {
			h.ns.Do(func() { conn, err = (&net.Dialer{}).DialContext(ctx, network, address) })
			return conn, err
		},
	}}
	answer, err := client.Get("http://127.0.0.1:9177" + path)
	if err != nil {
		t.Fatalf("GET %s on %s: %v", path, h.name, err)
	}
	defer answer.Body.Close()
	body, err := io.ReadAll(answer.Body)
	if err != nil {
		t.Fatalf("GET %s on %s: %v", path, h.name, err)
	}
	return answer.StatusCode, string(body)
}

// metric is the line of a metric, without its name; empty where there is none.
func (h *host) metric(t testing.TB, name string) string {
	t.Helper()
	_, text := h.get(t, "/metrics")
	for line := range strings.Lines(text) {
		if value, ok := strings.CutPrefix(line, name+" "); ok {
			return strings.TrimSpace(value)
		}
	}
	return ""
}

// has tells whether an address is on an interface of the host.
func (h *host) has(t testing.TB, device, address string) bool {
	t.Helper()
	return strings.Contains(h.ns.Run(t, "ip", "-o", "address", "show", "dev", device), " "+address+"/")
}
