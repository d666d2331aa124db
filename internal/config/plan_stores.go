package config

import (
	"fmt"
	"maps"
	"slices"
	"strings"
)

// PlanGate is what holds a workload back, in words.
type PlanGate struct {
	Site      string   `json:"site,omitempty"` // of the node that the plan is about
	Sites     []string `json:"sites"`
	Preferred string   `json:"preferred,omitempty"`
	FlatlineS float64  `json:"flatline_s"`   // the other site has flatlined after
	StopS     float64  `json:"stop_after_s"` // a site that cannot write stops after
	Command   []string `json:"exec,omitempty"`
	Words     []string `json:"words"`
}

// PlanLease is an election that is decided in a store.
type PlanLease struct {
	Store   string  `json:"store"`
	TTLMS   float64 `json:"ttl_ms"`
	RenewMS float64 `json:"renew_ms"`
	OnLoss  string  `json:"on_store_loss"`
}

func (c *Config) planStores() []string {
	var list []string
	for i := range c.Stores {
		s := &c.Stores[i]
		list = append(list, fmt.Sprintf("%s: %s, at most %s for an operation", s.Name, clipped(s.URL), length(s.Timeout)))
	}
	return list
}

func planLease(e Election) *PlanLease {
	if e.Right == nil {
		return nil
	}
	return &PlanLease{Store: e.Right.Store, TTLMS: milliseconds(e.Right.TTL), RenewMS: milliseconds(e.Right.Renew), OnLoss: e.Right.OnLoss}
}

// leaseWords tells who serves when where a store decides.
func leaseWords(g *Group) []string {
	r := g.Election.Right
	order := withPriorities(g)
	words := []string{order[0] + " is preferred"}
	if len(order) > 1 {
		words[0] += ", then " + strings.Join(order[1:], ", ")
	}
	words = append(words, fmt.Sprintf("one node has the lease in store %s at a time: renewed every %s, and a silent holder is replaced %s after its last renewal",
		r.Store, length(r.Renew), length(r.TTL)))
	switch r.OnLoss {
	case StoreLossHold:
		words = append(words, "an active node that cannot reach the store goes on: another that reaches it may serve as well")
	case StoreLossPeer:
		words = append(words, fmt.Sprintf("an active node that cannot reach the store goes on while every other member hears it (heartbeats every %s) and agrees; else it releases before the lease ends",
			length(g.Election.Interval)))
	default:
		words = append(words, "an active node that cannot reach the store releases before the lease ends: without the store nobody serves")
	}
	return append(words, takeOver(g, len(order))...)
}

// planGate is the gate of one node, or of all.
func (c *Config) planGate(node string) *PlanGate {
	g := c.Gate
	if own := c.Gate.For(node); node != "" {
		g = own
	}
	if g == nil {
		return nil
	}
	p := &PlanGate{Sites: g.Pair[:], Preferred: g.Favourite, FlatlineS: g.Flatline.Seconds(), StopS: g.StopAfter.Seconds(), Command: g.Command}
	if node != "" {
		p.Site = g.Site
	}
	p.Words = append(p.Words, fmt.Sprintf("between %s and %s; guarded by: %s", g.Pair[0], g.Pair[1], byNode(g.Sites)))
	p.Words = append(p.Words, g.verdictWords()...)
	if g.Right {
		p.Words = append(p.Words, fmt.Sprintf("the right to run is kept in store %s: one site has it, with an epoch that grows with each claim", g.Store))
	} else {
		p.Words = append(p.Words, "no right is claimed: the sites are kept apart by time alone")
	}
	t := g.Timing(c.GateTimeout())
	p.Words = append(p.Words, fmt.Sprintf("a site that cannot write for %s stops its workload, and kills it %s later; the other waits %s, more than %s",
		length(g.StopAfter), length(g.Grace), length(g.Flatline), t.Arithmetic()))
	p.Words = append(p.Words, g.workloadWords()...)
	return p
}

// verdictWords tell when the other site counts as flatlined.
func (g *Gate) verdictWords() []string {
	how := "all witnesses that it lives have"
	if g.Any {
		how = "any witness that it lives has"
	}
	words := []string{fmt.Sprintf("the other site has flatlined when %s seen nothing new for %s: %s", how, length(g.Flatline), witnessWords(g.Witnesses))}
	if g.Favourite != "" {
		words[0] += "; " + g.Favourite + " starts where the other was never seen"
	}
	switch {
	case g.Never == NeverWait:
		words = append(words, "a site that was never seen is no dead one: nobody starts because of it")
	case g.Never == NeverFlatlined:
		words = append(words, "a site that was never seen counts as flatlined")
	}
	if g.OpenAfter > 0 {
		return append(words, fmt.Sprintf("a gate that cannot tell opens after %s", length(g.OpenAfter)))
	}
	return append(words, "a gate that cannot tell stays closed")
}

// workloadWords tell what the gate does for its own site.
func (g *Gate) workloadWords() []string {
	var words []string
	if g.Beat == 0 {
		words = append(words, "no heartbeat of this site is written")
	} else {
		words = append(words, fmt.Sprintf("its own heartbeat is written every %s (%s)", length(g.Beat), g.Format))
	}
	for _, node := range slices.Sorted(maps.Keys(g.Listens)) {
		words = append(words, fmt.Sprintf("%s hears the other site at UDP %s, and sends to %s", node, g.Listens[node], orNone(strings.Join(g.SendTo[node], ", "))))
	}
	text := "workload " + commandWords(g.Command)
	if g.User != "" {
		text += ", as user " + g.User
	}
	if g.EpochFile != "" {
		text += ", its epoch in " + g.EpochFile
	}
	words = append(words, text)
	if p := g.Progress; p != nil {
		words = append(words, "work: "+p.words(g.Right))
	}
	return words
}

func (p *PlanGate) writeText(b *strings.Builder, node string) {
	b.WriteString("gate")
	if p.Site != "" {
		fmt.Fprintf(b, ": %s guards site %s", node, p.Site)
	}
	b.WriteString("\n")
	for _, line := range p.Words {
		fmt.Fprintf(b, "  %s\n", line)
	}
}

// words tells what comes of work that stands still.
func (p *GateProgress) words(right bool) string {
	what := fmt.Sprintf("the right goes to the other site if that one lives, and a right that was handed over is kept for %s", length(p.Pause))
	if !right {
		what = "it is told, and nothing follows from it"
	}
	return fmt.Sprintf("%s; read every %s; then %s", p.Words(), length(p.Interval), what)
}

// Words tells what has to move, and when it counts as standing still.
func (p *Progress) Words() string {
	text := p.At.words()
	if p.End != nil {
		return fmt.Sprintf("%s towards %s, stalled when it stands still for %s while there is work left", text, p.End.words(), length(p.Stalled))
	}
	return fmt.Sprintf("%s, stalled when it stands still for %s", text, length(p.Stalled))
}

func (n Number) words() string {
	if n.Pointer == "" {
		return clipped(n.From)
	}
	return clipped(n.From) + " at " + clipped(n.Pointer)
}
