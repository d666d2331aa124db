package daemon

import (
	"strings"
	"testing"

	"stead/internal/report"
)

// virtualRouter is a group that is decided by VRRP, beside one that is not.
const virtualRouter = `router:
  members: { primary: 200, secondary: 100 }
  election: { type: vrrp, vrid: 51, interval: 50ms }
  addresses: [ { address: 10.0.1.202/24, interface: eth1 } ]
`

// A drain waits for the Active Router that is heard, in groups of both kinds, and a
// router that was drained comes back.
func TestDrainOfAVirtualRouter(t *testing.T) {
	tr := newTrial(t, conf{groups: virtualRouter})
	tr.start(t)
	tr.primary.becomes(t, "router", report.RoleActive)
	tr.secondary.until(t, "it hears the Active Router", func(s *report.Status) bool { return s.Group("router").ActiveAddress == "10.0.1.10" })

	var outcome struct {
		OK     bool
		Groups []struct {
			Name          string
			ActiveNode    string `json:"active_node"`
			ActiveAddress string `json:"active_address"`
		}
	}
	out, err := tr.primary.try(t, "drain", "--wait", "--json")
	if err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	decode(t, out[strings.Index(out, "{"):], &outcome) // after what it waited for
	if len(outcome.Groups) != 2 || outcome.Groups[0].Name != "router" || outcome.Groups[0].ActiveAddress != "10.0.1.20" || outcome.Groups[1].ActiveNode != "secondary" {
		t.Errorf("%s", out)
	}
	for _, group := range []string{"router", "web"} {
		tr.secondary.becomes(t, group, report.RoleActive)
		tr.primary.becomes(t, group, report.RoleStandby)
	}
	tr.primary.do(t, "resume", "--wait")
	tr.primary.becomes(t, "router", report.RoleActive)
}

// A router cannot know who else is there: where nobody takes over it goes on serving,
// and who waits for the drain hears of that at once.
func TestDrainOfTheLastRouter(t *testing.T) {
	tr := newTrial(t, conf{groups: virtualRouter})
	tr.start(t)
	tr.primary.becomes(t, "router", report.RoleActive)
	tr.secondary.do(t, "drain", "router")
	out, err := tr.primary.try(t, "drain", "router", "--wait", "--timeout", "1m")
	if code := exitCode(t, err); code != exitRefused || !strings.Contains(out, "router: the drain was taken back") {
		t.Errorf("exit code %d: %s", code, out)
	}
	tr.primary.becomes(t, "router", report.RoleActive)
	if tr.primary.status(t).Group("router").Draining {
		t.Error("the drain stays in force")
	}
}

// Likewise for who waits for a switchover.
func TestSwitchoverOfTheLastRouter(t *testing.T) {
	tr := newTrial(t, conf{groups: virtualRouter})
	tr.start(t)
	tr.primary.becomes(t, "router", report.RoleActive)
	tr.secondary.do(t, "drain", "router")
	out, err := tr.primary.try(t, "switchover", "router", "--wait", "--timeout", "1m")
	if code := exitCode(t, err); code != exitRefused || !strings.Contains(out, "router: the switchover was given up: nobody took over") {
		t.Errorf("exit code %d: %s", code, out)
	}
	tr.primary.becomes(t, "router", report.RoleActive)
	tr.secondary.do(t, "resume", "router", "--wait")
	out, err = tr.primary.try(t, "switchover", "router", "--wait", "--json")
	if err != nil || !strings.Contains(out, `"to": "secondary"`) {
		t.Errorf("%v: %s", err, out)
	}
	tr.secondary.becomes(t, "router", report.RoleActive)
}
