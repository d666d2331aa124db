package docs

import (
	"encoding/json"
	"net"
	"net/http"
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

// lan is the network of the pages about VRRP:
//
//	primary   10.0.1.10 ── eth0 ─┐
//	secondary 10.0.1.20 ── eth0 ─┼─ br0 (switch)
//	client    10.0.1.4  ── eth0 ─┘   and the pool, 10.0.1.31 and 10.0.1.32
//
// The first two have a network 10.0.2.0/24 of their own on eth1.
type lan struct {
	bin, dir string
	client   *host
	hosts    map[string]*host
}

type host struct {
	name, bin, dir string
	ns             *testns.NS
	running        map[string]*exec.Cmd
}

func (n *lan) host(name string) *host { return n.hosts[name] }

func buildStead(t *testing.T) string {
	t.Helper()
	bin := filepath.Join(t.TempDir(), "stead")
	cmd := exec.Command("go", "build", "-buildvcs=false", "-o", bin, "stead/cmd/stead")
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	return bin
}

func newLAN(t *testing.T, bin string) *lan {
	t.Helper()
	dir, err := os.MkdirTemp("", "stead-docs-") // t.TempDir is too long for a socket's path
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	n := &lan{bin: bin, dir: dir, hosts: map[string]*host{}}
	sw, inside := testns.New(t), testns.New(t)
	for name, address := range map[string]string{"primary": "10.0.1.10", "secondary": "10.0.1.20", "client": "10.0.1.4"} {
		h := &host{name: name, bin: bin, dir: filepath.Join(dir, name), ns: testns.New(t), running: map[string]*exec.Cmd{}}
		if err := os.Mkdir(h.dir, 0o700); err != nil {
			t.Fatal(err)
		}
		testns.Veth(t, h.ns, "eth0", sw, name)
		h.ns.Addr(t, "eth0", address+"/24")
		if name != "client" {
			testns.Veth(t, h.ns, "eth1", inside, name)
			h.ns.Addr(t, "eth1", strings.Replace(address, "10.0.1", "10.0.2", 1)+"/24")
		}
		n.hosts[name] = h
	}
	testns.Bridge(t, inside, "br0", "primary", "secondary")
	testns.Bridge(t, sw, "br0", "primary", "secondary", "client")
	n.client = n.host("client")
	return n
}

// pool answers where the page's haproxy has its servers.
func (n *lan) pool(t *testing.T) {
	t.Helper()
	for _, address := range []string{"10.0.1.31", "10.0.1.32"} {
		n.client.ns.Addr(t, "eth0", address+"/32")
		var listener net.Listener
		var err error
		n.client.ns.Do(func() { listener, err = net.Listen("tcp", address+":8080") })
		if err != nil {
			t.Fatal(err)
		}
		server := &http.Server{Handler: http.NotFoundHandler(), ReadHeaderTimeout: time.Second}
		server.Handler = http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte("hello\n")) })
		done := make(chan struct{})
		go func() { defer close(done); _ = server.Serve(listener) }()
		t.Cleanup(func() { _ = server.Close(); <-done })
	}
}

// start runs a program on the host until it is stopped or the test ends.
func (h *host) start(t *testing.T, program string, args ...string) {
	t.Helper()
	log, err := os.OpenFile(h.path(filepath.Base(program)+".log"), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(program, args...)
	cmd.Stdout, cmd.Stderr = log, log
	h.ns.Start(t, cmd)
	_ = log.Close()
	h.running[filepath.Base(program)] = cmd
	t.Cleanup(func() {
		if t.Failed() {
			text, _ := os.ReadFile(log.Name())
			t.Logf("%s on %s:\n%s", program, h.name, text)
		}
		if h.running[filepath.Base(program)] == cmd {
			_ = cmd.Process.Kill()
			_ = cmd.Wait()
		}
	})
}

// stop ends a program as systemctl does.
func (h *host) stop(t *testing.T, program string) {
	t.Helper()
	cmd := h.running[program]
	delete(h.running, program)
	if err := cmd.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	kill := time.AfterFunc(patience, func() { _ = cmd.Process.Kill() })
	defer kill.Stop()
	_ = cmd.Wait()
}

// stead runs stead with a configuration.
func (h *host) stead(t *testing.T, text string) {
	t.Helper()
	h.configure(t, text)
	h.start(t, h.bin, "run", "-c", h.path("stead.yaml"), "--node", h.name)
}

// ask runs a verb of stead on the host.
func (h *host) ask(t *testing.T, verb string, args ...string) string {
	t.Helper()
	return h.ns.Run(t, append([]string{h.bin, verb, "--socket", h.path("sock")}, args...)...)
}

// kill ends a program without a word.
func (h *host) kill(t *testing.T, program string) {
	t.Helper()
	if err := h.running[program].Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = h.running[program].Wait()
	delete(h.running, program)
}

// groups are those of the daemon; none while it does not answer.
func (h *host) groups(t *testing.T) []report.Group {
	t.Helper()
	text, err := h.ns.Try(t, h.bin, "status", "--json", "--socket", h.path("sock"))
	var s report.Status
	if err != nil || json.NewDecoder(strings.NewReader(text)).Decode(&s) != nil {
		return nil
	}
	return s.Groups
}

// group is the only group.
func (h *host) group(t *testing.T) *report.Group {
	t.Helper()
	all := h.groups(t)
	if len(all) != 1 {
		t.Fatalf("%s has %d groups", h.name, len(all))
	}
	return &all[0]
}

// router is the virtual router of the only group.
func (h *host) router(t *testing.T) *report.VRRP {
	t.Helper()
	g := h.group(t)
	if g.VRRP == nil {
		t.Fatalf("%s has no virtual router", h.name)
	}
	return g.VRRP
}
