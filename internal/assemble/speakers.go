package assemble

import (
	"net/netip"

	adapter "stead/internal/adapter/bgp"
	"stead/internal/config"
)

// Speakers are the BGP sessions of the node cfg.Self, in the order of
// core.Config.Peers: what their connections need to know. Listen is the port where
// peers connect; 0: none do.
func Speakers(cfg *config.Config) (peers []adapter.Peer, listen uint16) {
	for _, p := range peersOf(cfg) {
		peers = append(peers, adapter.Peer{
			Name: p.Name, Remote: netip.AddrPortFrom(p.Address, p.Port), Source: p.Source,
			TTL: sentTTL(&p), MinTTL: leastTTL(&p), MD5: p.Password,
			Passive: p.Passive, UserTimeout: p.HoldTime,
		})
	}
	if len(peers) > 0 {
		listen = cfg.BGP.For(cfg.Self).Port
	}
	return peers, listen
}

// maxTTL is what a packet has that was not forwarded.
const maxTTL = 255

// sentTTL lets packets go no further than the peer, unless the peer is to see that
// they have not come far (RFC 5082 section 3).
func sentTTL(p *config.BGPPeer) int {
	if p.TTLSecurity {
		return maxTTL
	}
	return p.Multihop
}

// leastTTL is that of a packet that has passed as many hops as there may be.
func leastTTL(p *config.BGPPeer) int {
	if !p.TTLSecurity {
		return 0
	}
	return maxTTL + 1 - p.Multihop
}
