package daemon

import (
	"fmt"
	"testing"
	"time"

	"stead/internal/core"
	"stead/internal/core/clock"
	leases "stead/internal/core/lease"
	"stead/internal/lab/share"
	"stead/internal/report"
	"stead/internal/testns"
)

// byVote is an election of two nodes among which a store is the third voter.
var byVote = fmt.Sprintf("{ type: peer, interval: %s, multiplier: %d, witness: { store: share } }", interval, multiplier)

// newVote starts two nodes and a store that votes.
func newVote(t testing.TB) *shared {
	t.Helper()
	s := newShared(t, conf{election: byVote})
	s.free(t, "vote", "") // else it can be had after its TTL
	s.begin(t)
	for _, h := range []*host{s.primary, s.secondary} {
		h.until(t, "the vote can be had", func(st *report.Status) bool { return st.Vote != nil && st.Vote.State == "free" })
		s.settled(t, s.primary)
		h.calm(t)
	}
	return s
}

// free puts a record that anybody can claim in the place of a version.
func (s *shared) free(t testing.TB, key, version string) {
	t.Helper()
	r := leases.Record{Epoch: 1, Turn: 1, Holder: "nobody", Session: 1, TTL: time.Second, State: leases.Free}
	if _, err := s.record(t, key).Swap(t.Context(), version, r.Append(nil)); err != nil {
		t.Fatal(err)
	}
}

// cut lets no packet between the two; each reaches the client, and its store.
func (s *shared) cut(t testing.TB, apart bool) {
	t.Helper()
	for _, h := range []*host{s.primary, s.secondary} {
		s.sw.Run(t, "bridge", "link", "set", "dev", h.name, "isolated", map[bool]string{true: "on", false: "off"}[apart])
	}
}

// votes waits until the store stands by a host.
func (h *host) votes(t testing.TB, held bool) {
	t.Helper()
	h.until(t, fmt.Sprintf("the store's vote is here: %v", held), func(s *report.Status) bool {
		return s.Vote != nil && s.Vote.Held == held
	})
}

// With the vote of a store two nodes survive the loss of either: the other one goes
// on, or takes over, and gives the vote back when both are there again.
func TestVoteOfAStore(t *testing.T) {
	s := newVote(t)
	a := s.ask(t)
	a.serves(t, s.primary, 0)

	before := engineNow()
	s.secondary.kill(t, true)
	s.primary.votes(t, true)
	a.serves(t, s.primary, engineNow())
	if g := s.primary.status(t).Group("web"); !g.Serves() || g.Quorum.Granted < g.Quorum.Needed {
		t.Errorf("%+v", g.Quorum)
	}
	t.Logf("the standby was killed: the longest pause of the primary was %v", a.pause(before))
	if n := s.primary.count(t, report.BecameStandby, "web"); n != 0 {
		t.Errorf("it let go %d times because the standby was killed", n)
	}
	s.secondary.start(t)
	s.settled(t, s.primary)
	s.primary.votes(t, false)
	s.secondary.until(t, "the vote is free", func(st *report.Status) bool { return st.Vote.State == "free" })

	before = engineNow()
	s.primary.kill(t, true)
	silent := engineNow().Add(lease)
	a.serves(t, s.secondary, before)
	a.neverTwo(t, s.primary, s.secondary, before)
	a.silentAfter(t, s.primary, silent, "its lease")
	a.took(t, "the active node was killed", s.primary, s.secondary, before)
	s.secondary.votes(t, true)
	if held := s.secondary.metric(t, `stead_vote_held{store="share"}`); held != "1" {
		t.Errorf("stead_vote_held is %q", held)
	}
	s.primary.start(t)
	s.settled(t, s.secondary)
	s.secondary.votes(t, false)

	before = engineNow()
	s.secondary.freeze(t)
	a.serves(t, s.primary, before)
	a.neverTwo(t, s.secondary, s.primary, before)
	a.took(t, "the next one was frozen", s.secondary, s.primary, before)
}

// Two nodes that do not hear each other: the one that has the vote of the store
// goes on, and the other one is silent.
func TestVoteOfAStoreInAPartition(t *testing.T) {
	s := newVote(t)
	a := s.ask(t)
	a.serves(t, s.primary, 0)
	from := s.primary
	for _, tt := range []struct {
		what string
		away *host // whom the store is cut from
	}{{"both reach the store", nil}, {"the active node does not reach the store", s.primary}, {"the standby node does not reach the store", s.secondary}} {
		if tt.away != nil && from != s.primary { // the faults are told by roles
			from.do(t, "switchover", "web", "--to", "primary", "--wait")
			s.settled(t, s.primary)
			from = s.primary
		}
		before := engineNow()
		if tt.away != nil {
			s.fail(t, tt.away, broken)
			tt.away.problem(t, "the store share, which votes, is not reached: a further fault may leave nobody active")
			before = engineNow()
		}
		s.cut(t, true)
		winner := s.one(t)
		if tt.away == winner {
			t.Errorf("%s: %s serves without it", tt.what, winner.name)
		}
		a.serves(t, winner, engineNow())
		loser := s.other(winner)
		a.silentAfter(t, loser, engineNow(), tt.what)
		if winner == from {
			a.silentAfter(t, loser, before, tt.what)
			t.Logf("%s: %s goes on, with a pause of %v at most", tt.what, winner.name, a.pause(before))
		} else {
			a.neverTwo(t, from, winner, before)
			a.took(t, tt.what, from, winner, before)
		}
		winner.votes(t, true)
		s.cut(t, false)
		s.fail(t, s.primary, share.Faults{})
		s.fail(t, s.secondary, share.Faults{})
		s.settled(t, winner)
		winner.votes(t, false)
		from = winner
	}
}

// one waits until exactly one of the two serves, and the other one has let go.
func (s *shared) one(t testing.TB) *host {
	t.Helper()
	var who *host
	testns.Eventually(t, patience, "one serves and has the vote", func() bool {
		for _, h := range []*host{s.primary, s.secondary} {
			g, other := h.status(t), s.other(h).status(t).Group("web")
			if g.Group("web").Serves() && g.Vote.Held && other.Role == report.RoleStandby {
				who = h
				return true
			}
		}
		return false
	})
	return who
}

// Without the store a node that is alone is no majority: nobody serves until the
// other node or the store is back.
func TestVoteOfAStoreThatIsAway(t *testing.T) {
	s := newVote(t)
	a := s.ask(t)
	a.serves(t, s.primary, 0)
	s.fail(t, s.primary, broken)
	s.fail(t, s.secondary, hangs)
	for _, h := range []*host{s.primary, s.secondary} {
		h.problem(t, "the store share, which votes, is not reached")
	}
	if g := s.primary.status(t).Group("web"); !g.Serves() {
		t.Errorf("both are there, and yet: %+v", g)
	}
	s.cut(t, true)
	s.primary.becomes(t, "web", report.RoleStandby)
	s.primary.problem(t, "nobody is active")
	silent := engineNow()
	a.asked(t, silent.Add(2*time.Second))
	for _, h := range []*host{s.primary, s.secondary} {
		a.silentAfter(t, h, silent, "both votes are lost")
	}
	healed := engineNow()
	s.fail(t, s.secondary, share.Faults{})
	a.serves(t, s.secondary, healed)
	t.Logf("the store is back: served %s after", since(healed, a.firstOf(healed, s.secondary)))
	s.cut(t, false)
	s.fail(t, s.primary, share.Faults{})
	s.settled(t, s.secondary)
	s.secondary.votes(t, false)
	a.silentAfter(t, s.primary, healed, "the store came back to the other one")
}

func (a *asker) firstOf(after core.Instant, h *host) core.Instant {
	first := clock.Never
	for k := range kinds {
		first = min(first, a.first(h.name, k, after))
	}
	return first
}

// What is no vote stands by nobody, until there is one again.
func TestVoteThatIsGarbled(t *testing.T) {
	s := newVote(t)
	s.garble(t, "vote", "no vote")
	for _, h := range []*host{s.primary, s.secondary} {
		h.problem(t, "what is at vote in the store share is no vote")
	}
	s.secondary.kill(t, true)
	s.primary.becomes(t, "web", report.RoleStandby)
	_, version, err := s.record(t, "vote").Read(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	s.free(t, "vote", version)
	s.primary.becomes(t, "web", report.RoleActive)
	s.primary.votes(t, true)
}
