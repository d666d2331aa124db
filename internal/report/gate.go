package report

import (
	"fmt"
	"strings"
)

// Gate is the gate of the site that the node is in.
type Gate struct {
	Site       string        `json:"site"`
	Other      string        `json:"other"`
	Phase      string        `json:"phase"`
	Open       bool          `json:"open"` // the workload may run
	Verdict    string        `json:"verdict"`
	Reason     string        `json:"reason"`
	Detail     string        `json:"detail,omitempty"`
	Epoch      uint64        `json:"epoch"` // with which the workload runs; 0: it does not
	Holder     string        `json:"holder,omitempty"`
	RightState string        `json:"right_state,omitempty"`
	Witnesses  []GateWitness `json:"witnesses,omitempty"`
	Trouble    string        `json:"trouble,omitempty"` // why the gate does not do its work
}

// GateWitness is what one witness says of the other site.
type GateWitness struct {
	Name    string `json:"name"`
	Verdict string `json:"verdict"`
	Detail  string `json:"detail,omitempty"`
}

// Text is the gate as status prints it.
func (g *Gate) Text() string {
	var b strings.Builder
	state := "closed"
	if g.Open {
		state = fmt.Sprintf("open, epoch %d", g.Epoch)
	}
	fmt.Fprintf(&b, "gate of %s: %s", g.Site, state)
	if g.Holder != "" {
		fmt.Fprintf(&b, "; the right is %s by %s", g.RightState, g.Holder)
	}
	fmt.Fprintf(&b, "\n  %s is %s: %s\n", g.Other, g.Verdict, Printable(g.Detail, 200))
	for _, w := range g.Witnesses {
		fmt.Fprintf(&b, "  witness %s: %s: %s\n", w.Name, w.Verdict, Printable(w.Detail, 200))
	}
	return b.String()
}

func (g *Gate) problems() []string {
	if g == nil || g.Trouble == "" {
		return nil
	}
	return []string{fmt.Sprintf("gate of %s: %s", g.Site, Printable(g.Trouble, 200))}
}
