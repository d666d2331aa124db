package doctor

import (
	"context"
	"errors"
	"net/netip"
	"slices"
	"testing"

	"golang.org/x/sys/unix"

	"stead/internal/config"
	"stead/internal/report"
	"stead/internal/report/reporttest"
	"stead/internal/testns"
)

const routersConfig = `  lan:
    members: { primary: 102, secondary: 101 }
    election: { type: vrrp, vrid: 51, interface: eth1, interval: 100ms }
    addresses: [ { address: 10.0.1.200/24, interface: eth1 } ]
  lan6:
    members: { primary: 102, secondary: 101 }
    election: { type: vrrp, vrid: 51, interface: eth1, interval: 100ms }
    addresses: [ { address: "fe80::51/64", interface: eth1 } ]
`

// withRouters gives the host two virtual routers, and then the change. A router that
// no configuration names is active in both.
func withRouters(change func(*world)) func(*world) {
	return func(w *world) {
		cfg, err := config.Parse("stead.yaml", []byte(trialConfig+routersConfig))
		if err != nil {
			panic(err)
		}
		cfg.Self, cfg.Warnings = "primary", nil
		w.Config = cfg
		for _, name := range []string{"lan", "lan6"} {
			g := reporttest.VRRP()
			g.Name, g.VRRP.Refused, g.VRRP.OtherInterval = name, map[string]uint64{}, 0
			w.Status.Groups = append(w.Status.Groups, g)
		}
		w.links[1].Addrs = append(w.links[1].Addrs, prefix("fe80::10/64"))
		for _, a := range []string{"10.0.1.200", "fe80::51"} {
			w.heard[netip.MustParseAddr(a)] = []MAC{theirs}
		}
		change(w)
	}
}

// counted has the daemon count advertisements that it refused.
func counted(cause string) func(*world) {
	return withRouters(func(w *world) { w.Status.Group("lan").VRRP.Refused[cause] = 7 })
}

func router(w *world, group string) (*config.VRRP, *report.VRRP) {
	g, _ := w.Config.Group(group)
	return g.Election.VRRP, w.Status.Group(group).VRRP
}

// only leaves the host nothing but its virtual routers.
func only(w *world) {
	w.Config.Groups = slices.DeleteFunc(w.Config.Groups, func(g config.Group) bool { return g.Election.VRRP == nil })
	w.Status.Groups = slices.DeleteFunc(w.Status.Groups, func(g report.Group) bool { return g.VRRP == nil })
	w.Config.Overlays, w.Status.Overlays, w.Status.Peers = nil, nil, nil
	w.links = w.links[:2]
}

// virtualMAC gives the host the device of a virtual MAC, with the addresses.
func virtualMAC(w *world, addrs ...netip.Prefix) {
	r, _ := router(w, "lan")
	r.VirtualMAC = true
	shared := MAC{0, 0, 0x5e, 0, 1, 51}
	w.links = append(w.links, Link{Index: 9, Name: "vrrp4-51-eth1", Kind: "macvlan", MTU: 1500, Up: true, Carrier: true, MAC: shared, Addrs: addrs})
	w.sysctl(4, "vrrp4-51-eth1", "rp_filter", "2")
	w.heard[netip.MustParseAddr("10.0.1.200")] = []MAC{shared}
}

const sameRouters = `vrrp_instance A {
  interface eth1
  virtual_router_id 50
  virtual_ipaddress { 10.0.1.201/24 dev eth1 }
}
vrrp_instance B { # beside it
  interface eth1
  virtual_router_id 51
  virtual_ipaddress { 10.0.1.202 }
}
vrrp_instance C {
  interface eth2
  virtual_router_id 51
  virtual_ipaddress { fe80::52/64 }
}
`

var onRouters = []breakage{
	{"virtual routers", withRouters(func(*world) {}), nil},
	{"virtual routers alone, whose advertisements are their heartbeats", withRouters(func(w *world) {
		only(w)
		w.greeting = GreetSilent
	}), nil},
	{"virtual routers alone, and no daemon", withRouters(func(w *world) {
		only(w)
		w.Status, w.PID, w.StatusErr, w.greeting = nil, 0, unix.ENOENT, GreetSilent
	}), []string{"hint daemon-not-running"}},
	{"virtual routers alone, advertisements each 10 ms, and real-time priority off", withRouters(func(w *world) {
		only(w)
		r, _ := router(w, "lan")
		r.Interval, w.Config.Realtime.Mode = tight, "off"
	}), []string{"warning real-time-off"}},
	{"no CAP_NET_RAW for a virtual router", withRouters(func(w *world) { as(w, without(unix.CAP_NET_RAW)) }), []string{"fatal no-cap-net-raw"}},
	{"no address to advertise from", withRouters(func(w *world) {
		w.links[1].Addrs = []netip.Prefix{prefix("10.0.1.200/24"), prefix("fd00::10/64"), prefix("fe80::51/64")}
		w.links[2].Addrs = append(w.links[2].Addrs, prefix("10.0.1.10/32"))
	}), []string{"fatal vrrp-no-source-address", "fatal vrrp-no-source-address"}},
	{"a source that is not here", withRouters(func(w *world) {
		r, _ := router(w, "lan")
		r.Sources = map[string]netip.Addr{"primary": netip.MustParseAddr("10.0.1.11")}
	}), []string{"fatal vrrp-no-source-address"}},
	{"a source on another interface", withRouters(func(w *world) {
		r, _ := router(w, "lan")
		r.Sources = map[string]netip.Addr{"primary": netip.MustParseAddr("192.168.0.10")}
	}), nil},
	{"a virtual router on an interface that is not there", withRouters(func(w *world) {
		r, _ := router(w, "lan")
		r.Interface = "eth7"
	}), []string{"fatal no-interface"}},
	{"no multicast, and one router that needs none", withRouters(func(w *world) {
		r, _ := router(w, "lan6")
		r.Unicast, w.links[1].NoMulticast = true, true
	}), []string{"warning vrrp-no-multicast"}},
	{"a virtual MAC that the active router answers with", withRouters(func(w *world) { virtualMAC(w) }), nil},
	{"a virtual MAC that two routers answer with", withRouters(func(w *world) {
		virtualMAC(w, prefix("10.0.1.200/24"))
		g := w.Status.Group("lan")
		g.Role, g.FenceOpen, g.ActiveNode = report.RoleActive, true, "primary"
	}), []string{"fatal two-holders"}},
	{"an address that a daemon with a virtual MAC has left", withRouters(func(w *world) {
		virtualMAC(w, prefix("10.0.1.200/24"))
		w.stopped()
	}), []string{"warning leftover-address", "hint daemon-not-running"}},
	{"a strict filter before a virtual MAC", withRouters(func(w *world) {
		virtualMAC(w)
		w.sysctl(4, "vrrp4-51-eth1", "rp_filter", "1")
	}), []string{"fatal vrrp-rp-filter-strict"}},
	{"a device of a virtual MAC whose settings cannot be read", withRouters(func(w *world) {
		virtualMAC(w)
		w.sysctl(4, "vrrp4-51-eth1", "rp_filter", "x")
	}), []string{"hint not-checked"}},
	{"nobody is active for a virtual router", withRouters(func(w *world) {
		g := w.Status.Group("lan")
		g.ActiveAddress, g.VRRP.ActiveAddress = "", ""
	}), []string{"fatal nobody-active"}},
	{"a virtual router whose addresses nobody answers for", withRouters(func(w *world) { clear(w.heard) }),
		[]string{"warning nobody-answers", "warning nobody-answers"}},
	{"another key", counted("bad-auth"), []string{"warning vrrp-other-key"}},
	{"no key", counted("no-auth"), []string{"warning vrrp-other-key"}},
	{"another clock", counted("outside-window"), []string{"warning vrrp-other-clock"}},
	{"another version", counted("bad-version"), []string{"warning vrrp-other-version"}},
	{"another interval in version 2", counted("other-interval"), []string{"warning vrrp-other-interval"}},
	{"a forwarded advertisement", counted("bad-ttl"), []string{"warning vrrp-low-ttl"}},
	{"multicast where unicast is configured", counted("bad-destination"), []string{"warning vrrp-other-way"}},
	{"a router that is no peer", counted("not-a-peer"), []string{"warning vrrp-other-way"}},
	{"a broken advertisement", counted("bad-checksum"), []string{"warning vrrp-malformed"}},
	{"another virtual router of the network", counted("bad-vrid"), nil},
	{"other addresses", withRouters(func(w *world) { _, v := router(w, "lan"); v.OtherAddresses = 7 }), []string{"warning vrrp-other-addresses"}},
	{"another interval", withRouters(func(w *world) { _, v := router(w, "lan"); v.OtherInterval = 7 }), []string{"hint vrrp-other-pace"}},
	{"another checksum", withRouters(func(w *world) {
		r, v := router(w, "lan")
		r.Checksum, v.OtherChecksum = "message", 7
	}), []string{"hint vrrp-other-checksum"}},
	{"another checksum, to which this router adapts", withRouters(func(w *world) { _, v := router(w, "lan"); v.OtherChecksum = 7 }), nil},
	{"keepalived with the same virtual router", withRouters(func(w *world) {
		runningHere("7", "keepalived", "1", "keepalived")(w)
		w.files["/etc/keepalived/keepalived.conf"] = sameRouters
	}), []string{"fatal vrrp-same-vrid-here", "warning keepalived-runs"}},
	{"FRR with the same virtual routers, stopped", withRouters(func(w *world) {
		w.files["/etc/frr/frr.conf"] = "interface eth1\n vrrp 51 version 3\n vrrp 51 priority 200\n vrrp 52\nexit\ninterface eth2\n vrrp 51\n"
	}), []string{"warning vrrp-same-vrid-here", "warning vrrp-same-vrid-here"}},
	{"a packet filter that lets no advertisement in", withRouters(ruleset("table inet filter {\n\tchain input {\n\t\ttype filter hook input priority filter; policy drop;\n\t\tudp dport { 4789, 9176 } accept\n\t}\n}\n")),
		[]string{"hint vrrp-may-be-blocked", "hint vrrp-may-be-blocked"}},
	{"a packet filter that lets advertisements in", withRouters(ruleset("table inet filter {\n\tchain input {\n\t\ttype filter hook input priority filter; policy drop;\n\t\tudp dport { 4789, 9176 } accept\n\t\tmeta l4proto { ah, vrrp } accept\n\t}\n}\n")), nil},
	{"a packet filter that cannot be read", withRouters(func(w *world) {
		only(w)
		w.Firewall = func(context.Context) (string, error) { return "", errors.New("nft is not installed") }
	}), []string{"hint not-checked"}},
}

// The rules of the real nft about protocol 112 are understood.
func TestRulesAboutVRRP(t *testing.T) {
	ns := testns.New(t)
	for _, tt := range []struct {
		rules, seen string
	}{
		{"chain inet t in { type filter hook input priority 0; policy drop; }; add rule inet t in ip protocol 112 accept", ""},
		{"chain inet t in { type filter hook input priority 0; policy drop; }; add rule inet t in meta l4proto vrrp counter accept", ""},
		{"chain inet t in { type filter hook input priority 0; policy drop; }; add rule inet t in meta l4proto {51, 112} accept", ""},
		{"chain inet t in { type filter hook input priority 0; policy drop; }; add rule inet t in meta l4proto 6 accept", "chain: "},
		{"chain inet t in { type filter hook input priority 0; }; add rule inet t in ip6 nexthdr 112 drop", "rule: ip6 nexthdr "},
		{"chain inet t in { type filter hook input priority 0; }; add rule inet t in meta l4proto 112 reject", "rule: meta l4proto "},
		{"chain inet t out { type filter hook output priority 0; }; add rule inet t out meta l4proto 112 drop", ""},
	} {
		ns.Run(t, "nft", "flush ruleset; add table inet t; add "+tt.rules)
		var rules string
		var err error
		ns.Do(func() { rules, err = nftRules(t.Context()) })
		if err != nil {
			t.Fatal(err)
		}
		if seen := vrrpRule(rules); len(seen) < len(tt.seen) || seen[:len(tt.seen)] != tt.seen || tt.seen == "" && seen != "" {
			t.Errorf("%s: %q, want %q of\n%s", tt.rules, seen, tt.seen, rules)
		}
	}
}

// The flag of the kernel that the check reads.
func TestMulticastFlag(t *testing.T) {
	a, b := testns.New(t), testns.New(t)
	testns.Veth(t, a, "eth0", b, "eth0")
	if l := link(here(t, a), "eth0"); l.NoMulticast {
		t.Error("a veth carries no multicast")
	}
	a.Run(t, "ip", "link", "set", "eth0", "multicast", "off")
	if l := link(here(t, a), "eth0"); !l.NoMulticast {
		t.Error("multicast is off, and not seen to be")
	}
}
