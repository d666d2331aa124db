package doctor

import (
	"context"
	"fmt"
	"strconv"
	"strings"
)

var (
	overlayBroken = &Problem{"overlay-broken", Fatal, "an overlay is not as configured",
		"addresses on it are not reached, or announcements of a takeover do not arrive everywhere", "stead events; then mend what was seen"}
	overlayRepaired = &Problem{"overlay-repaired", Warning, "somebody has changed an overlay",
		"each time it was cut until stead had put it back", "stead events; then find out who: ip monitor link; bridge monitor fdb"}
	portBlocked = &Problem{"port-may-be-blocked", Hint, "the packet filter may drop what the nodes send to each other",
		"where it does, this node hears nobody, or the overlay is cut", "nft list ruleset; and accept udp dport {port} from the other nodes"}
)

var overlays = Check{
	Name:     "overlays",
	Problems: []*Problem{overlayBroken, overlayRepaired},
	Run: func(_ context.Context, e *Env) []Finding {
		if e.Status == nil {
			return nil
		}
		var out []Finding
		for _, o := range e.Status.Overlays {
			if !o.OK {
				out = append(out, overlayBroken.at(o.Name, orNone(o.Detail)))
			}
			if o.Repairs > 0 {
				out = append(out, overlayRepaired.at(o.Name, fmt.Sprintf("%d times since the daemon has started", o.Repairs)))
			}
			if o.OK && o.Repairs == 0 {
				out = append(out, fine(o.Name, fmt.Sprintf("%s %d, MTU %d", o.Type, o.VNI, o.MTU)))
			}
		}
		return out
	},
}

var firewall = Check{
	Name:     "packet-filter",
	Problems: []*Problem{portBlocked},
	Run: func(ctx context.Context, e *Env) []Finding {
		if e.self() == nil {
			return nil
		}
		ports := []uint16{}
		if len(e.paths()) > 0 {
			ports = append(ports, e.Config.Heartbeat.Port)
		}
		for _, o := range e.Config.Overlays {
			ports = append(ports, o.Port)
		}
		if len(ports) == 0 {
			return nil
		}
		for _, names := range []string{"ip_tables_names", "ip6_tables_names"} {
			if legacy, err := e.word("/proc/thread-self/net/" + names); err == nil && strings.Contains(legacy, "filter") {
				return []Finding{unchecked("packet filter", "rules of the older iptables are in force, which only iptables-legacy-save shows")}
			}
		}
		rules, err := e.Firewall(ctx)
		if err != nil {
			return []Finding{unchecked("packet filter", err.Error())}
		}
		var out []Finding
		for _, port := range ports {
			if seen := suspicious(rules, port); seen != "" {
				out = append(out, portBlocked.at(fmt.Sprintf("UDP port %d", port), seen, "port", fmt.Sprint(port)))
			}
		}
		if len(out) == 0 {
			out = append(out, fine("", "no rule of nft for input drops UDP to the nodes' ports"))
		}
		return out
	},
}

// suspicious finds in the text of `nft list ruleset` a rule that drops UDP to the
// port, or an input chain that drops what no rule accepts while none names the port.
// It reads rules one by one, which does not tell what they do together: its findings are hints.
func suspicious(rules string, port uint16) string {
	input, closed, accepted := false, "", false
	for _, line := range strings.Split(rules, "\n") {
		line = strings.TrimSpace(line)
		if strings.HasPrefix(line, "chain ") {
			input = false
		}
		if strings.Contains(line, "hook input") {
			input = true
			if strings.Contains(line, "policy drop") {
				closed = line
			}
		}
		if !namesPort(line, port) {
			continue
		}
		drops := strings.Contains(line, " drop") || strings.Contains(line, " reject")
		switch {
		case strings.Contains(line, " accept"):
			accepted = true
		case drops && input && !strings.Contains(line, "!="):
			return "rule: " + line
		}
	}
	if closed != "" && !accepted {
		return "chain: " + closed + "; no rule names the port"
	}
	return ""
}

// namesPort tells whether a rule matches UDP to the port, alone, in a set or in a range.
func namesPort(line string, port uint16) bool {
	_, rest, ok := strings.Cut(line, "udp dport ")
	if !ok {
		return false
	}
	rest = strings.TrimPrefix(rest, "!= ")
	if set, found := strings.CutPrefix(rest, "{"); found {
		rest, _, _ = strings.Cut(set, "}")
	} else {
		rest, _, _ = strings.Cut(rest, " ")
	}
	for _, part := range strings.Split(rest, ",") {
		low, high, ranged := strings.Cut(strings.TrimSpace(part), "-")
		from, err := strconv.ParseUint(low, 10, 16)
		to := from
		if ranged {
			to, _ = strconv.ParseUint(high, 10, 16)
		}
		if err == nil && uint64(port) >= from && uint64(port) <= to {
			return true
		}
	}
	return false
}
