package daemon

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"stead/internal/report"
	"stead/internal/testns"
)

// worker writes a line with its site and epoch, again and again, until it is told
// to end.
const worker = `#!/bin/sh
trap 'exit 0' TERM
while :; do echo "$STEAD_SITE $STEAD_EPOCH" >>%s; sleep 0.02; done
`

// gateConf holds a workload of two sites: that of the primary is preferred.
func gateConf(dir string) string {
	return fmt.Sprintf(`stores: { share: { url: "folder:%s", timeout: 500ms } }
gate:
  site: { primary: east, secondary: west }
  preferred: east
  store: share
  beat: 300ms
  flatline: 6s
  stop_after: 3s
  grace: 1s
  exec: [%s]
http: { listen: "127.0.0.1:9177" }
`, filepath.Join(dir, "share"), filepath.Join(dir, "worker"))
}

// newGateTrial builds the hosts, the share and the workload.
func newGateTrial(t *testing.T) (tr *trial, work string) {
	tr = newTrial(t, conf{})
	work = filepath.Join(tr.dir, "work")
	writeFile(t, filepath.Join(tr.dir, "worker"), fmt.Sprintf(worker, work), 0o755)
	if err := os.Mkdir(filepath.Join(tr.dir, "share"), 0o755); err != nil {
		t.Fatal(err)
	}
	tr.conf.top = gateConf(tr.dir)
	return tr, work
}

// works waits until the workload of a host's site runs with an epoch.
func (h *host) works(t *testing.T, work, line string) {
	t.Helper()
	h.until(t, "the gate is open", func(s *report.Status) bool { return s.Gate != nil && s.Gate.Open })
	testns.Eventually(t, patience, line+" is at work", func() bool {
		text, err := os.ReadFile(work)
		return err == nil && strings.HasSuffix(string(text), line+"\n")
	})
}

// inTurns requires that each of the lines was written without another between.
func inTurns(t *testing.T, work string, want ...string) {
	t.Helper()
	text, err := os.ReadFile(work)
	if err != nil {
		t.Fatal(err)
	}
	var turns []string
	for line := range strings.Lines(string(text)) {
		if line = strings.TrimSpace(line); len(turns) == 0 || turns[len(turns)-1] != line {
			turns = append(turns, line)
		}
	}
	if got := strings.Join(turns, ", "); got != strings.Join(want, ", ") {
		t.Fatalf("at work were %s; want %s", got, strings.Join(want, ", "))
	}
}

// The workload of two sites runs at one of them, goes over when it is asked to, when
// the daemon of the site dies without a word, and when it hangs; and never at both.
func TestGateOfTheDaemon(t *testing.T) {
	tr, work := newGateTrial(t)
	for _, h := range []*host{tr.primary, tr.secondary} {
		h.start(t)
	}
	tr.primary.works(t, work, "east 1")
	if g := tr.secondary.status(t).Gate; g == nil || g.Open || g.Holder != "east" {
		t.Fatalf("the gate of the standby site: %+v", g)
	}

	if out := tr.primary.do(t, "switchover", "--site", "west", "--wait"); !strings.Contains(out, "west has the right") {
		t.Fatal(out)
	}
	tr.secondary.works(t, work, "west 2")
	if n := tr.secondary.metric(t, "stead_gate_open"); n != "1" {
		_, all := tr.secondary.get(t, "/metrics")
		t.Errorf("stead_gate_open is %q in\n%s", n, all)
	}
	inTurns(t, work, "east 1", "west 2")

	tr.secondary.kill(t, false)
	tr.primary.works(t, work, "east 3")
	inTurns(t, work, "east 1", "west 2", "east 3")

	tr.secondary.start(t)
	tr.secondary.until(t, "it knows who runs the workload", func(s *report.Status) bool {
		return s.Gate != nil && s.Gate.Holder == "east" && s.Gate.Verdict == "alive"
	})
	tr.primary.freeze(t)
	tr.secondary.works(t, work, "west 4")
	tr.primary.signal(t, syscall.SIGCONT, true)
	tr.primary.until(t, "it knows that it has lost the right", func(s *report.Status) bool {
		return s.Gate != nil && !s.Gate.Open && s.Gate.Holder == "west"
	})

	tr.secondary.signal(t, syscall.SIGTERM, false)
	if code := tr.secondary.ends(t, stopWithin); code != 0 {
		t.Errorf("exit code %d", code)
	}
	inTurns(t, work, "east 1", "west 2", "east 3", "west 4")
}

// What a switchover between sites refuses.
func TestGateRefusals(t *testing.T) {
	tr, _ := newGateTrial(t)
	tr.primary.start(t)
	out, err := tr.primary.try(t, "switchover", "--site", "north")
	if exitCode(t, err) == 0 || !strings.Contains(out, `no site "north"`) || !strings.Contains(out, "east, west") {
		t.Errorf("a site that there is not: %s", out)
	}
	tr.conf.top = ""
	tr.secondary.start(t)
	out, err = tr.secondary.try(t, "switchover", "--site", "west")
	if exitCode(t, err) == 0 || !strings.Contains(out, "this node has no gate") {
		t.Errorf("a node without a gate: %s", out)
	}
}
