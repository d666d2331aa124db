package interop

import (
	"fmt"
	"strings"
	"testing"

	"stead/internal/testns"
)

// steadRouter is the binary of this tree, alone in its configuration: the other
// router is known to it by VRRP only.
type steadRouter struct {
	election string // further keys of the election, such as "virtual_mac: true"
}

func (steadRouter) String() string { return "Stead" }

func (steadRouter) up() string { return "msg=ready" }

func (r steadRouter) start(t testing.TB, h *host, s settings, priority int) {
	t.Helper()
	keys := []string{"type: vrrp", fmt.Sprintf("vrid: %d, interval: %v, version: %d", vrid, s.interval, s.version)}
	if r.election != "" {
		keys = append(keys, r.election)
	}
	if s.unicast {
		keys = append(keys, fmt.Sprintf("unicast: true, peers: [%q, %q], source: %q", s.source(h), s.source(h.other()), s.source(h)))
		if s.ipv6 {
			keys = append(keys, "min_ttl: 64") // keepalived leaves the hop limit to the kernel
		}
	}
	if s.password != "" {
		keys = append(keys, fmt.Sprintf("auth: { type: password, password_file: %s }", h.secret(t, "password", s.password)))
	}
	length := 24
	if s.ipv6 {
		length = 64
	}
	var group strings.Builder
	if s.checked {
		h.well(t)
		effect := "fatal: true"
		if s.weight != 0 {
			effect = fmt.Sprintf("weight: %d", s.weight)
		}
		group.WriteString("    checks:\n")
		fmt.Fprintf(&group, "      health: { file: %s, expect: \"0\", interval: 10ms, rise: 1, fall: 1, %s }\n", h.path(checkFile), effect)
	}
	h.stead(t, fmt.Sprintf(`nodes:
  %[1]s: { address: %[2]s }
groups:
  web:
    members: { %[1]s: %[3]d }
    election: { %[4]s }
    preempt: { enabled: %[5]t }
    addresses: [ { address: "%[6]s/%[7]d", interface: eth1 } ]
    announce: { refresh: 1s }
%[8]scontrol: { socket: %[9]s }
state: { dir: %[10]s }
http: { listen: none }
`, h.name, h.address4, priority, strings.Join(keys, ", "), !s.nopreempt, s.vip(), length, group.String(), h.path("sock"), h.path("state")))
}

// stead starts stead with a configuration.
func (h *host) stead(t testing.TB, text string) {
	t.Helper()
	h.running = nil
	h.begin(t, testns.Stead(), "run", "-c", h.write(t, "yaml", text), "--node", h.name)
}
