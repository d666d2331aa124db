package interop

import (
	"fmt"
	"net"
	"net/http"
	"strings"
	"syscall"
	"testing"
	"time"

	"stead/internal/testns"
)

// original is the keepalived.conf of the deployment that was there first: a check
// of the process of haproxy, whose weight decides between 101 and 100.
const original = `vrrp_script chk_haproxy {
  script "killall -0 haproxy"
  interval 2
  weight 2
}

vrrp_instance VI_1 {
  interface eth1
  state %s
  virtual_router_id 51
  priority %d
  virtual_ipaddress {
    10.0.1.200
  }
  track_script {
    chk_haproxy
  }
}
`

// balancer is haproxy with one backend; it says in its answers who it is.
const balancer = `defaults
  mode http
  timeout connect 2s
  timeout client 5s
  timeout server 5s
frontend web
  bind :80
  http-request set-header X-Balancer %s
  default_backend pool
backend pool
  server one 10.0.1.4:8080
`

// deployment is two balancers that share an address, and a backend.
type deployment struct {
	whole   testing.TB // what runs, runs until its end
	lan     *lan
	watch   *watch
	stead   map[*host]*process
	haproxy map[*host]*process
}

// deploy converts the original's configuration and starts everything.
func deploy(t testing.TB) *deployment {
	t.Helper()
	n := newLAN(t)
	n.backend(t)
	d := &deployment{whole: t, lan: n, watch: n.watched(t, vip4), stead: map[*host]*process{}, haproxy: map[*host]*process{}}
	for _, h := range []*host{n.first, n.second} {
		h.machine(t)
		state, priority := "MASTER", 101
		if h == n.second {
			state, priority = "BACKUP", 100
		}
		conf := h.write(t, "keepalived.conf", fmt.Sprintf(original, state, priority))
		yaml := h.ask(t, testns.Stead(), "import", "keepalived", conf, "--node", h.name)
		h.write(t, "yaml", yaml+fmt.Sprintf("control: { socket: %s }\nstate: { dir: %s }\nhttp: { listen: none }\n", h.path("sock"), h.path("state")))
		h.write(t, "haproxy.cfg", fmt.Sprintf(balancer, h.name))
		d.startHaproxy(t, h)
		d.startStead(h)
	}
	return d
}

func (d *deployment) startStead(h *host) {
	d.whole.Helper()
	d.stead[h] = h.run(d.whole, testns.Stead(), "run", "-c", h.path("yaml"), "--node", h.name)
}

func (d *deployment) startHaproxy(t testing.TB, h *host) {
	t.Helper()
	d.haproxy[h] = h.run(d.whole, "haproxy", "-db", "-f", h.path("haproxy.cfg"))
	testns.Eventually(t, patience, "haproxy on "+h.name+" listens", func() bool {
		var conn net.Conn
		var err error
		h.ns.Do(func() { conn, err = net.DialTimeout("tcp", "127.0.0.1:80", time.Second) })
		if err == nil {
			_ = conn.Close()
		}
		return err == nil
	})
}

// backend answers on the client's host, with the balancer that has asked.
func (n *lan) backend(t testing.TB) {
	t.Helper()
	var listener net.Listener
	var err error
	n.client.ns.Do(func() { listener, err = net.Listen("tcp", "10.0.1.4:8080") })
	if err != nil {
		t.Fatal(err)
	}
	server := &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = fmt.Fprint(w, r.Header.Get("X-Balancer"))
	})}
	done := make(chan struct{})
	go func() { defer close(done); _ = server.Serve(listener) }()
	t.Cleanup(func() { _ = server.Close(); <-done })
}

// served waits until the address is on a host alone, and its balancer answers.
func (d *deployment) served(t testing.TB, h *host) {
	t.Helper()
	d.watch.alone(t, h, time.Second, 0)
	testns.Eventually(t, patience, "the balancer on "+h.name+" answers", func() bool { return d.get(t) == h.name })
}

// get asks the service address once, from the client.
func (d *deployment) get(t testing.TB) string {
	t.Helper()
	out, _ := d.lan.client.ns.Try(t, testns.Stead(), "probe", "ping", "10.0.1.200:80", "--proto", "http", "--count", "1", "--timeout", "1s", "--lines")
	for _, h := range []*host{d.lan.first, d.lan.second} {
		if strings.Contains(out, h.name) {
			return h.name
		}
	}
	return ""
}

// TestOriginalDeployment goes through the list by which the deployment with
// keepalived was accepted.
func TestOriginalDeployment(t *testing.T) {
	t.Parallel()
	d := deploy(t)
	first, second := d.lan.first, d.lan.second
	d.served(t, first)

	step := func(name string, f func(t *testing.T)) {
		if !t.Failed() {
			t.Run(name, f)
		}
	}
	step("haproxy on the first node stops", func(t *testing.T) {
		d.haproxy[first].ends(t, syscall.SIGTERM)
		d.served(t, second)
		d.startHaproxy(t, first)
		d.served(t, first)
	})
	step("the first node stops", func(t *testing.T) {
		d.stead[first].ends(t, syscall.SIGTERM)
		d.served(t, second)
		d.startStead(first)
		d.served(t, first)
	})
	step("the first node is killed", func(t *testing.T) {
		d.stead[first].ends(t, syscall.SIGKILL)
		before := now()
		d.served(t, second)
		if v := d.watch.since(before); v.two() > 0 {
			t.Errorf("both answered for %v", v.two())
		}
		d.startStead(first)
		d.served(t, first)
	})
	step("the first node is drained, replaced and resumes", func(t *testing.T) { d.upgrade(t, first, second) })
}

// upgrade drains a node while clients ask a thousand times a second, replaces its
// daemon and its balancer, and lets it resume.
func (d *deployment) upgrade(t *testing.T, from, to *host) {
	datagrams, pages := d.lan.datagrams(t), d.lan.browse(time.Millisecond)
	testns.Eventually(t, patience, "the first node serves pages", func() bool { return pages.served(from.name) > 300 })
	from.ask(t, testns.Stead(), "drain", "--wait", "--socket", from.path("sock"))
	testns.Eventually(t, patience, "the second node serves pages", func() bool { return pages.served(to.name) > 300 })
	lost, got := datagrams(), pages.end()
	t.Logf("of %d datagrams %d were lost; of %d pages %d, and %d were asked for twice: %v", lost.Sent, lost.Lost, got.sent, got.lost, got.again, got.by)
	if lost.Lost > 0 || got.lost > 0 {
		t.Errorf("datagrams: %+v; pages: %v", lost.Outages, got.errors)
	}
	if got.again > 10 {
		t.Errorf("%d connections were broken: more than can have been open at once", got.again)
	}

	d.served(t, to)
	d.stead[from].ends(t, syscall.SIGTERM)
	d.haproxy[from].ends(t, syscall.SIGTERM)
	d.startHaproxy(t, from)
	d.startStead(from)
	d.watch.alone(t, to, time.Second, now()) // still drained
	from.ask(t, testns.Stead(), "resume", "--socket", from.path("sock"))
	d.served(t, from)
}
