package testns

import (
	"net"
	"net/netip"
	"os/exec"
	"strings"
	"testing"
	"time"
)

func TestMain(m *testing.M) { Main(m) }

// Three hosts on a switch reach each other, and nobody else does.
//
//	a eth0 ── p1 ┐
//	             br0 sw
//	b eth0 ── p2 ┘
func TestTopology(t *testing.T) {
	a, b, sw := New(t), New(t), New(t)
	Veth(t, a, "eth0", sw, "p1")
	Veth(t, b, "eth0", sw, "p2")
	Bridge(t, sw, "br0", "p1", "p2")
	a.Addr(t, "eth0", "10.0.0.1/24")
	b.Addr(t, "eth0", "10.0.0.2/24")
	b.Addr(t, "eth0", "fd00::2/64")
	a.Addr(t, "eth0", "fd00::1/64")

	for _, addr := range []string{"10.0.0.2", "fd00::2"} {
		Eventually(t, 5*time.Second, addr+" answers a", func() bool {
			return a.Ping(t, netip.MustParseAddr(addr), time.Second) == nil
		})
	}
	if err := New(t).Ping(t, netip.MustParseAddr("10.0.0.2"), time.Second); err == nil {
		t.Error("a namespace without a cable reached b")
	}
}

// Do enters the namespace and comes back, and a program started belongs to it.
func TestDo(t *testing.T) {
	ns := New(t)
	Veth(t, ns, "only0", ns, "only1")
	ns.Do(func() {
		if _, err := net.InterfaceByName("only0"); err != nil {
			t.Errorf("inside: %v", err)
		}
	})
	if _, err := net.InterfaceByName("only0"); err == nil {
		t.Error("the thread did not come back")
	}
	if out := ns.Run(t, "ip", "-o", "link"); !strings.Contains(out, "only0") {
		t.Errorf("a program is not in the namespace:\n%s", out)
	}
	ns.Sysctl(t, "net/ipv4/ip_forward", "1")
	if out := ns.Run(t, "cat", "/proc/sys/net/ipv4/ip_forward"); out != "1\n" {
		t.Errorf("ip_forward = %q", out)
	}
	ns.Start(t, exec.Command("sleep", "60"))
}
