package doctor

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net/netip"
	"path"
	"regexp"
	"slices"
	"strings"

	"stead/internal/config"
	"stead/internal/core/bfd"
)

// bgpPrograms speak BGP or BFD, by their names in /proc/PID/comm.
var bgpPrograms = []string{"bird", "bgpd", "bfdd", "exabgp", "gobgpd"}

// bgpBeside looks for other speakers on this host.
func (e *Env) bgpBeside(peers []config.BGPPeer, paths []bfdPath) (out []Finding) {
	running, err := e.processes()
	if err != nil {
		return []Finding{unchecked("other programs that speak BGP", oneLine(err))}
	}
	for _, name := range bgpPrograms {
		if runs(running, name) || slices.ContainsFunc(running, func(p process) bool { return interprets(p, name) }) {
			out = append(out, bgpSpeaker.at("", name+" runs", "program", name))
		}
	}
	if !e.absent() {
		return out // the ports are the daemon's own
	}
	if port := e.Config.BGP; len(peers) > 0 && port.Port != 0 {
		out = append(out, e.portTaken(bgpPort, "tcp", port.Port)...)
	}
	wanted := map[uint16]bool{}
	for _, p := range paths {
		wanted[bfdPortOf(p.bfd)] = true
	}
	for _, port := range []uint16{bfd.PortSingleHop, bfd.PortMultihop} {
		if wanted[port] {
			out = append(out, e.portTaken(bfdPort, "udp", port)...)
		}
	}
	return out
}

func bfdPortOf(d *config.BFD) uint16 {
	if d.Multihop > 1 {
		return bfd.PortMultihop
	}
	return bfd.PortSingleHop
}

// interprets tells whether a process is an interpreter that runs a program of this name.
func interprets(p process, name string) bool {
	return strings.HasPrefix(p.name, "python") && slices.ContainsFunc(p.args, func(arg string) bool { return path.Base(arg) == name })
}

// portTaken looks who has a port.
func (e *Env) portTaken(problem *Problem, protocol string, port uint16) (out []Finding) {
	for _, file := range []string{protocol, protocol + "6"} {
		text, err := e.ReadFile("/proc/thread-self/net/" + file)
		switch {
		case errors.Is(err, fs.ErrNotExist):
			continue
		case err != nil:
			return append(out, unchecked(fmt.Sprintf("who has %s port %d", protocol, port), oneLine(err)))
		}
		for _, s := range sockets(string(text)) {
			if s.local.Port() == port && (s.state == stateListen || protocol == "udp" && s.remote.Port() == 0) {
				return append(out, problem.at(fmt.Sprintf("%s port %d", protocol, port), "a socket is bound to "+s.local.String(), "port", fmt.Sprint(port), "file", e.File))
			}
		}
	}
	return out
}

// connectedTo tells whether this host has a TCP connection with a peer at a port of BGP.
func (e *Env) connectedTo(a netip.Addr) (bool, error) {
	file := "/proc/thread-self/net/tcp"
	if a.Is6() {
		file += "6"
	}
	text, err := e.ReadFile(file)
	if err != nil {
		return false, err
	}
	return e.Status != nil && slices.ContainsFunc(sockets(string(text)), func(s netSocket) bool {
		return s.state == stateEstablished && s.remote.Addr() == a && (e.bgpPortOf(a) == s.remote.Port() || e.Config.BGP.Port == s.local.Port())
	}), nil
}

func (e *Env) bgpPortOf(a netip.Addr) uint16 {
	for _, p := range e.Config.BGP.Peers {
		if p.Address == a {
			return p.Port
		}
	}
	return 0
}

// What rules name that concern sessions.
var (
	namesBGP = regexp.MustCompile(`tcp dport (bgp|179|\{[^}]*\b(bgp|179)\b[^}]*\})( |$)`)
	namesBFD = regexp.MustCompile(`udp dport (\{[^}]*\b)?(3784|4784|bfd-control|bfd-multi-ctl)\b`)
)

// bgpFiltered reads the rules one by one, as the check packet-filter does. Packets of
// connections that this node has opened are let in everywhere.
func (e *Env) bgpFiltered(ctx context.Context, peers []config.BGPPeer, paths []bfdPath) (out []Finding) {
	waits := slices.ContainsFunc(peers, func(p config.BGPPeer) bool { return p.Passive })
	if !waits && len(paths) == 0 {
		return nil
	}
	rules, err := e.Firewall(ctx)
	if err != nil {
		return []Finding{unchecked("whether the packet filter lets BGP and BFD in", err.Error())}
	}
	if seen := closedBy(rules, namesBGP, "BGP"); waits && seen != "" {
		out = append(out, bgpBlocked.at("BGP", seen, "what", "tcp dport 179"))
	}
	if seen := closedBy(rules, namesBFD, "BFD"); len(paths) > 0 && seen != "" {
		out = append(out, bgpBlocked.at("BFD", seen, "what", "udp dport { 3784, 4784 }"))
	}
	return out
}
