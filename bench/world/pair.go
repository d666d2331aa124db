package world

import (
	"fmt"
	"net/netip"
	"os"
	"os/exec"
	"strings"
	"time"
)

// Pair is a way to keep an address on one of two hosts.
type Pair struct {
	Name   string
	VIP    netip.Addr
	Device string // on which the client reaches it
	Start  func(*World) error
	// Switchover moves the address as planned work; nil: it has no such command.
	Switchover func(w *World, from, to string) error
	// Fail lets the health check of a host fail; nil: it has none.
	Fail func(w *World, host string) error
	// Slow is how long it waits by design before it acts: an advertisement
	// interval of VRRP; 0: milliseconds.
	Slow time.Duration
	// Routing is what the route servers run; nil: the pair is on a LAN.
	Routing *Routing
	// Again starts a host that was stopped; only with Routing.
	Again func(w *World, host string) error
}

// Keepalived is keepalived as the distribution has it, with VRRP version 3, at
// real-time priority. Its fastest legal setting is an advertisement each 10 ms.
func Keepalived(interval time.Duration) Pair {
	return Pair{
		Name: "keepalived " + words(interval), VIP: netip.MustParseAddr("10.0.1.200"), Device: "eth0",
		Start: func(w *World) error { return startKeepalived(w, interval) },
		Fail:  failFile, Slow: interval,
	}
}

// words is a duration as people write it.
func words(d time.Duration) string {
	if d%time.Second == 0 {
		return fmt.Sprintf("%d s", d/time.Second)
	}
	return fmt.Sprintf("%d ms", d/time.Millisecond)
}

// The check of VRRP pairs looks into a file.
func checkFile(w *World, host string) string { return w.Dir + "/" + host + ".check" }

func failFile(w *World, host string) error {
	return os.WriteFile(checkFile(w, host), []byte("1\n"), 0o600)
}

func passFile(w *World, host string) error {
	return os.WriteFile(checkFile(w, host), []byte("0\n"), 0o600)
}

func startKeepalived(w *World, interval time.Duration) error {
	for _, host := range []struct{ name, priority string }{{Primary, "200"}, {Secondary, "100"}} {
		file, check, track := w.Dir+"/"+host.name+".conf", "", ""
		if w.Checked {
			if err := passFile(w, host.name); err != nil {
				return err
			}
			check = fmt.Sprintf("track_file check {\n  file %q\n  weight 0\n}\n", checkFile(w, host.name))
			track = "  track_file {\n    check weight 0\n  }\n"
		}
		text := fmt.Sprintf(`global_defs {
  router_id %s
  vrrp_version 3
  vrrp_rt_priority 50
  vrrp_no_swap
}
%svrrp_instance web {
  state BACKUP
  interface eth0
  virtual_router_id 51
  priority %s
  advert_int %g
%s  virtual_ipaddress {
    10.0.1.200/24 dev eth0
  }
}
`, host.name, check, host.priority, interval.Seconds(), track)
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			return err
		}
		base := w.Dir + "/" + host.name
		err := w.Start(host.name, "keepalived", "--dont-fork", "--log-console", "--vrrp", "-f", file,
			"-p", base+".pid", "-r", base+".vrrp.pid")
		if err != nil {
			return err
		}
	}
	return nil
}

// Stead is the binary of this tree at a timing, with the client as the third
// voter, on the LAN or on an overlay; without quorum there is no third voter.
func Stead(binary, timing string, overlay, quorum bool) Pair {
	p := Pair{Name: "Stead " + timing, VIP: netip.MustParseAddr("10.0.1.200"), Device: "eth0"}
	if overlay {
		p.Name, p.VIP, p.Device = p.Name+", overlay", netip.MustParseAddr("192.168.0.200"), "vxlan0"
	}
	if !quorum {
		p.Name += ", no quorum"
	}
	p.Start = func(w *World) error {
		hosts := []string{Client, Primary, Secondary}
		if !quorum {
			hosts = hosts[1:]
		}
		for _, host := range hosts {
			if err := startStead(w, binary, host, p, timing, quorum); err != nil {
				return err
			}
		}
		return nil
	}
	p.Switchover = func(w *World, from, to string) error {
		return w.In(from, func() error {
			text, err := exec.Command(binary, "switchover", "web", "--to", to, "--socket", w.Dir+"/"+from+".sock").CombinedOutput()
			if err != nil {
				return fmt.Errorf("switchover: %w: %s", err, text)
			}
			return nil
		})
	}
	return p
}

func startStead(w *World, binary, host string, p Pair, timing string, quorum bool) error {
	third, overlay := "", ""
	if quorum {
		third = "  client: { address: 10.0.1.4, role: witness }\n"
	}
	if p.Device == "vxlan0" {
		overlay = `overlays:
  vxlan0:
    type: vxlan
    vni: 10
    underlay: eth0
    addresses: { primary: 192.168.0.10/24, secondary: 192.168.0.20/24, client: 192.168.0.4/24 }
`
	}
	text := fmt.Sprintf(`nodes:
  primary: { address: 10.0.1.10 }
  secondary: { address: 10.0.1.20 }
%ssecurity: { key_file: %s }
%sgroups:
  web:
    members: { primary: 200, secondary: 100 }
    election: { type: peer, timing: %s, quorum: %t }
    addresses: [ { address: %s/24, interface: %s } ]
control: { socket: %s }
state: { dir: %s }
`, third, w.Dir+"/key", overlay, timing, quorum, p.VIP, p.Device, w.Dir+"/"+host+".sock", w.Dir+"/"+host)
	key := strings.Repeat("0123456789abcdef", 2)
	if err := os.WriteFile(w.Dir+"/key", []byte(key), 0o600); err != nil {
		return err
	}
	file := w.Dir + "/" + host + ".yaml"
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		return err
	}
	return w.Start(host, binary, "run", "-c", file, "--node", host)
}
