package doctor

import (
	"bytes"
	"context"
	"errors"
	"net/netip"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"stead/internal/config"
	"stead/internal/engine"
	"stead/internal/testns"
)

// here reads the interfaces of a namespace.
func here(t *testing.T, ns *testns.NS) (all []Link) {
	t.Helper()
	ns.Do(func() {
		var err error
		if all, err = links(); err != nil {
			t.Fatal(err)
		}
	})
	return all
}

func mac(t *testing.T, ns *testns.NS, name string) MAC {
	t.Helper()
	return MAC(ns.MAC(t, name))
}

// Two machines that answer for one address are both heard, and a third that only
// announces it is not.
//
//	a eth0 ─┐
//	b eth0 ─┼─ br0 sw      b and c have the address
//	c eth0 ─┘
func TestAsk(t *testing.T) {
	t.Parallel()
	a, b, c, sw := testns.New(t), testns.New(t), testns.New(t), testns.New(t)
	for name, ns := range map[string]*testns.NS{"a": a, "b": b, "c": c} {
		testns.Veth(t, ns, "eth0", sw, name)
	}
	testns.Bridge(t, sw, "br0", "a", "b", "c")
	a.Addr(t, "eth0", "192.0.2.1/24")
	a.Addr(t, "eth0", "fd00::1/64")
	addrs := []netip.Addr{netip.MustParseAddr("192.0.2.200"), netip.MustParseAddr("fd00::c8")}
	asked := func() (heard map[netip.Addr][]MAC) {
		t.Helper()
		all := here(t, a)
		a.Do(func() {
			var err error
			if heard, err = ask(t.Context(), engine.Now, link(all, "eth0"), addrs, askWait); err != nil {
				t.Fatal(err)
			}
		})
		return heard
	}
	if heard := asked(); len(heard) != 0 {
		t.Errorf("nobody has the addresses: %v", heard)
	}
	for i, ns := range []*testns.NS{b, c} {
		ns.Addr(t, "eth0", "192.0.2.200/32")
		ns.Addr(t, "eth0", "fd00::c8/128")
		want := []MAC{mac(t, b, "eth0"), mac(t, c, "eth0")}[:i+1]
		heard := asked()
		for _, addr := range addrs {
			slices.SortFunc(heard[addr], func(x, y MAC) int { return bytes.Compare(x[:], y[:]) })
			slices.SortFunc(want, func(x, y MAC) int { return bytes.Compare(x[:], y[:]) })
			if !slices.Equal(heard[addr], want) {
				t.Errorf("%d hosts have %s: %v, want %v", i+1, addr, heard[addr], want)
			}
		}
	}
	// This host does not hear itself, and leaves no trace in the caches of others.
	a.Addr(t, "eth0", "192.0.2.200/32")
	if heard := asked()[addrs[0]]; slices.Contains(heard, mac(t, a, "eth0")) {
		t.Errorf("it hears itself: %v", heard)
	}
	if out := b.Run(t, "ip", "neigh"); strings.Contains(out, "192.0.2.1 ") {
		t.Errorf("asking left a trace:\n%s", out)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	l := link(here(t, a), "eth0")
	a.Do(func() {
		if _, err := ask(ctx, engine.Now, l, addrs, askWait); !errors.Is(err, context.Canceled) {
			t.Errorf("interrupted: %v", err)
		}
	})
}

// A path with a smaller MTU in the middle is measured to the byte, in both
// families; one that carries all passes, and one to nobody says so.
//
//	a eth0 ── left r right ── eth0 b
func TestPathMTU(t *testing.T) {
	t.Parallel()
	a, r, b := testns.New(t), testns.New(t), testns.New(t)
	testns.Veth(t, a, "eth0", r, "left")
	testns.Veth(t, b, "eth0", r, "right")
	for ns, at := range map[*testns.NS][2]string{a: {"10.0.1.1/24", "fd01::1/64"}, b: {"10.0.2.1/24", "fd02::1/64"}} {
		ns.Addr(t, "eth0", at[0])
		ns.Addr(t, "eth0", at[1])
	}
	for dev, at := range map[string][2]string{"left": {"10.0.1.9/24", "fd01::9/64"}, "right": {"10.0.2.9/24", "fd02::9/64"}} {
		r.Addr(t, dev, at[0])
		r.Addr(t, dev, at[1])
	}
	r.Sysctl(t, "net/ipv4/ip_forward", "1")
	r.Sysctl(t, "net/ipv6/conf/all/forwarding", "1")
	a.Run(t, "ip", "route", "add", "default", "via", "10.0.1.9")
	a.Run(t, "ip", "route", "add", "default", "via", "fd01::9")
	b.Run(t, "ip", "route", "add", "default", "via", "10.0.2.9")
	b.Run(t, "ip", "route", "add", "default", "via", "fd02::9")

	path := func(from, to string, size int) Path {
		return Path{Local: netip.AddrPortFrom(netip.MustParseAddr(from), 0), Remote: netip.AddrPortFrom(netip.MustParseAddr(to), 0), Size: size}
	}
	paths := []Path{path("10.0.1.1", "10.0.2.1", 1500), path("fd01::1", "fd02::1", 1500), path("10.0.1.1", "10.0.1.9", 1500), path("10.0.1.1", "10.0.2.77", 1500), path("10.0.9.9", "10.0.2.1", 1500)}
	measure := func() (out []PathMTU) {
		a.Do(func() { out = measurePaths(t.Context(), engine.Now, paths) })
		return out
	}
	if err := a.Ping(t, netip.MustParseAddr("fd02::1"), 5*time.Second); err != nil {
		t.Fatal(err)
	}
	for _, m := range measure()[:3] {
		if m.Passed != 1500 || m.Lost != 0 || m.Problem != "" {
			t.Errorf("a whole path to %s: passed %d, lost %d, %s", m.Path, m.Passed, m.Lost, m.Problem)
		}
	}
	r.Run(t, "ip", "link", "set", "right", "mtu", "1391")
	got := measure()
	for i, want := range []struct{ passed, lost int }{{1391, 1392}, {1391, 1392}, {1500, 0}, {0, smallProbe}} {
		if got[i].Passed != want.passed || got[i].Lost != want.lost {
			t.Errorf("%s: passed %d, lost %d, %s; want %+v", paths[i], got[i].Passed, got[i].Lost, got[i].Problem, want)
		}
	}
	if p := got[4].Problem; p != "send from 10.0.9.9: cannot assign requested address" {
		t.Errorf("from an address that is not here: %q", p)
	}
	// The interface itself is too small for what is wanted.
	paths = paths[2:3]
	a.Run(t, "ip", "link", "set", "eth0", "mtu", "1280")
	if m := measure()[0]; m.Passed != 1280 || m.Lost != 1281 {
		t.Errorf("a small interface: passed %d, lost %d, %s", m.Passed, m.Lost, m.Problem)
	}
}

// What is written to a setting is found where it counts, for an interface that
// exists and for one that the daemon has yet to make, and the advice mends it.
func TestSysctlsOfTheKernel(t *testing.T) {
	for name, want := range map[string]struct{ value, problem string }{
		"net/ipv4/conf/vxlan0/arp_ignore":          {"8", "fatal arp-ignore-silences"},
		"net/ipv4/conf/all/rp_filter":              {"1", "hint rp-filter-strict"},
		"net/ipv4/conf/vxlan0/proxy_arp":           {"1", "warning proxy-arp"},
		"net/ipv4/conf/vxlan0/drop_gratuitous_arp": {"1", "warning ignores-announcements"},
		"net/ipv6/conf/vxlan0/drop_unsolicited_na": {"1", "warning ignores-announcements"},
		"net/ipv6/conf/vxlan0/disable_ipv6":        {"1", "fatal ipv6-disabled"},
	} {
		for _, there := range []bool{true, false} {
			ns := testns.New(t)
			if there {
				testns.Bridge(t, ns, "vxlan0")
			} else {
				name = strings.ReplaceAll(name, "vxlan0", "default")
			}
			before := settingsSeen(t, ns)
			ns.Sysctl(t, name, want.value)
			after := settingsSeen(t, ns)
			for problem := range before {
				delete(after, problem)
			}
			f := after[want.problem]
			if len(after) != 1 || f.Subject != "vxlan0" || f.Seen != name+" is "+want.value && !strings.HasPrefix(f.Seen, name+" is "+want.value+", ") {
				t.Errorf("%s=%s: %+v", name, want.value, after)
				continue
			}
			advice, _, _ := strings.Cut(strings.TrimPrefix(f.Do, "sysctl -w "), ",")
			for _, setting := range strings.Fields(advice) {
				name, value, _ := strings.Cut(setting, "=")
				ns.Sysctl(t, name, value)
			}
			if f, still := settingsSeen(t, ns)[want.problem]; still {
				t.Errorf("%s: the advice %q does not help: %+v", name, advice, f)
			}
		}
	}
}

// settingsSeen are the findings about settings, by severity and ID.
func settingsSeen(t *testing.T, ns *testns.NS) map[string]Finding {
	t.Helper()
	e := kernelEnv(t)
	out := map[string]Finding{}
	ns.Do(func() {
		for _, f := range sysctls.Run(t.Context(), e) {
			out[string(f.Severity)+" "+f.ID] = f
		}
	})
	return out
}

// kernelEnv reads the real host, without a fence and a daemon.
func kernelEnv(t *testing.T) *Env {
	t.Helper()
	cfg, err := config.Parse("stead.yaml", []byte(trialConfig))
	if err != nil {
		t.Fatal(err)
	}
	cfg.Self = "primary"
	return &Env{
		File: "stead.yaml", Config: cfg, StatusErr: unix.ENOENT, ReadFile: readFile, ReadDir: readDir, ReadLink: os.Readlink, Stat: os.Stat,
		Links: links, Neighbours: neighbours, Features: func() Features { return Features{Fence: errors.New("not here")} },
	}
}

// The kernel of the tests has all that the daemon asks for, and looking leaves
// nothing behind.
func TestFeaturesOfTheKernel(t *testing.T) {
	ns := testns.New(t)
	var f Features
	before := here(t, ns)
	ns.Do(func() { f = tryKernel() })
	if f.Untried != nil {
		testns.Lacking(t, "CAP_SYS_ADMIN to make a network namespace", f.Untried)
	}
	if errors.Is(f.Fence, unix.EPERM) {
		testns.Lacking(t, "CAP_BPF outside of a user namespace", f.Fence)
	}
	if f.VXLAN != nil || f.VXLAN6 != nil || f.Protocol != nil || f.Fence != nil || !strings.Contains(f.FenceHow, "eBPF") {
		t.Errorf("%+v", f)
	}
	if after := here(t, ns); len(after) != len(before) {
		t.Errorf("interfaces before %v, after %v", before, after)
	}
}

// The interfaces, the neighbours and the listening sockets are those of the
// namespace, with what the checks need of them.
func TestReaders(t *testing.T) {
	a, b := testns.New(t), testns.New(t)
	testns.Veth(t, a, "eth0", b, "eth0")
	a.Addr(t, "eth0", "192.0.2.1/24")
	a.Addr(t, "eth0", "fd00::1/64")
	b.Addr(t, "eth0", "192.0.2.2/24")
	l := link(here(t, a), "eth0")
	if l == nil || !l.Up || !l.Carrier || l.Loopback || l.MTU != 1500 || l.Kind != "veth" || l.MAC != mac(t, a, "eth0") ||
		!l.has(netip.MustParseAddr("192.0.2.1")) || !l.has(netip.MustParseAddr("fd00::1")) {
		t.Errorf("%+v", l)
	}
	b.Down(t, "eth0")
	if l := link(here(t, a), "eth0"); !l.Up || l.Carrier {
		t.Errorf("a cable that is pulled: %+v", l)
	}
	b.Up(t, "eth0")
	if err := a.Ping(t, netip.MustParseAddr("192.0.2.2"), 5*time.Second); err != nil {
		t.Fatal(err)
	}
	a.Do(func() {
		known, err := neighbours()
		want := Neighbour{l.Index, netip.MustParseAddr("192.0.2.2"), mac(t, b, "eth0")}
		if err != nil || !slices.Contains(known, want) {
			t.Errorf("%v, %v: %v is not there", known, err, want)
		}
		fd, err := unix.Socket(unix.AF_INET, unix.SOCK_STREAM, 0)
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = unix.Close(fd) }()
		if err := errors.Join(unix.Bind(fd, sockaddr(netip.MustParseAddrPort("192.0.2.1:80"))), unix.Listen(fd, 1)); err != nil {
			t.Fatal(err)
		}
		text, err := readFile("/proc/thread-self/net/tcp")
		if got := listening(string(text)); err != nil || !slices.Equal(got, []netip.AddrPort{netip.MustParseAddrPort("192.0.2.1:80")}) {
			t.Errorf("listening: %v, %v", got, err)
		}
	})
}

// A thread is woken as often as was asked, and never early; no thread of this
// process stays a real-time one.
func TestLateness(t *testing.T) {
	for _, priority := range []int{0, 10} {
		late, err := sampleLateness(engine.Now, Sample{Priority: priority, Period: time.Millisecond, During: 100 * time.Millisecond})
		if err != nil && priority > 0 {
			testns.Lacking(t, "CAP_SYS_NICE for a real-time priority", err)
		}
		if err != nil || len(late) == 0 || len(late) > 100 || slices.Min(late) < 0 {
			t.Errorf("priority %d: %d samples, %v", priority, len(late), err)
		}
		tasks, err := os.ReadDir("/proc/self/task")
		if err != nil {
			t.Fatal(err)
		}
		for _, task := range tasks {
			text, err := readFile("/proc/self/task/" + task.Name() + "/stat")
			_, rest, _ := strings.Cut(string(text), ") ")
			if fields := strings.Fields(rest); err == nil && len(fields) > 38 && fields[38] != "0" {
				t.Errorf("thread %s has scheduling policy %s", task.Name(), fields[38])
			}
		}
	}
}
