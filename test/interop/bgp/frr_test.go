package bgp

import (
	"encoding/json"
	"fmt"
	"net/netip"
	"os"
	"strings"
	"testing"

	"stead/internal/testns"
)

// frr is FRR's bgpd with the zebra and bfdd that it needs.
type frr struct{}

func (frr) String() string { return "FRR" }

// Where the distribution has them.
const frrPrograms = "/usr/lib/frr/"

func (f frr) start(t testing.TB, h *host, with terms) {
	t.Helper()
	dir := h.net.dir.Make(t, h.name+".frr", "frr")
	common := []string{"-u", "frr", "-g", "frr", "-P", "0", "--log", "stdout", "-z", dir + "/zserv", "--vty_socket", dir}
	run := func(program, configuration string, more ...string) {
		t.Helper()
		begin := h.begin
		if program == "bfdd" {
			begin = h.urgently
		}
		file := h.write(t, program+".conf", "log stdout\n"+configuration)
		begin(t, frrPrograms+program, append(append(common, "-f", file, "-i", dir+"/"+program+".pid"), more...)...)
		testns.Eventually(t, patience, program+" has a socket", func() bool { _, err := os.Stat(dir + "/" + program + ".vty"); return err == nil })
	}
	// Without this option zebra takes an IPv6 route out of the kernel before it puts
	// the next one in, and packets that come in between are lost.
	run("zebra", "", "--v6-rr-semantics")
	testns.Eventually(t, patience, "zebra has a socket", func() bool { _, err := os.Stat(dir + "/zserv"); return err == nil })
	// bgpd refuses peers for good at whose address it knows no link-local address yet.
	for _, device := range []string{"eth1", "eth2"} {
		testns.Eventually(t, patience, "zebra knows the addresses of "+device, func() bool {
			return strings.Contains(f.vtysh(t, h, "show interface "+device), "inet6 fe80:")
		})
	}
	if with.bfd != nil {
		run("bfdd", with.frrBFD(h), "--bfdctl", dir+"/bfdd.sock")
	}
	run("bgpd", with.frrBGP(h))
}

// frrBFD is the configuration of bfdd.
func (w *terms) frrBFD(h *host) string {
	hop := ""
	if w.multihop() {
		hop = "  minimum-ttl 254\n"
	}
	peers := ""
	for _, server := range h.net.servers() {
		if w.bfd.bare {
			peers += fmt.Sprintf(" %s\n  profile servers\n exit\n", w.frrPeer(h, server))
		}
	}
	return fmt.Sprintf("bfd\n profile servers\n  detect-multiplier %d\n  transmit-interval %d\n  receive-interval %d\n%s exit\n%sexit\n",
		w.bfd.multiplier, w.bfd.interval.Milliseconds(), w.bfd.interval.Milliseconds(), hop, peers)
}

// frrPeer names a BFD session.
func (w *terms) frrPeer(h, server *host) string {
	if w.multihop() {
		return fmt.Sprintf("peer %s multihop local-address %s", server.link(w.over6), w.local(h))
	}
	return fmt.Sprintf("peer %s interface eth1", server.link(w.over6))
}

// shutBFD takes the session over one hop with a server down on purpose, or lets it
// come up again.
func (f frr) shutBFD(t testing.TB, h, server *host, down bool) {
	t.Helper()
	with := terms{oneHop: true}
	word := map[bool]string{true: "shutdown", false: "no shutdown"}[down]
	h.ns.Run(t, "vtysh", "--vty_socket", h.path("frr"), "-c", "configure terminal", "-c", "bfd", "-c", with.frrPeer(h, server), "-c", word)
}

func (f frr) bfd(t testing.TB, h *host, with *terms, server *host) bfdSession {
	t.Helper()
	var all []struct {
		Peer   string
		Status string
		ID     uint32 `json:"id"`
		Remote uint32 `json:"remote-id"`
	}
	if err := json.Unmarshal([]byte(f.vtysh(t, h, "show bfd peers json")), &all); err != nil {
		t.Fatal(err)
	}
	for _, s := range all {
		if s.Peer == server.link(with.over6).String() {
			return bfdSession{Up: s.Status == "up", Mine: s.ID, Theirs: s.Remote}
		}
	}
	return bfdSession{}
}

// frrBGP is the configuration of bgpd.
func (w *terms) frrBGP(h *host) string {
	var text strings.Builder
	fmt.Fprintf(&text, "router bgp %d\n bgp router-id %s\n bgp log-neighbor-changes\n no bgp ebgp-requires-policy\n no bgp default ipv4-unicast\n", w.as(), h.link4)
	share := 1
	if w.share {
		share = 8
	}
	for _, server := range []*host{h.net.a, h.net.b} {
		say := func(when bool, format string, args ...any) {
			if when {
				fmt.Fprintf(&text, " neighbor %s %s\n", server.link(w.over6), fmt.Sprintf(format, args...))
			}
		}
		say(true, "remote-as %d", w.server())
		say(w.noAS4, "dont-capability-negotiate")
		say(true, "update-source %s", w.local(h))
		say(w.hops > 0, "ttl-security hops %d", w.hops)
		say(w.multihop() && w.hops == 0 && !w.internal, "ebgp-multihop 2")
		say(true, "timers %d %d", max(1, w.holdTime()/3), w.holdTime())
		say(true, "timers connect 1")
		say(w.passive, "passive")
		say(w.password != "", "password %s", w.password)
		say(w.nextHop6, "capability extended-nexthop")
		say(w.bfd != nil && !w.bfd.bare, "bfd")
		say(w.bfd != nil && !w.bfd.bare, "bfd profile servers")
	}
	for _, family := range []string{"ipv4", "ipv6"} {
		fmt.Fprintf(&text, " address-family %s unicast\n  maximum-paths %d\n", family, share)
		for _, server := range []*host{h.net.a, h.net.b} {
			fmt.Fprintf(&text, "  neighbor %s activate\n", server.link(w.over6))
		}
		text.WriteString(" exit-address-family\n")
	}
	text.WriteString("exit\n")
	return text.String()
}

// vtysh asks FRR.
func (frr) vtysh(t testing.TB, h *host, command string) string {
	t.Helper()
	return h.ns.Run(t, "vtysh", "--vty_socket", h.path("frr"), "-c", command)
}

func (f frr) refresh(t testing.TB, h, server *host) {
	t.Helper()
	f.vtysh(t, h, "clear bgp ipv4 unicast "+f.neighbour(t, h, server).address+" soft in")
}

// frrNeighbour is how FRR shows a session.
type frrNeighbour struct {
	address string
	State   string `json:"bgpState"`
	Reset   string `json:"lastResetDueTo"`
	Why     string `json:"lastNotificationReason"`
	Stats   struct {
		Updates int `json:"updatesRecv"`
	} `json:"messageStats"`
}

func (f frr) neighbour(t testing.TB, h, server *host) frrNeighbour {
	t.Helper()
	var all map[string]frrNeighbour
	if err := json.Unmarshal([]byte(f.vtysh(t, h, "show bgp neighbors json")), &all); err != nil {
		t.Fatal(err)
	}
	for address, peer := range all {
		if a, err := netip.ParseAddr(address); err == nil && h.net.serverAt(a) == server.name {
			peer.address = address
			return peer
		}
	}
	t.Fatalf("FRR does not know %s", server.name)
	return frrNeighbour{}
}

func (f frr) session(t testing.TB, h, server *host) session {
	t.Helper()
	peer := f.neighbour(t, h, server)
	return session{peer.State == "Established", peer.Reset + ": " + peer.Why}
}

func (f frr) updates(t testing.TB, h, server *host) int {
	t.Helper()
	return f.neighbour(t, h, server).Stats.Updates
}

// frrPath is how FRR shows a path.
type frrPath struct {
	ASPath struct {
		Segments []struct{ List []int }
	} `json:"aspath"`
	Origin    string
	MED       *int `json:"metric"`
	LocalPref *int `json:"locPrf"`
	Community struct{ List []string }
	Large     struct{ List []string } `json:"largeCommunity"`
	Best      struct{ Overall bool }  `json:"bestpath"`
	Nexthops  []struct {
		IP    string
		Scope string
	}
	Peer struct {
		ID string `json:"peerId"`
	}
}

func (f frr) paths(t testing.TB, h *host, prefix netip.Prefix) (all []path) {
	t.Helper()
	family := "ipv4"
	if prefix.Addr().Is6() {
		family = "ipv6"
	}
	var table struct{ Paths []frrPath }
	if err := json.Unmarshal([]byte(f.vtysh(t, h, "show bgp "+family+" unicast "+prefix.String()+" json")), &table); err != nil {
		t.Fatal(err)
	}
	for _, shown := range table.Paths {
		p := path{Origin: shown.Origin, MED: -1, LocalPref: -1, Communities: shown.Community.List, Large: shown.Large.List, Best: shown.Best.Overall}
		if peer, err := netip.ParseAddr(shown.Peer.ID); err == nil {
			p.From = h.net.serverAt(peer)
		}
		for _, s := range shown.ASPath.Segments {
			p.ASPath = append(p.ASPath, s.List...)
		}
		if shown.MED != nil {
			p.MED = *shown.MED
		}
		if shown.LocalPref != nil {
			p.LocalPref = *shown.LocalPref
		}
		for _, hop := range shown.Nexthops {
			if hop.Scope != "link-local" {
				p.NextHop = hop.IP
			}
		}
		all = append(all, p)
	}
	sortPaths(all)
	return all
}
