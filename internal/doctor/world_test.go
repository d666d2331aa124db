package doctor

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io/fs"
	"maps"
	"net/netip"
	"path"
	"slices"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"stead/internal/config"
	"stead/internal/core"
	"stead/internal/core/gate"
	"stead/internal/report"
	"stead/internal/report/reporttest"
	"stead/internal/testns"
)

var _ = flag.Bool("update", false, "write docs/reference/doctor.md and the golden files anew")

func TestMain(m *testing.M) { testns.Main(m) }

const trialConfig = `nodes:
  primary: { address: 10.0.1.10 }
  secondary: { address: 10.0.1.20 }
  client: { address: 10.0.1.4, role: witness }
security: { key_file: /etc/stead/key }
overlays:
  vxlan0:
    type: vxlan
    vni: 10
    underlay: eth1
    addresses: { primary: 192.168.0.10/24, secondary: 192.168.0.20/24, client: 192.168.0.4/24 }
groups:
  web:
    members: { primary: 200, secondary: 100 }
    election: { timing: fast }
    addresses:
      - { address: 192.168.0.200/24, interface: vxlan0 }
      - { address: "fd68::c8/64", interface: vxlan0 }
    checks: { app: { exec: [/usr/bin/check-app], user: app } }
    hooks: { activate: { exec: [/etc/stead/activated] } }
`

var (
	vip4   = netip.MustParseAddr("192.168.0.200")
	vip6   = netip.MustParseAddr("fd68::c8")
	myMAC  = MAC{2, 0, 0, 0, 0, 0x10}
	theirs = MAC{2, 0, 0, 0, 0, 0x20}
	third  = MAC{2, 0, 0, 0, 0, 0x30}
)

// world is a host without a fault, for a test to break.
type world struct {
	*Env
	files    map[string]string // by path; a path that ends in / is a directory
	modes    map[string]fs.FileMode
	links    []Link
	features Features
	late     []time.Duration
	heard    map[netip.Addr][]MAC
	cache    []Neighbour
	paths    map[string]PathMTU // by node
	greeting Greeting
	rules    string
	users    []string
	free     uint64
	realtime error
	routes   map[string]Route // by address
	called   Called
}

// healthy is the trial's primary, whose daemon runs as process 42 and is active.
func healthy(t testing.TB) *world {
	t.Helper()
	cfg, err := config.Parse("stead.yaml", []byte(trialConfig))
	if err != nil {
		t.Fatal(err)
	}
	cfg.Self = "primary"
	cfg.Warnings = nil
	status := reporttest.Trial()
	w := &world{
		files: healthyFiles(), modes: map[string]fs.FileMode{"/usr/bin/check-app": 0o755, "/etc/stead/activated": 0o755},
		features: Features{FenceHow: "eBPF programs attached by tcx"},
		late:     slices.Repeat([]time.Duration{40 * time.Microsecond}, 1000),
		heard:    map[netip.Addr][]MAC{}, paths: map[string]PathMTU{}, greeting: GreetAnswered,
		routes: map[string]Route{"10.0.1.2": {Interface: "eth1", Source: netip.MustParseAddr("10.0.1.10")},
			"10.0.2.2": {Interface: "eth1", Gateway: netip.MustParseAddr("10.0.1.1"), Source: netip.MustParseAddr("10.0.1.10")}},
		called: CallOpened, rules: "table inet filter {\n}\n", users: []string{"app"}, free: 1 << 30,
		links: []Link{
			{Index: 1, Name: "lo", MTU: 65536, Up: true, Carrier: true, Loopback: true},
			{Index: 2, Name: "eth1", Kind: "device", MTU: 1500, Up: true, Carrier: true, MAC: MAC{2, 0, 0, 0, 1, 0x10},
				Addrs: []netip.Prefix{netip.MustParsePrefix("10.0.1.10/24")}},
			{Index: 3, Name: "vxlan0", Kind: "vxlan", MTU: 1450, Up: true, Carrier: true, MAC: myMAC,
				Addrs: []netip.Prefix{netip.MustParsePrefix("192.168.0.10/24"), netip.MustParsePrefix("192.168.0.200/24"), netip.MustParsePrefix("fd68::c8/64")}},
		},
	}
	w.Env = &Env{
		File: "/etc/stead/stead.yaml", Config: cfg, Socket: "/run/stead/stead.sock",
		Status: &status, PID: 42, Version: status.Version, Now: func() core.Instant { return 0 },
	}
	w.readers()
	return w
}

// readers let the Env see the world as it is when it is looked at.
func (w *world) readers() {
	e := w.Env
	e.ReadFile = w.readFile
	e.ReadDir = w.readDir
	e.ReadLink = func(p string) (string, error) { b, err := w.readFile(p); return string(b), err }
	e.Stat = w.stat
	e.Space = func(string) (uint64, error) { return w.free, nil }
	e.User = func(name string) error {
		if !slices.Contains(w.users, name) {
			return fmt.Errorf("user: unknown user %s", name)
		}
		return nil
	}
	e.Links = func() ([]Link, error) { return w.links, nil }
	e.Neighbours = func() ([]Neighbour, error) { return w.cache, nil }
	e.Features = func() Features { return w.features }
	e.Realtime = func(int) error { return w.realtime }
	e.Lateness = func(Sample) ([]time.Duration, error) { return w.late, nil }
	e.Ask = func(context.Context, *Link, []netip.Addr, time.Duration) (map[netip.Addr][]MAC, error) {
		return maps.Clone(w.heard), nil
	}
	e.PathMTU = func(_ context.Context, paths []Path) (out []PathMTU) {
		for _, p := range paths {
			m, ok := w.paths[p.Node]
			if m.Path = p; !ok {
				m.Passed = p.Size
			}
			out = append(out, m)
		}
		return out
	}
	e.Greet = func(context.Context, Path) (Greeting, error) {
		if w.greeting == GreetNoWay {
			return w.greeting, errors.New("send to 10.0.1.20:9176: network is unreachable")
		}
		return w.greeting, nil
	}
	e.Route = func(remote, _ netip.Addr) (Route, error) {
		r, ok := w.routes[remote.String()]
		if !ok {
			return r, fmt.Errorf("route to %s: %w", remote, unix.ENETUNREACH)
		}
		return r, nil
	}
	e.Call = func(context.Context, Call) (Called, error) { return w.called, nil }
	e.Store = func(context.Context, *config.Store, bool) (StoreTrial, error) { return quick, nil }
	e.Beats = func(context.Context, *config.Store, []string) (map[string]gate.Sample, error) {
		return map[string]gate.Sample{"east": alive, "west": alive}, nil
	}
	e.Firewall = func(context.Context) (string, error) { return w.rules, nil }
}

const allCapabilities = "Name:\tstead\nUid:\t0\t0\t0\t0\nCapEff:\t000001ffffffffff\n"

func healthyFiles() map[string]string {
	files := map[string]string{
		"/proc/42/status": allCapabilities, "/proc/self/status": allCapabilities,
		"/proc/42/limits": "Max realtime priority     0                    0\nMax locked memory         8388608              8388608              bytes\n",
		"/proc/42/cgroup": "0::/system.slice/stead.service\n", "/proc/self/cgroup": "0::/\n",
		"/proc/42/oom_score_adj": "-900\n", "/proc/42/ns/net": "net:[1]", "/proc/thread-self/ns/net": "net:[1]",
		"/proc/42/comm": "stead\n", "/proc/42/cmdline": "/usr/bin/stead\x00run\x00", "/proc/1/comm": "systemd\n", "/proc/1/ns/net": "net:[1]",
		"/proc/thread-self/net/tcp":  "  sl  local_address rem_address   st\n   0: 00000000:0BB8 00000000:0000 0A 00000000:00000000\n",
		"/proc/thread-self/net/tcp6": "", "/proc/thread-self/net/udp": "", "/proc/thread-self/net/udp6": "", "/proc/stat": "cpu  100 0 100 100 0 0 0 0 0 0\n",
		"/proc/sys/kernel/osrelease": "6.12.1\n", "/proc/sys/kernel/sched_rt_runtime_us": "950000\n",
		"/proc/sys/net/ipv4/ip_nonlocal_bind": "0\n", "/proc/sys/net/ipv6/ip_nonlocal_bind": "0\n",
		cgroupRoot + "/cgroup.controllers": "cpu memory\n", cgroupRoot + "/": "", cgroupRoot + "/system.slice/": "",
		cgroupRoot + "/system.slice/stead.service/cpu.max":        "max 100000\n",
		cgroupRoot + "/system.slice/stead.service/cpu.stat":       "usage_usec 1\nnr_throttled 0\n",
		cgroupRoot + "/system.slice/stead.service/memory.max":     "max\n",
		cgroupRoot + "/system.slice/stead.service/memory.current": "1048576\n",
		"/usr/bin/check-app": "", "/etc/stead/activated": "", "/var/lib/stead/": "", "/run/stead/": "",
	}
	for _, where := range []string{"all", "default", "vxlan0", "eth1"} {
		for _, x := range settings {
			files[fmt.Sprintf("/proc/sys/net/ipv%d/conf/%s/%s", x.family, where, x.name)] = "0\n"
		}
	}
	return files
}

func missing(p string) error { return &fs.PathError{Op: "open", Path: p, Err: unix.ENOENT} }

func (w *world) readFile(p string) ([]byte, error) {
	text, ok := w.files[p]
	if !ok {
		return nil, missing(p)
	}
	return []byte(text), nil
}

func (w *world) readDir(dir string) (names []string, err error) {
	for file := range w.files {
		if rest, ok := strings.CutPrefix(file, dir+"/"); ok && rest != "" {
			name, _, _ := strings.Cut(rest, "/")
			names = append(names, name)
		}
	}
	if names == nil {
		return nil, missing(dir)
	}
	slices.Sort(names)
	return slices.Compact(names), nil
}

type info struct {
	fs.FileInfo
	mode fs.FileMode
}

func (i info) Mode() fs.FileMode { return i.mode }
func (i info) Sys() any          { return nil }

func (w *world) stat(p string) (fs.FileInfo, error) {
	if mode, ok := w.modes[p]; ok {
		return info{mode: mode}, nil
	}
	if _, ok := w.files[p]; ok {
		return info{mode: 0o644}, nil
	}
	for file := range w.files {
		if p == "/" || path.Clean(file) == p || strings.HasPrefix(file, p+"/") {
			return info{mode: fs.ModeDir | 0o755}, nil
		}
	}
	return nil, missing(p)
}

// sysctl sets a setting of an interface.
func (w *world) sysctl(family int, where, name, to string) {
	w.files[fmt.Sprintf("/proc/sys/net/ipv%d/conf/%s/%s", family, where, name)] = to + "\n"
}

// stopped takes the daemon away, and the service addresses; its overlay is left.
func (w *world) stopped() {
	w.Status, w.PID, w.StatusErr = nil, 0, fmt.Errorf("control socket: %w", unix.ENOENT)
	w.links[2].Addrs = w.links[2].Addrs[:1]
}

// standby makes the other node the active one; it answers for the addresses.
func (w *world) standby() {
	g := &w.Status.Groups[0]
	g.Role, g.ActiveNode, g.FenceOpen, g.LeaseRemainingMS = report.RoleStandby, "secondary", false, 0
	w.heard = map[netip.Addr][]MAC{vip4: {theirs}, vip6: {theirs}}
}
