package bgp

import (
	"encoding/json"
	"fmt"
	"net/netip"
	"strings"
	"testing"
	"time"

	"stead/internal/testns"
)

// pair is how the servers run stead.
type pair struct {
	net      *network
	with     terms        // how the route servers speak
	election string       // default: { type: peer, timing: lan }
	global   string       // further lines of the file
	bgp      string       // further keys of bgp
	peer     string       // further keys of each peer
	routes   string       // keys of the group's bgp
	group    string       // further lines of the group
	only4    bool         // the service address is the IPv4 one alone
	witness  bool         // gw votes
	alone    string       // the only member; empty: both are
	stubs    []netip.Addr // peers beside FRR, instead of BIRD
}

// stead starts stead on a server.
func (h *host) stead(t testing.TB, p *pair) {
	t.Helper()
	h.running = nil
	h.begin(t, testns.Stead(), "run", "-c", h.write(t, "yaml", p.file(t, h)), "--node", h.name)
}

// file is the configuration of a server. Those of a pair differ in where files are.
func (p *pair) file(t testing.TB, h *host) string {
	t.Helper()
	or := func(text, otherwise string) string {
		if text == "" {
			return otherwise
		}
		return text
	}
	addresses := fmt.Sprintf("      - { address: %s, interface: lo }\n", prefixOf(vip4))
	if !p.only4 {
		addresses += fmt.Sprintf("      - { address: %q, interface: lo }\n", prefixOf(vip6))
	}
	witness := ""
	if p.witness {
		witness = "  gw: { addresses: [10.0.1.1, \"fd00:1::1\"], role: witness }\n"
	}
	members := "a: 200, b: 100"
	if p.alone != "" {
		members = p.alone + ": 100"
	}
	return fmt.Sprintf(`nodes:
  a: { addresses: [10.0.1.10, "fd00:1::10"] }
  b: { addresses: [10.0.1.20, "fd00:1::20"] }
%[13]ssecurity: { key_file: %[1]s }
bgp:
  local_as: %[2]d
%[3]s  peers:
%[4]sgroups:
  web:
    members: { %[5]s }
    election: %[6]s
    addresses:
%[7]s    bgp: { %[8]s }
%[9]s%[10]scontrol: { socket: %[11]s }
state: { dir: %[12]s }
http: { listen: none }
`, h.secret(t, "key", "0123456789abcdef0123456789abcdef"), p.with.server(), p.bgp, p.peers(t, h), members,
		or(p.election, "{ type: peer, timing: lan }"), addresses, p.routes, p.group, p.global, h.path("sock"), h.path("state"), witness)
}

// peers are the route servers, as the server knows them.
func (p *pair) peers(t testing.TB, h *host) string {
	t.Helper()
	w := &p.with
	keys := []string{fmt.Sprintf("as: %d, hold_time: %ds", w.as(), w.holdTime())}
	add := func(when bool, key string) {
		if when {
			keys = append(keys, key)
		}
	}
	add(w.multihop(), "multihop: 2")
	add(w.hops > 0, "ttl_security: true")
	add(w.active, "passive: true")
	add(!w.active, "connect_retry: 200ms")
	add(w.nextHop6, "extended_next_hop: true")
	if w.password != "" {
		keys = append(keys, "password_file: "+h.secret(t, "password", w.password))
	}
	if b := w.bfd; b != nil {
		auth := ""
		if b.auth != "" {
			auth = fmt.Sprintf(", auth: { type: %s, key_file: %s }", strings.ReplaceAll(strings.ReplaceAll(b.auth, "keyed ", ""), " ", "-"), h.secret(t, "bfdkey", b.secret))
		}
		keys = append(keys, fmt.Sprintf("bfd: { interval: %v, multiplier: %d%s }", b.interval, b.multiplier, auth))
	}
	add(p.peer != "", p.peer)
	var text strings.Builder
	for _, at := range p.stubs {
		fmt.Fprintf(&text, "    stub%d: { address: %s, as: %d, hold_time: 3s, connect_retry: 200ms }\n", at.As4()[3], at, w.as())
	}
	for _, rs := range p.net.routers() {
		if rs.router == nil {
			continue
		}
		fmt.Fprintf(&text, "    %s: { address: %q, %s }\n", rs.name, w.local(rs), strings.Join(keys, ", "))
	}
	return text.String()
}

// cli runs a command of stead against the server's daemon.
func (h *host) cli(t testing.TB, args ...string) string {
	t.Helper()
	return h.ns.Run(t, append([]string{testns.Stead()}, append(args, "--socket", h.path("sock"))...)...)
}

// status is what the server's daemon tells of its group.
type status struct {
	Groups []struct {
		Role   string
		Reason string
		Ready  bool
	}
	BGP []struct {
		Name      string
		State     string
		LastError string `json:"last_error"`
		Received  int    `json:"messages_received"`
	} `json:"bgp"`
}

// status asks the daemon; it may not be there yet.
func (h *host) status(t testing.TB) (s status, ok bool) {
	t.Helper()
	out, err := h.ns.Try(t, testns.Stead(), "status", "--json", "--socket", h.path("sock"))
	return s, err == nil && json.Unmarshal([]byte(out), &s) == nil
}

// role waits until the server's daemon says that it has a role.
func (h *host) role(t testing.TB, role string) {
	t.Helper()
	testns.Eventually(t, patience, h.name+" is "+role, func() bool {
		s, ok := h.status(t)
		return ok && len(s.Groups) == 1 && s.Groups[0].Role == role
	})
}

// starts runs both servers and waits until the route servers send packets to a,
// and b is ready to take over.
func (p *pair) starts(t testing.TB) {
	t.Helper()
	if p.witness {
		p.net.gw.stead(t, p)
	}
	p.net.a.stead(t, p)
	p.net.sends(t, vip4, "a")
	p.net.b.stead(t, p)
	testns.Eventually(t, patience, "b is ready", func() bool {
		s, ok := p.net.b.status(t)
		return ok && len(s.Groups) == 1 && s.Groups[0].Ready
	})
}

// window is for how long a client has to be served by one server alone, to say so.
const window = 100 * time.Millisecond
