package config

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"
)

// PlanRoutes is what a group announces.
type PlanRoutes struct {
	Node        string         `json:"node,omitempty"` // whose, where nodes differ and the plan is about all
	Prefixes    []string       `json:"prefixes"`
	Peers       []string       `json:"peers"`
	NextHop     []string       `json:"next_hop"`
	Communities []string       `json:"communities"`
	MED         *uint32        `json:"med,omitempty"`
	LocalPref   *uint32        `json:"local_pref,omitempty"`
	Prepend     map[string]int `json:"prepend"` // by role: active, takeover, leaving, standby, unhealthy, drain; -1: nothing is announced
	Room        int            `json:"room"`
	LingerMS    float64        `json:"linger_ms"`
	StaleMS     float64        `json:"stale_ms"` // how long a silent node's path may stay with the peers
	Words       []string       `json:"words"`
}

// planRoutes tells what a node announces; without a node what each does, or all where
// they do the same.
func (c *Config) planRoutes(g *Group, node string) []PlanRoutes {
	if g.Routes == nil || node != "" && !g.hasMember(node) {
		return nil
	}
	if node != "" || g.Routes.PerNode == nil {
		return []PlanRoutes{c.planRoute(g, g.Routes.For(node), "")}
	}
	var list []PlanRoutes
	for _, m := range g.Members {
		list = append(list, c.planRoute(g, g.Routes.For(m.Node), m.Node))
	}
	return list
}

func (c *Config) planRoute(g *Group, r *Routes, node string) PlanRoutes {
	counts := r.counts(g)
	p := PlanRoutes{Node: node, Prefixes: []string{}, Peers: slices.Clone(r.Peers), NextHop: []string{}, Communities: r.communityNames(), MED: r.MED, LocalPref: r.LocalPref,
		Prepend: counts, Room: r.Room, LingerMS: milliseconds(r.Linger)}
	for _, prefix := range r.Prefixes {
		p.Prefixes = append(p.Prefixes, prefix.String())
	}
	for _, hop := range r.NextHop {
		p.NextHop = append(p.NextHop, hop.String())
	}
	whose := ""
	if node != "" {
		whose = node + " "
	}
	for _, peer := range c.peersNamed(r.Peers) {
		p.StaleMS = max(p.StaleMS, milliseconds(peer.stale()))
		p.Words = append(p.Words, whose+"to "+c.routeWords(g, r, peer, counts))
	}
	return p
}

// counts is how often the local AS is prepended in each role.
func (r *Routes) counts(g *Group) map[string]int {
	counts := map[string]int{"active": r.Prepend.Active, "unhealthy": r.Prepend.Unhealthy, "drain": r.Prepend.Drain, "leaving": r.Prepend.Drain}
	if r.Prepend.Drain == Withdrawn {
		counts["leaving"] = g.Routes.LastChoice()
	}
	if r.Linger == 0 {
		counts["leaving"] = Withdrawn
	}
	if g.Election.Type != ElectionNone {
		counts["standby"] = r.Prepend.Standby
		counts["takeover"] = r.Prepend.Active - min(r.Room, 1)
	}
	return counts
}

// stale is how long a silent node's path may stay with the peer.
func (p *BGPPeer) stale() time.Duration {
	if p.BFD != nil {
		return min(p.HoldTime, p.BFD.detection())
	}
	return p.HoldTime
}

// roles are those that the words tell of, in this order.
var roles = []struct{ key, when string }{
	{"active", "active"},
	{"standby", "standby"},
	{"unhealthy", "not ready"},
	{"drain", "drained"},
}

// routeWords tells what one peer is told in each role.
func (c *Config) routeWords(g *Group, r *Routes, peer *BGPPeer, counts map[string]int) string {
	prefixes := make([]string, len(r.Prefixes))
	for i, prefix := range r.Prefixes {
		prefixes[i] = prefix.String()
	}
	text := fmt.Sprintf("%s (AS %d at %s): %s", peer.Name, peer.AS, peer.Address, listed(prefixes))
	if r.NextHop != nil {
		text += ", next hop " + joined(r.NextHop)
	}
	if len(r.Communities)+len(r.Large) > 0 {
		text += ", communities " + r.communityWords()
	}
	if r.MED != nil {
		text += ", MED " + orNoNumber(r.MED)
	}
	return text + "; " + strings.Join(c.roleWords(g, r, peer, counts), "; ")
}

// roleWords tells the AS_PATH of each role; roles with the same one share it.
func (c *Config) roleWords(g *Group, r *Routes, peer *BGPPeer, counts map[string]int) []string {
	var parts []string
	when := map[int][]string{}
	for _, role := range roles {
		if count, has := counts[role.key]; has {
			when[count] = append(when[count], role.when)
		}
	}
	for _, role := range roles {
		count, has := counts[role.key]
		if !has || count == Withdrawn || when[count][0] != role.when {
			continue
		}
		parts = append(parts, c.pathWords(r, peer, count)+" when "+orList(when[count]))
		if role.key == "active" {
			parts = append(parts, c.changeWords(g, r, peer, counts)...)
		}
	}
	if silent := when[Withdrawn]; len(silent) > 0 {
		parts = append(parts, "nothing when "+orList(silent))
	}
	return parts
}

// changeWords tells what a peer is told for a while after a change.
func (c *Config) changeWords(g *Group, r *Routes, peer *BGPPeer, counts map[string]int) []string {
	var parts []string
	if count, has := counts["takeover"]; has && count != counts["active"] && len(g.Members) > 1 {
		stale := time.Duration(0)
		for _, p := range c.peersNamed(r.Peers) {
			stale = max(stale, p.HoldTime+time.Second)
		}
		parts = append(parts, fmt.Sprintf("%s for %s after it took over from a silent node", c.pathWords(r, peer, count), length(stale)))
	}
	if count := counts["leaving"]; count != Withdrawn && count != counts["drain"] {
		marked := ""
		if peer.GracefulShutdown {
			marked = " with graceful-shutdown"
		}
		parts = append(parts, fmt.Sprintf("%s%s for %s after a planned change", c.pathWords(r, peer, count), marked, length(r.Linger)))
	}
	return parts
}

// pathWords is the AS_PATH as a peer gets it; to an internal one LOCAL_PREF stands for
// its length.
func (c *Config) pathWords(r *Routes, peer *BGPPeer, count int) string {
	if peer.AS == c.BGP.LocalAS {
		return fmt.Sprintf("LOCAL_PREF %d", r.preference(count))
	}
	as := strconv.FormatUint(uint64(c.BGP.LocalAS), 10)
	if count > 5 {
		return fmt.Sprintf("AS_PATH %s × %d", as, count+1)
	}
	return "AS_PATH " + strings.Join(slices.Repeat([]string{as}, count+1), " ")
}

// orList joins words with a last or.
func orList(list []string) string {
	if len(list) == 1 {
		return list[0]
	}
	return strings.Join(list[:len(list)-1], ", ") + " or " + list[len(list)-1]
}

// stayWords tells what a silent fault means to the routers.
func (c *Config) stayWords(g *Group) []string {
	if g.Routes == nil || len(g.Members) < 2 {
		return nil
	}
	var parts []string
	room := true
	for _, p := range c.peersNamed(g.Routes.Peers) {
		by := "hold time"
		if p.BFD != nil && p.stale() < p.HoldTime {
			by = "BFD"
		}
		parts = append(parts, fmt.Sprintf("%s for up to %s (%s)", p.Name, length(p.stale()), by))
	}
	text := "the path of a node that fell silent stays with " + strings.Join(parts, ", ")
	for _, p := range c.peersNamed(g.Routes.Peers) {
		room = room && g.Routes.room(g.Members, p.AS == c.BGP.LocalAS)
	}
	switch {
	case g.Election.Type == ElectionNone:
		text += "; until then routers send it its share of the traffic"
	case room:
		text += "; the path of the one that takes over is preferred meanwhile"
	default:
		text += "; traffic may go there meanwhile"
	}
	return []string{text}
}

// dampingWords tells what waits after a change.
func dampingWords(g *Group) []string {
	switch {
	case g.Damping == 0:
		return nil
	case g.Election.Type == ElectionNone && g.Routes != nil:
		return []string{fmt.Sprintf("a node that is ready again within %s after it was not is announced as the last choice until then", length(g.Damping))}
	case g.Election.Type == ElectionNone:
		return nil
	}
	return []string{fmt.Sprintf("within %s after a change another one that nothing forces waits", length(g.Damping))}
}
