package sim

import (
	"time"

	"stead/internal/core"
)

// OwnSetup makes up a network and faults for a configuration of the user's.
// Delays of the configuration are kept as they are; the world lasts as long as
// they need, and length more when that is longer.
func OwnSetup(cfg core.Config, seed uint64, length time.Duration) Setup {
	r := newRandom(seed*2 + 1)
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
	s := Setup{Config: cfg, DriftPPM: 200, Hostile: hostile}
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
	s.schedule(r)
	s.Lengthen(r.uint64(), length)
	return s
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
