package doctor

import (
	"context"
	"fmt"
	"net/netip"
	"regexp"
	"strconv"
	"strings"

	"stead/internal/config"
)

// rival is a virtual router in the configuration of another program.
type rival struct {
	vrid  int
	iface string
	ipv6  bool
	both  bool // advertises for both families
}

// rivalFiles are the configurations of programs that speak VRRP.
var rivalFiles = []struct {
	program, file string
	read          func([]byte) []rival
}{
	{"keepalived", "/etc/keepalived/keepalived.conf", keepalivedRouters},
	{"vrrpd", "/etc/frr/frr.conf", frrRouters},
}

// routersBeside looks for other programs with the same virtual router.
func (e *Env) routersBeside(groups []*config.Group) (out []Finding) {
	running, err := e.processes()
	if err != nil {
		return nil // other-managers has said so
	}
	for _, f := range rivalFiles {
		text, err := e.ReadFile(f.file)
		if err != nil {
			continue
		}
		for _, other := range f.read(text) {
			for _, g := range groups {
				r := g.Election.VRRP
				if other.vrid != int(r.VRID) || other.iface != r.Interface || !other.both && other.ipv6 != r.IPv6 {
					continue
				}
				found := routerSameVRID.at(routerName(g), f.file+" has it too", "program", f.program)
				if !runs(running, f.program) {
					found = found.as(Warning)
				}
				out = append(out, found)
			}
		}
	}
	return out
}

// keepalivedRouters reads vrrp_instance blocks. The family is that of the first
// address.
func keepalivedRouters(text []byte) (out []rival) {
	var r *rival
	in := words(text)
	for i := 0; i+1 < len(in); i++ {
		next := in[i+1]
		switch in[i] {
		case "vrrp_instance":
			out = append(out, rival{})
			r = &out[len(out)-1]
		case "interface":
			if r != nil && r.iface == "" {
				r.iface = next
			}
		case "virtual_router_id":
			if r != nil {
				r.vrid, _ = strconv.Atoi(next)
			}
		case "virtual_ipaddress":
			if r != nil {
				address, _, _ := strings.Cut(next, "/")
				a, err := netip.ParseAddr(address)
				r.ipv6 = err == nil && a.Is6()
			}
		}
	}
	return out
}

// frrRouters reads `vrrp N` below `interface NAME`.
func frrRouters(text []byte) (out []rival) {
	iface := ""
	for _, line := range strings.Split(string(text), "\n") {
		fields := strings.Fields(line)
		switch {
		case len(fields) >= 2 && fields[0] == "interface":
			iface = fields[1]
		case len(fields) >= 2 && fields[0] == "vrrp" && iface != "":
			vrid, err := strconv.Atoi(fields[1])
			if err == nil && (len(fields) == 2 || fields[2] == "version") {
				out = append(out, rival{vrid: vrid, iface: iface, both: true})
			}
		}
	}
	return out
}

// namesVRRP matches a rule about protocol 112, alone or in a set.
var namesVRRP = regexp.MustCompile(`(protocol|l4proto|nexthdr) (vrrp|112|\{[^}]*\b(vrrp|112)\b[^}]*\})( |$)`)

// routersFiltered reads the rules one by one, as the check packet-filter does.
func (e *Env) routersFiltered(ctx context.Context, groups []*config.Group) []Finding {
	rules, err := e.Firewall(ctx)
	if err != nil {
		return []Finding{unchecked("whether the packet filter lets advertisements in", err.Error())}
	}
	seen := vrrpRule(rules)
	if seen == "" {
		return nil
	}
	var out []Finding
	for _, g := range groups {
		out = append(out, routerBlocked.at(routerName(g), seen, "interface", g.Election.VRRP.Interface))
	}
	return out
}

// vrrpRule finds what keeps advertisements out.
func vrrpRule(rules string) string { return closedBy(rules, namesVRRP, "VRRP") }

// closedBy finds a rule for input that drops a protocol, or a chain that drops what no
// rule accepts while none accepts the protocol; else it is empty.
func closedBy(rules string, names *regexp.Regexp, protocol string) string {
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
		if !names.MatchString(line) {
			continue
		}
		switch {
		case strings.Contains(line, " accept"):
			accepted = true
		case input && (strings.Contains(line, " drop") || strings.Contains(line, " reject")):
			return fmt.Sprintf("rule: %s", line)
		}
	}
	if closed != "" && !accepted {
		return "chain: " + strings.TrimSuffix(closed, ";") + "; no rule names " + protocol
	}
	return ""
}
