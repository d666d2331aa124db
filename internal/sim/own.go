package sim

import (
	"slices"
	"time"

	"stead/internal/core"
)

// OwnSetup makes up a network and faults for a configuration of the user's, given as
// each host has it; hosts without groups have no daemon. Delays of the configuration
// are kept as they are; the world lasts as long as they need, and length more when
// that is longer.
func OwnSetup(hosts []core.Config, seed uint64, length time.Duration) Setup {
	r := newRandom(seed*2 + 1)
	cfg := common(hosts)
	slack := time.Duration(20) // a part of the interval
	hostile := true
	for i := range cfg.Groups {
		if c := cfg.Groups[i].Router; c != nil {
			// Skews are parts of an interval; VRRP without authentication has no answer to an adversary.
			slack, hostile = 100, false
			if cfg.Interval == 0 || c.Interval < cfg.Interval {
				cfg.Interval = c.Interval
			}
		}
	}
	if cfg.Interval == 0 {
		cfg.Interval = paceOfNobody
	}
	s := Setup{Config: cfg, Hosts: hosts, DriftPPM: 200, Hostile: hostile}
	interval := cfg.Interval
	s.Jitter = interval / slack
	s.Checks = interval * time.Duration(r.between(2, 6))
	s.Network = NetworkProfile{Latency: interval / slack, Jitter: interval / slack, Duplicate: 5}
	s.Kernel = KernelProfile{ApplyMin: 20 * time.Microsecond, ApplyMax: interval / 5, StoreMax: 5 * time.Millisecond}
	for id := range cfg.Nodes {
		if !cfg.Nodes[id].Client {
			s.Clients = append(s.Clients, core.NodeID(id))
		}
	}
	s.Store = storeFor(&cfg)
	s.schedule(r)
	s.Lengthen(r.uint64(), length)
	return s
}

// storeFor is the store of a configuration of the user's; nil where it has none.
func storeFor(cfg *core.Config) *StoreProfile {
	shortest := time.Duration(0)
	if cfg.Witness != nil {
		shortest = cfg.Witness.TTL
	}
	for i := range cfg.Groups {
		if r := cfg.Groups[i].Right; r != nil && (shortest == 0 || r.TTL < shortest) {
			shortest = r.TTL
		}
	}
	if shortest == 0 {
		return nil
	}
	return &StoreProfile{Latency: shortest / 500, Jitter: shortest / 500, Timeout: shortest / 3}
}

// paceOfNobody sets the pace of a world in which no node sends heartbeats.
const paceOfNobody = 50 * time.Millisecond

// common is what hosts have in common. What a check is a member knows, and not a witness.
func common(hosts []core.Config) core.Config {
	var cfg core.Config
	for i := range hosts {
		if hosts[i].Groups == nil {
			continue
		}
		if cfg.Groups == nil {
			cfg = hosts[i]
			cfg.Groups = slices.Clone(cfg.Groups)
			cfg.Peers, cfg.BFD = nil, nil
		}
		for g := range cfg.Groups {
			if memberOf(&cfg.Groups[g], i) {
				cfg.Groups[g].Checks, cfg.Groups[g].Router = hosts[i].Groups[g].Checks, hosts[i].Groups[g].Router
			}
		}
	}
	return cfg
}

// Lengthen makes the faulty part of a world at least that long and fills the
// time it gains with further faults, as dense as before.
func (s *Setup) Lengthen(seed uint64, length time.Duration) {
	if length <= s.Length {
		return
	}
	r := newRandom(seed)
	from := s.Length
	more := int(min(int64(length/max(from, time.Millisecond))*int64(len(s.Faults)), 100_000))
	s.Length = length
	for range more {
		s.add(r, from+r.duration(0, (length-from)*9/10))
	}
	for i := range s.Faults {
		s.Length = max(s.Length, s.Faults[i].At+s.Faults[i].For)
	}
}
