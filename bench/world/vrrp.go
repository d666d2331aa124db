package world

import (
	"fmt"
	"net/netip"
	"os"
	"os/exec"
	"strings"
	"time"
)

// SteadVRRP is the binary of this tree deciding by VRRP version 3 as keepalived
// does, with heartbeats beside it or without.
func SteadVRRP(binary string, interval time.Duration, heartbeats bool) Pair {
	p := Pair{Name: "Stead VRRP " + words(interval), VIP: netip.MustParseAddr("10.0.1.200"), Device: "eth0", Fail: failFile, Slow: interval}
	detect := "detect: advertisement"
	if heartbeats {
		p.Name += ", heartbeats"
		detect = "detect: heartbeat, timing: fast"
	}
	p.Start = func(w *World) error {
		for _, host := range []string{Primary, Secondary} {
			if err := startSteadVRRP(w, binary, host, interval, detect); err != nil {
				return err
			}
		}
		return nil
	}
	p.Switchover = func(w *World, from, _ string) error {
		return w.In(from, func() error {
			text, err := exec.Command(binary, "drain", "--wait", "--socket", w.Dir+"/"+from+".sock").CombinedOutput()
			if err != nil {
				return fmt.Errorf("drain: %w: %s", err, text)
			}
			return nil
		})
	}
	return p
}

func startSteadVRRP(w *World, binary, host string, interval time.Duration, detect string) error {
	check := ""
	if w.Checked {
		if err := passFile(w, host); err != nil {
			return err
		}
		check = fmt.Sprintf("    checks: { health: { file: %s, expect: \"0\", interval: 10ms, rise: 1, fall: 1, fatal: true } }\n", checkFile(w, host))
	}
	if err := os.WriteFile(w.Dir+"/key", []byte(strings.Repeat("0123456789abcdef", 2)), 0o600); err != nil {
		return err
	}
	file := w.Dir + "/" + host + ".yaml"
	text := fmt.Sprintf(`nodes:
  primary: { address: 10.0.1.10 }
  secondary: { address: 10.0.1.20 }
security: { key_file: %s }
groups:
  web:
    members: { primary: 200, secondary: 100 }
    election: { type: vrrp, vrid: 51, interval: %v, %s }
    addresses: [ { address: 10.0.1.200/24, interface: eth0 } ]
%scontrol: { socket: %s }
state: { dir: %s }
`, w.Dir+"/key", interval, detect, check, w.Dir+"/"+host+".sock", w.Dir+"/"+host)
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		return err
	}
	return w.Start(host, binary, "run", "-c", file, "--node", host)
}
