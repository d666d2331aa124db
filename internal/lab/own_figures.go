package lab

import "stead/internal/lab/routeserver"

// What the original trials measured, by hand, in a cloud.
const (
	trialsOwn    = "the original trial, the address moved by hand over the same kind of VXLAN: < 100 ms, as far as a client that asks every 100 ms can tell"
	trialsOwnBGP = "the original trial, ExaBGP with scripts beside two route servers of a cloud: 1 to 5 s, and 30 s more for a change soon after another; " +
		"ExaBGP: version 4.2.21 on the same segment and with the same route servers as here"
)

// own is what a fault cost in the original trial, and what ExaBGP, which it used,
// costs on a network like this one.
type own struct{ trial, bird, frr string }

// The medians of ExaBGP until the other server served. With the hold time that
// it offers by default, 180 s, a silent fault lasts three minutes.
var ownFigures = map[string]own{
	"switchover": {trial: "1 to 5 s"},
	"drain":      {trial: "1 to 5 s"},
	"sharing":    {trial: "equal AS_PATHs: both answer"},
	"sigterm":    {"1 to 5 s", "2 ms", "81 ms"},
	"sigkill":    {"1 to 5 s", "5 ms", "77 ms"},
	"freeze":     ownSilent,
	"cut":        ownSilent,
	"blackhole":  ownSilent,
	"recover":    {"1 to 5 s", "0.3 s", "0.35 s"},
}

var ownSilent = own{"the hold time", "164 s (hold 180 s), 6.4 s (9 s), 2.3 s (3 s)", "177 s (hold 180 s), 7.4 s (9 s), 2.5 s (3 s)"}

// ownFigure is what is shown beside a fault; nothing where nothing was measured.
func ownFigure(fault, router string) string {
	o, ok := ownFigures[fault]
	if !ok {
		return ""
	}
	exabgp := o.bird
	if router == routeserver.FRR {
		exabgp = o.frr
	}
	if exabgp == "" {
		return o.trial
	}
	return o.trial + "; ExaBGP " + exabgp
}
