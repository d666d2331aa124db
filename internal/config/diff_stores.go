package config

import (
	"fmt"
	"maps"
	"slices"
	"strings"
)

// stores compares the places that were opened at the start.
func (d *differ) stores(old, new *Config) {
	for i := range new.Stores {
		s := &new.Stores[i]
		where := fmt.Sprintf("store %q", s.Name)
		was, ok := old.Store(s.Name)
		switch {
		case !ok:
			d.restart(where, "is new")
			continue
		case was.URL != s.URL:
			d.restart(where, "url %s becomes %s", was.URL, s.URL)
		}
		if was.Timeout != s.Timeout {
			d.restart(where, "timeout %s becomes %s", length(was.Timeout), length(s.Timeout))
		}
	}
	for i := range old.Stores {
		if _, ok := new.Store(old.Stores[i].Name); !ok {
			d.restart(fmt.Sprintf("store %q", old.Stores[i].Name), "is gone")
		}
	}
}

// lease compares what decides an election in a store, and the store that votes.
func (d *differ) lease(where string, was, now Election) {
	if was.Witness != now.Witness {
		d.restart(where, "witness.store %s becomes %s", orNone(was.Witness), orNone(now.Witness))
	}
	a, b := was.Right, now.Right
	if a == nil || b == nil {
		return
	}
	if a.Store != b.Store {
		d.restart(where, "store %s becomes %s", a.Store, b.Store)
	}
	if a.TTL != b.TTL {
		d.add(where, "ttl %s becomes %s", length(a.TTL), length(b.TTL))
	}
	if a.Renew != b.Renew {
		d.add(where, "renew %s becomes %s", length(a.Renew), length(b.Renew))
	}
	if a.OnLoss != b.OnLoss {
		d.restart(where, "on_store_loss %s becomes %s", a.OnLoss, b.OnLoss)
	}
}

// gate compares what holds a workload back: it goes on as it began.
func (d *differ) gate(old, new *Config) {
	a, b := old.Gate, new.Gate
	switch {
	case a == nil && b == nil:
		return
	case a == nil:
		d.restart("gate", "is new")
		return
	case b == nil:
		d.restart("gate", "is gone")
		return
	}
	for _, c := range []struct {
		key      string
		old, new string
	}{
		{"site", byNode(a.Sites) + " (" + orNone(a.Site) + ")", byNode(b.Sites) + " (" + orNone(b.Site) + ")"},
		{"other", listed(a.Pair[:]) + " (" + orNone(a.Other) + ")", listed(b.Pair[:]) + " (" + orNone(b.Other) + ")"},
		{"preferred", fmt.Sprintf("%s (%t)", orNone(a.Favourite), a.Preferred), fmt.Sprintf("%s (%t)", orNone(b.Favourite), b.Preferred)},
		{"store", orNone(a.Store), orNone(b.Store)},
		{"right", fmt.Sprint(a.Right), fmt.Sprint(b.Right)},
		{"format", a.Format, b.Format},
		{"witnesses", witnessWords(a.Witnesses), witnessWords(b.Witnesses)},
		{"require", allOrAny(a.Any), allOrAny(b.Any)},
		{"beat", length(a.Beat), length(b.Beat)},
		{"flatline", length(a.Flatline), length(b.Flatline)},
		{"stop_after", length(a.StopAfter), length(b.StopAfter)},
		{"grace", length(a.Grace), length(b.Grace)},
		{"never", a.Never, b.Never},
		{"open_after", length(a.OpenAfter), length(b.OpenAfter)},
		{"on_stop", a.OnStop, b.OnStop},
		{"exec", orNone(commandWords(a.Command)), orNone(commandWords(b.Command))},
		{"user", orNone(a.User), orNone(b.User)},
		{"epoch_file", orNone(a.EpochFile), orNone(b.EpochFile)},
		{"progress", a.Progress.whole(), b.Progress.whole()},
		{"listen", byNode(a.Listens) + " (" + orNone(a.Listen) + ")", byNode(b.Listens) + " (" + orNone(b.Listen) + ")"},
		{"send_to", sendWords(a), sendWords(b)},
	} {
		if c.old != c.new {
			d.restart("gate", "%s %s becomes %s", c.key, c.old, c.new)
		}
	}
	if commandWords(a.Command) == commandWords(b.Command) && !slices.Equal(a.Command, b.Command) {
		d.restart("gate", "exec changes")
	}
}

// whole is all of it, uncut: none, where there is none.
func (p *GateProgress) whole() string {
	if p == nil {
		return "none"
	}
	number := func(n Number) string { return strings.TrimSuffix(n.From+" at "+n.Pointer, " at ") }
	text := number(p.At)
	if p.End != nil {
		text += " towards " + number(*p.End)
	}
	return fmt.Sprintf("%s (stalled %s, interval %s, pause %s)", text, length(p.Stalled), length(p.Interval), length(p.Pause))
}

func allOrAny(any bool) string {
	if any {
		return "any"
	}
	return "all"
}

// byNode is what each node has: `primary east, secondary west`.
func byNode(of map[string]string) string {
	var texts []string
	for _, node := range slices.Sorted(maps.Keys(of)) {
		texts = append(texts, node+" "+of[node])
	}
	return orNone(strings.Join(texts, ", "))
}

func sendWords(g *Gate) string {
	all := map[string]string{}
	for node, to := range g.SendTo {
		all[node] = strings.Join(to, " ")
	}
	return byNode(all) + " (" + orNone(strings.Join(g.Advertise, " ")) + ")"
}

// witnessWords names the ways to know of the other site.
func witnessWords(list []GateWitness) string {
	texts := make([]string, len(list))
	for i, w := range list {
		texts[i] = w.words()
	}
	return orNone(strings.Join(texts, ", "))
}

func (w GateWitness) words() string {
	text := "its heartbeat in store " + w.Store
	if w.Network {
		text = "its heartbeats over the network"
		if w.Store != "" {
			text += " and in store " + w.Store
		}
	}
	return w.Name + ": " + text
}
