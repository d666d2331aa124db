package world

import (
	"fmt"
	"os"
	"os/exec"
	"strings"
)

// SteadBGP is the binary of this tree, which announces the address. With a timing
// the servers elect one of them, and the client is the third voter; without, both
// announce, the secondary with a longer AS_PATH.
func SteadBGP(binary, timing string, r Routing) Pair {
	p := Pair{VIP: RoutedVIP, Device: "eth0", Routing: &r}
	p.Name = "Stead, no election"
	if timing != "" {
		p.Name = "Stead " + timing
	}
	if r.BFD.On() {
		p.Name += fmt.Sprintf(", BFD %s × %d", words(r.BFD.Interval), r.BFD.Multiplier)
	}
	start := func(w *World, host string) error { return startSteadBGP(w, binary, host, timing, r, "") }
	p.Start = func(w *World) error {
		hosts := []string{Primary, Secondary}
		if timing != "" {
			hosts = append(hosts, Client)
		}
		for _, host := range hosts {
			if err := start(w, host); err != nil {
				return err
			}
		}
		return nil
	}
	p.Again = start
	p.Switchover = func(w *World, from, to string) error {
		verb := []string{"switchover", "web", "--to", to}
		if timing == "" { // there is nobody to hand over to: the other one serves already
			verb = []string{"drain"}
		}
		return w.In(from, func() error {
			text, err := exec.Command(binary, append(verb, "--socket", w.Dir+"/"+from+".sock")...).CombinedOutput()
			if err != nil {
				return fmt.Errorf("%s: %w: %s", verb[0], err, text)
			}
			return nil
		})
	}
	return p
}

// SteadPaths is two nodes that announce the address with BFD beside each session,
// and that watch the path between them by BFD as well.
func SteadPaths(binary string, r Routing) Pair {
	p := SteadBGP(binary, "", r)
	p.Start = func(w *World) error {
		for host, other := range map[string]string{Primary: Secondary, Secondary: Primary} {
			check := fmt.Sprintf("      path: { bfd: %s, interval: %v, multiplier: %d, weight: -1 }\n", RoutedAddress(other), r.BFD.Interval, r.BFD.Multiplier)
			if err := startSteadBGP(w, binary, host, "", r, check); err != nil {
				return err
			}
		}
		return nil
	}
	return p
}

func startSteadBGP(w *World, binary, host, timing string, r Routing, check string) error {
	third, election, preference := "", "{ type: none }", "per_node: { secondary: { prepend: 2 } }"
	if timing != "" {
		third = "  client: { address: 10.0.1.4, role: witness }\n"
		election = fmt.Sprintf("{ type: peer, timing: %s }\n    preempt: { enabled: true, delay: 1s }", timing)
		preference = ""
	}
	bfd := ""
	if r.BFD.On() {
		bfd = fmt.Sprintf(", bfd: { interval: %v, multiplier: %d }", r.BFD.Interval, r.BFD.Multiplier)
	}
	text := fmt.Sprintf(`nodes:
  primary: { address: 10.0.1.10 }
  secondary: { address: 10.0.1.20 }
%ssecurity: { key_file: %s }
groups:
  web:
    members: { primary: 200, secondary: 100 }
    election: %s
    damping: { window: 0s }
    addresses: [ { address: %s/32, interface: lo } ]
    checks:
      service: { file: /proc/self/stat, interval: 1s, fatal: true }
%s    bgp: { %s }
bgp:
  local_as: %d
  router_id: { primary: 10.0.1.10, secondary: 10.0.1.20 }
  peers:
    rs1: { address: %s, as: %d, hold_time: %v, multihop: 2%s }
    rs2: { address: %s, as: %d, hold_time: %v, multihop: 2%s }
control: { socket: %s }
state: { dir: %s }
`, third, w.Dir+"/key", election, RoutedVIP, check, preference, ServerAS,
		RoutedAddress(RS1), RouterAS, r.Hold, bfd, RoutedAddress(RS2), RouterAS, r.Hold, bfd,
		w.Dir+"/"+host+".sock", w.Dir+"/"+host)
	if err := os.WriteFile(w.Dir+"/key", []byte(strings.Repeat("0123456789abcdef", 2)), 0o600); err != nil {
		return err
	}
	file := w.Dir + "/" + host + ".yaml"
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		return err
	}
	return w.Start(host, binary, "run", "-c", file, "--node", host)
}
