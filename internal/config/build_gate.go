package config

import (
	"fmt"
	"slices"
	"time"

	"stead/internal/core/gate"
)

// gate is what holds the workload of a site back.
func (b *builder) gate(v *value) {
	if !v.ok() {
		return
	}
	g := &Gate{
		Right:     or(v.get("right"), true),
		Format:    or(v.get("format"), FormatStead),
		Any:       or(v.get("require"), "all") == "any",
		Beat:      or(v.get("beat"), gate.DefaultBeat),
		Flatline:  or(v.get("flatline"), gate.DefaultFlatline),
		StopAfter: or(v.get("stop_after"), gate.DefaultStopAfter),
		Grace:     or(v.get("grace"), gate.DefaultGrace),
		Never:     or(v.get("never"), NeverAuto),
		OpenAfter: or(v.get("open_after"), time.Duration(0)),
		OnStop:    or(v.get("on_stop"), OnStopPark),
		User:      or(v.get("user"), ""),
		EpochFile: or(v.get("epoch_file"), ""),
	}
	b.cfg.Gate = g
	b.sites(v, g)
	b.gateStore(v, g)
	b.gateWitnesses(v, g)
	b.gateNetwork(v, g)
	b.workload(v, g)
	b.gateProgress(v, g)
	b.gateTimes(v, g)
	b.byTimeAlone(v, g)
}

// sites finds which node guards which of the two sites.
func (b *builder) sites(v *value, g *Gate) {
	site := v.get("site")
	if !site.ok() {
		return
	}
	g.Sites = map[string]string{}
	if name := or(site, ""); name != "" {
		nodes := b.nodeNames(RoleMember, RoleWitness)
		if len(nodes) > 1 {
			b.about(site, fmt.Sprintf("is the site of %d nodes", len(nodes)), "a mapping by node",
				"one node of a site guards its workload: write site: { "+nodes[0]+": "+name+" }")
		}
		for _, node := range nodes {
			g.Sites[node] = name
		}
	} else {
		b.sitesByNode(site, g)
	}
	var names []string
	for _, name := range g.Sites {
		names = append(names, name)
	}
	slices.Sort(names)
	if !slices.ContainsFunc(site.entries, func(e entry) bool { return !e.value.ok() }) {
		b.pair(v, g, slices.Compact(names))
	}
}

func (b *builder) sitesByNode(site *value, g *Gate) {
	if len(site.node.Content) == 0 {
		b.whole(site, "names no node", "one node or more", "write site: { node: east }")
	}
	first := map[string]string{}
	for _, e := range sorted(site) {
		b.namesNode(e, site)
		if n, ok := b.cfg.Node(e.name); ok && n.Role == RoleClient {
			b.at(e.key, site.place(), fmt.Sprintf("node %q is a client, which guards nothing", e.name), "a member or a witness", "remove it here, or give it another role")
		}
		name := or(e.value, "")
		if name == "" {
			continue
		}
		if other, taken := first[name]; taken {
			b.about(e.value, fmt.Sprintf("is already the site of node %q", other), "a site of its own", "one node of a site guards its workload: remove one of them")
		}
		first[name] = e.name
		g.Sites[e.name] = name
	}
}

// pair finds the two sites; names are those of the nodes.
func (b *builder) pair(v *value, g *Gate, names []string) {
	site, other, preferred := v.get("site"), v.get("other"), v.get("preferred")
	switch {
	case len(names) == 0 || other != nil && other.bad:
		return
	case len(names) > 2:
		b.whole(site, fmt.Sprintf("names %d sites: %s", len(names), listed(names)), "two sites", "a gate stands between two: remove the others")
		return
	case len(names) == 2 && other != nil:
		b.about(other, "stands beside two sites", "site alone", "site names both: remove it")
		return
	case len(names) == 1 && other == nil:
		if !v.meant["other"] {
			b.of(v, "other is missing", "the name of the other site", "add other: …")
		}
		return
	case len(names) == 1 && or(other, "") == names[0]:
		b.about(other, "is this site", "the name of the other site", "the sites have different names")
		return
	case len(names) == 1:
		names = append(names, or(other, ""))
		slices.Sort(names)
	}
	g.Pair = [2]string(names)
	g.Favourite = or(preferred, "")
	if g.Favourite != "" && !slices.Contains(names, g.Favourite) {
		b.about(preferred, "is none of the sites", "one of "+listed(names), didYouMean(g.Favourite, names))
	}
}

// gateStore is where the right is.
func (b *builder) gateStore(v *value, g *Gate) {
	g.Store = b.namesStore(v.get("store"))
	missing := v.get("store") == nil && !v.meant["store"]
	switch {
	case missing && v.get("witnesses") == nil && !v.meant["witnesses"]:
		b.of(v, "store is missing", "the name of a store", "the heartbeats and the right to run are kept there: add store: …, and what it is under stores")
	case missing && g.Right:
		b.of(v, "store is missing", "the name of a store", "the right to run is kept there: add store: …, or right: false")
	}
	if g.Right {
		return
	}
	right, beat := v.get("right"), v.get("beat")
	if v.get("witnesses").ok() && !slices.ContainsFunc(v.get("witnesses").entries, func(e entry) bool { return e.value.get("store") != nil }) {
		b.about(right, "leaves heartbeats over the network alone", "right: true, or a witness with a store",
			"a site that the other one does not hear would not know it: leave right on, or add a witness with a store")
	}
	if beat.ok() && g.Beat == 0 && v.get("exec") != nil {
		b.about(beat, "has no meaning with right: false and exec", "beat: 5s", "nothing would ever stop the workload: write a heartbeat, or leave right on")
	}
}

// workload is what runs while the gate is open.
func (b *builder) workload(v *value, g *Gate) {
	exec, shell := v.get("exec"), v.get("shell")
	if exec == nil && !v.meant["exec"] {
		b.of(v, "exec is missing", "the workload", "add exec: [/path/of/program, argument, …]; a workload that something else starts is guarded by stead gate --watch")
	}
	var inShell bool
	if g.Command, inShell = b.commandLine(exec, shell); inShell {
		g.Command = []string{"/bin/sh", "-c", g.Command[0]}
	}
	if g.Right {
		return
	}
	for _, key := range []string{"on_stop", "epoch_file"} {
		if x := v.get(key); x.ok() {
			b.about(x, "has no meaning with right: false", "right: true", "it is about the right to run: remove it")
		}
	}
}

// byTimeAlone notes what lets both sites run where no right keeps them apart.
func (b *builder) byTimeAlone(v *value, g *Gate) {
	if g.Right {
		return
	}
	right := v.get("right")
	b.notes.about(right, "keeps the sites apart by time alone", "", "a site that was paused runs on until it looks at its clock, and no epoch tells the two apart: leave right on where a store can have it")
	if g.OpenAfter > 0 {
		b.notes.about(v.get("open_after"), "starts this site beside a running one that it cannot see", "", "nothing but the heartbeat keeps them apart with right: false")
	}
	if g.Any && len(g.Witnesses) > 1 {
		b.notes.about(v.get("require"), "lets one witness that is cut off start this site beside a running one", "", "with right: false write require: all")
	}
}
