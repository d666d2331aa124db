package assemble

import (
	"fmt"
	"maps"
	"net/netip"
	"slices"

	"stead/internal/config"
	"stead/internal/core/vrrp"
)

// router returns the virtual router of a group as the node self runs it, or nil
// for a group that VRRP does not decide. Floor is how many activations may have
// been counted before. The core chooses the slot of the fence.
func router(g *config.Group, self string, floor uint64) (*vrrp.Config, error) {
	r := g.Election.VRRP
	if r == nil {
		return nil, nil
	}
	var auth vrrp.Auth
	if isMember(g, self) { // only members have read the keys
		var err error
		if auth, err = authOf(r.Auth); err != nil {
			return nil, err
		}
	}
	out := &vrrp.Config{
		VRID:         r.VRID,
		Version:      r.Version,
		Interval:     r.Interval,
		Addresses:    advertised(g),
		Unicast:      r.Unicast,
		MinTTL:       r.MinTTL,
		Checksum:     checksums[r.Checksum],
		Auth:         auth,
		DownAdverts:  r.DownAdverts,
		Preempt:      g.Preempt.Enabled,
		PreemptDelay: g.Preempt.Delay,
		StartDelay:   g.StartDelay,
		Accept:       r.Accept,
		Detector:     vrrp.Detector{Interval: g.Election.Interval, Lease: g.Election.Lease()},
		Floor:        floor,
	}
	if !r.Unicast {
		out.To = []netip.Addr{r.Group}
		return out, nil
	}
	out.Peers = others(g, self)
	out.To = out.Peers
	return out, nil
}

func isMember(g *config.Group, node string) bool {
	return slices.ContainsFunc(g.Members, func(m config.Member) bool { return m.Node == node })
}

var checksums = map[string]vrrp.Checksum{
	"auto":          vrrp.ChecksumAuto,
	"message":       vrrp.ChecksumMessage,
	"pseudo-header": vrrp.ChecksumPseudoHeader,
}

// advertised are the addresses of the packet, in the order of the file.
func advertised(g *config.Group) []netip.Addr {
	var list []netip.Addr
	for _, a := range g.Addresses {
		if !a.Excluded {
			list = append(list, a.Prefix.Addr())
		}
	}
	return list
}

// others are the routers that self sends to: all but itself.
func others(g *config.Group, self string) []netip.Addr {
	r := g.Election.VRRP
	own := r.Sources[self]
	var list []netip.Addr
	for _, a := range r.Peers {
		if a != own {
			list = append(list, a)
		}
	}
	return list
}

// sourceOf is where a node's advertisements come from; the zero Addr where only the
// node itself can tell.
func sourceOf(g *config.Group, node string) netip.Addr {
	if g.Election.VRRP == nil {
		return netip.Addr{}
	}
	return g.Election.VRRP.Sources[node]
}

func authOf(a *config.VRRPAuth) (vrrp.Auth, error) {
	if a == nil {
		return vrrp.Auth{}, nil
	}
	if a.Type == config.AuthPassword {
		if len(a.Keys[0]) == 0 {
			return vrrp.Auth{}, fmt.Errorf("auth: password file %s: not read yet", a.KeyFiles[0])
		}
		return vrrp.Auth{Type: vrrp.AuthPassword, Keys: []vrrp.Key{{Secret: a.Keys[0]}}}, nil
	}
	out := vrrp.Auth{Type: vrrp.AuthHMAC, Monotonic: a.Replay == "monotonic"}
	for _, id := range signerFirst(slices.Sorted(maps.Keys(a.KeyFiles)), a.KeyID) {
		if len(a.Keys[id]) == 0 {
			return vrrp.Auth{}, fmt.Errorf("auth: key file %s: not read yet", a.KeyFiles[id])
		}
		out.Keys = append(out.Keys, vrrp.Key{ID: id, Secret: a.Keys[id]})
	}
	return out, nil
}

// signerFirst puts the ID of the key that signs before the others.
func signerFirst(ids []uint8, signer uint8) []uint8 {
	slices.SortStableFunc(ids, func(x, y uint8) int {
		switch signer {
		case x:
			return -1
		case y:
			return 1
		}
		return 0
	})
	return ids
}
