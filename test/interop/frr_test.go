package interop

import (
	"fmt"
	"net"
	"os"
	"testing"
	"time"

	"github.com/vishvananda/netlink"

	"stead/internal/testns"
)

// frr is FRR's vrrpd as the distribution has it, with the zebra that it needs.
// The virtual router's addresses are always on its macvlan; vrrpd takes the
// carrier of that one away while it is a backup.
type frr struct{}

func (frr) String() string { return "FRR" }

func (frr) up() string { return "Initialize -> Backup" }

// Where the distribution has them.
const frrPrograms = "/usr/lib/frr/"

func (frr) start(t testing.TB, h *host, s settings, priority int) {
	t.Helper()
	h.running = nil
	family := "ip"
	if s.ipv6 {
		family = "ipv6"
	}
	preempt := ""
	if s.nopreempt {
		preempt = fmt.Sprintf(" no vrrp %d preempt\n", vrid)
	}
	h.macvlan(t, &s)
	dir := h.directory(t, "frr", "frr")
	common := []string{"-u", "frr", "-g", "frr", "-P", "0", "--log", "stdout", "-z", dir + "/zserv", "--vty_socket", dir}
	zebra := h.write(t, "zebra.conf", "log stdout\n")
	h.begin(t, frrPrograms+"zebra", append(common, "-f", zebra, "-i", dir+"/zebra.pid")...)
	testns.Eventually(t, patience, "zebra has a socket", func() bool { _, err := os.Stat(dir + "/zserv"); return err == nil })
	vrrpd := h.write(t, "vrrpd.conf", fmt.Sprintf(`log stdout
interface eth1
 vrrp %[1]d version %[2]d
 vrrp %[1]d priority %[3]d
 vrrp %[1]d advertisement-interval %[4]d
%[5]s vrrp %[1]d %[6]s %[7]s
`, vrid, s.version, priority, s.interval/time.Millisecond, preempt, family, s.vip()))
	h.begin(t, frrPrograms+"vrrpd", append(common, "-f", vrrpd, "-i", dir+"/vrrpd.pid")...)
}

// frrDevice is the device that vrrpd wants.
const frrDevice = "vrrp51"

// released takes the carrier of vrrpd's device away when FRR has ended. zebra may
// end before it has done so, and the kernel would go on to answer.
func (h *host) released(t testing.TB) {
	t.Helper()
	if _, err := h.ns.Netlink().LinkByName(frrDevice); err == nil {
		h.ns.Run(t, "ip", "link", "set", "dev", frrDevice, "protodown", "on")
	}
}

// macvlan makes the device that vrrpd wants, unless it is there.
func (h *host) macvlan(t testing.TB, s *settings) {
	t.Helper()
	if _, err := h.ns.Netlink().LinkByName(frrDevice); err == nil {
		return
	}
	attrs := netlink.NewLinkAttrs()
	attrs.Name, attrs.ParentIndex = frrDevice, h.ns.Link(t, "eth1").Attrs().Index
	attrs.HardwareAddr = net.HardwareAddr{0, 0, 0x5e, 0, 1, vrid}
	local := ""
	if s.ipv6 {
		attrs.HardwareAddr[4] = 2
		// Advertisements come from it: the hosts' have to differ.
		local = h.local6.Next().String() + "/64"
	}
	if err := h.ns.Netlink().LinkAdd(&netlink.Macvlan{LinkAttrs: attrs, Mode: netlink.MACVLAN_MODE_BRIDGE}); err != nil {
		t.Fatalf("add macvlan: %v", err)
	}
	// Otherwise the kernel of a backup answers on eth1 for the address of the
	// macvlan, as it does for each of its addresses on every interface.
	h.ns.Sysctl(t, "net/ipv4/conf/all/arp_ignore", "1")
	h.ns.Addr(t, frrDevice, alone(s.vip()))
	if local != "" {
		h.ns.Addr(t, frrDevice, local)
	}
	h.ns.Up(t, frrDevice)
}
