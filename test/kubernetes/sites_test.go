package kubernetes

import (
	"bytes"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// site is a gate with its workload, which notes that it runs twenty times a second.
type site struct {
	name  string
	cmd   *exec.Cmd
	notes string
	said  *output
	ended chan struct{}
}

// output is what a program writes; it may be read meanwhile.
type output struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (o *output) Write(b []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.text.Write(b)
}

func (o *output) String() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.text.String()
}

// times are as short as the arithmetic of the gate allows with room for a slow machine.
var times = []string{"--flatline=8s", "--stop-after=4s", "--grace=500ms", "--timeout=2s", "--beat=1s"}

const workload = `trap 'exit 0' TERM; while :; do echo "$(date +%s%N) $STEAD_EPOCH" >>"$0"; sleep 0.05; done`

// begin starts the gate of a site on the Leases of a namespace, as a pod of the
// form exec does.
func begin(t *testing.T, namespace, name, other string, more ...string) *site {
	t.Helper()
	token := server.account(t, namespace, name, needed...)
	s := &site{name: name, notes: filepath.Join(t.TempDir(), name), said: &output{}, ended: make(chan struct{})}
	args := append([]string{"gate", "--site=" + name, "--other=" + other,
		"--store=kubernetes:///" + namespace + "?server=" + server.url + "&token-file=" + token + "&ca=" + server.ca}, times...)
	args = append(append(args, more...), "--exec", "--", "sh", "-c", workload, s.notes)
	s.cmd = exec.Command(built(t), args...)
	s.cmd.Stdout, s.cmd.Stderr = s.said, s.said
	s.cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
	if err := s.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	go func() { defer close(s.ended); _ = s.cmd.Wait() }()
	t.Cleanup(func() {
		_ = s.cmd.Process.Kill()
		<-s.ended
		if t.Failed() {
			t.Logf("%s:\n%s", name, s.said)
		}
	})
	return s
}

// note is one line of a workload: when it ran, with which epoch.
type note struct {
	at    time.Time
	epoch uint64
}

func (s *site) ran(t *testing.T) (notes []note) {
	t.Helper()
	text, err := os.ReadFile(s.notes)
	if err != nil && !os.IsNotExist(err) {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(text)) {
		var n note
		var at int64
		if _, err := fmt.Sscan(line, &at, &n.epoch); err != nil {
			continue // the last line, while it is written
		}
		n.at = time.Unix(0, at)
		notes = append(notes, n)
	}
	return notes
}

// runs waits until the workload of the site runs.
func (s *site) runs(t *testing.T, limit time.Duration) note {
	t.Helper()
	for end := time.Now().Add(limit); time.Now().Before(end); time.Sleep(20 * time.Millisecond) {
		if notes := s.ran(t); len(notes) > 0 {
			return notes[0]
		}
	}
	t.Fatalf("the workload of %s does not run after %v", s.name, limit)
	return note{}
}

// Two sites share the Leases of a real API server. The preferred one starts; when
// its gate is killed the other one starts, with a greater epoch and after the last
// sign of the first one's workload. When its account loses the Role, its workload is
// stopped within T1 and the grace.
func TestSites(t *testing.T) {
	namespace := server.namespace(t)
	east := begin(t, namespace, "east", "west", "--preferred")
	first := east.runs(t, time.Minute)
	west := begin(t, namespace, "west", "east")
	waits(t, west, 2*time.Second)
	if h := lease(t, namespace, "stead.gate.right").Spec["holderIdentity"]; h != "east" {
		t.Errorf("the Lease shows the holder %v, not east", h)
	}

	killed := time.Now()
	if err := east.cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	second := west.runs(t, time.Minute)
	t.Logf("west runs %v after east was killed", second.at.Sub(killed).Round(10*time.Millisecond))
	if second.epoch <= first.epoch {
		t.Errorf("epoch %d follows %d", second.epoch, first.epoch)
	}
	notes := east.ran(t)
	if last := notes[len(notes)-1].at; !last.Before(second.at) {
		t.Errorf("east's workload ran %v after west's began", last.Sub(second.at))
	}
	if s := lease(t, namespace, "stead.gate.right").Spec; s["holderIdentity"] != "west" || s["leaseTransitions"] != float64(second.epoch) {
		t.Errorf("the Lease shows %v", s)
	}

	server.do(t, http.MethodDelete, "/apis/rbac.authorization.k8s.io/v1/namespaces/"+namespace+"/rolebindings/west", nil, nil)
	revoked := time.Now()
	select {
	case <-west.ended:
	case <-time.After(time.Minute):
		t.Fatal("the gate of a site that may not write goes on")
	}
	if code := west.cmd.ProcessState.ExitCode(); code != 75 || !strings.Contains(west.said.String(), "the Role needs") {
		t.Errorf("it ended with code %d, not 75, or does not say why", code)
	}
	notes = west.ran(t)
	const bound = 4*time.Second + 500*time.Millisecond + 2*time.Second // the machine may be busy
	if ran := notes[len(notes)-1].at.Sub(revoked); ran > bound {
		t.Errorf("its workload ran for %v without the Role, longer than stop-after and grace", ran)
	} else {
		t.Logf("west's workload ran for %v without the Role", ran.Round(time.Millisecond))
	}
}

// waits wants a site to hold its workload back for a while, and to say whom it sees.
func waits(t *testing.T, s *site, while time.Duration) {
	t.Helper()
	for end := time.Now().Add(while); time.Now().Before(end); time.Sleep(50 * time.Millisecond) {
		if notes := s.ran(t); len(notes) > 0 {
			t.Fatalf("%s runs while the other site does", s.name)
		}
	}
	if !strings.Contains(s.said.String(), "alive") {
		t.Errorf("%s does not say that the other site is alive:\n%s", s.name, s.said)
	}
}
