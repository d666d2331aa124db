package doctor

import (
	"context"
	"fmt"
	"time"

	"stead/internal/config"
	"stead/internal/core/gate"
)

var (
	gateOwnMissing = &Problem{"gate-own-heartbeat-missing", Warning, "no heartbeat of this site is in a store",
		"the other site takes this one for dead, or never starts, although the daemon runs here", "stead events; see gate in {file}"}
	gateOtherMissing = &Problem{"gate-other-heartbeat-missing", Hint, "no heartbeat of the other site was ever in a store",
		"what a gate takes that for, says `never` in {file}", "look whether the other site beats, and whether it has the same store, prefix and name of its site"}
	gateGarbled = &Problem{"gate-heartbeat-unreadable", Warning, "what is in the place of a heartbeat is none",
		"a gate that sees it cannot tell whether that site lives, and does not open", "look what writes {path} in store {store}: one program, one site, one format"}
)

// gates looks at the heartbeats of both sites as this one sees them.
var gates = Check{
	Name:     "gate",
	Problems: []*Problem{gateOwnMissing, gateOtherMissing, gateGarbled},
	Run: func(ctx context.Context, e *Env) []Finding {
		if e.Config == nil || e.Config.Gate.For(e.Config.Self) == nil {
			return nil
		}
		g := e.Config.Gate.For(e.Config.Self)
		var out []Finding
		for _, w := range g.Witnesses {
			if s, ok := e.Config.Store(w.Store); ok {
				out = append(out, e.beats(ctx, g, s)...)
			}
		}
		times := g.Timing(e.Config.GateTimeout())
		return append(out, fine("times", fmt.Sprintf("flatline %s is more than %s", times.Flatline, times.Arithmetic())))
	},
}

// beats looks at what is in one store. Whether it changes takes longer to see than
// a doctor looks, and no two clocks are compared.
func (e *Env) beats(ctx context.Context, g *config.Gate, s *config.Store) []Finding {
	seen, err := e.Beats(ctx, s, []string{g.Site, g.Other})
	if err != nil {
		return []Finding{unchecked("heartbeats in store "+s.Name, oneLine(err))}
	}
	var out []Finding
	for _, site := range []string{g.Site, g.Other} {
		sample := seen[site]
		path := site + "/heartbeat.txt"
		switch {
		case sample.Sight == gate.Garbled:
			out = append(out, gateGarbled.at(s.Name, fmt.Sprintf("%s: %s", path, sample.Detail), "path", path, "store", s.Name))
		case sample.Sight == gate.Beaten:
			out = append(out, fine(s.Name, fmt.Sprintf("%s: %s", path, beatWords(&sample))))
		case site == g.Other:
			out = append(out, gateOtherMissing.at(s.Name, "there is no "+path, "file", e.File))
		case e.Status != nil && g.Beat > 0:
			out = append(out, gateOwnMissing.at(s.Name, "there is no "+path, "file", e.File))
		}
	}
	return out
}

func beatWords(s *gate.Sample) string {
	text := "heartbeat " + s.Mark
	if s.Epoch > 0 {
		text += fmt.Sprintf(", with the right to run, epoch %d", s.Epoch)
	}
	if !s.At.IsZero() {
		text += ", written at " + s.At.UTC().Format(time.RFC3339) + " by the writer's clock"
	}
	return text
}
