package lab

import (
	"crypto/rand"
	"encoding/hex"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"text/template"
	"time"
)

// What the trial's configuration says, where the trial has to know it too.
const (
	group        = "web"
	overlay      = "vxlan0"
	servicePort  = 3000
	checkPeriod  = 20 * time.Millisecond
	checkFall    = 3 // a busy machine keeps an ordinary process waiting for twice the period
	preemptDelay = time.Second
)

var configText = template.Must(template.New("stead.yaml").Parse(`# The trial: two servers, one client, one address. One file for all three.
nodes:
  primary:   { address: "{{.Underlay.primary}}" }
  secondary: { address: "{{.Underlay.secondary}}" }
  client:    { address: "{{.Underlay.client}}", role: {{.ClientRole}} }
security:
  key_file: {{.Shared}}/key
overlays:
  vxlan0:
    type: vxlan
    vni: 10
    underlay: eth1
    addresses: { primary: "{{.Overlay.primary}}", secondary: "{{.Overlay.secondary}}", client: "{{.Overlay.client}}" }
groups:
  web:
    members: { primary: 200, secondary: 100 }
    election: { type: peer, timing: {{.Timing}} }
    preempt: { enabled: true, delay: {{.PreemptDelay}} }
    addresses:
      - { address: "{{.Service}}", interface: vxlan0 }
    checks:
      web: { http: "http://127.0.0.1:{{.Port}}/", interval: {{.CheckPeriod}}, timeout: {{.CheckPeriod}}, rise: 2, fall: {{.CheckFall}}, fatal: true }
control: { socket: {{.Host}}/stead.sock }
http:    { listen: "127.0.0.1:9177" }
state:   { dir: {{.Host}}/state }
`))

// variant is what faults need that differ in their daemons' configuration.
type variant struct {
	quorum bool
	shared bool // both servers serve, and none is preferred
}

// everyone tells whether there is no election.
func (v variant) everyone(opt *Options) bool { return v.shared || opt.Election == ElectionNone }

// words say what the variant is.
func (v variant) words(opt *Options) string {
	switch {
	case v.shared:
		return "no election, equal AS_PATHs"
	case v.everyone(opt):
		return "no election, the secondary has the longer AS_PATH"
	case v.quorum:
		return "the client is a witness"
	}
	return "no quorum"
}

// configFor is the configuration file of a trial. Without quorum the client
// takes part in the overlay only.
func configFor(opt *Options, v variant) (string, error) {
	if opt.bgp() {
		return bgpConfigFor(opt, v)
	}
	addresses := trialAddressing(opt)
	role := "client"
	if v.quorum {
		role = "witness"
	}
	var b strings.Builder
	err := configText.Execute(&b, map[string]any{
		"Underlay": addresses.underlay, "Overlay": addresses.overlay, "Service": addresses.service,
		"ClientRole": role, "Timing": opt.Timing, "Port": servicePort, "PreemptDelay": preemptDelay,
		"CheckPeriod": checkPeriod, "CheckFall": checkFall, "Shared": SharedDir, "Host": HostDir,
	})
	return b.String(), err
}

// writeConfig writes the file and a fresh key into dir and returns the file's name.
func writeConfig(dir string, opt *Options, v variant) (string, error) {
	text, err := configFor(opt, v)
	if err != nil {
		return "", fmt.Errorf("write the configuration: %w", err)
	}
	key := make([]byte, 32)
	_, _ = rand.Read(key) // never fails
	if err := os.WriteFile(filepath.Join(dir, "key"), []byte(hex.EncodeToString(key)+"\n"), 0o600); err != nil {
		return "", fmt.Errorf("write the key: %w", err)
	}
	name := filepath.Join(dir, "stead.yaml")
	if err := os.WriteFile(name, []byte(text), 0o644); err != nil {
		return "", fmt.Errorf("write the configuration: %w", err)
	}
	return name, nil
}
