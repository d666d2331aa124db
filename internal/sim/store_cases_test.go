package sim

import (
	"fmt"
	"testing"
	"time"

	"stead/internal/core"
	"stead/internal/core/lease"
)

// voters makes a world of members that elect among themselves with a store as one
// more voter, which one operation reaches and comes back from in trip.
func voters(members int, trip time.Duration, faults ...Fault) Setup {
	s := Setup{DriftPPM: 200, Config: core.Config{Keys: [][]byte{make([]byte, 32)}, Interval: 10 * time.Millisecond}}
	s.addNodes(members, 0)
	g := core.Group{Name: "g1", Interval: 10 * time.Millisecond, Multiplier: 4, Quorum: true, StoreVotes: true}
	for i := range members {
		g.Members = append(g.Members, core.Member{Node: core.NodeID(i), Priority: 100 - i})
		g.Voters = append(g.Voters, core.NodeID(i))
	}
	s.Config.Groups = []core.Group{g}
	const ttl = 2 * time.Second
	s.Config.Witness = &lease.Config{TTL: ttl, Use: ttl - ttl/32, Renew: ttl / 5, Look: ttl / 10, Ready: true}
	s.Store = &StoreProfile{Latency: trip / 2, Timeout: ttl / 3}
	s.Network = NetworkProfile{Latency: 200 * time.Microsecond}
	s.Kernel = KernelProfile{ApplyMin: 50 * time.Microsecond, ApplyMax: 100 * time.Microsecond}
	s.Checks, s.Faults = 10*time.Millisecond, faults
	s.Length = 10 * time.Second
	s.Quiet = s.restTime()
	return s
}

// TestVoteWithinAThirdOfTheLeaseHidesTheDeathOfAPeer kills the peer of an active node: with
// a store that answers fast enough nobody notices, with a slow one the node waits
// behind its closed fence and keeps its role. checkKept judges.
func TestVoteWithinAThirdOfTheLeaseHidesTheDeathOfAPeer(t *testing.T) {
	for _, trip := range []time.Duration{200 * time.Microsecond, 3 * time.Millisecond, 6 * time.Millisecond, 30 * time.Millisecond, 300 * time.Millisecond} {
		stalls := 0
		for seed := range uint64(6) {
			s := voters(2, trip, Fault{Kind: PowerOff, At: 15 * time.Second, For: time.Second, Node: 1, Path: -1})
			s.Length = 17 * time.Second
			r := NewWorld(seed, s).Run()
			stalls += r.Stalls
			for _, v := range r.Violations {
				t.Errorf("%v, seed %d: %v", trip, seed, v)
			}
			if r.Activations != 1 {
				t.Errorf("%v, seed %d: %d activations: the role has moved", trip, seed, r.Activations)
			}
		}
		if trip < 40*time.Millisecond/6 && stalls > 0 || trip > 40*time.Millisecond && stalls == 0 {
			t.Errorf("%v: %d stalls in 6 worlds", trip, stalls)
		}
	}
}

// TestVoteSurvivesFaultAfterFault has the nodes of a pair die one after the other, the
// active one each time, and cuts them apart in between.
func TestVoteSurvivesFaultAfterFault(t *testing.T) {
	var faults []Fault
	for i := range 6 {
		kind := []FaultKind{PowerOff, Partition, Kill}[i%3]
		faults = append(faults, Fault{Kind: kind, At: time.Duration(8+8*i) * time.Second, For: 2 * time.Second, Node: Holder, Path: -1})
	}
	for seed := range uint64(6) {
		s := voters(2, 5*time.Millisecond, faults...)
		s.Length = 60 * time.Second
		r := NewWorld(seed, s).Run()
		for _, v := range r.Violations {
			t.Errorf("seed %d: %v", seed, v)
		}
		if r.WorstQuorum > 150*time.Millisecond || r.Activations < 5 {
			t.Errorf("seed %d: %d activations, nobody served for %v", seed, r.Activations, r.WorstQuorum)
		}
	}
}

// TestVoteEndsWithTheLeaseThatHangsOnIt cuts an active node off from its peer and then
// from the store, and stops its daemon about when the vote ends: its kernel does not
// answer for longer than the vote lasts, for the peer has it next.
func TestVoteEndsWithTheLeaseThatHangsOnIt(t *testing.T) {
	moved := 0
	for i := range uint64(40) {
		s := voters(2, 2*time.Millisecond,
			Fault{Kind: Partition, At: 8 * time.Second, For: 6 * time.Second, Node: Holder, Path: -1},
			Fault{Kind: StoreCut, At: 9 * time.Second, For: 4 * time.Second, Node: Holder},
			Fault{Kind: Pause, At: 10500*time.Millisecond + time.Duration(i)*20*time.Millisecond, For: time.Second, Node: 0})
		s.Config.Interval, s.Store.Watch = 50*time.Millisecond, true
		s.Config.Groups[0].Interval = s.Config.Interval
		r := NewWorld(i, s).Run()
		moved += r.Activations - 1
		for _, v := range r.Violations {
			t.Errorf("seed %d: %v", i, v)
		}
	}
	if moved < 40 {
		t.Errorf("the other node took over in %d of 40 worlds", moved)
	}
}

// TestRightEndsBeforeAnotherHasIt stops the daemon of a holder whom the store answers
// late: its kernel falls silent before the right is another's.
func TestRightEndsBeforeAnotherHasIt(t *testing.T) {
	moved := 0
	for i := range uint64(20) {
		s := voters(2, 2*time.Millisecond,
			Fault{Kind: StoreSlow, At: 8 * time.Second, For: 8 * time.Second, Node: Holder, Extra: 500 * time.Millisecond},
			Fault{Kind: Pause, At: 10*time.Second + time.Duration(i)*41*time.Millisecond, For: 4 * time.Second, Node: Holder, Path: -1})
		right := *s.Config.Witness
		right.Ready, right.Look = false, 20*time.Millisecond
		g := core.Group{Name: "g1", Members: s.Config.Groups[0].Members, Right: &right}
		s.Config.Groups, s.Config.Witness, s.Store.Watch = []core.Group{g}, nil, true
		s.Length, s.Quiet = 16*time.Second, s.restTime()
		r := NewWorld(i, s).Run()
		moved += r.Activations - 1
		for _, v := range r.Violations {
			t.Errorf("seed %d: %v", i, v)
		}
	}
	if moved < 20 {
		t.Errorf("the other node took over in %d of 20 worlds", moved)
	}
}

// TestVoteGoesToThoseWhomItHelps cuts the active one of three nodes off: the store's vote
// makes no majority with it alone, and does with the two others.
func TestVoteGoesToThoseWhomItHelps(t *testing.T) {
	for seed := range uint64(6) {
		r := NewWorld(seed, voters(3, 5*time.Millisecond, Fault{Kind: Partition, At: 8 * time.Second, For: 4 * time.Second, Node: Holder, Path: -1})).Run()
		for _, v := range r.Violations {
			t.Errorf("seed %d: %v", seed, v)
		}
		if r.WorstQuorum > 500*time.Millisecond {
			t.Errorf("seed %d: nobody served for %v", seed, r.WorstQuorum)
		}
	}
}

// TestPairWithoutPeerAndStoreServesNothing cuts a pair apart and both from the store.
func TestPairWithoutPeerAndStoreServesNothing(t *testing.T) {
	s := voters(2, time.Millisecond,
		Fault{Kind: Partition, At: 8 * time.Second, For: 4 * time.Second, Node: 0, Path: -1},
		Fault{Kind: StoreCut, At: 8 * time.Second, For: 4 * time.Second, Mask: 3})
	w := NewWorld(1, s)
	w.setup.Length, w.setup.Quiet = 11*time.Second, 0
	if r := w.Run(); len(r.Violations) > 0 {
		t.Error(r.Violations)
	}
	for _, h := range w.hosts {
		if w.answers(h, 0) {
			t.Errorf("%s serves, and has no majority", w.nodeName(h.id))
		}
	}
	r := NewWorld(1, s).Run()
	if gap := fmt.Sprint(r.WorstQuorum.Round(time.Second)); len(r.Violations) > 0 || gap != "4s" {
		t.Errorf("nobody served for %s, and %v", gap, r.Violations)
	}
}
