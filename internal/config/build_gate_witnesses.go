package config

import (
	"fmt"
	"maps"
	"slices"
)

// gateWitnesses are the ways to know whether the other site lives.
func (b *builder) gateWitnesses(v *value, g *Gate) {
	list := v.get("witnesses")
	if list == nil {
		if g.Store != "" {
			g.Witnesses = []GateWitness{{Name: g.Store, Store: g.Store}}
		}
	} else if list.ok() && len(list.node.Content) == 0 {
		b.whole(list, "names no witness", "one witness or more", "write witnesses: { NAME: { store: … } }, or leave it off for the heartbeat in store")
	}
	seen := map[string]string{}
	for _, e := range sorted(list) {
		if !e.value.ok() {
			continue
		}
		store, network := e.value.get("store"), e.value.get("network")
		w := GateWitness{Name: e.name, Store: b.namesStore(store), Network: or(network, false)}
		switch {
		case network.ok() && !w.Network:
			b.about(network, "is no witness", "network: true", "write network: true, or store: …")
			continue
		case !w.Network && w.Store == "":
			continue
		}
		at := store
		if w.Network {
			at = network
		}
		if other, taken := seen[w.Store]; taken {
			b.about(at, fmt.Sprintf("is already witness %q", other), "a witness of its own", "two looks at the same heartbeat see the same: remove one")
		}
		seen[w.Store] = e.name
		g.Witnesses = append(g.Witnesses, w)
	}
	if require := v.get("require"); require.ok() && (list == nil || list.ok()) && len(g.Witnesses) < 2 {
		b.about(require, "has no meaning with one witness", "two witnesses or more", "add another one to witnesses, or remove it")
	}
}

// gateNetwork is where heartbeats arrive over the network, and where they go.
func (b *builder) gateNetwork(v *value, g *Gate) {
	listen, to := v.get("listen"), v.get("send_to")
	b.gateListen(listen, g)
	b.gateSendTo(to, g)
	witnesses := v.get("witnesses")
	network := slices.IndexFunc(g.Witnesses, func(w GateWitness) bool { return w.Network })
	switch {
	case network >= 0 && listen == nil:
		b.of(v, "listen is missing", "address:port", fmt.Sprintf("witness %q hears the other site there: add listen: \"[::]:9178\"", g.Witnesses[network].Name))
	case network < 0 && listen != nil && (witnesses == nil || witnesses.ok()):
		b.whole(listen, "has no meaning without a witness that listens", "a witness with network: true",
			"add it to witnesses, beside that of the store: { network: { network: true } }, or remove it")
	}
	switch {
	case to != nil && g.Beat == 0:
		b.whole(to, "has no meaning with beat: 0", "beat: 5s", "no heartbeat is sent: remove it")
	case network >= 0 && to == nil && g.Beat > 0:
		b.notes.of(v, "send_to is missing", "", "the gate of the other site hears nothing of this one over the network: add send_to: [host:9178]")
	}
}

func (b *builder) gateListen(v *value, g *Gate) {
	if !v.ok() {
		return
	}
	g.Listens = map[string]string{}
	if at := or(v, ""); at != "" {
		for node := range g.Sites {
			g.Listens[node] = at
		}
		return
	}
	for _, e := range sorted(v) {
		b.hasGate(e, v, g)
		if at := or(e.value, ""); at != "" {
			g.Listens[e.name] = at
		}
	}
	b.allGates(v, g, slices.Sorted(maps.Keys(g.Listens)))
}

func (b *builder) gateSendTo(v *value, g *Gate) {
	if !v.ok() {
		return
	}
	g.SendTo = map[string][]string{}
	take := func(node string, list *value) {
		if !list.ok() {
			return
		}
		b.unique(list)
		if len(list.items) == 0 {
			b.whole(list, "names nobody", "one host:port or more", "write [host:9178], or leave send_to off")
		}
		g.SendTo[node] = scalars[string](list)
	}
	if len(v.entries) == 0 {
		nodes := slices.Sorted(maps.Keys(g.Sites))
		if len(nodes) > 1 {
			b.whole(v, fmt.Sprintf("is one list for %d nodes", len(nodes)), "a mapping by node", "each site sends to the other: write send_to: { "+nodes[0]+": [host:9178], … }")
			return
		}
		for _, node := range nodes {
			take(node, v)
		}
		return
	}
	for _, e := range sorted(v) {
		b.hasGate(e, v, g)
		take(e.name, e.value)
	}
	b.allGates(v, g, slices.Sorted(maps.Keys(g.SendTo)))
}

// hasGate refuses a node that guards no site.
func (b *builder) hasGate(e entry, in *value, g *Gate) {
	if _, ok := b.cfg.Node(e.name); !ok {
		b.namesNode(e, in)
		return
	}
	if _, ok := g.Sites[e.name]; !ok && len(g.Sites) > 0 {
		b.at(e.key, in.place(), fmt.Sprintf("node %q guards no site", e.name), "one of "+listed(slices.Sorted(maps.Keys(g.Sites))), "name it in site, or remove it here")
	}
}

// allGates refuses a mapping that leaves a node with a gate out.
func (b *builder) allGates(v *value, g *Gate, have []string) {
	for _, node := range slices.Sorted(maps.Keys(g.Sites)) {
		if !slices.Contains(have, node) && v.get(node) == nil {
			b.whole(v, fmt.Sprintf("has nothing for node %q", node), "an entry for each node with a gate", "add "+node+": …")
		}
	}
}
