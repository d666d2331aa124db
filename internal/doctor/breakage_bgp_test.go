package doctor

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"stead/internal/config"
	"stead/internal/report"
	"stead/internal/testns"
)

const speakersConfig = `nodes:
  primary: { address: 10.0.1.10 }
  secondary: { address: 10.0.1.20 }
  client: { address: 10.0.1.4, role: witness }
security: { key_file: /etc/stead/key }
bgp:
  local_as: 65010
  peers:
    rs1: { address: 10.0.1.2, as: 65515, bfd: { interval: 50ms } }
    rs2: { address: 10.0.2.2, as: 65515, multihop: 2, passive: true }
groups:
  routed:
    members: { primary: 200, secondary: 100 }
    election: { timing: lan }
    addresses: [ { address: 10.1.0.5/32, interface: lo } ]
    bgp: {}
    checks: { gateway: { bfd: 10.0.3.1, multihop: 3, weight: -5 } }
`

// withSpeakers gives the host two BGP sessions and no overlay, and then the change.
func withSpeakers(change func(*world)) func(*world) {
	return func(w *world) {
		cfg, err := config.Parse("stead.yaml", []byte(speakersConfig))
		if err != nil {
			panic(err)
		}
		cfg.Self, cfg.Warnings = "primary", nil
		w.Config = cfg
		w.Status.Overlays = nil
		g := &w.Status.Groups[0]
		g.Name, g.Addresses = "routed", []string{"10.1.0.5/32"}
		w.Status.BGP = []report.BGPSession{{Name: "rs1", State: report.Established}, {Name: "rs2", State: report.Established}}
		w.Status.BFD = []report.BFDSession{{Remote: "10.0.1.2", State: report.BFDUp}, {Remote: "10.0.3.1", Multihop: true, State: report.BFDUp}}
		w.links = w.links[:2]
		w.links[0].Addrs = []netip.Prefix{prefix("127.0.0.1/8"), prefix("10.1.0.5/32")}
		change(w)
	}
}

// away takes the daemon of a host with BGP sessions away.
func away(change func(*world)) func(*world) {
	return withSpeakers(func(w *world) {
		w.Status, w.PID, w.StatusErr = nil, 0, fmt.Errorf("control socket: %w", unix.ENOENT)
		w.links[0].Addrs = w.links[0].Addrs[:1]
		change(w)
	})
}

func ends(called Called) func(*world) { return away(func(w *world) { w.called = called }) }

// bound is a table of /proc/net with one socket.
func bound(state string, local, remote string) string {
	return "  sl  local_address rem_address   st\n   0: " + local + " " + remote + " " + state + " 00000000:00000000\n"
}

const (
	connected = "0A01000A"      // 10.0.1.10, in the byte order of the host
	toRS1     = "0201000A:00B3" // 10.0.1.2:179
	noRemote  = "00000000:0000" //
	onBGP     = "00000000:00B3" // port 179
	onBFD     = "00000000:0EC8" // port 3784
	onBFDFar  = "00000000:12B0" // port 4784
	closedNet = "table inet f {\n\tchain input {\n\t\ttype filter hook input priority filter; policy drop;\n\t\tudp dport 9176 accept\n%s\t}\n}\n"
)

var onSpeakers = []breakage{
	{"BGP sessions", withSpeakers(func(*world) {}), nil},
	{"BGP sessions, and no daemon", away(func(*world) {}), []string{"hint daemon-not-running"}},
	{"a source of a session that is not here", withSpeakers(func(w *world) {
		w.Config.BGP.Peers[0].Sources = map[string]netip.Addr{"primary": netip.MustParseAddr("10.0.9.9")}
	}), []string{"fatal bgp-no-source-address"}},
	{"no route to a peer", withSpeakers(func(w *world) { delete(w.routes, "10.0.2.2") }), []string{"fatal bgp-no-route"}},
	{"a peer behind a router, one hop away", withSpeakers(func(w *world) { w.Config.BGP.Peers[1].Multihop = 1 }), []string{"fatal bgp-needs-multihop"}},
	{"a peer that refuses", ends(CallRefused), []string{"fatal bgp-refused", "hint daemon-not-running"}},
	{"a peer that does not answer", ends(CallSilent), []string{"fatal bgp-no-answer", "hint daemon-not-running"}},
	{"a peer that closes", ends(CallClosed), []string{"warning bgp-closes", "hint daemon-not-running"}},
	{"a peer that does not answer the doctor, and has a session", withSpeakers(func(w *world) {
		w.called, w.Status.BGP = CallSilent, nil
		w.files["/proc/thread-self/net/tcp"] = bound("01", connected+":9999", toRS1)
	}), nil},
	{"a peer that refuses a running daemon", withSpeakers(func(w *world) { w.called, w.Status.BGP = CallRefused, nil }), []string{"fatal bgp-refused"}},
	{"a peer whose password was not read", away(func(w *world) { w.Config.BGP.Peers[0].PasswordFile = "/p" }), []string{"hint daemon-not-running", "hint not-checked"}},
	{"a session that the daemon does not get", withSpeakers(func(w *world) {
		w.Status.BGP[0].State, w.Status.BGP[0].LastError = "Active", "NOTIFICATION: bad peer AS"
	}), []string{"warning bgp-session-down"}},
	{"a session that the daemon does not get yet", withSpeakers(func(w *world) {
		w.Status.BGP[0].State, w.called = "Connect", CallRefused
	}), []string{"fatal bgp-refused"}},
	{"a peer that never connects", withSpeakers(func(w *world) { w.Status.BGP[1].State = "Active" }), []string{"warning bgp-session-down"}},
	{"a path that BFD finds down", withSpeakers(func(w *world) { w.Status.BFD[1].State = "Down" }), []string{"warning bfd-down"}},
	{"a path over which BFD is not believed", withSpeakers(func(w *world) {
		s := &w.Status.BFD[0]
		s.State, s.Refused, s.LastRefusal = "Down", 9, "another key"
	}), []string{"warning bfd-refused"}},
	{"no election, and another node of which nothing is heard", withSpeakers(func(w *world) {
		g := &w.Status.Groups[0]
		w.Config.Groups[0].Election = config.Election{Type: config.ElectionNone}
		g.Election, g.ActiveNode, g.Role, g.Ready = "none", "", report.RoleStandby, true
	}), nil},
	{"a strict filter towards a peer, and one way", withSpeakers(func(w *world) { w.sysctl(4, "eth1", "rp_filter", "1") }), []string{"hint bgp-rp-filter-strict"}},
	{"a strict filter towards a peer, and another way back", withSpeakers(func(w *world) {
		w.links = append(w.links, Link{Index: 9, Name: "eth9", Up: true, Carrier: true})
		w.sysctl(4, "all", "rp_filter", "1")
	}), []string{"warning bgp-rp-filter-strict"}},
	{"no fence, and ARP answered everywhere", withSpeakers(func(w *world) { w.Config.Fence = config.FenceGuard }), []string{"hint bgp-arp-answers"}},
	{"no fence, and ARP answered where the address is", withSpeakers(func(w *world) {
		w.Config.Fence = config.FenceGuard
		w.sysctl(4, "all", "arp_ignore", "1")
	}), nil},
	{"settings towards a peer that cannot be read", withSpeakers(func(w *world) { w.sysctl(4, "eth1", "rp_filter", "x") }), []string{"hint not-checked"}},
	{"an announced address in a connected network", withSpeakers(func(w *world) {
		w.links[1].Addrs = append(w.links[1].Addrs, prefix("10.1.0.1/16"))
	}), []string{"warning bgp-in-connected-network"}},
	{"other speakers", withSpeakers(func(w *world) {
		runningHere("7", "bird", "1", "/usr/sbin/bird")(w)
		runningHere("8", "python3", "1", "/usr/bin/python3\x00/usr/bin/exabgp\x00/etc/exabgp.conf\x00")(w)
	}), []string{"hint bgp-other-speaker", "hint bgp-other-speaker"}},
	{"the ports of BGP and BFD taken", away(func(w *world) {
		w.files["/proc/thread-self/net/tcp"] = bound("0A", onBGP, noRemote)
		w.files["/proc/thread-self/net/udp"] = bound("07", onBFD, noRemote)
	}), []string{"fatal bgp-port-taken", "fatal bfd-port-taken", "hint daemon-not-running"}},
	{"the port of multihop BFD taken", away(func(w *world) { w.files["/proc/thread-self/net/udp"] = bound("07", onBFDFar, noRemote) }),
		[]string{"fatal bfd-port-taken", "hint daemon-not-running"}},
	{"ports of BGP that the daemon has", withSpeakers(func(w *world) { w.files["/proc/thread-self/net/tcp"] = bound("0A", onBGP, noRemote) }), nil},
	{"a packet filter that lets neither BGP nor BFD in", withSpeakers(ruleset(fmt.Sprintf(closedNet, ""))), []string{"hint bgp-may-be-blocked", "hint bgp-may-be-blocked"}},
	{"a packet filter that lets BGP and BFD in", withSpeakers(ruleset(fmt.Sprintf(closedNet, "\t\ttcp dport { 22, 179 } accept\n\t\tudp dport { 3784, 4784 } accept\n"))), nil},
	{"no CAP_NET_BIND_SERVICE, and a peer that connects", withSpeakers(func(w *world) { as(w, without(unix.CAP_NET_BIND_SERVICE)) }), []string{"fatal no-cap-net-bind-service"}},
	{"no CAP_NET_BIND_SERVICE, and a port for everybody", withSpeakers(func(w *world) {
		as(w, without(unix.CAP_NET_BIND_SERVICE))
		w.Config.BGP.Port = 1179
	}), nil},
	{"an AS of 4 bytes", withSpeakers(func(w *world) { w.Config.BGP.LocalAS = 4200000000 }), []string{"hint bgp-as-number"}},
	{"an AS for documentation", withSpeakers(func(w *world) { w.Config.BGP.LocalAS = 64500 }), []string{"hint bgp-as-number"}},
	{"a group that moves back at once", withSpeakers(func(w *world) {
		w.Config.Groups[0].Damping, w.Config.Groups[0].Preempt.Delay = 0, 0
	}), []string{"warning bgp-flaps"}},
	{"a group that moves back at once, damped", withSpeakers(func(w *world) { w.Config.Groups[0].Preempt.Delay = 0 }), nil},
}

// The rules of the real nft about BGP and BFD are understood.
func TestRulesAboutBGP(t *testing.T) {
	ns := testns.New(t)
	for _, tt := range []struct {
		rule     string
		bgp, bfd bool // let in
	}{
		{"tcp dport 179 accept", true, false},
		{"tcp dport {22, 179} counter accept", true, false},
		{"ip saddr 10.0.0.0/8 tcp dport bgp accept", true, false},
		{"udp dport 3784 accept", false, true},
		{"udp dport {3784, 3785, 4784} accept", false, true},
		{"udp dport 9176 accept", false, false},
	} {
		ns.Run(t, "nft", "flush ruleset; add table inet t; add chain inet t in { type filter hook input priority 0; policy drop; }; add rule inet t in "+tt.rule)
		var rules string
		var err error
		ns.Do(func() { rules, err = nftRules(t.Context()) })
		if err != nil {
			t.Fatal(err)
		}
		if bgp, bfd := closedBy(rules, namesBGP, "BGP") == "", closedBy(rules, namesBFD, "BFD") == ""; bgp != tt.bgp || bfd != tt.bfd {
			t.Errorf("%s: BGP let in: %t, BFD: %t, of\n%s", tt.rule, bgp, bfd, rules)
		}
	}
}

// The kernel's routes, and every end of a call, between two hosts and a router:
//
//	a eth0 192.0.2.1 ── 192.0.2.2 eth0 b        198.51.100.0/24 is behind b
func TestCallsOfTheKernel(t *testing.T) {
	a, b := testns.New(t), testns.New(t)
	testns.Veth(t, a, "eth0", b, "eth0")
	a.Addr(t, "eth0", "192.0.2.1/24")
	b.Addr(t, "eth0", "192.0.2.2/24")
	b.Addr(t, "lo", "198.51.100.1/32")
	a.Run(t, "ip", "route", "add", "198.51.100.0/24", "via", "192.0.2.2")
	a.Do(func() {
		near, far := netip.MustParseAddr("192.0.2.2"), netip.MustParseAddr("198.51.100.1")
		if r, err := routeTo(near, netip.Addr{}); err != nil || r.Interface != "eth0" || r.Gateway.IsValid() || r.Source != netip.MustParseAddr("192.0.2.1") {
			t.Errorf("%+v, %v", r, err)
		}
		if r, err := routeTo(far, netip.MustParseAddr("192.0.2.1")); err != nil || r.Gateway != near {
			t.Errorf("%+v, %v", r, err)
		}
		if r, err := routeTo(netip.MustParseAddr("203.0.113.1"), netip.Addr{}); !cutOff(err) {
			t.Errorf("%+v, %v", r, err)
		}
	})
	listen(t, b, 179, nil)
	listen(t, b, 180, []byte("secret"))
	closing := listen(t, b, 181, nil)
	go func() {
		if fd, _, err := unix.Accept(closing); err == nil {
			_ = unix.Close(fd)
		}
	}()
	for name, tt := range map[string]struct {
		port uint16
		key  string
		want Called
	}{
		"open": {179, "", CallOpened}, "refused": {182, "", CallRefused}, "closed": {181, "", CallClosed},
		"the right key": {180, "secret", CallOpened}, "no key": {180, "", CallSilent}, "another key": {180, "other", CallSilent},
	} {
		var got Called
		var err error
		a.Do(func() {
			got, err = call(t.Context(), Call{Remote: netip.AddrPortFrom(netip.MustParseAddr("192.0.2.2"), tt.port), Source: netip.MustParseAddr("192.0.2.1"), TTL: 1, MD5: []byte(tt.key)})
		})
		if err != nil || got != tt.want {
			t.Errorf("%s: %v, %v, want %v", name, got, err, tt.want)
		}
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if got, err := call(ctx, Call{Remote: netip.MustParseAddrPort("192.0.2.2:179"), TTL: 1}); err == nil {
		t.Errorf("interrupted: %v", got)
	}
}

// listen takes connections at 192.0.2.2, signed where there is a key.
func listen(t *testing.T, ns *testns.NS, port uint16, key []byte) (fd int) {
	t.Helper()
	ns.Do(func() {
		var err error
		if fd, err = unix.Socket(unix.AF_INET, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0); err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = unix.Close(fd) })
		if key != nil {
			err = signed(fd, netip.MustParseAddr("192.0.2.1"), key)
		}
		err = errors.Join(err, unix.Bind(fd, sockaddr(netip.AddrPortFrom(netip.MustParseAddr("192.0.2.2"), port))), unix.Listen(fd, 4))
		if err != nil {
			t.Fatal(err)
		}
	})
	return fd
}

// BFD counts for how punctual the machine has to be.
func TestIntervalOfBFD(t *testing.T) {
	w := healthy(t)
	withSpeakers(func(*world) {})(w)
	w.Config.BGP.Peers[0].BFD.Interval = (5 * time.Millisecond)
	if interval, lease := w.interval(); interval != (5*time.Millisecond) || lease != 15*time.Millisecond {
		t.Errorf("interval %v, lease %v", interval, lease)
	}
	w.Config.Groups[0].Election = config.Election{Type: config.ElectionNone}
	w.Config.Groups[0].Checks = slices.DeleteFunc(w.Config.Groups[0].Checks, func(k config.Check) bool { return k.BFD != nil })
	w.Config.BGP.Peers[0].BFD = nil
	if interval, lease := w.interval(); interval != 0 || lease != 0 {
		t.Errorf("neither election nor BFD: interval %v, lease %v", interval, lease)
	}
}
