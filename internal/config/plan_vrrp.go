package config

import (
	"fmt"
	"strings"
	"time"
)

// PlanVRRP is the virtual router of a group.
type PlanVRRP struct {
	VRID        uint8    `json:"vrid"`
	Version     int      `json:"version"`
	Family      string   `json:"family"` // IPv4 or IPv6
	Interface   string   `json:"interface"`
	IntervalMS  float64  `json:"interval_ms"` // between advertisements
	From        string   `json:"from,omitempty"`
	To          []string `json:"to"` // the multicast group, or the other routers
	Unicast     bool     `json:"unicast"`
	Advertised  []string `json:"advertised"`
	Auth        string   `json:"auth"` // none, hmac, password
	Accept      bool     `json:"accept"`
	VirtualMAC  string   `json:"virtual_mac,omitempty"`
	Detect      string   `json:"detect"`
	DownAdverts int      `json:"down_adverts"`
}

func planVRRP(g *Group, node string) *PlanVRRP {
	r := g.Election.VRRP
	if r == nil {
		return nil
	}
	p := &PlanVRRP{VRID: r.VRID, Version: r.Version, Family: familyOf(r), Interface: r.Interface, IntervalMS: milliseconds(r.Interval),
		To: []string{}, Unicast: r.Unicast, Advertised: []string{}, Auth: "none", Accept: r.Accept, Detect: r.Detect, DownAdverts: r.DownAdverts}
	own, known := r.Sources[node]
	if known {
		p.From = own.String()
	}
	for _, a := range r.Peers {
		if !known || a != own {
			p.To = append(p.To, a.String())
		}
	}
	if !r.Unicast {
		p.To = append(p.To, r.Group.String())
	}
	for _, a := range g.Addresses {
		if !a.Excluded {
			p.Advertised = append(p.Advertised, a.Prefix.Addr().String())
		}
	}
	if r.Auth != nil {
		p.Auth = r.Auth.Type
	}
	if r.VirtualMAC {
		p.VirtualMAC = r.MAC()
	}
	return p
}

// MAC is the MAC address of the virtual router (RFC 9568 section 7.3).
func (r *VRRP) MAC() string {
	family := 1
	if r.IPv6 {
		family = 2
	}
	return fmt.Sprintf("00:00:5e:00:%02x:%02x", family, r.VRID)
}

// downAfter is after how long without an advertisement a router with a priority
// takes over: RFC 9568 section 6.1; version 2 counts the skew in parts of a second.
func (r *VRRP) downAfter(priority int) time.Duration {
	unit := r.Interval
	if r.Version == 2 {
		unit = time.Second
	}
	return r.Interval*time.Duration(r.DownAdverts) + unit*time.Duration(256-priority)/256
}

// routerWords tells who serves when, in sentences.
func routerWords(g *Group) []string {
	r := g.Election.VRRP
	words := []string{
		fmt.Sprintf("VRRP version %d over %s: virtual router %d on %s, an advertisement every %s", r.Version, familyOf(r), r.VRID, r.Interface, length(r.Interval)),
	}
	if r.Unicast {
		words = append(words, "advertisements go from router to router: "+joined(r.Peers))
	} else {
		words = append(words, "advertisements go to the multicast group "+r.Group.String())
	}
	order := withPriorities(g)
	preferred := order[0] + " is preferred"
	if len(order) > 1 {
		preferred += ", then " + strings.Join(order[1:], ", ")
	}
	words = append(words, preferred+"; other routers of this number may take part")
	words = append(words, detectionWords(g)...)
	words = append(words, "no quorum: in a partition each side serves; when it heals, the router with the lower priority releases")
	switch {
	case !g.Preempt.Enabled:
		words = append(words, "a router with a higher priority that comes back does not take over from one that serves")
	case g.Preempt.Delay == 0:
		words = append(words, "a router with a higher priority takes over at once")
	default:
		words = append(words, fmt.Sprintf("a router with a higher priority takes over when it has been ready for %s", length(g.Preempt.Delay)))
	}
	if g.Sync != "" {
		words = append(words, fmt.Sprintf("it changes together with the other groups of sync %q", g.Sync))
	}
	return append(words, r.words()...)
}

// detectionWords tells when a silent fault is found.
func detectionWords(g *Group) []string {
	r, e := g.Election.VRRP, g.Election
	least := leastPriority(g)
	text := fmt.Sprintf("a silent fault is found after %s at the latest (%d advertisements and the skew of priority %d)",
		length(r.downAfter(least).Round(time.Millisecond)), r.DownAdverts, least)
	if r.Detect != DetectHeartbeat {
		return []string{text}
	}
	return []string{fmt.Sprintf("a silent fault of a member is found by heartbeats after %s (%s × %d, timing %s)",
		length(e.Lease()), length(e.Interval), e.Multiplier, e.Timing), "by advertisements, " + text}
}

// leastPriority is that of the member that waits longest.
func leastPriority(g *Group) int {
	least := 255
	for _, m := range g.Members {
		least = min(least, m.Priority)
	}
	return least
}

// words tells what is not as usual.
func (r *VRRP) words() []string {
	var words []string
	if r.Auth != nil && r.Auth.Type == AuthHMAC {
		words = append(words, fmt.Sprintf("advertisements are signed with key %d; %s accepted", r.Auth.KeyID, counted(len(r.Auth.KeyFiles), "key is", "keys are")))
	} else if r.Auth != nil {
		words = append(words, "advertisements carry a password in the clear")
	}
	if r.MinTTL < defaultTTL {
		words = append(words, fmt.Sprintf("advertisements with a TTL of %d or more are accepted", r.MinTTL))
	}
	if !r.Accept {
		words = append(words, "packets to the addresses are not accepted, but for ARP and neighbour discovery")
	}
	if r.VirtualMAC {
		words = append(words, "the addresses have the MAC address "+r.MAC())
	}
	return words
}
