package daemon

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// lease is the detection time of the tests' groups: as short as a busy machine
// allows, and long enough to tell before from after.
const (
	interval   = 20 * time.Millisecond
	multiplier = 5
	lease      = interval * multiplier
)

// conf is what differs between the tests' configurations.
type conf struct {
	overlay   bool   // the service addresses are on vxlan0 instead of eth1
	noWitness bool   // two voters only; the client is in the overlay, if there is one
	noQuorum  bool   // three voters, but no quorum
	fence     string // default auto
	preempt   string // default: disabled, so that a group stays where it went
	addresses string // in place of those of the service
	group     string // further keys of the group web
	groups    string // further groups
	top       string // further keys of the file
	state     string // state.dir, in place of one of the host's own
	socket    string // control.socket, likewise
	key       string // the key file, in place of the common one
	election  string // in place of that among nodes

	stores func(host string) string // what stands under stores, as a host has it
}

// The service addresses.
const (
	lanService4, lanService6         = "10.0.1.200", "fd00:1::c8"
	overlayService4, overlayService6 = "192.168.0.200", "fd68::c8"
)

func (c *conf) service() (string, string) {
	if c.overlay {
		return overlayService4, overlayService6
	}
	return lanService4, lanService6
}

// device is the interface of the service addresses.
func (c *conf) device() string {
	if c.overlay {
		return "vxlan0"
	}
	return "eth1"
}

// text is the configuration file of a host.
func (c *conf) text(dir, host string) string {
	or := func(s, otherwise string) string {
		if s == "" {
			return otherwise
		}
		return s
	}
	client, overlay := "  client: { address: 10.0.1.4, role: witness }\n", ""
	switch {
	case c.noWitness && c.overlay:
		client = "  client: { address: 10.0.1.4, role: client }\n"
	case c.noWitness:
		client = ""
	}
	if c.overlay {
		overlay = `overlays:
  vxlan0:
    type: vxlan
    vni: 10
    underlay: eth1
    addresses: { primary: 192.168.0.10/24, secondary: 192.168.0.20/24, client: 192.168.0.4/24 }
`
	}
	v4, v6 := c.service()
	both := fmt.Sprintf("[ { address: %s/24, interface: %s }, { address: \"%s/64\", interface: %s } ]", v4, c.device(), v6, c.device())
	return fmt.Sprintf(`nodes:
  primary: { address: 10.0.1.10 }
  secondary: { address: 10.0.1.20 }
%ssecurity: { key_file: %s }
%s%sgroups:
  web:
    members: { primary: 200, secondary: 100 }
    election: %s
    preempt: %s
    addresses: %s
%s%scontrol: { socket: %s }
state: { dir: %s }
fence: %s
%s`, client, or(c.key, filepath.Join(dir, "key")), overlay, c.storesOf(host),
		or(c.election, fmt.Sprintf("{ type: peer, interval: %s, multiplier: %d%s }", interval, multiplier, c.quorum())), or(c.preempt, "{ enabled: false }"), or(c.addresses, both),
		indent(c.group, 4), indent(c.groups, 2),
		or(c.socket, filepath.Join(dir, host+".sock")), or(c.state, filepath.Join(dir, host+".state")),
		or(c.fence, "auto"), c.top)
}

func (c *conf) storesOf(host string) string {
	if c.stores == nil {
		return ""
	}
	return "stores:\n" + indent(c.stores(host), 2)
}

func (c *conf) quorum() string {
	if c.noQuorum {
		return ", quorum: false"
	}
	return ""
}

// indent shifts the lines of a piece of YAML to the right.
func indent(text string, by int) string {
	var out strings.Builder
	for line := range strings.Lines(text) {
		out.WriteString(strings.Repeat(" ", by) + strings.TrimRight(line, "\n") + "\n")
	}
	return out.String()
}

// writeFile writes a file for the daemon.
func writeFile(t testing.TB, path, text string, mode os.FileMode) {
	t.Helper()
	if err := os.WriteFile(path, []byte(text), mode); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(path, mode); err != nil { // whatever the umask
		t.Fatal(err)
	}
}
