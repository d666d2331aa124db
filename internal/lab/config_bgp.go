package lab

import (
	"strings"
	"text/template"
	"time"

	"stead/internal/lab/routeserver"
)

// The autonomous systems: that of the servers, and that of the route servers,
// which is Azure's.
const (
	serverAS = 65010
	routerAS = 65515
)

// bgpLinger is how long the old path stays after a planned change. A minute
// would do no harm; the trial has to go on.
const bgpLinger = 200 * time.Millisecond

// routedCheckPeriod leaves a busy machine more time: a server that it takes for
// failed while the other one is away is out until routers forget that one.
const routedCheckPeriod = 50 * time.Millisecond

// checkPeriod is how often the service is checked.
func (o *Options) checkPeriod() time.Duration {
	if o.bgp() {
		return routedCheckPeriod
	}
	return checkPeriod
}

// preemptDelay is long enough for every session of a node that comes back: one that
// BFD took down waits for BFD, which begins slowly.
func (o *Options) preemptDelay() time.Duration {
	if o.BFD != 0 {
		return 4 * preemptDelay
	}
	return preemptDelay
}

// The sessions go over two hops, as those with a cloud's route servers do.
var bgpText = template.Must(template.New("stead.yaml").Parse(`# Two servers that announce one address to two route servers. One file for all.
nodes:
  primary:   { address: "{{.Underlay.primary}}" }
  secondary: { address: "{{.Underlay.secondary}}" }
{{- if .Quorum}}
  client:    { address: "{{.Underlay.client}}", role: witness }
{{- end}}
security:
  key_file: {{.Shared}}/key
groups:
  web:
    members: { primary: 200, secondary: 100 }
{{- if .Everyone}}
    election: { type: none }
{{- else}}
    election: { type: peer, timing: {{.Timing}}, quorum: {{.Quorum}} }
    preempt: { enabled: true, delay: {{.PreemptDelay}} }
{{- end}}
    damping: { window: 0s } # faults follow each other here: no route server is to be spared
    addresses:
      - { address: "{{.Service}}", interface: lo }
    checks:
      web: { http: "http://127.0.0.1:{{.Port}}/", interval: {{.CheckPeriod}}, timeout: {{.CheckPeriod}}, rise: 2, fall: {{.CheckFall}}, fatal: true }
    bgp:
      linger: {{.Linger}}
{{- if and .Everyone (not .Equal)}}
      per_node: { secondary: { prepend: 2 } }
{{- end}}
bgp:
  local_as: {{.AS}}
  router_id: { primary: 10.0.1.10, secondary: 10.0.1.20 }
  peers:
{{- range .Routers}}
    {{.Name}}: { address: "{{.Address}}", as: {{$.RouterAS}}, hold_time: {{$.Hold}}, multihop: 2
{{- if $.BFD}}, bfd: { interval: {{$.BFD}}, multiplier: {{$.Multiplier}} }{{end}} }
{{- end}}
control: { socket: {{.Host}}/stead.sock }
http:    { listen: "127.0.0.1:9177" }
state:   { dir: {{.Host}}/state }
`))

// bgpConfigFor is the configuration file of a trial in NetworkBGP.
func bgpConfigFor(opt *Options, v variant) (string, error) {
	addresses := trialAddressing(opt)
	var b strings.Builder
	bfd := ""
	if opt.BFD != 0 {
		bfd = opt.BFD.String()
	}
	err := bgpText.Execute(&b, map[string]any{
		"Underlay": addresses.underlay, "Service": addresses.service, "Routers": routers(opt),
		"Quorum": v.quorum && !v.everyone(opt), "Everyone": v.everyone(opt), "Equal": v.shared,
		"Timing": opt.Timing, "Port": servicePort, "PreemptDelay": opt.preemptDelay(),
		"CheckPeriod": opt.checkPeriod(), "CheckFall": checkFall, "Linger": bgpLinger,
		"AS": serverAS, "RouterAS": routerAS, "Hold": opt.Hold, "BFD": bfd, "Multiplier": bfdMultiplier,
		"Shared": SharedDir, "Host": HostDir,
	})
	return b.String(), err
}

// routers are the route servers of a trial.
func routers(opt *Options) (specs []HostSpec) {
	for _, name := range []string{rs1, rs2} {
		specs = append(specs, HostSpec{Name: name, Address: trialAddressing(opt).underlay[name]})
	}
	return specs
}

// routerConfig is what a route server is to do.
func routerConfig(opt *Options, h *Host) *routeserver.Config {
	addresses := trialAddressing(opt)
	c := &routeserver.Config{
		Address: h.Address, ID: bgpIPv4.underlay[h.Name].String(), AS: routerAS, NodeAS: serverAS, Hold: opt.Hold, Realtime: true,
		BFD: routeserver.BFD{Interval: opt.BFD, Multiplier: bfdMultiplier},
	}
	for _, name := range []string{primary, secondary} {
		c.Nodes = append(c.Nodes, addresses.underlay[name])
	}
	return c
}
