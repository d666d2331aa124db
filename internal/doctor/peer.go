package doctor

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"stead/internal/config"
	"stead/internal/report"
)

var (
	peerDown = &Problem{"peer-down", Warning, "a node is not heard",
		"it cannot take over, and does not count for a majority", "on {node}: systemctl status stead; stead doctor; and let UDP port {port} through"}
	peerDeaf = &Problem{"peer-deaf", Warning, "a node is heard, but does not hear this one",
		"one direction is blocked: it takes this node for dead, and a takeover would leave two nodes that serve where there is no quorum",
		"let UDP port {port} through from here to {node}: on {node}: nft list ruleset, tcpdump -ni any udp port {port}"}
	pathDown = &Problem{"path-down", Warning, "one of several paths to a node is dead",
		"the next fault of the network may be taken for the death of a node", "ping {address}; and let UDP port {port} through to it"}
	peerLossy = &Problem{"peer-loss", Warning, "heartbeats of a node are lost",
		"the lease ends when {multiplier} in a row are lost: a failover without a fault", "look for the loss on the path (mtr --udp {address}); or choose a slower timing"}
	peerFar = &Problem{"peer-far", Warning, "the round trip to a node is long for the timing",
		"a lease that is renewed over this path has little of it left when the promise arrives: the next delay ends it", "choose a slower timing (election.timing): its lease should be at least five round trips"}
	noSpare = &Problem{"nobody-could-take-over", Fatal, "nobody could take over",
		"if the active node fails now, the service is gone", "stead status; then see to the other members: stead doctor there"}
)

// lossAllowed is the share of heartbeats that may be lost without a word.
const lossAllowed = 0.01

var peers = Check{
	Name:     "peers",
	Problems: []*Problem{peerDown, peerDeaf, pathDown, peerLossy, peerFar},
	Run: func(_ context.Context, e *Env) []Finding {
		if e.Status == nil || e.Config == nil {
			return nil
		}
		var out []Finding
		for i := range e.Status.Peers {
			out = append(out, e.peer(&e.Status.Peers[i])...)
		}
		return out
	},
}

func (e *Env) peer(p *report.Peer) (out []Finding) {
	port := fmt.Sprint(e.Config.Heartbeat.Port)
	if !p.Alive {
		seen := "never heard since the daemon has started"
		if !p.LastSeen.IsZero() {
			seen = "last heard " + e.Status.At.Sub(p.LastSeen).Round(time.Millisecond).String() + " ago"
		}
		return []Finding{peerDown.at(p.Name, seen, "node", p.Name, "port", port)}
	}
	for _, path := range p.Paths {
		subject := p.Name + " over " + path.Address
		switch {
		case path.Deaf:
			out = append(out, peerDeaf.at(subject, fmt.Sprintf("heard %.0f ms ago, and its heartbeats say that it hears nothing", path.LastHeardMS), "node", p.Name, "port", port))
		case !path.Alive:
			out = append(out, pathDown.at(subject, "not heard, while the node is heard over another", "port", port, "address", path.Address))
		}
	}
	interval, lease := e.interval()
	multiplier := 0
	if interval > 0 {
		multiplier = int(lease / interval)
	}
	address := ""
	if len(p.Paths) > 0 {
		address = p.Paths[0].Address
	}
	if p.Loss > lossAllowed {
		out = append(out, peerLossy.at(p.Name, fmt.Sprintf("%.1f %% of its recent heartbeats", 100*p.Loss), "multiplier", fmt.Sprint(multiplier), "address", address))
	}
	rtt := time.Duration(p.RTT) * time.Microsecond
	if lease > 0 && rtt > lease/5 {
		out = append(out, peerFar.at(p.Name, fmt.Sprintf("round trip %s, lease %s", rtt, lease)))
	}
	if len(out) == 0 {
		out = append(out, fine(p.Name, fmt.Sprintf("heard, round trip %s, loss %.1f %%", rtt, 100*p.Loss)))
	}
	return out
}

var (
	keyMismatch = &Problem{"key-mismatch", Warning, "packets arrive that the key does not open",
		"a node with another key is not believed: it takes this one for dead; or somebody sends forged packets", "on every node: sha256sum {key}; the same everywhere? then: tcpdump -ni any udp port {port}"}
	versionMismatch = &Problem{"protocol-mismatch", Warning, "packets arrive of another version of the protocol",
		"a node of another release is not understood: each takes the other for dead", "stead version on every node; then upgrade the older one"}
	misaddressed = &Problem{"misaddressed-heartbeats", Warning, "authentic packets arrive that are not for this node on this path",
		"two nodes have swapped addresses, or not the same configuration: a path counts for nothing", "compare on every node: stead check {file}"}
	unknownGroups = &Problem{"unknown-groups", Hint, "other nodes have groups that this one has not",
		"their configurations differ: this node takes no part in those groups", "compare on every node: stead check {file}"}
)

// rejections are counters of refused packets, by the cause under which the daemon counts them.
var rejections = []struct {
	cause   string
	problem *Problem
}{
	{"tag", keyMismatch}, {"version", versionMismatch}, {"not-for-us", misaddressed}, {"unknown-group", unknownGroups},
}

var rejected = Check{
	Name:     "packets",
	Problems: []*Problem{keyMismatch, versionMismatch, misaddressed, unknownGroups},
	Run: func(_ context.Context, e *Env) []Finding {
		if e.Status == nil || e.Config == nil {
			return nil
		}
		var out []Finding
		for _, r := range rejections {
			if n := e.Status.Counters.PacketsRejected[r.cause]; n > 0 {
				out = append(out, r.problem.at("", fmt.Sprintf("%d since the daemon has started", n),
					"key", keyFile(e), "port", fmt.Sprint(e.Config.Heartbeat.Port), "file", e.File))
			}
		}
		if len(out) == 0 {
			out = append(out, fine("", "none was refused for what it says"))
		}
		return out
	},
}

var (
	nobodyActive = &Problem{"nobody-active", Fatal, "nobody is active",
		"the service is not there now", "stead explain {group}"}
	stalledNow = &Problem{"active-but-silent", Fatal, "this node is active, but its fence is closed",
		"its lease was not renewed in time: nobody answers for the address now", "stead explain {group}"}
	applyFailed = &Problem{"address-not-in-place", Fatal, "the addresses are not where they are wanted",
		"this node does not serve although it should", "stead events; then mend what was seen"}
	notReady = &Problem{"not-ready", Warning, "this node could not take over",
		"if the active node fails now, this one does not follow", "stead status; see to what it says"}
	drained = &Problem{"drained", Hint, "this node is drained",
		"it takes no part until an operator says so", "stead resume"}
	votesMissing = &Problem{"votes-missing", Fatal, "the active node has fewer votes than it needs",
		"it releases the group when its lease ends", "see to the nodes that are not heard"}
)

var groups = Check{
	Name:     "groups",
	Problems: []*Problem{nobodyActive, stalledNow, applyFailed, notReady, drained, votesMissing, noSpare},
	Run: func(_ context.Context, e *Env) []Finding {
		if e.Status == nil {
			return nil
		}
		var out []Finding
		for i := range e.Status.Groups {
			g := &e.Status.Groups[i]
			found := e.group(g)
			if len(found) == 0 {
				seen := fmt.Sprintf("%s is active, %d could take over", g.Holder(), g.Spares())
				switch {
				case g.Election == config.ElectionNone:
					seen = "each node that is ready is active, and this one is " + string(g.Role)
				case g.VRRP != nil:
					seen = g.Holder() + " is active; routers that are Backup say nothing"
				}
				found = []Finding{fine(g.Name, seen)}
			}
			out = append(out, found...)
		}
		return out
	},
}

func (e *Env) group(g *report.Group) (out []Finding) {
	say := func(p *Problem, format string, args ...any) {
		out = append(out, p.at(g.Name, fmt.Sprintf(format, args...), "group", g.Name))
	}
	alone := g.Election == config.ElectionNone // each node is active for itself
	if g.Holder() == "" && !alone {
		say(nobodyActive, "as far as %s knows", e.Status.Node)
	}
	if g.Stalled {
		say(stalledNow, "%.1f ms of the lease are left", g.LeaseRemainingMS)
	}
	if g.ApplyError != "" {
		say(applyFailed, "%s", g.ApplyError)
	}
	if g.Role == report.RoleActive && g.Quorum.Granted < g.Quorum.Needed {
		say(votesMissing, "%d of %d", g.Quorum.Granted, g.Quorum.Needed)
	}
	member := slices.ContainsFunc(g.Members, func(m report.Member) bool { return m.Name == e.Status.Node })
	switch {
	case !member:
	case g.Draining:
		say(drained, "drained")
	case !g.Ready:
		say(notReady, "%s", strings.TrimSuffix(report.ReasonText(g.NotReadyBecause)+": "+g.NotReadyDetail, ": "))
	}
	if len(g.Members) > 1 && !alone && g.VRRP == nil && g.ActiveNode != "" && g.Spares() == 0 && member {
		say(noSpare, "%s is active, and no other member is both heard and ready", g.ActiveNode)
	}
	return out
}
