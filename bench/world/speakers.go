package world

import (
	"fmt"
	"os"
	"strings"

	"stead/internal/lab/routeserver"
)

// Preference of the servers, by how often each prepends its AS.
var prepended = map[string]int{Primary: 0, Secondary: 2}

// ExaBGP is ExaBGP as the distribution has it, in the way of the trial: both
// servers announce the address, the secondary with a longer AS_PATH, and a script
// asks the service whether it is well. It runs at ordinary priority.
func ExaBGP(r Routing) Pair {
	return Pair{
		Name: "ExaBGP, hold " + words(r.Hold), VIP: RoutedVIP, Device: "eth0", Routing: &r,
		Start: func(w *World) error {
			for _, host := range []string{Primary, Secondary} {
				if err := startExaBGP(w, host, r); err != nil {
					return err
				}
			}
			return nil
		},
		Again: func(w *World, host string) error { return startExaBGP(w, host, r) },
		Switchover: func(w *World, from, _ string) error {
			return os.WriteFile(disableFile(w, from), nil, 0o644)
		},
	}
}

// disableFile makes the health check announce the longest AS_PATH.
func disableFile(w *World, host string) string { return w.Dir + "/" + host + ".disabled" }

func startExaBGP(w *World, host string, r Routing) error {
	if err := w.addVIP(host); err != nil {
		return err
	}
	path := func(times int) string { return strings.TrimSpace(strings.Repeat(fmt.Sprint(ServerAS, " "), times)) }
	check := fmt.Sprintf("/usr/bin/python3 -m exabgp healthcheck --no-syslog --interval 1 --fast-interval 1 --rise 1 --fall 1 --no-ip-setup "+
		"--cmd \"grep -q :0BB8 /proc/net/tcp6 /proc/net/tcp\" --ip %s/32 --disable %s --up-as-path \"%s\" --down-as-path \"%s\" --disabled-as-path \"%s\"",
		RoutedVIP, disableFile(w, host), path(prepended[host]+1), path(6), path(6))
	text := fmt.Sprintf("process health {\n  run %s;\n  encoder text;\n}\n", check)
	for _, rs := range []string{RS1, RS2} {
		text += fmt.Sprintf(`neighbor %s {
  router-id %s;
  local-address %s;
  local-as %d;
  peer-as %d;
  hold-time %d;
  outgoing-ttl 2;
  family { ipv4 unicast; }
  api { processes [ health ]; }
}
`, RoutedAddress(rs), RoutedAddress(host), RoutedAddress(host), ServerAS, RouterAS, int(r.Hold.Seconds()))
	}
	file := w.Dir + "/" + host + ".conf"
	if err := os.WriteFile(file, []byte(text), 0o644); err != nil {
		return err
	}
	return w.Start(host, "/usr/bin/env", "exabgp.daemon.user=root", "exabgp.api.cli=false", "exabgp.log.destination=stdout", "/usr/sbin/exabgp", file)
}

// FRRSpeaker is FRR's bgpd and bfdd on both servers, at real-time priority, as
// Stead is: at ordinary priority its BFD does not hold 10 ms x 3 on a busy machine.
func FRRSpeaker(r Routing) Pair {
	p := Pair{
		Name: "FRR", VIP: RoutedVIP, Device: "eth0", Routing: &r,
		Start: func(w *World) error {
			for _, host := range []string{Primary, Secondary} {
				if err := startFRR(w, host, r); err != nil {
					return err
				}
			}
			return nil
		},
		Again: func(w *World, host string) error { return startFRR(w, host, r) },
	}
	if r.BFD.On() {
		p.Name += fmt.Sprintf(", BFD %s × %d", words(r.BFD.Interval), r.BFD.Multiplier)
	} else {
		p.Name += ", hold " + words(r.Hold)
	}
	return p
}

func startFRR(w *World, host string, r Routing) error {
	if err := w.addVIP(host); err != nil {
		return err
	}
	var text strings.Builder
	fmt.Fprintf(&text, "route-map out permit 1\n")
	if n := prepended[host]; n > 0 {
		fmt.Fprintf(&text, " set as-path prepend%s\n", strings.Repeat(fmt.Sprint(" ", ServerAS), n))
	}
	fmt.Fprintf(&text, "router bgp %d\n bgp router-id %s\n no bgp ebgp-requires-policy\n bgp graceful-restart-disable\n no bgp network import-check\n", ServerAS, RoutedAddress(host))
	hold := int(r.Hold.Seconds())
	for _, rs := range []string{RS1, RS2} {
		a := RoutedAddress(rs)
		fmt.Fprintf(&text, " neighbor %s remote-as %d\n neighbor %s ebgp-multihop 2\n neighbor %s update-source %s\n neighbor %s timers %d %d\n neighbor %s timers connect 1\n neighbor %s advertisement-interval 0\n",
			a, RouterAS, a, a, RoutedAddress(host), a, hold/3, hold, a, a)
		if r.BFD.On() {
			fmt.Fprintf(&text, " neighbor %s bfd\n neighbor %s bfd profile fast\n", a, a)
		}
	}
	fmt.Fprintf(&text, " address-family ipv4 unicast\n  network %s/32\n", RoutedVIP)
	for _, rs := range []string{RS1, RS2} {
		fmt.Fprintf(&text, "  neighbor %s route-map out out\n", RoutedAddress(rs))
	}
	dir := w.Dir + "/" + host
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	programs, err := routeserver.FRRPrograms(dir, text.String(), r.BFD)
	if err != nil {
		return err
	}
	routeserver.Hurry(programs)
	return w.startAll(host, programs)
}
