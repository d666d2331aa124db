package bgp

import (
	"fmt"
	"net/netip"
	"os"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"stead/internal/testns"
)

// bird is BIRD 2.
type bird struct{}

func (bird) String() string { return "BIRD" }

func (bird) start(t testing.TB, h *host, with terms) {
	t.Helper()
	merge := ""
	if with.share {
		merge = " merge paths yes limit 8;"
	}
	var text strings.Builder
	fmt.Fprintf(&text, `router id %s;
log stderr all;
debug protocols { states };
protocol device { scan time 1; }
protocol direct { ipv4; ipv6; interface "eth1"; }
protocol kernel k4 { ipv4 { import none; export where source = RTS_BGP; };%[2]s }
protocol kernel k6 { ipv6 { import none; export where source = RTS_BGP; };%[2]s }
`, h.link4, merge)
	if with.table > 0 {
		text.WriteString("protocol static known { ipv4;\n")
		for i := range with.table {
			fmt.Fprintf(&text, "route 100.%d.%d.%d/32 blackhole;\n", 64+i>>16, i>>8&255, i&255)
		}
		text.WriteString("}\n")
	}
	if with.bfd != nil {
		text.WriteString(with.birdBFD(h))
	}
	for _, server := range []*host{h.net.a, h.net.b} {
		text.WriteString(with.birdPeer(h, server))
	}
	_ = os.Remove(h.path("ctl")) // of one that was killed
	begin := h.begin
	if with.bfd != nil {
		begin = h.urgently
	}
	begin(t, "bird", "-f", "-c", h.write(t, "bird.conf", text.String()), "-s", h.path("ctl"), "-P", h.path("pid"))
	testns.Eventually(t, patience, "BIRD has a socket", func() bool { _, err := os.Stat(h.path("ctl")); return err == nil })
}

// birdPeer is the session with a server.
func (w *terms) birdPeer(h, server *host) string {
	lines := []string{
		fmt.Sprintf("local %s as %d", w.local(h), w.as()),
		fmt.Sprintf("neighbor %s %s", server.link(w.over6), w.birdAS()),
		fmt.Sprintf("hold time %d", w.holdTime()),
		"connect delay time 1", "connect retry time 1",
		"error wait time 1,2",
	}
	if w.errorWait != "" {
		lines[len(lines)-1] = "error wait time " + w.errorWait
	}
	add := func(when bool, line string) {
		if when {
			lines = append(lines, line)
		}
	}
	add(w.multihop(), "multihop 2")
	add(w.oneHop, "direct")
	add(w.passive, "passive")
	add(w.noAS4, "enable as4 off")
	add(w.hops > 0, "ttl security on")
	add(w.password != "", fmt.Sprintf("password %q", w.password))
	add(w.bfd != nil && !w.bfd.bare, "bfd on")
	next := ""
	if w.nextHop6 {
		next = " extended next hop;"
	}
	return fmt.Sprintf("protocol bgp %s {\n\t%s;\n\tipv4 { import all; export where source = RTS_STATIC;%s };\n\tipv6 { import all; export none; };\n}\n",
		server.name, strings.Join(lines, ";\n\t"), next)
}

// birdAS is how the servers' AS is written. One that does not fit cannot be, and
// any is taken.
func (w *terms) birdAS() string {
	if w.noAS4 && w.server() > 1<<16-1 {
		return "external"
	}
	return fmt.Sprintf("as %d", w.server())
}

func (w *terms) birdBFD(h *host) string {
	auth := ""
	if w.bfd.auth != "" {
		auth = fmt.Sprintf(" authentication %s; password %q { id 1; };", w.bfd.auth, w.bfd.secret)
	}
	options := fmt.Sprintf("interval %d us; multiplier %d; idle tx interval 1 s;%s", w.bfd.interval.Microseconds(), w.bfd.multiplier, auth)
	neighbours := ""
	for _, server := range h.net.servers() {
		if w.bfd.bare {
			neighbours += fmt.Sprintf(" neighbor %s", server.link(w.over6))
			if w.multihop() {
				neighbours += fmt.Sprintf(" local %s multihop yes", w.local(h))
			}
			neighbours += ";"
		}
	}
	return fmt.Sprintf("protocol bfd { interface \"eth*\" { %s }; multihop { %s };%s }\n", options, options, neighbours)
}

// birdBFD finds a session in the table: address, interface, state.
var birdBFD = regexp.MustCompile(`(?m)^(\S+) +\S+ +(\w+) `)

func (b bird) bfd(t testing.TB, h *host, with *terms, server *host) bfdSession {
	t.Helper()
	for _, m := range birdBFD.FindAllStringSubmatch(b.ctl(t, h, "show", "bfd", "sessions"), -1) {
		if m[1] == server.link(with.over6).String() {
			return bfdSession{Up: m[2] == "Up"}
		}
	}
	return bfdSession{}
}

// ctl asks BIRD.
func (bird) ctl(t testing.TB, h *host, command ...string) string {
	t.Helper()
	return h.ns.Run(t, append([]string{"birdc", "-s", h.path("ctl")}, command...)...)
}

func (b bird) refresh(t testing.TB, h, server *host) {
	t.Helper()
	b.ctl(t, h, "reload", "in", server.name)
}

var birdLast = regexp.MustCompile(`(?m)^ *Last error: +(.*)$`)

func (b bird) session(t testing.TB, h, server *host) session {
	t.Helper()
	text := b.ctl(t, h, "show", "protocols", "all", server.name)
	s := session{Established: regexp.MustCompile(`(?m)^ *BGP state: +Established`).MatchString(text)}
	if m := birdLast.FindStringSubmatch(text); m != nil {
		s.Last = m[1]
	}
	return s
}

var birdUpdates = regexp.MustCompile(`Import updates: +(\d+)`)

func (b bird) updates(t testing.TB, h, server *host) (total int) {
	t.Helper()
	for _, m := range birdUpdates.FindAllStringSubmatch(b.ctl(t, h, "show", "protocols", "all", server.name), -1) {
		number, _ := strconv.Atoi(m[1])
		total += number
	}
	return total
}

var (
	birdRoute     = regexp.MustCompile(`^(?:\S+)? +unicast \[(\w+) [^\]]*\] (\*)? ?\(`)
	birdAttribute = regexp.MustCompile(`^\tBGP\.(\w+): ?(.*)$`)
	birdPairs     = regexp.MustCompile(`\(([0-9, ]+)\)`)
)

func (b bird) paths(t testing.TB, h *host, prefix netip.Prefix) (all []path) {
	t.Helper()
	out, _ := h.ns.Try(t, "birdc", "-s", h.path("ctl"), "show", "route", "all", prefix.String()) // 1: not there
	for _, line := range strings.Split(out, "\n") {
		if m := birdRoute.FindStringSubmatch(line); m != nil {
			all = append(all, path{From: m[1], MED: -1, LocalPref: -1, Best: m[2] != ""})
		}
		m := birdAttribute.FindStringSubmatch(line)
		if m == nil || len(all) == 0 {
			continue
		}
		p := &all[len(all)-1]
		switch number, _ := strconv.Atoi(m[2]); m[1] {
		case "origin":
			p.Origin = m[2]
		case "as_path":
			for _, as := range strings.Fields(m[2]) {
				number, _ := strconv.Atoi(as)
				p.ASPath = append(p.ASPath, number)
			}
		case "next_hop":
			p.NextHop = strings.Fields(m[2])[0]
		case "med":
			p.MED = number
		case "local_pref":
			p.LocalPref = number
		case "community":
			p.Communities = birdCommunities(m[2])
		case "large_community":
			p.Large = birdCommunities(m[2])
		}
	}
	sortPaths(all)
	return all
}

// birdCommunities turns (65010,100) (65010,200) into 65010:100 and 65010:200.
func birdCommunities(text string) (all []string) {
	for _, m := range birdPairs.FindAllStringSubmatch(text, -1) {
		all = append(all, strings.NewReplacer(",", ":", " ", "").Replace(m[1]))
	}
	return all
}
