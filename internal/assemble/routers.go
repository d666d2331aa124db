package assemble

import (
	"stead/internal/adapter/vrrp"
	"stead/internal/config"
	"stead/internal/core"
)

// Routers are the virtual routers that the node cfg.Self takes part in, by the
// number of their group: what their sockets need to know.
func Routers(cfg *config.Config) []vrrp.Router {
	var out []vrrp.Router
	for i := range cfg.Groups {
		g := &cfg.Groups[i]
		r := g.Election.VRRP
		if r == nil || !isMember(g, cfg.Self) {
			continue
		}
		out = append(out, vrrp.Router{
			Group:      core.GroupID(i),
			Name:       g.Name,
			VRID:       r.VRID,
			IPv6:       r.IPv6,
			Interface:  r.Interface,
			Source:     r.Sources[cfg.Self],
			Multicast:  r.Group,
			TTL:        r.TTL,
			VirtualMAC: r.VirtualMAC,
		})
	}
	return out
}
