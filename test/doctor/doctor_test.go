// Package doctor tests the verb doctor as users run it: the real binary beside
// real daemons, on three hosts in network namespaces.
//
//	primary   10.0.1.10 ── eth1 ─┐
//	secondary 10.0.1.20 ── eth1 ─┼─ br0 (switch)
//	client    10.0.1.4  ── eth1 ─┘        the client is the witness
package doctor

import (
	"bytes"
	"encoding/json"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"stead/internal/doctor"
	"stead/internal/report"
	"stead/internal/testns"
)

// patience is how long a test waits for what has to come.
const patience = 15 * time.Second

func TestMain(m *testing.M) { os.Exit(testns.RunBuilt(m)) }

// trial is the three hosts and the switch between them.
type trial struct {
	dir   string
	sw    *testns.NS
	hosts map[string]*testns.NS
	runs  map[string]*exec.Cmd
}

func newTrial(t *testing.T) *trial {
	t.Helper()
	testns.Privileged(t)
	dir, err := os.MkdirTemp("", "stead-doctor-") // t.TempDir is too long for a socket's path
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	tr := &trial{dir: dir, sw: testns.New(t), hosts: map[string]*testns.NS{}, runs: map[string]*exec.Cmd{}}
	if err := errors.Join(os.Chmod(dir, 0o755), os.WriteFile(filepath.Join(dir, "key"), []byte(strings.Repeat("not-a-secret", 3)), 0o600)); err != nil {
		t.Fatal(err)
	}
	for name, address := range map[string]string{"primary": "10.0.1.10", "secondary": "10.0.1.20", "client": "10.0.1.4"} {
		ns := testns.New(t)
		testns.Veth(t, ns, "eth1", tr.sw, name)
		ns.Addr(t, "eth1", address+"/24")
		tr.hosts[name] = ns
		text := strings.ReplaceAll(strings.ReplaceAll(configuration, "DIR", dir), "HOST", name)
		if err := os.WriteFile(tr.file(name), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	testns.Bridge(t, tr.sw, "br0", "primary", "secondary", "client")
	return tr
}

const configuration = `nodes:
  primary: { address: 10.0.1.10 }
  secondary: { address: 10.0.1.20 }
  client: { address: 10.0.1.4, role: witness }
security: { key_file: DIR/key }
overlays:
  vxlan0:
    type: vxlan
    vni: 10
    underlay: eth1
    addresses: { primary: 192.168.0.10/24, secondary: 192.168.0.20/24, client: 192.168.0.4/24 }
groups:
  web:
    members: { primary: 200, secondary: 100 }
    election: { interval: 20ms, multiplier: 5 }
    preempt: { enabled: false }
    addresses: [ { address: 192.168.0.200/24, interface: vxlan0 } ]
control: { socket: DIR/HOST.sock }
state: { dir: DIR/HOST.state }
`

func (tr *trial) file(host string) string { return filepath.Join(tr.dir, host+".yaml") }

// start starts stead on a host.
func (tr *trial) start(t *testing.T, host string) {
	t.Helper()
	cmd := exec.Command(testns.Stead(), "run", "-c", tr.file(host), "--node", host)
	tr.hosts[host].Start(t, cmd)
	tr.runs[host] = cmd
}

// status asks the daemon of a host; it is empty where none answers.
func (tr *trial) status(t *testing.T, host string) *report.Status {
	t.Helper()
	s := &report.Status{}
	out, err := tr.hosts[host].Try(t, testns.Stead(), "status", "--json", "--socket", filepath.Join(tr.dir, host+".sock"))
	if err == nil {
		err = json.Unmarshal([]byte(out), s)
	}
	if err != nil {
		return &report.Status{}
	}
	return s
}

// settled waits until every host knows that the primary is active and the secondary ready.
func (tr *trial) settled(t *testing.T) {
	t.Helper()
	for host := range tr.hosts {
		testns.Eventually(t, patience, host+" knows who is active", func() bool {
			s := tr.status(t, host)
			g := s.Group("web")
			return g != nil && g.ActiveNode == "primary" && g.Spares() == 1 && len(s.Overlays) == 1 && s.Overlays[0].OK
		})
	}
}

// examine runs the doctor on a host, as JSON and with its exit code.
func (tr *trial) examine(t *testing.T, host string) (r doctor.Report) {
	t.Helper()
	var out, errs bytes.Buffer
	cmd := exec.Command(testns.Stead(), "doctor", "-c", tr.file(host), "--node", host, "--json")
	cmd.Stdout, cmd.Stderr = &out, &errs
	tr.hosts[host].Start(t, cmd)
	err := cmd.Wait()
	if bad := json.Unmarshal(out.Bytes(), &r); bad != nil || errs.Len() > 0 {
		t.Fatalf("%v, %v\n%s%s", err, bad, out.String(), errs.String())
	}
	if want := map[bool]int{true: 0, false: 1}[r.Healthy()]; cmd.ProcessState.ExitCode() != want {
		t.Errorf("the worst is %s, the exit code %d", r.Worst, cmd.ProcessState.ExitCode())
	}
	if strings.Contains(out.String(), "not-a-secret") {
		t.Errorf("the key is printed:\n%s", out.String())
	}
	return r
}

// environmental are problems that depend on where the tests run.
var environmental = []string{"not-checked", "no-real-time", "no-cap-ipc-lock", "oom-victim", "late-threads", "late-loop", "steal-time", "cpu-quota", "cpu-throttled", "memory-tight", "stalls", "peer-loss"}

// expect runs the doctor and compares the problems that it finds, the worst first.
func (tr *trial) expect(t *testing.T, host string, want ...string) {
	t.Helper()
	var got []string
	r := tr.examine(t, host)
	for _, f := range r.Findings {
		if f.Severity != doctor.OK && !slices.Contains(environmental, f.ID) {
			got = append(got, f.ID)
		}
	}
	if !slices.Equal(got, want) {
		t.Errorf("%s: found %q, want %q\n%+v", host, got, want, r.Findings)
	}
}

// The trial's hosts are found healthy, before and while the daemons run, and the
// doctor changes nothing for them. What is broken then is found.
func TestDoctor(t *testing.T) {
	tr := newTrial(t)
	tr.expect(t, "primary", "daemon-not-running", "peer-without-daemon", "peer-without-daemon")
	tr.start(t, "secondary")
	tr.start(t, "client")
	testns.Eventually(t, patience, "the secondary hears the client", func() bool {
		s := tr.status(t, "secondary")
		return len(s.Peers) == 2 && s.Peers[0].Alive
	})
	before := tr.status(t, "secondary")
	tr.expect(t, "primary", "daemon-not-running") // both answer it
	if after := tr.status(t, "secondary"); after.Peers[1].Alive || after.Peers[1].Name != before.Peers[1].Name {
		t.Errorf("a greeting made the primary alive: %+v", after.Peers[1])
	}
	tr.start(t, "primary")
	testns.Eventually(t, patience, "somebody is active, and another could be", func() bool {
		s := tr.status(t, "primary")
		g := s.Group("web")
		return g != nil && g.ActiveNode != "" && g.Spares() == 1
	})
	// Refused where the primary is active already.
	_, _ = tr.hosts["primary"].Try(t, testns.Stead(), "switchover", "web", "--to", "primary", "--socket", filepath.Join(tr.dir, "primary.sock"))
	tr.settled(t)

	epoch := tr.status(t, "primary").Group("web").Epoch
	for range 2 {
		for host := range tr.hosts {
			tr.expect(t, host)
		}
	}
	if g := tr.status(t, "client").Group("web"); g.Epoch != epoch || g.ActiveNode != "primary" {
		t.Errorf("the doctor moved the group: %+v", g)
	}

	t.Run("another holder", func(t *testing.T) {
		client := tr.hosts["client"]
		client.Addr(t, "vxlan0", "192.168.0.200/32")
		tr.expect(t, "primary", "two-holders")
		tr.expect(t, "secondary", "two-holders")
		client.Run(t, "ip", "addr", "del", "192.168.0.200/32", "dev", "vxlan0")
	})
	t.Run("a switch that carries less", func(t *testing.T) {
		tr.sw.Run(t, "ip", "link", "set", "secondary", "mtu", "1400")
		tr.expect(t, "primary", "path-mtu-small")
		tr.sw.Run(t, "ip", "link", "set", "secondary", "mtu", "1500")
	})
	t.Run("arp_ignore", func(t *testing.T) {
		tr.hosts["secondary"].Sysctl(t, "net/ipv4/conf/vxlan0/arp_ignore", "8")
		tr.expect(t, "secondary", "arp-ignore-silences")
	})
	t.Run("frozen", func(t *testing.T) {
		pid := -tr.runs["client"].Process.Pid
		if err := syscall.Kill(pid, syscall.SIGSTOP); err != nil {
			t.Fatal(err)
		}
		tr.expect(t, "client", "daemon-silent")
		if err := syscall.Kill(pid, syscall.SIGCONT); err != nil {
			t.Fatal(err)
		}
	})
}
