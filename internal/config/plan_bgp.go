package config

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"
)

// PlanBGP is how a node speaks BGP.
type PlanBGP struct {
	LocalAS  uint32     `json:"local_as"`
	RouterID string     `json:"router_id,omitempty"` // of the node that the plan is about
	Port     uint16     `json:"port,omitempty"`      // where connections of peers are taken
	Peers    []PlanPeer `json:"peers"`               // with which the node has a session
}

// PlanPeer is a session.
type PlanPeer struct {
	Name        string   `json:"name"`
	Address     string   `json:"address"`
	Port        uint16   `json:"port"`
	AS          uint32   `json:"as"`
	Internal    bool     `json:"internal"`
	Source      string   `json:"source,omitempty"`
	HoldTime    float64  `json:"hold_time_s"`
	Passive     bool     `json:"passive"`
	Multihop    int      `json:"multihop"`
	TTLSecurity bool     `json:"ttl_security"`
	Password    bool     `json:"password"`
	Families    []string `json:"families"`
	BFD         *PlanBFD `json:"bfd,omitempty"`
	Words       string   `json:"words"`
}

// PlanBFD is a session of BFD.
type PlanBFD struct {
	IntervalMS  float64 `json:"interval_ms"`
	MinRXMS     float64 `json:"min_rx_ms"`
	Multiplier  int     `json:"multiplier"`
	DetectionMS float64 `json:"detection_ms"` // where the other system has the same settings
	Multihop    int     `json:"multihop"`
	Auth        string  `json:"auth"` // none, sha1, meticulous-sha1
}

// planBGP tells of the sessions of a node, or of all where node is empty; nil without any.
func (c *Config) planBGP(node string) *PlanBGP {
	if c.BGP == nil {
		return nil
	}
	own := c.BGP.For(node)
	p := &PlanBGP{LocalAS: own.LocalAS, Port: own.Port, Peers: []PlanPeer{}}
	if own.RouterID.IsValid() {
		p.RouterID = own.RouterID.String()
	}
	for i := range own.Peers {
		if node == "" || c.SpeaksTo(node, own.Peers[i].Name) {
			p.Peers = append(p.Peers, c.planPeer(&own.Peers[i]))
		}
	}
	if len(p.Peers) == 0 {
		return nil
	}
	return p
}

func (c *Config) planPeer(p *BGPPeer) PlanPeer {
	out := PlanPeer{Name: p.Name, Address: p.Address.String(), Port: p.Port, AS: p.AS, Internal: p.AS == c.BGP.LocalAS, HoldTime: p.HoldTime.Seconds(),
		Passive: p.Passive, Multihop: p.Multihop, TTLSecurity: p.TTLSecurity, Password: p.PasswordFile != "", Families: p.familyNames()}
	if p.Source.IsValid() {
		out.Source = p.Source.String()
	}
	if p.BFD != nil {
		out.BFD = p.BFD.plan()
	}
	out.Words = p.words(out.Internal)
	return out
}

func (d *BFD) plan() *PlanBFD {
	p := &PlanBFD{IntervalMS: milliseconds(d.Interval), MinRXMS: milliseconds(d.MinRX), Multiplier: d.Multiplier,
		DetectionMS: milliseconds(d.detection()), Multihop: d.Multihop, Auth: "none"}
	if d.Auth != nil {
		p.Auth = d.Auth.Type
	}
	return p
}

// words tells of a session on one line.
func (p *BGPPeer) words(internal bool) string {
	kind := "external"
	if internal {
		kind = "internal"
	}
	at := p.Address.String()
	if p.Port != defaultBGPPort {
		at = netip.AddrPortFrom(p.Address, p.Port).String()
	}
	text := fmt.Sprintf("%s: %s, AS %d at %s", p.Name, kind, p.AS, at)
	if p.Source.IsValid() {
		text += " from " + p.Source.String()
	}
	if p.Passive {
		text += ", which connects"
	}
	text += fmt.Sprintf(", %s, hold time %s", p.familyWords(), length(p.HoldTime))
	switch {
	case p.TTLSecurity && p.Multihop == 1:
		text += ", TTL security: nothing from beyond the link is accepted"
	case p.TTLSecurity:
		text += fmt.Sprintf(", TTL security: nothing from beyond %d hops is accepted", p.Multihop)
	case p.Multihop > 1:
		text += fmt.Sprintf(", at most %d hops away", p.Multihop)
	}
	if p.PasswordFile != "" {
		text += ", with TCP MD5"
	}
	if p.BFD != nil {
		text += "; BFD: " + p.BFD.words()
	}
	return text
}

func (p *BGPPeer) familyNames() []string {
	list := []string{}
	if p.IPv4 {
		list = append(list, "IPv4")
	}
	if p.IPv6 {
		list = append(list, "IPv6")
	}
	return list
}

func (p *BGPPeer) familyWords() string { return strings.Join(p.familyNames(), " and ") }

// words tells when a session of BFD finds a fault.
func (d *BFD) words() string {
	text := fmt.Sprintf("a packet every %s, down after %s without one (× %d)", length(d.Interval), length(d.detection()), d.Multiplier)
	if d.Multihop > 1 {
		text += ", over several hops"
	}
	if d.Passive {
		text += ", waiting for the other system"
	}
	if d.Auth != nil {
		text += ", authenticated by " + d.Auth.Type
	}
	return text
}

// communityWords are the communities of the paths, as they are written.
func (r *Routes) communityWords() string { return listed(r.communityNames()) }

func (r *Routes) communityNames() []string {
	list := []string{}
	for _, c := range r.Communities {
		list = append(list, communityName(c))
	}
	for _, c := range r.Large {
		list = append(list, fmt.Sprintf("%d:%d:%d", c[0], c[1], c[2]))
	}
	return list
}

// peersNamed are the peers that a group is announced to.
func (c *Config) peersNamed(names []string) []*BGPPeer {
	var list []*BGPPeer
	if c.BGP == nil {
		return nil
	}
	for i := range c.BGP.Peers {
		if slices.Contains(names, c.BGP.Peers[i].Name) {
			list = append(list, &c.BGP.Peers[i])
		}
	}
	return list
}

func (p *PlanBGP) writeText(b *strings.Builder) {
	fmt.Fprintf(b, "bgp: AS %d", p.LocalAS)
	if p.RouterID != "" {
		fmt.Fprintf(b, ", router ID %s", p.RouterID)
	}
	if p.Port != 0 {
		fmt.Fprintf(b, ", connections are taken at port %d", p.Port)
	}
	b.WriteString("\n")
	for _, peer := range p.Peers {
		fmt.Fprintf(b, "  peer %s\n", peer.Words)
	}
}
