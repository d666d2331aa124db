package config

import "time"

// Store is a place that several nodes or sites reach.
type Store struct {
	Name    string
	URL     string        // what store.Parse reads
	Timeout time.Duration // of one operation: default 1.5 s
}

// Store finds a store by its name.
func (c *Config) Store(name string) (*Store, bool) {
	for i := range c.Stores {
		if c.Stores[i].Name == name {
			return &c.Stores[i], true
		}
	}
	return nil, false
}

// What a gate writes and reads as a heartbeat.
const (
	FormatStead = "stead"
	FormatTicks = "ticks" // the time as .NET ticks in decimal
)

// What a gate takes a witness for that has never seen a heartbeat.
const (
	NeverAuto      = "auto"
	NeverWait      = "wait"
	NeverFlatlined = "flatlined"
)

// What becomes of the right when the gate ends.
const (
	OnStopPark    = "park"    // it is kept for this site, until its time is over
	OnStopRelease = "release" // the other site may have it at once
)

// Gate holds a workload back until this site may run it. It is that of the site
// that the daemon's node is in.
type Gate struct {
	Sites     map[string]string // by node; a node that is not there has no gate
	Site      string            // that of Config.Self; empty when it was not asked for
	Other     string            // and the other one
	Pair      [2]string         // both, sorted
	Favourite string            // `preferred:` the site that starts where nothing was ever heard of the other; empty: neither
	Preferred bool              // it is Site

	Store     string        // where the right is, and the heartbeats where Witnesses says nothing else
	Right     bool          // default true
	Format    string        // of the heartbeat: stead (default) or ticks
	Witnesses []GateWitness // default: the heartbeat in Store
	Any       bool          // `require:` all (default) or any
	Beat      time.Duration // default 5 s; 0: this gate writes no heartbeat
	Flatline  time.Duration // T2, default 10 s
	StopAfter time.Duration // T1, default 6 s
	Grace     time.Duration // default 2 s
	Never     string        // auto (default), wait, flatlined
	OpenAfter time.Duration // 0 (default): a gate that cannot tell stays closed
	OnStop    string        // park (default) or release
	Command   []string      // `exec:` the workload
	User      string
	EpochFile string
	Progress  *GateProgress // nil: the work is not judged

	Listen    string              // where network heartbeats of the other site arrive: address:port; that of Config.Self
	Advertise []string            // `send_to:` host:port of the other site's gate, one for each path; those of Config.Self
	Listens   map[string]string   // Listen by node
	SendTo    map[string][]string // Advertise by node
}

// GateWitness is one way to know whether the other site lives.
type GateWitness struct {
	Name    string
	Store   string // its heartbeat in a store; empty: network
	Network bool   // its heartbeats arrive at Gate.Listen
}

// GateProgress is the work that has to move on while the workload of a site runs:
// where it stands still, the other site gets the right.
type GateProgress struct {
	Progress
	Interval time.Duration // between two looks: default 5 s
	Pause    time.Duration // for how long a right that was handed over is not handed over for a stall: default ten times Stalled, at least 10 min
}

// For is the gate of one node; nil where it has none.
func (g *Gate) For(node string) *Gate {
	if g == nil {
		return nil
	}
	site, ok := g.Sites[node]
	if !ok {
		return nil
	}
	own := *g
	own.Site, own.Other = site, g.Pair[0]
	if own.Other == site {
		own.Other = g.Pair[1]
	}
	own.Preferred = g.Favourite == site
	own.Listen, own.Advertise = g.Listens[node], g.SendTo[node]
	return &own
}

// Network tells whether heartbeats of the other site arrive over the network, or go
// to it that way.
func (g *Gate) Network() bool { return len(g.Listens) > 0 || len(g.SendTo) > 0 }
