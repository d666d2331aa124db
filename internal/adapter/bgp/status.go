package bgp

import (
	"net/netip"

	"stead/internal/core/bgp"
)

// Status is what there is to tell of a peer.
type Status struct {
	Name        string
	Problem     string // why there is no connection; empty: nothing is known to be wrong
	Connections []Connection
	In, Out     uint64 // bytes that were read, and that the kernel has taken
	Refused     uint64 // connections of the peer's that were not taken: there were two already
}

// Connection is one that is open.
type Connection struct {
	Conn          bgp.Conn // bgp.FirstIncoming or more: the peer has opened it
	Local, Remote netip.AddrPort
	Queued        int64 // bytes that wait for the kernel to take them
}

// Status returns how each peer is, in the order of the peers. It may be called from
// any goroutine.
func (s *Set) Status() []Status {
	peers := *s.present.Load()
	deaf := *s.deaf.Load()
	all := make([]Status, 0, len(peers))
	for _, p := range peers {
		st := Status{Name: p.name, Problem: *p.problem.Load(), In: p.in.Load(), Out: p.out.Load(), Refused: p.refused.Load()}
		for _, c := range p.list() {
			if ends := c.ends.Load(); ends != nil {
				one := *ends
				one.Queued = c.pending.Load()
				st.Connections = append(st.Connections, one)
			}
		}
		if p.settings.Load().Passive && len(st.Connections) == 0 && deaf != "" {
			st.Problem = deaf
		}
		all = append(all, st)
	}
	return all
}

// Counters count since Open. They only grow.
type Counters struct {
	Strangers    uint64     // connections from addresses that no peer has
	LastStranger netip.Addr // whom the last one came from; zero: nobody
}

// Counters may be called from any goroutine.
func (s *Set) Counters() Counters {
	c := Counters{Strangers: s.strangers.Load()}
	if a := s.stranger.Load(); a != nil {
		c.LastStranger = *a
	}
	return c
}

// Listening returns why no connection of a peer can be taken; empty: they can, or
// none are to be. It may be called from any goroutine.
func (s *Set) Listening() (problem string) { return *s.deaf.Load() }
