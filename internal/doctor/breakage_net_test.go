package doctor

import (
	"context"
	"errors"
	"net/netip"
	"time"

	"golang.org/x/sys/unix"
)

var onInterfaces = []breakage{
	{"no underlay", func(w *world) {
		w.links = append(w.links[:1], w.links[2:]...)
		w.links[1].Addrs = append(w.links[1].Addrs, prefix("10.0.1.10/24"))
	},
		[]string{"fatal no-interface"}},
	{"an interface that is down", func(w *world) { w.links[1].Up = false }, []string{"fatal interface-down"}},
	{"no carrier", func(w *world) { w.links[1].Carrier = false }, []string{"fatal no-carrier"}},
	{"no address of the node's own", func(w *world) { w.links[1].Addrs = nil }, []string{"fatal no-node-address"}},
	{"an overlay that is too large", func(w *world) { w.links[2].MTU = 1500 }, []string{"warning overlay-mtu"}},
	{"an overlay that is configured too large", func(w *world) { w.Config.Overlays[0].MTU = 1460 }, []string{"warning overlay-mtu"}},
	{"an underlay too small for IPv6 on it", func(w *world) { w.links[1].MTU, w.links[2].MTU = 1300, 1250 }, []string{"fatal overlay-mtu-ipv6"}},
}

func prefix(s string) netip.Prefix { return netip.MustParsePrefix(s) }

// wrong breaks a setting.
func wrong(family int, where, name, to string) func(*world) {
	return func(w *world) { w.sysctl(family, where, name, to) }
}

// twoNICs puts a second interface into the subnet of the service address.
func twoNICs(w *world) {
	w.links = append(w.links, Link{Index: 9, Name: "eth9", MTU: 1500, Up: true, Carrier: true, MAC: third, Addrs: []netip.Prefix{prefix("192.168.0.11/24")}})
}

var onSysctls = []breakage{
	{"rp_filter", wrong(4, "vxlan0", "rp_filter", "1"), []string{"hint rp-filter-strict"}},
	{"rp_filter of all", wrong(4, "all", "rp_filter", "1"), []string{"hint rp-filter-strict"}},
	{"rp_filter of all, and a loose one of the interface", func(w *world) { w.sysctl(4, "all", "rp_filter", "1"); w.sysctl(4, "vxlan0", "rp_filter", "2") }, nil},
	{"rp_filter where the clients are elsewhere", func(w *world) {
		w.Config.Groups[0].Addresses[0].Prefix = prefix("172.16.0.200/32")
		w.sysctl(4, "vxlan0", "rp_filter", "1")
	}, []string{"warning rp-filter-strict"}},
	{"arp_ignore 8", wrong(4, "vxlan0", "arp_ignore", "8"), []string{"fatal arp-ignore-silences"}},
	{"arp_ignore 2", wrong(4, "vxlan0", "arp_ignore", "2"), nil},
	{"arp_ignore 2, and an address with its full length", func(w *world) {
		w.Config.Groups[0].Addresses[0].Prefix = prefix("192.168.0.200/32")
		w.sysctl(4, "vxlan0", "arp_ignore", "2")
	}, []string{"fatal arp-ignore-silences"}},
	{"two interfaces in the subnet", twoNICs, []string{"warning arp-flux", "hint arp-announce"}},
	{"two interfaces in the subnet, and all set", func(w *world) {
		twoNICs(w)
		w.sysctl(4, "all", "arp_ignore", "1")
		w.sysctl(4, "all", "arp_announce", "2")
	}, nil},
	{"arp_filter", wrong(4, "all", "arp_filter", "1"), []string{"hint arp-filter"}},
	{"arp_filter of both", func(w *world) { w.sysctl(4, "all", "arp_filter", "1"); w.sysctl(4, "vxlan0", "arp_filter", "1") }, []string{"hint arp-filter"}},
	{"proxy_arp behind the kernel's fence", wrong(4, "vxlan0", "proxy_arp", "1"), []string{"hint proxy-arp"}},
	{"proxy_arp behind a guard", func(w *world) {
		w.sysctl(4, "vxlan0", "proxy_arp", "1")
		w.Status.Fence.Kind = "guard"
	}, []string{"warning no-kernel-fence", "warning proxy-arp"}},
	{"arp_notify", wrong(4, "vxlan0", "arp_notify", "1"), []string{"hint kernel-announces"}},
	{"ndisc_notify", wrong(6, "all", "ndisc_notify", "1"), []string{"hint kernel-announces"}},
	{"drop_gratuitous_arp", wrong(4, "vxlan0", "drop_gratuitous_arp", "1"), []string{"warning ignores-announcements"}},
	{"drop_unsolicited_na", wrong(6, "vxlan0", "drop_unsolicited_na", "1"), []string{"warning ignores-announcements"}},
	{"disable_ipv6", wrong(6, "vxlan0", "disable_ipv6", "1"), []string{"fatal ipv6-disabled"}},
	{"disable_ipv6 of all alone", wrong(6, "all", "disable_ipv6", "1"), nil},
	{"disable_ipv6 by default, before the daemon makes the interface", func(w *world) {
		w.stopped()
		for _, x := range settings {
			delete(w.files, "/proc/sys/net/ipv6/conf/vxlan0/"+x.name)
		}
		w.sysctl(6, "default", "disable_ipv6", "1")
	}, []string{"fatal ipv6-disabled", "hint daemon-not-running"}},
	{"no IPv6 at all", func(w *world) {
		for _, where := range []string{"all", "default", "vxlan0", "eth1"} {
			for _, x := range settings {
				delete(w.files, "/proc/sys/net/ipv6/conf/"+where+"/"+x.name)
			}
		}
		delete(w.files, "/proc/sys/net/ipv6/ip_nonlocal_bind")
	}, []string{"fatal no-ipv6"}},
	{"accept_dad 2", wrong(6, "vxlan0", "accept_dad", "2"), []string{"hint dad-disables-ipv6"}},
}

// ruleset is of nft.
func ruleset(text string) func(*world) { return func(w *world) { w.rules = text } }

func carries(node string, passed, lost int) func(*world) {
	return func(w *world) { w.paths[node] = PathMTU{Passed: passed, Lost: lost} }
}

var onNetwork = []breakage{
	{"a broken overlay", func(w *world) {
		w.Status.Overlays[0].OK, w.Status.Overlays[0].Detail = false, "vxlan0 exists with VNI 11"
	}, []string{"fatal overlay-broken"}},
	{"a repaired overlay", func(w *world) { w.Status.Overlays[0].Repairs = 2 }, []string{"warning overlay-repaired"}},
	{"a path that carries less", carries("secondary", 1400, 1401), []string{"warning path-mtu-small"}},
	{"a path that carries less than heartbeats", carries("secondary", 1200, 1201), []string{"fatal path-mtu-heartbeats"}},
	{"a path that does not answer", carries("secondary", 0, 128), []string{"hint not-checked"}},
	{"a closed packet filter", ruleset("table inet filter {\n\tchain input {\n\t\ttype filter hook input priority filter; policy drop;\n\t\ttcp dport 22 accept\n\t}\n}\n"),
		[]string{"hint port-may-be-blocked", "hint port-may-be-blocked"}},
	{"a closed packet filter that lets both through", ruleset("table inet filter {\n\tchain input {\n\t\ttype filter hook input priority filter; policy drop;\n\t\tudp dport { 4789, 9170-9180 } accept\n\t}\n}\n"), nil},
	{"a rule against the tunnel", ruleset("table inet filter {\n\tchain input {\n\t\ttype filter hook input priority filter; policy accept;\n\t\tip saddr != 10.0.1.20 udp dport 4789 counter packets 0 bytes 0 drop\n\t}\n}\n"),
		nil},
	{"a rule against heartbeats", ruleset("table inet filter {\n\tchain input {\n\t\ttype filter hook input priority filter; policy accept;\n\t\tudp dport 9176 drop\n\t}\n}\n"),
		[]string{"hint port-may-be-blocked"}},
	{"older iptables", func(w *world) { w.files["/proc/thread-self/net/ip_tables_names"] = "filter\n" }, []string{"hint not-checked"}},
	{"no nft", func(w *world) {
		w.Firewall = func(context.Context) (string, error) { return "", errors.New("nft is not installed") }
	}, []string{"hint not-checked"}},
	{"a service that listens on the address", func(w *world) {
		w.files["/proc/thread-self/net/tcp"] += "   1: C800A8C0:0050 00000000:0000 0A 00000000:00000000\n   2: C800A8C0:0050 0100007F:0050 01 00000000:00000000\n"
	}, []string{"hint no-nonlocal-bind"}},
	{"a service that listens on the address, as is allowed", func(w *world) {
		w.files["/proc/thread-self/net/tcp"] += "   1: C800A8C0:0050 00000000:0000 0A 00000000:00000000\n"
		w.files["/proc/sys/net/ipv4/ip_nonlocal_bind"] = "1\n"
	}, nil},
}

// greeted stops the daemon, so that the doctor sends in its place.
func greeted(g Greeting) func(*world) { return func(w *world) { w.stopped(); w.greeting = g } }

func rejectedFor(cause string) func(*world) {
	return func(w *world) { w.Status.Counters.PacketsRejected[cause] = 5 }
}

var onPeers = []breakage{
	{"a node that is silent", greeted(GreetSilent), []string{"warning peer-silent", "warning peer-silent", "hint daemon-not-running"}},
	{"a node that hears nothing, and no daemon here", greeted(GreetHeard), []string{"warning peer-deaf", "warning peer-deaf", "hint daemon-not-running"}},
	{"a node without a daemon", greeted(GreetRefused), []string{"hint daemon-not-running", "hint peer-without-daemon", "hint peer-without-daemon"}},
	{"a node with another key", greeted(GreetStrange), []string{"warning peer-answers-strangely", "warning peer-answers-strangely", "hint daemon-not-running"}},
	{"a port in use", greeted(GreetBusy), []string{"fatal heartbeat-port-in-use", "hint daemon-not-running"}},
	{"no way", greeted(GreetNoWay), []string{"fatal no-way-to-peer", "fatal no-way-to-peer", "hint daemon-not-running"}},
	{"no key to greet with", greeted(GreetNoKey), []string{"hint daemon-not-running", "hint not-checked"}},
	{"a node that is not heard", func(w *world) { w.Status.Peers[1].Alive = false }, []string{"warning peer-down"}},
	{"a node that was never heard", func(w *world) { w.Status.Peers[1].Alive, w.Status.Peers[1].LastSeen = false, time.Time{} }, []string{"warning peer-down"}},
	{"a node that hears nothing", func(w *world) { w.Status.Peers[1].Paths[0].Deaf = true }, []string{"warning peer-deaf"}},
	{"a dead path", func(w *world) { w.Status.Peers[1].Paths[0].Alive = false }, []string{"warning path-down"}},
	{"loss", func(w *world) { w.Status.Peers[1].Loss = 0.03 }, []string{"warning peer-loss"}},
	{"a long round trip", func(w *world) { w.Status.Peers[1].RTT = 4000 }, []string{"warning peer-far"}},
	{"another key", rejectedFor("tag"), []string{"warning key-mismatch"}},
	{"another protocol", rejectedFor("version"), []string{"warning protocol-mismatch"}},
	{"packets for somebody else", rejectedFor("not-for-us"), []string{"warning misaddressed-heartbeats"}},
	{"unknown groups", rejectedFor("unknown-group"), []string{"hint unknown-groups"}},
}

// answers makes others answer for the IPv4 address.
func answers(macs ...MAC) func(*world) { return func(w *world) { w.heard[vip4] = macs } }

var onHolders = []breakage{
	{"another holder beside this node", answers(third), []string{"fatal two-holders"}},
	{"two others answer", func(w *world) { w.standby(); w.heard[vip4] = []MAC{theirs, third} }, []string{"fatal two-holders"}},
	{"two others answer, but not when asked again", func(w *world) {
		w.standby()
		asked := 0
		w.Ask = func(context.Context, *Link, []netip.Addr, time.Duration) (map[netip.Addr][]MAC, error) {
			if asked++; asked == 1 {
				return map[netip.Addr][]MAC{vip4: {theirs, third}, vip6: {theirs}}, nil
			}
			return map[netip.Addr][]MAC{vip4: {theirs}}, nil
		}
	}, nil},
	{"another interface of this host answers", func(w *world) {
		w.links = append(w.links, Link{Index: 9, Name: "eth9", Up: true, Carrier: true, MAC: third})
		w.heard[vip4] = []MAC{third}
	}, []string{"warning answers-on-wrong-interface"}},
	{"nobody answers for the active node", func(w *world) { w.standby(); delete(w.heard, vip6) }, []string{"warning nobody-answers"}},
	{"a leftover", func(w *world) {
		w.stopped()
		w.links[2].Addrs = append(w.links[2].Addrs, prefix("192.168.0.200/24"))
		w.heard[vip4] = []MAC{theirs}
	}, []string{"warning leftover-address", "hint daemon-not-running"}},
	{"a stale cache", func(w *world) { w.standby(); w.cache = []Neighbour{{3, vip4, third}, {3, vip6, theirs}} }, []string{"warning stale-neighbour"}},
	{"no overlay yet", func(w *world) { w.stopped(); w.links = w.links[:2] }, []string{"hint daemon-not-running", "hint not-checked", "hint not-checked"}},
	{"no right to ask", func(w *world) {
		w.Ask = func(context.Context, *Link, []netip.Addr, time.Duration) (map[netip.Addr][]MAC, error) {
			return nil, unix.EPERM
		}
	}, []string{"hint not-checked", "hint not-checked"}},
}

// runningHere adds one, in the network namespace with this number.
func runningHere(pid, name, namespace, args string) func(*world) {
	return func(w *world) {
		w.files["/proc/"+pid+"/comm"], w.files["/proc/"+pid+"/cmdline"] = name+"\n", args
		w.files["/proc/"+pid+"/ns/net"] = "net:[" + namespace + "]"
	}
}

// managedBy lets networkd manage vxlan0 with a file, and drop-ins to it.
func managedBy(main, dropIn string) func(*world) {
	return func(w *world) {
		runningHere("7", "systemd-network", "1", "systemd-networkd")(w)
		w.files["/run/systemd/netif/links/3"] = "ADMIN_STATE=configured\nNETWORK_FILE=/etc/systemd/network/10-v.network\nNETWORK_FILE_DROPINS=\"/etc/systemd/network/10-v.network.d/90-stead.conf\"\n"
		w.files["/etc/systemd/network/10-v.network"] = main
		w.files["/etc/systemd/network/10-v.network.d/90-stead.conf"] = dropIn
	}
}

var onManagers = []breakage{
	{"networkd", managedBy("[Match]\nName=v*\n", ""), []string{"hint networkd-manages"}},
	{"networkd that keeps addresses", managedBy("[Network]\nKeepConfiguration=yes\n", ""), nil},
	{"networkd with the advised drop-in", managedBy("[Network]\nKeepConfiguration=no\n", "[Network]\nKeepConfiguration=static\n"), nil},
	{"NetworkManager", func(w *world) {
		runningHere("7", "NetworkManager", "1", "NetworkManager")(w)
		w.files["/run/NetworkManager/devices/3"] = "[device]\nmanaged=true\n"
	}, []string{"hint networkmanager-manages"}},
	{"NetworkManager that leaves it alone", func(w *world) {
		runningHere("7", "NetworkManager", "1", "NetworkManager")(w)
		w.files["/run/NetworkManager/devices/3"] = "[device]\nmanaged=false\n"
	}, nil},
	{"dhcpcd", runningHere("7", "dhcpcd", "1", "dhcpcd"), []string{"hint other-manager"}},
	{"dhcpcd in another network namespace", runningHere("7", "dhcpcd", "2", "dhcpcd"), nil},
	{"stripped addresses", func(w *world) { w.Status.Counters.AddressRepairs = 4 }, []string{"warning addresses-stripped"}},
	{"keepalived", runningHere("7", "keepalived", "1", "keepalived"), []string{"warning keepalived-runs"}},
	{"keepalived that has ended, and nobody has asked how", func(w *world) {
		runningHere("7", "keepalived", "1", "keepalived")(w)
		delete(w.files, "/proc/7/ns/net")
	}, nil},
	{"keepalived with the same address", func(w *world) {
		runningHere("7", "keepalived", "1", "keepalived")(w)
		w.files["/etc/keepalived/keepalived.conf"] = "virtual_ipaddress {\n  192.168.0.200/24 dev vxlan0\n  # fd68::c8/64\n}\nauth_pass secret\n"
	}, []string{"fatal keepalived-has-address", "warning keepalived-runs"}},
	{"keepalived, stopped, with the same address", func(w *world) {
		w.files["/etc/keepalived/keepalived.conf"] = "virtual_ipaddress { fd68::c8 }\n"
	}, []string{"warning keepalived-has-address"}},
	{"a second stead", runningHere("7", "stead", "1", "/opt/stead\x00run\x00-c\x00other.yaml\x00"), []string{"warning two-daemons"}},
	{"a second stead in another network namespace", runningHere("7", "stead", "2", "stead\x00run\x00"), nil},
	{"processes that are hidden", func(w *world) { delete(w.files, "/proc/1/comm") }, []string{"hint not-checked"}},
}
