package config

import (
	"net/netip"
	"testing"
)

func TestResolve(t *testing.T) {
	const text = `nodes:
  primary:   { address: 10.0.1.10 }
  secondary: { address: 10.0.1.20 }
security: { key_file: /etc/stead/key }
`
	primary, secondary := netip.MustParseAddr("10.0.1.10"), netip.MustParseAddr("10.0.1.20")
	other := netip.MustParseAddr("192.0.2.1")
	for _, tc := range []struct {
		name, node, hostname string
		local                []netip.Addr
		want, err            string
	}{
		{name: "the flag wins", node: "primary", hostname: "secondary", local: []netip.Addr{secondary}, want: "primary"},
		{name: "the host's name", hostname: "secondary", want: "secondary"},
		{name: "its first label", hostname: "Secondary.example.net", local: []netip.Addr{other, secondary}, want: "secondary"},
		{name: "an address", hostname: "box", local: []netip.Addr{other, primary}, want: "primary"},
		{name: "an unknown flag", node: "primry",
			err: `stead.yaml: node "primry" is not in the configuration: did you mean "primary"?; it has primary, secondary`},
		{name: "addresses of two nodes", hostname: "box", local: []netip.Addr{primary, secondary},
			err: `stead.yaml: this machine has addresses of 2 nodes: say which it is with --node: primary, secondary`},
		{name: "name and address differ", hostname: "primary", local: []netip.Addr{secondary},
			err: `stead.yaml: this machine is named like node "primary" but has an address of secondary: say which it is with --node`},
		{name: "nothing tells", hostname: "box", local: []netip.Addr{other},
			err: `stead.yaml: this machine ("box") is none of the nodes: neither its name nor an address of it is there: say which it is with --node: primary 10.0.1.10, secondary 10.0.1.20`},
	} {
		t.Run(tc.name, func(t *testing.T) {
			cfg, err := Parse("stead.yaml", []byte(text))
			if err != nil {
				t.Fatal(err)
			}
			got, err := Resolve(cfg, tc.node, tc.hostname, tc.local)
			if got != tc.want || cfg.Self != tc.want {
				t.Errorf("got %q, Self %q, want %q", got, cfg.Self, tc.want)
			}
			if (err == nil) != (tc.err == "") || err != nil && err.Error() != tc.err {
				t.Errorf("error %v\nwant  %s", err, tc.err)
			}
		})
	}
}
