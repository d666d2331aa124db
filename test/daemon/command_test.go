package daemon

import (
	"os/exec"
	"strings"
	"syscall"
	"testing"

	"stead/internal/report"
	"stead/internal/testns"
)

// The exit codes that scripts rely on.
const (
	exitFailed      = 1
	exitUsage       = 2
	exitUnreachable = 3
	exitRefused     = 4
)

// A switchover may be asked of any node, and no request for the address goes to
// two nodes or, once the old one has let go, to the old one.
func TestSwitchover(t *testing.T) {
	tr := newTrial(t, conf{overlay: true})
	tr.start(t)
	from, to := tr.primary, tr.secondary
	for _, ask := range []struct {
		what string
		of   func() *host
	}{
		{"the active node", func() *host { return from }},
		{"the standby node", func() *host { return to }},
		{"the witness", func() *host { return tr.client }},
	} {
		t.Run("asked of "+ask.what, func(t *testing.T) {
			a := tr.ask(t)
			a.serves(t, from, 0)
			before := engineNow()
			epoch := from.status(t).Group("web").Epoch
			var result report.Result
			decode(t, ask.of().do(t, "switchover", "web", "--to", to.name, "--wait", "--json"), &result)
			if !result.OK || result.To != to.name || result.Epoch <= epoch {
				t.Errorf("%+v after epoch %d", result, epoch)
			}
			a.serves(t, to, before)
			a.neverTwo(t, from, to, before)
			tr.settled(t, to)
			a.silentAfter(t, from, engineNow(), "all know of the change")
			from, to = to, from
		})
	}
}

// Drain hands over and stays away, over a restart as well, until resume.
func TestDrainAndResume(t *testing.T) {
	tr := newTrial(t, conf{preempt: "{ enabled: true, delay: 1ms }"})
	tr.start(t)
	if out := tr.primary.do(t, "drain", "--wait"); !strings.Contains(out, "drained") {
		t.Errorf("drain: %s", out)
	}
	if g := tr.primary.status(t).Group("web"); g.Role != report.RoleStandby || g.ActiveNode != "secondary" || g.Ready {
		t.Errorf("after drain --wait: %+v", g)
	}
	tr.primary.signal(t, syscall.SIGTERM, false)
	tr.primary.ends(t, stopWithin)
	tr.primary.start(t)
	s := tr.primary.until(t, "it sees the secondary", func(s *report.Status) bool { return s.Group("web").ActiveNode == "secondary" })
	if !s.Draining || s.Group("web").Ready {
		t.Errorf("a drain does not outlive a restart: %+v", s.Group("web"))
	}
	if out, err := tr.secondary.try(t, "drain"); exitCode(t, err) != exitRefused || !strings.Contains(out, "nobody else is ready") {
		t.Errorf("the last node was drained: %v: %s", err, out)
	}
	tr.primary.do(t, "resume")
	tr.primary.becomes(t, "web", report.RoleActive)
	tr.settled(t, tr.primary)
}

// knowsUnready waits until a host knows that another could not serve a group.
func (h *host) knowsUnready(t testing.TB, other *host, group string) {
	t.Helper()
	h.until(t, "it knows that "+other.name+" is not ready", func(s *report.Status) bool {
		for _, m := range s.Group(group).Members {
			if m.Name == other.name {
				return !m.Ready
			}
		}
		return false
	})
}

// slow is a group whose target of a switchover never gets ready.
const slow = `slow:
  members: { primary: 200, secondary: 100 }
  election: { interval: 20ms, multiplier: 5 }
  preempt: { enabled: false }
  addresses: [ { address: 10.0.1.201/24, interface: eth1 } ]
  hooks: { prepare: { exec: [/bin/sleep, "60"], timeout: 60s } }
`

// What goes wrong has an exit code of its own and says what to do.
func TestExitCodes(t *testing.T) {
	tr := newTrial(t, conf{groups: slow})
	tr.start(t)
	tr.primary.becomes(t, "slow", report.RoleActive)
	tr.secondary.do(t, "drain", "web")
	tr.primary.knowsUnready(t, tr.secondary, "web")
	for _, tt := range []struct {
		name, says string
		code       int
		args       []string
	}{
		{"nobody to take over", "nobody else is ready", exitRefused, []string{"switchover", "web", "--socket", tr.primary.socket}},
		{"no such group", "the groups are: slow, web", exitRefused, []string{"switchover", "wbe", "--socket", tr.primary.socket}},
		{"no member", "the members are: primary, secondary", exitRefused, []string{"switchover", "web", "--to", "client", "--socket", tr.primary.socket}},
		{"no daemon", "is stead running?", exitUnreachable, []string{"status", "--socket", tr.dir + "/none.sock"}},
		{"no such flag", "unknown flag", exitUsage, []string{"status", "--no-such-flag"}},
		{"bad file", "no such file", exitUsage, []string{"run", "-c", tr.dir + "/none.yaml"}},
		{"nothing came of it", "still active", exitFailed, []string{"switchover", "slow", "--wait", "--timeout", "300ms", "--socket", tr.primary.socket}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			out, err := exec.CommandContext(t.Context(), testns.Stead(), tt.args...).CombinedOutput()
			if code := exitCode(t, err); code != tt.code || !strings.Contains(string(out), tt.says) {
				t.Errorf("exit code %d, want %d with %q:\n%s", code, tt.code, tt.says, out)
			}
			if n := strings.Count(strings.TrimSpace(string(out)), "\n"); n > 0 && tt.code != exitUsage {
				t.Errorf("more than a line:\n%s", out)
			}
		})
	}
}

// Everybody may ask; only root, the daemon's user and those who are named may
// change something.
func TestWhoMayWrite(t *testing.T) {
	tr := newTrial(t, conf{})
	tr.start(t)
	as := func(uid uint32, args ...string) (string, int) {
		cmd := exec.CommandContext(t.Context(), testns.Stead(), append(args, "--socket", tr.primary.socket)...)
		cmd.Dir = "/"
		cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: uid, Gid: uid}}
		out, err := cmd.CombinedOutput()
		return string(out), exitCode(t, err)
	}
	const nobody = 65534
	if out, code := as(nobody, "status"); code != 0 || !strings.Contains(out, "primary") {
		t.Errorf("nobody may not ask: %d\n%s", code, out)
	}
	for _, args := range [][]string{{"drain"}, {"switchover", "web"}, {"resume"}, {"reload"}} {
		if out, code := as(nobody, args...); code != exitRefused || !strings.Contains(out, "control.users") {
			t.Errorf("%v by nobody: exit code %d\n%s", args, code, out)
		}
	}
	tr.settled(t, tr.primary)
	if n := tr.primary.count(t, report.BecameStandby, "web"); n != 0 {
		t.Error("nobody has moved the group")
	}
}
