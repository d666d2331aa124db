package exabgp

import (
	"math"
	"slices"
	"strings"

	"stead/internal/importer/draft"
)

// roles reads how the paths of a service that is down or disabled differ. ExaBGP
// tells them apart by the metric, Stead by the length of the AS_PATH.
func (h *health) roles(g *group) {
	g.path.prepend = h.prepend("up-as-path")
	g.unhealthy, g.drain = withdrawn, withdrawn
	up := h.number("up-metric", "100", 0, math.MaxUint32)
	down := h.number("down-metric", "1000", 0, math.MaxUint32)
	disabled := h.number("disabled-metric", "500", 0, math.MaxUint32)
	if h.options.has("withdraw-on-down") {
		for _, name := range []string{"down-metric", "disabled-metric", "down-as-path", "disabled-as-path"} {
			if h.options.has(name) {
				h.about(name, draft.Unneeded, "with --withdraw-on-down nothing is announced then", "")
			}
		}
		return
	}
	if slices.ContainsFunc(h.to(), (*peer).internal) {
		h.c.about(h.d, "run ...", draft.Changed, "ExaBGP announces a service that is down with another metric: Stead withdraws it, since a peer of the same AS sees no prepending",
			"nothing, if another node announces it")
		return
	}
	g.unhealthy = h.role("down", g.path.prepend, up, down)
	g.drain = h.role("disabled", g.path.prepend, up, disabled)
	h.c.about(h.d, "run ...", draft.Changed, "ExaBGP announces a service that is down or disabled with the metrics --down-metric and --disabled-metric: Stead prepends its AS instead",
		"nothing; or remove unhealthy and drain under prepend: then it is withdrawn, as with --withdraw-on-down")
}

// role is how often the AS is prepended in a role that is to be preferred less.
func (h *health) role(name string, active int, up, metric int64) int {
	n := h.prepend(name + "-as-path")
	if n <= active {
		n = active + 1
		if metric > up && name == "down" {
			n++ // less than one that is disabled, as its metric says
		}
	}
	return min(n, mostPrepend)
}

// prepend reads the AS_PATH of a role, or that of all.
func (h *health) prepend(name string) int {
	if !h.options.has(name) {
		name = "as-path"
	}
	if !h.options.has(name) {
		return 0
	}
	value := h.options.get(name, "")
	list := strings.Fields(strings.NewReplacer("[", " [ ", "]", " ] ", ",", " ", "(", " ( ", ")", " ) ").Replace(value))
	n := 0
	for _, p := range h.to() {
		n = max(n, h.c.prepend(h.d, p, list, "run ... --"+name+" "+value))
	}
	return n
}
