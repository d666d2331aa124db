package lab

import (
	"time"

	"stead/internal/lab/routeserver"
)

// budgetKind is which promise a fault is held to.
type budgetKind int

const (
	nothingLost budgetKind = iota + 1 // planned: no request is lost
	resigned                          // the active node gives up by itself, at once
	silent                            // it has to be found missing
	healed                            // a partition ends
)

// Budget is what a fault may cost. Zero values of the durations promise nothing.
type Budget struct {
	Text       string        `json:"text"` // in words
	OutageP50  time.Duration `json:"-"`
	OutageP99  time.Duration `json:"-"`
	SettledMax time.Duration `json:"-"`
	NoLoss     bool          `json:"no_loss"`
	NoDual     bool          `json:"no_dual"`
}

// What the promises are made of. A silent fault takes the lease to be found, the
// rest is for taking over: 15 + 1 and 15 + 5 ms at the fastest timing.
const (
	takeoverP50 = time.Millisecond
	takeoverP99 = 5 * time.Millisecond
	resignP99   = 3 * time.Millisecond
	healSettled = 50 * time.Millisecond
)

// What route servers add: they take an UPDATE, choose, and write the route into
// their kernel. FRR collects changes for some 70 ms. A hold time is up to a second
// longer than it says.
var routersAdd = map[string]time.Duration{"": 0, routeserver.BIRD: 3 * time.Millisecond, routeserver.FRR: 100 * time.Millisecond}

const holdAdds = time.Second

// budgetOf is the promise for a fault.
func budgetOf(f *fault, opt *Options, quorum bool) Budget {
	b := Budget{NoDual: quorum}
	lease, routers := opt.lease(), routersAdd[opt.Router]
	if opt.Election == ElectionNone && opt.BFD == 0 {
		routers += holdAdds
	}
	switch f.budget {
	case nothingLost:
		b.Text, b.NoLoss = "0 lost", true
	case resigned:
		b.OutageP99 = resignP99 + routers
		if f.name == "service" {
			b.OutageP99 += checkFall * opt.checkPeriod() // the check has to fail before anybody resigns
		}
		b.Text = "p99 ≤ " + b.OutageP99.String()
	case silent:
		b.OutageP50, b.OutageP99 = lease+takeoverP50+routers, lease+max(takeoverP99, takeoverP50+routers)
		b.Text = "p50 ≤ " + b.OutageP50.String() + ", p99 ≤ " + b.OutageP99.String()
	case healed:
		b.SettledMax, b.NoDual = healSettled, false
		b.Text = "settled ≤ " + b.SettledMax.String()
	}
	if b.NoDual {
		b.Text += ", never two holders"
	}
	return b
}
