// Package explain tells the last change of a group step by step, from the events
// of one node: what was seen, what was done about it, and when.
package explain

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"time"

	"stead/internal/core/reason"
	"stead/internal/report"
)

// Explanation is the last change of a group as one node saw it.
type Explanation struct {
	Group  string    `json:"group"`
	Title  string    `json:"title"`
	Wall   time.Time `json:"wall,omitzero"` // of the change of role
	Epoch  uint64    `json:"epoch,omitempty"`
	TookMS float64   `json:"took_ms"` // from the first step to the change of role
	Steps  []Step    `json:"steps"`
	Since  []Step    `json:"since,omitempty"` // what was asked for after it, and did not come about
}

// Step is one event of a change.
type Step struct {
	AtMS  float64      `json:"at_ms"` // after the first step
	Text  string       `json:"text"`
	Event report.Event `json:"event"`
}

const (
	before = 10 * time.Second // how far back a cause is looked for
	calm   = 2 * time.Second  // a pause this long separates a cause from what was before
	after  = 10 * time.Second // how long what follows still belongs to the change
)

// Groups explains the last change of every group that appears in the events,
// or of the one that is named. events are in order.
func Groups(events []report.Event, group string) []Explanation {
	names := []string{group}
	if group == "" {
		names = groupsOf(events)
	}
	var out []Explanation
	for _, name := range names {
		out = append(out, explain(events, name))
	}
	return out
}

func groupsOf(events []report.Event) []string {
	var names []string
	for _, e := range events {
		if e.Group != "" && !slices.Contains(names, e.Group) {
			names = append(names, e.Group)
		}
	}
	slices.Sort(names)
	return names
}

func explain(events []report.Event, group string) Explanation {
	x := Explanation{Group: group, Steps: []Step{}}
	var mine []report.Event
	for _, e := range events {
		if e.Group == group || e.Group == "" && ofNode(e.Kind) {
			mine = append(mine, e)
		}
	}
	last := lastChange(mine, len(mine))
	if last < 0 {
		x.Title = fmt.Sprintf("%s: no change of role is in the event log", group)
		return x
	}
	first := firstStep(mine, last)
	anchor, start := mine[last], mine[first].BootNS
	x.Wall, x.Epoch, x.Title = anchor.Wall, anchor.Epoch, title(mine, first, last)+together(events, mine, first, last)
	x.TookMS = ms(anchor.BootNS - start)
	for i := first; i < len(mine) && mine[i].BootNS-anchor.BootNS <= int64(after); i++ {
		if i > last && !follows(mine[i].Kind) {
			continue
		}
		x.Steps = append(x.Steps, stepOf(mine[i], start))
	}
	asked := last
	for i := last + 1; i < len(mine); i++ {
		switch mine[i].Kind {
		case report.Commanded:
			asked = i
		case report.Refused:
			if asked > last {
				x.Since = append(x.Since, stepOf(mine[asked], start))
			}
			x.Since = append(x.Since, stepOf(mine[i], start))
			asked = last
		}
	}
	return x
}

func stepOf(e report.Event, start int64) Step {
	return Step{AtMS: ms(e.BootNS - start), Text: Sentence(e), Event: e}
}

// lastChange is the place of the last change of role before end, or -1.
func lastChange(events []report.Event, end int) int {
	for i := end - 1; i >= 0; i-- {
		if isChange(events[i].Kind) {
			return i
		}
	}
	return -1
}

// firstStep is the place of the first event that belongs to the change at last.
// A node that lets go and then sees another take over has seen one change, not two.
func firstStep(events []report.Event, last int) int {
	first := last
	for i := last - 1; i >= 0; i-- {
		e := events[i]
		released := e.Kind == report.BecameStandby && events[last].Kind == report.SawActive
		switch {
		case isChange(e.Kind) && !released,
			events[last].BootNS-e.BootNS > int64(before),
			events[first].BootNS-e.BootNS > int64(calm):
			return first
		case leadsTo(e.Kind) || released:
			first = i
		}
	}
	return first
}

func isChange(k report.Kind) bool {
	return k == report.BecameActive || k == report.BecameStandby || k == report.SawActive
}

// ofNode tells whether an event without a group can be the cause of a group's change.
func ofNode(k report.Kind) bool {
	return slices.Contains([]report.Kind{report.PeerUp, report.PeerDown, report.SessionUp, report.SessionDown, report.PathUp, report.PathDown, report.StoreDown, report.StoreUp, report.GotVote, report.LostVote, report.Commanded, report.Started, report.Stopping, report.Reloaded}, k)
}

func leadsTo(k report.Kind) bool {
	return !follows(k) && k != report.Refused && k != report.Lost
}

// follows tells whether an event of this kind after a change of role still tells of it.
func follows(k report.Kind) bool {
	return slices.Contains([]report.Kind{report.InPlace, report.Announcing, report.Routed, report.Damped, report.HookRan, report.HookFailed, report.Notified, report.NotifyFailed, report.HoldFailed, report.DualSeen}, k)
}

// title says of the change at last, whose steps begin at first, who took over from
// whom and why.
func title(events []report.Event, first, last int) string {
	e := events[last]
	what := e.Node + " became active" + insteadOf(events, first, last)
	switch {
	case e.Kind == report.SawActive, e.Kind == report.BecameStandby && router(e) != "":
		what = other(e) + " became active"
	case e.Kind == report.BecameStandby:
		what = e.Node + " became standby"
	}
	why := e.Reason
	for _, s := range events[first : last+1] {
		if s.Kind == report.BecameStandby && s.Reason != "" {
			why = s.Reason
		}
	}
	if why == "" {
		return fmt.Sprintf("%s: %s", e.Group, what)
	}
	return fmt.Sprintf("%s: %s because %s (%s)", e.Group, what, report.ReasonText(why), why)
}

// together says which group this one followed at the change at last, and why that one
// changed; empty where it followed none.
func together(all, mine []report.Event, first, last int) string {
	for _, e := range mine[first : last+1] {
		if !isChange(e.Kind) || e.Reason != reason.SyncGroup {
			continue
		}
		for _, o := range all {
			if o.Group != e.Group && o.Kind == e.Kind && o.Reason != reason.SyncGroup && o.BootNS == e.BootNS {
				return fmt.Sprintf("; %s: %s (%s)", o.Group, report.ReasonText(o.Reason), o.Reason)
			}
		}
	}
	return ""
}

// insteadOf names who was active before this node became so, unless a step does.
func insteadOf(events []report.Event, first, last int) string {
	before := lastChange(events, last)
	if before < 0 || other(events[before]) == "" {
		return ""
	}
	for _, s := range events[first:last] {
		if s.Peer != "" && s.Peer == events[before].Peer {
			return ""
		}
	}
	return " in place of " + other(events[before])
}

func ms(ns int64) float64 { return float64(ns/1000) / 1000 }

var sentences = map[report.Kind]string{
	report.BecameActive:    "NODE serves: addresses in place, fence open",
	report.BecameStandby:   "NODE serves no longer: fence closed",
	report.Claiming:        "NODE asks the voters for the right to serve",
	report.Preparing:       "NODE puts the addresses in place behind a closed fence",
	report.SawActive:       "PEER is active",
	report.Ready:           "NODE is ready to serve",
	report.NotReady:        "NODE is not ready to serve",
	report.PeerUp:          "PEER is heard",
	report.PeerDown:        "PEER is not heard any more",
	report.CheckIsUp:       "check is up",
	report.CheckIsDown:     "check is down",
	report.CheckUnrun:      "check could not be run",
	report.Stalled:         "fence closed: no renewal in time",
	report.Unstalled:       "fence open again",
	report.DualSeen:        "NODE and PEER both were active",
	report.Repaired:        "address put back",
	report.HoldFailed:      "could not be applied, is tried again",
	report.Refused:         "command refused",
	report.Raised:          "the voters agreed on a higher epoch",
	report.SessionUp:       "BGP session established",
	report.SessionDown:     "BGP session ended",
	report.SessionRefused:  "BGP session refused",
	report.Routed:          "announced by BGP",
	report.Damped:          "a change has to wait",
	report.PathUp:          "BFD session up",
	report.PathDown:        "BFD session down",
	report.StoreDown:       "the store of the lease cannot be reached",
	report.StoreUp:         "the store of the lease is reached again",
	report.GotVote:         "the store votes for NODE",
	report.LostVote:        "the store votes for NODE no more",
	report.Stretched:       "the lease goes on without its store",
	report.Started:         "stead started on NODE",
	report.Stopping:        "stead on NODE was asked to end",
	report.Reloaded:        "configuration applied",
	report.Commanded:       "operator's command",
	report.InPlace:         "addresses are as wanted",
	report.Announcing:      "addresses announced (gratuitous ARP, unsolicited NA)",
	report.OverlayRepaired: "overlay put back",
	report.HookRan:         "hook ended",
	report.HookFailed:      "hook failed",
	report.Notified:        "told",
	report.NotifyFailed:    "could not tell",
	report.Lost:            "events are missing here",
}

// ofVote are the words for events about the store that votes: it is one for all groups.
var ofVote = map[report.Kind]string{
	report.StoreDown: "the store that votes cannot be reached",
	report.StoreUp:   "the store that votes is reached again",
}

// Sentence puts an event into words for a terminal.
func Sentence(e report.Event) string {
	s, ok := sentences[e.Kind]
	if !ok {
		s = string(e.Kind)
	}
	if vote, ok := ofVote[e.Kind]; ok && e.Group == "" {
		s = vote
	}
	if e.Kind == report.BecameStandby && router(e) != "" {
		s += ", PEER is active"
	}
	s = strings.NewReplacer("NODE", e.Node, "PEER", other(e)).Replace(s)
	if e.Reason != "" {
		s += ": " + report.ReasonText(e.Reason)
	}
	if e.Detail != "" && router(e) == "" {
		s += ": " + strings.TrimSuffix(report.Printable(e.Detail, 160), ":")
	}
	if e.TookUS > 0 {
		s += fmt.Sprintf(" (took %.1f ms)", float64(e.TookUS)/1000)
	}
	return s
}

// other names who an event is about beside the node that tells it: a node, the
// address of a router that the configuration does not name, or both.
func other(e report.Event) string {
	at := router(e)
	switch {
	case at == "":
		return e.Peer
	case e.Peer == "":
		return at
	}
	return e.Peer + " (" + at + ")"
}

// router is where the advertisements of the other router come from, when VRRP
// decides; else empty.
func router(e report.Event) string {
	if e.Kind != report.SawActive && e.Kind != report.BecameStandby && e.Kind != report.DualSeen {
		return ""
	}
	if _, err := netip.ParseAddr(e.Detail); err != nil {
		return ""
	}
	return e.Detail
}
