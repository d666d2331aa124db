package config

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"
)

// Resolve finds which node this machine is, by the first that tells: the name that
// the user gave (--node), the host's name or its first label, an address that the
// machine has. It sets cfg.Self, and what the
// file names by node to the node's own, and returns the name. When nothing tells, or a name and
// an address tell different things, the error lists the nodes.
func Resolve(cfg *Config, node, hostname string, local []netip.Addr) (string, error) {
	if node != "" {
		if _, ok := cfg.Node(node); !ok {
			names := nodeNames(cfg)
			return "", fmt.Errorf("%s: node %q is not in the configuration: %s; it has %s", cfg.File, node, didYouMean(node, names), listed(names))
		}
		cfg.become(node)
		return node, nil
	}
	byName := byHostname(cfg, hostname)
	byAddress := byAddresses(cfg, local)
	switch {
	case byName != "" && (len(byAddress) == 0 || slices.Contains(byAddress, byName)):
		cfg.become(byName)
	case byName != "":
		return "", fmt.Errorf("%s: this machine is named like node %q but has an address of %s: say which it is with --node", cfg.File, byName, listed(byAddress))
	case len(byAddress) == 1:
		cfg.become(byAddress[0])
	case len(byAddress) > 1:
		return "", fmt.Errorf("%s: this machine has addresses of %d nodes: say which it is with --node: %s", cfg.File, len(byAddress), listed(byAddress))
	default:
		return "", fmt.Errorf("%s: this machine (%q) is none of the nodes: neither its name nor an address of it is there: say which it is with --node: %s",
			cfg.File, hostname, nodesWithAddresses(cfg))
	}
	return cfg.Self, nil
}

func byHostname(cfg *Config, hostname string) string {
	label, _, _ := strings.Cut(hostname, ".")
	for _, want := range []string{hostname, label} {
		for _, n := range cfg.Nodes {
			if want != "" && strings.EqualFold(n.Name, want) {
				return n.Name
			}
		}
	}
	return ""
}

func byAddresses(cfg *Config, local []netip.Addr) []string {
	var names []string
	for _, n := range cfg.Nodes {
		if slices.ContainsFunc(n.Addresses, func(a netip.Addr) bool { return slices.Contains(local, a) }) {
			names = append(names, n.Name)
		}
	}
	return names
}

func nodeNames(cfg *Config) []string {
	names := make([]string, len(cfg.Nodes))
	for i, n := range cfg.Nodes {
		names[i] = n.Name
	}
	return names
}

func nodesWithAddresses(cfg *Config) string {
	var list []string
	for _, n := range cfg.Nodes {
		text := n.Name
		for _, a := range n.Addresses {
			text += " " + a.String()
		}
		list = append(list, text)
	}
	return listed(list)
}
