package lab

import "net/netip"

// The hosts of the trial.
const (
	primary   = "primary"
	secondary = "secondary"
	client    = "client"
	rs1       = "rs1" // the route servers, in NetworkBGP
	rs2       = "rs2"
)

// addressing is which addresses a trial uses: its underlay, its overlay where it
// has one, and the address that moves.
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

// In NetworkBGP no subnet holds the address that moves: hosts find it through the
// route servers, or not at all.
var bgpIPv4 = addressing{
	underlay: map[string]netip.Addr{
		primary: netip.MustParseAddr("10.0.1.10"), secondary: netip.MustParseAddr("10.0.1.20"), client: netip.MustParseAddr("10.0.1.4"),
		rs1: netip.MustParseAddr("10.0.1.2"), rs2: netip.MustParseAddr("10.0.1.3"),
	},
	service: netip.MustParsePrefix("10.1.0.5/32"),
}

var bgpIPv6 = addressing{
	underlay: map[string]netip.Addr{
		primary: netip.MustParseAddr("fd00:10:0:1::10"), secondary: netip.MustParseAddr("fd00:10:0:1::20"), client: netip.MustParseAddr("fd00:10:0:1::4"),
		rs1: netip.MustParseAddr("fd00:10:0:1::2"), rs2: netip.MustParseAddr("fd00:10:0:1::3"),
	},
	service: netip.MustParsePrefix("fd00:10:1::5/128"),
}

func trialAddressing(opt *Options) *addressing {
	switch {
	case opt.bgp() && opt.IPv6:
		return &bgpIPv6
	case opt.bgp():
		return &bgpIPv4
	case opt.IPv6:
		return &trialIPv6
	}
	return &trialIPv4
}

// trialHosts are the hosts of the trial, the servers first.
func trialHosts(opt *Options) (specs []HostSpec) {
	names := []string{primary, secondary, client}
	if opt.bgp() {
		names = []string{primary, secondary, rs1, rs2, client}
	}
	for _, name := range names {
		specs = append(specs, HostSpec{Name: name, Address: trialAddressing(opt).underlay[name]})
	}
	return specs
}
