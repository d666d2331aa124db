package lab

import "net/netip"

// The hosts of the trial.
const (
	primary   = "primary"
	secondary = "secondary"
	client    = "client"
)

// addressing is which addresses a trial uses: its underlay, its overlay and the
// address that moves.
type addressing struct {
	underlay map[string]netip.Addr
	overlay  map[string]netip.Prefix
	service  netip.Prefix
}

var trialIPv4 = addressing{
	underlay: map[string]netip.Addr{
		primary: netip.MustParseAddr("10.0.1.10"), secondary: netip.MustParseAddr("10.0.1.20"), client: netip.MustParseAddr("10.0.1.4"),
	},
	overlay: map[string]netip.Prefix{
		primary: netip.MustParsePrefix("192.168.0.10/24"), secondary: netip.MustParsePrefix("192.168.0.20/24"), client: netip.MustParsePrefix("192.168.0.4/24"),
	},
	service: netip.MustParsePrefix("192.168.0.200/24"),
}

var trialIPv6 = addressing{
	underlay: map[string]netip.Addr{
		primary: netip.MustParseAddr("fd00:10:0:1::10"), secondary: netip.MustParseAddr("fd00:10:0:1::20"), client: netip.MustParseAddr("fd00:10:0:1::4"),
	},
	overlay: map[string]netip.Prefix{
		primary: netip.MustParsePrefix("fd00:192:168::10/64"), secondary: netip.MustParsePrefix("fd00:192:168::20/64"), client: netip.MustParsePrefix("fd00:192:168::4/64"),
	},
	service: netip.MustParsePrefix("fd00:192:168::200/64"),
}

func trialAddressing(ipv6 bool) *addressing {
	if ipv6 {
		return &trialIPv6
	}
	return &trialIPv4
}

// trialHosts are the hosts of the trial, the servers first.
func trialHosts(ipv6 bool) (specs []HostSpec) {
	for _, name := range []string{primary, secondary, client} {
		specs = append(specs, HostSpec{Name: name, Address: trialAddressing(ipv6).underlay[name]})
	}
	return specs
}
