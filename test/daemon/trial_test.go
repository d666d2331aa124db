package daemon

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"stead/internal/report"
	"stead/internal/testns"
)

// patience is how long a test waits for what has to come.
const patience = 15 * time.Second

// trial is the three hosts and the switch between them.
type trial struct {
	conf                       conf
	dir                        string
	sw                         *testns.NS
	primary, secondary, client *host
}

// host is a machine that may run stead.
type host struct {
	trial         *trial
	name, address string
	ns            *testns.NS
	socket        string
	run           *process // the last one started
}

// newTrial builds the network. Nothing runs yet.
func newTrial(t testing.TB, c conf) *trial {
	t.Helper()
	testns.Privileged(t)
	dir, err := os.MkdirTemp("", "stead-daemon-") // t.TempDir is too long for a socket's path
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	if err := os.Chmod(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	tr := &trial{conf: c, dir: dir, sw: testns.New(t)}
	writeFile(t, filepath.Join(dir, "key"), strings.Repeat("0123456789abcdef", 2), 0o600)
	add := func(name, address, address6 string) *host {
		h := &host{trial: tr, name: name, address: address, ns: testns.New(t), socket: filepath.Join(dir, name+".sock")}
		if c.socket != "" {
			h.socket = c.socket
		}
		testns.Veth(t, h.ns, "eth1", tr.sw, name)
		h.ns.Addr(t, "eth1", address+"/24")
		h.ns.Addr(t, "eth1", address6+"/64")
		return h
	}
	tr.primary = add("primary", "10.0.1.10", "fd00:1::10")
	tr.secondary = add("secondary", "10.0.1.20", "fd00:1::20")
	tr.client = add("client", "10.0.1.4", "fd00:1::4")
	testns.Bridge(t, tr.sw, "br0", "primary", "secondary", "client")
	return tr
}

// hosts are those that run stead.
func (tr *trial) hosts() []*host {
	if tr.conf.noWitness && !tr.conf.overlay {
		return []*host{tr.primary, tr.secondary}
	}
	return []*host{tr.primary, tr.secondary, tr.client}
}

// voters are the hosts that take part in elections.
func (tr *trial) voters() []*host {
	if tr.conf.noWitness {
		return []*host{tr.primary, tr.secondary}
	}
	return tr.hosts()
}

// start starts stead on every host and waits until the primary serves.
func (tr *trial) start(t testing.TB) {
	t.Helper()
	for _, h := range tr.hosts() {
		h.start(t)
	}
	active := tr.primary.until(t, "somebody is active", func(s *report.Status) bool { return s.Group("web").ActiveNode != "" })
	if was := active.Group("web").ActiveNode; was != tr.primary.name {
		// On a busy machine the primary may be the last to be heard, and it does not preempt.
		t.Logf("%s was there first", was)
		tr.settled(t, tr.secondary)
		tr.primary.do(t, "switchover", "web", "--to", tr.primary.name, "--wait")
	}
	tr.primary.becomes(t, "web", report.RoleActive)
	tr.settled(t, tr.primary)
}

// settled waits until every voter says that one serves, and that the others could.
func (tr *trial) settled(t testing.TB, active *host) {
	t.Helper()
	for _, h := range tr.voters() {
		h.until(t, "all know that "+active.name+" is active, and are ready", func(s *report.Status) bool {
			g := s.Group("web")
			ready := g != nil && g.ActiveNode == active.name
			for i := 0; ready && i < len(g.Members); i++ {
				ready = g.Members[i].Ready
			}
			return ready
		})
	}
	if tr.conf.overlay {
		for i, h := range []*host{tr.primary, tr.secondary, tr.client} {
			if out := h.ns.Run(t, "ip", "-o", "-6", "address", "show", "dev", "vxlan0"); !strings.Contains(out, "fd68::") || !strings.Contains(out, fmt.Sprintf("fd68::%d/", i+1)) {
				h.ns.Addr(t, "vxlan0", fmt.Sprintf("fd68::%d/64", i+1))
			}
		}
	}
}

// process is one run of a program on a host.
type process struct {
	pid    int
	exited chan struct{}
	state  *os.ProcessState // once exited
	log    *testns.Log
}

// start starts stead with the trial's configuration, and waits until it answers.
func (h *host) start(t testing.TB) {
	t.Helper()
	h.begin(t, exec.Command(testns.Stead(), "run", "-c", h.file(t), "--node", h.name))
	h.answers(t)
}

// answers waits until the daemon answers on its control socket.
func (h *host) answers(t testing.TB) {
	t.Helper()
	testns.Eventually(t, patience, h.name+" answers", func() bool {
		select {
		case <-h.run.exited:
			t.Fatalf("%s has ended: %v\n%s", h.name, h.run.state, h.run.log)
		default:
		}
		_, err := h.try(t, "status", "--json")
		return err == nil
	})
}

// file writes the host's configuration file.
func (h *host) file(t testing.TB) string {
	t.Helper()
	path := filepath.Join(h.trial.dir, h.name+".yaml")
	writeFile(t, path, h.trial.conf.text(h.trial.dir, h.name), 0o644)
	return path
}

// begin starts a program on the host, in a process group of its own.
func (h *host) begin(t testing.TB, cmd *exec.Cmd) {
	t.Helper()
	p := &process{exited: make(chan struct{}), log: &testns.Log{}}
	cmd.Stdout, cmd.Stderr = p.log, p.log
	cmd.WaitDelay = time.Second // a child of a killed daemon may hold the log open
	if cmd.SysProcAttr == nil {
		cmd.SysProcAttr = &syscall.SysProcAttr{}
	}
	cmd.SysProcAttr.Setpgid = true
	var err error
	h.ns.Do(func() { err = cmd.Start() })
	if err != nil {
		t.Fatalf("start %s on %s: %v", cmd, h.name, err)
	}
	p.pid = cmd.Process.Pid
	go func() { defer close(p.exited); _ = cmd.Wait(); p.state = cmd.ProcessState }()
	t.Cleanup(func() {
		_ = syscall.Kill(-p.pid, syscall.SIGKILL)
		<-p.exited
		if t.Failed() {
			t.Logf("%s wrote:\n%s", h.name, p.log)
		}
	})
	h.run = p
}

// signal sends a signal to the daemon, or with whole to its process group.
func (h *host) signal(t testing.TB, s syscall.Signal, whole bool) {
	t.Helper()
	pid := h.run.pid
	if whole {
		pid = -pid
	}
	if err := syscall.Kill(pid, s); err != nil {
		t.Fatalf("%v to %s: %v", s, h.name, err)
	}
}

// ends waits until the daemon has ended, and returns its exit code; -1 for one
// that a signal ended.
func (h *host) ends(t testing.TB, within time.Duration) int {
	t.Helper()
	select {
	case <-h.run.exited:
	case <-time.After(within):
		t.Fatalf("%s has not ended within %v", h.name, within)
	}
	return h.run.state.ExitCode()
}

// kill ends the daemon by SIGKILL; it is gone on return.
func (h *host) kill(t testing.TB, whole bool) {
	t.Helper()
	h.signal(t, syscall.SIGKILL, whole)
	h.ends(t, patience)
}

// freeze stops the daemon's process group; no thread of it runs on return.
func (h *host) freeze(t testing.TB) {
	t.Helper()
	h.signal(t, syscall.SIGSTOP, true)
	tasks := fmt.Sprintf("/proc/%d/task/*/stat", h.run.pid)
	testns.Eventually(t, patience, "all threads are stopped", func() bool {
		files, err := filepath.Glob(tasks)
		if err != nil || len(files) == 0 {
			t.Fatalf("%s: %v", tasks, err)
		}
		for _, file := range files {
			text, err := os.ReadFile(file)
			if _, state, _ := strings.Cut(string(text), ") "); err == nil && !strings.HasPrefix(state, "T") {
				return false
			}
		}
		return true
	})
}
