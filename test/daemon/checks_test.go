package daemon

import (
	"encoding/json"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"

	"stead/internal/core/reason"
	"stead/internal/report"
	"stead/internal/testns"
)

// serveHTTP answers on port 3000 of a host with a code that the test changes.
func (h *host) serveHTTP(t testing.TB) *atomic.Int32 {
	t.Helper()
	var listener net.Listener
	var err error
	h.ns.Do(func() { listener, err = net.Listen("tcp", "127.0.0.1:3000") })
	if err != nil {
		t.Fatal(err)
	}
	var code atomic.Int32
	code.Store(http.StatusOK)
	server := &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(int(code.Load())) })}
	done := make(chan struct{})
	go func() { defer close(done); _ = server.Serve(listener) }()
	t.Cleanup(func() { _ = server.Close(); <-done })
	return &code
}

// A fatal check that fails moves the group at once; when it passes again the node
// is ready, and nothing moves back by itself.
func TestFatalHTTPCheck(t *testing.T) {
	tr := newTrial(t, conf{group: `checks:
  page: { http: "http://127.0.0.1:3000/", interval: 200ms, timeout: 200ms, fall: 2, rise: 2, fatal: true }
`})
	page := tr.primary.serveHTTP(t)
	tr.secondary.serveHTTP(t)
	tr.start(t)

	page.Store(http.StatusInternalServerError)
	tr.secondary.becomes(t, "web", report.RoleActive)
	g := tr.primary.becomes(t, "web", report.RoleStandby)
	if g.Ready || g.NotReadyBecause != reason.CheckFailed || len(g.Checks) != 1 || g.Checks[0].State != report.CheckDown || !strings.Contains(g.Checks[0].Detail, "500") {
		t.Errorf("%+v", g)
	}
	if tr.primary.metric(t, `stead_check_up{check="page",group="web"}`) != "0" {
		testns.Eventually(t, patience, "the metric says that the check is down", func() bool {
			return tr.primary.metric(t, `stead_check_up{check="page",group="web"}`) == "0"
		})
	}
	let := tr.primary.logged(t, "it let go", func(e *report.Event) bool { return e.Kind == report.BecameStandby })
	if let.Reason != reason.CheckFailed {
		t.Errorf("it let go for %q", let.Reason)
	}
	page.Store(http.StatusOK)
	tr.primary.until(t, "it is ready again", func(s *report.Status) bool { return s.Group("web").Ready })
	tr.settled(t, tr.secondary)
}

// A check that could not be run has not failed: nothing moves.
func TestCheckThatCannotBeRun(t *testing.T) {
	tr := newTrial(t, conf{})
	program := filepath.Join(tr.dir, "check")
	tr.conf.group = "checks:\n  lag: { exec: [" + program + "], interval: 100ms, timeout: 100ms, fall: 1, rise: 1, fatal: true }\n"
	passes, fails := "#!/bin/sh\nexit 0\n", "#!/bin/sh\necho seven seconds behind\nexit 1\n"
	swap := func(text string, mode os.FileMode) {
		writeFile(t, program+".new", text, mode)
		if err := os.Rename(program+".new", program); err != nil {
			t.Fatal(err)
		}
	}
	swap(passes, 0o755)
	tr.start(t)

	swap(passes, 0o644) // nobody may run it
	for _, h := range []*host{tr.primary, tr.secondary} {
		unrun := h.logged(t, "the check could not be run", func(e *report.Event) bool { return e.Kind == report.CheckUnrun })
		if !strings.Contains(unrun.Detail, "lag") {
			t.Errorf("%+v", unrun)
		}
	}
	if n := tr.primary.count(t, report.BecameStandby, "web") + tr.primary.count(t, report.CheckIsDown, "web"); n != 0 {
		t.Errorf("a check that could not be run has moved the group: %+v", tr.primary.events(t))
	}
	tr.settled(t, tr.primary)

	swap(fails, 0o755)
	tr.primary.becomes(t, "web", report.RoleStandby)
	down := tr.primary.logged(t, "the check is down", func(e *report.Event) bool { return e.Kind == report.CheckIsDown })
	if !strings.Contains(down.Detail, "seven seconds behind") {
		t.Errorf("what the program said is missing: %+v", down)
	}
	swap(passes, 0o755)
	for _, h := range []*host{tr.primary, tr.secondary} {
		h.until(t, "it is ready again", func(s *report.Status) bool { return s.Group("web").Ready })
	}
}

// recorder is a hook that writes down what it was told, a line for each call.
const recorder = `#!/bin/sh
printf '%s user=%s group=%s node=%s epoch=%s reason=%s addresses=%s json=%s\n' "$STEAD_EVENT" "$(id -un)" \
	"$STEAD_GROUP" "$STEAD_NODE" "$STEAD_EPOCH" "$STEAD_REASON" "$STEAD_ADDRESSES" "$(cat)" >>"$1"
`

// Hooks are told of each change, in order, with the epoch as the fencing token,
// by environment and by JSON, as the user who is named.
func TestHooks(t *testing.T) {
	tr := newTrial(t, conf{})
	program, said := filepath.Join(tr.dir, "hook"), filepath.Join(tr.dir, "said.")
	writeFile(t, program, recorder, 0o755)
	for _, name := range []string{"primary", "secondary", "client"} {
		writeFile(t, said+name, "", 0o666)
	}
	// Each host has a file of its own: the shell finds it by the node's name.
	hook := `{ exec: "` + program + ` ` + said + `$STEAD_NODE", shell: true, user: nobody }`
	tr.conf.group = "hooks:\n  prepare: " + hook + "\n  activate: " + hook + "\n  standby: " + hook + "\n  stop: " + hook + "\n"
	tr.start(t)
	tr.primary.do(t, "switchover", "web", "--to", "secondary", "--wait")
	tr.secondary.do(t, "switchover", "web", "--to", "primary", "--wait")
	tr.settled(t, tr.primary)

	wait := func(h *host, events string) []string {
		t.Helper()
		var lines []string
		testns.Eventually(t, patience, h.name+" was told of "+events, func() bool {
			text, err := os.ReadFile(said + h.name)
			if err != nil {
				t.Fatal(err)
			}
			lines = strings.Split(strings.TrimSpace(string(text)), "\n")
			var got []string
			for _, line := range lines {
				word, _, _ := strings.Cut(line, " ")
				got = append(got, word)
			}
			return strings.Join(got, " ") == events
		})
		return lines
	}
	wait(tr.primary, "standby activate standby prepare activate")
	lines := wait(tr.secondary, "standby prepare activate standby")
	epoch := tr.primary.status(t).Group("web").Epoch
	var activated struct {
		Event, Group, Node, Reason string
		Epoch                      uint64
		Addresses                  []string
		ActiveNode                 string `json:"active_node"`
	}
	_, document, _ := strings.Cut(lines[2], "json=")
	if err := json.Unmarshal([]byte(document), &activated); err != nil {
		t.Fatalf("%v in %s", err, lines[2])
	}
	if activated.Event != "activate" || activated.Group != "web" || activated.Node != "secondary" || activated.Reason != "switchover" ||
		activated.Epoch == 0 || activated.Epoch >= epoch || len(activated.Addresses) != 2 || activated.ActiveNode != "secondary" {
		t.Errorf("told: %+v; the epoch is now %d", activated, epoch)
	}
	for _, part := range []string{"user=nobody", "group=web", "node=secondary", "reason=switchover", "addresses=10.0.1.200/24 fd00:1::c8/64"} {
		if !strings.Contains(lines[2], part) {
			t.Errorf("%s is missing in %s", part, lines[2])
		}
	}
	tr.primary.signal(t, syscall.SIGTERM, false)
	tr.primary.ends(t, stopWithin)
	wait(tr.primary, "standby activate standby prepare activate stop")
}
