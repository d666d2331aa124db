package assemble

import (
	"stead/internal/config"
	"stead/internal/core/gate"
)

// Gate returns what the machine of the gate of this node has to know; false where
// the node has none. Witnesses are in the order of config.Gate.Witnesses. Session
// is the random number of this run, not 0.
func Gate(cfg *config.Config, session uint64) (*gate.Config, bool) {
	g := cfg.Gate
	if g == nil || g.Site == "" {
		return nil, false
	}
	times := g.Timing(cfg.GateTimeout())
	out := &gate.Config{
		Site: g.Site, Other: g.Other, Preferred: g.Preferred,
		Any: g.Any, Flatline: g.Flatline, Never: never[g.Never], OpenAfter: g.OpenAfter,
		Grace: g.Grace, Beat: g.Beat, StopAfter: g.StopAfter,
	}
	if g.Progress != nil {
		out.StallPause = g.Progress.Pause
	}
	for _, w := range g.Witnesses {
		seen := gate.Witness{Name: w.Name}
		if !w.Network {
			seen.Every = times.Look()
		}
		out.Witnesses = append(out.Witnesses, seen)
	}
	if g.Right {
		right := times.Lease(g.Site, session, g.Preferred)
		out.Right = &right
	}
	return out, true
}

var never = map[string]gate.Policy{
	config.NeverAuto:      gate.NeverAuto,
	config.NeverWait:      gate.NeverWait,
	config.NeverFlatlined: gate.NeverFlatlined,
}
