package config

import (
	"fmt"
)

// familyWords are the address families of a session.
func (p *BGPPeer) familyWords() string {
	var list []string
	if p.IPv4 {
		list = append(list, "IPv4")
	}
	if p.IPv6 {
		list = append(list, "IPv6")
	}
	return listed(list)
}

// communityWords are the communities of the paths, as they are written.
func (r *Routes) communityWords() string {
	var list []string
	for _, c := range r.Communities {
		list = append(list, communityName(c))
	}
	for _, c := range r.Large {
		list = append(list, fmt.Sprintf("%d:%d:%d", c[0], c[1], c[2]))
	}
	return listed(list)
}

// words tells when a session of BFD finds a fault.
func (d *BFD) words() string {
	text := fmt.Sprintf("a packet every %s, down after %s without one (× %d)", length(d.Interval), length(d.detection()), d.Multiplier)
	if d.Multihop > 1 {
		text += fmt.Sprintf(", over %d hops at most", d.Multihop)
	}
	if d.Passive {
		text += ", waiting for the other system"
	}
	if d.Auth != nil {
		text += ", authenticated by " + d.Auth.Type
	}
	return text
}
