package assemble

import (
	"fmt"
	"maps"
	"net/netip"
	"slices"

	adapter "stead/internal/adapter/bfd"
	"stead/internal/config"
	"stead/internal/core"
	"stead/internal/core/bfd"
)

// Paths are the BFD sessions of the node cfg.Self, in the order of core.Config.BFD:
// what their sockets need to know.
func Paths(cfg *config.Config) []adapter.Session {
	var out []adapter.Session
	for _, s := range sessionsOf(cfg).list {
		out = append(out, adapter.Session{Name: s.name, Local: s.path.local, Remote: s.path.remote, Multihop: s.path.multihop})
	}
	return out
}

// pathSessions are the BFD sessions of a node: one for each path, whoever asks for it.
type pathSessions struct {
	list  []pathSession
	place map[path]int
}

type pathSession struct {
	name string
	path path
	bfd  *config.BFD
}

// sessionsOf lists those of BGP peers, then those of checks.
func sessionsOf(cfg *config.Config) pathSessions {
	s := pathSessions{place: map[path]int{}}
	for _, p := range peersOf(cfg) {
		s.add(p.Name, p.Address, p.BFD)
	}
	for i := range cfg.Groups {
		g := &cfg.Groups[i]
		for j := range g.Checks {
			k := &g.Checks[j]
			if remote, err := netip.ParseAddr(k.Target); err == nil && k.BFD != nil && isMember(g, cfg.Self) {
				s.add(k.Target, remote, k.BFD.For(cfg.Self))
			}
		}
	}
	return s
}

func (s *pathSessions) add(name string, remote netip.Addr, d *config.BFD) {
	if d == nil {
		return
	}
	p := pathOf(remote, d)
	if _, there := s.place[p]; there {
		return
	}
	s.place[p] = len(s.list)
	s.list = append(s.list, pathSession{name, p, d})
}

func pathOf(remote netip.Addr, d *config.BFD) path {
	return path{local: d.Source, remote: remote, multihop: d.Multihop > 1}
}

// paths is the core's view of the sessions.
func (s *pathSessions) paths(incarnation uint64) ([]core.Path, error) {
	var out []core.Path
	taken := map[uint32]bool{}
	for _, one := range s.list {
		auth, err := bfdAuth(one.bfd.Auth)
		if err != nil {
			return nil, fmt.Errorf("bfd session with %s: %w", one.path.remote, err)
		}
		out = append(out, core.Path{
			Name: one.name, Local: one.path.local, Remote: one.path.remote, Multihop: one.path.multihop,
			Session: bfd.Config{
				Discriminator: discriminator(incarnation, one.path, taken),
				DesiredMinTX:  one.bfd.Interval,
				RequiredMinRX: one.bfd.MinRX,
				DetectMult:    uint8(one.bfd.Multiplier),
				MinTTL:        leastControlTTL(one.bfd),
				Passive:       one.bfd.Passive,
				Auth:          auth,
				Seed:          mixed(incarnation, "bfd "+one.path.name()),
			},
		})
	}
	return out, nil
}

// leastControlTTL is 255 over one hop (RFC 5881 section 5). Over several RFC 5883
// asks for nothing, and BIRD sends with 64.
func leastControlTTL(d *config.BFD) int {
	if d.Multihop > 1 {
		return 1
	}
	return maxTTL
}

var bfdAuthTypes = map[string]bfd.AuthType{
	config.BFDAuthSHA1:           bfd.AuthSHA1,
	config.BFDAuthMeticulousSHA1: bfd.AuthMeticulousSHA1,
}

func bfdAuth(a *config.BFDAuth) (bfd.Auth, error) {
	if a == nil {
		return bfd.Auth{}, nil
	}
	out := bfd.Auth{Type: bfdAuthTypes[a.Type]}
	for _, id := range signerFirst(slices.Sorted(maps.Keys(a.KeyFiles)), a.KeyID) {
		if len(a.Keys[id]) == 0 {
			return bfd.Auth{}, fmt.Errorf("auth: key file %s: not read yet", a.KeyFiles[id])
		}
		out.Keys = append(out.Keys, bfd.Key{ID: id, Secret: a.Keys[id]})
	}
	return out, nil
}
