package daemon

import (
	"slices"
	"syscall"
	"testing"
	"time"

	"stead/internal/core"
	"stead/internal/core/reason"
	"stead/internal/lab/share"
	"stead/internal/report"
	"stead/internal/testns"
)

// A holder that is killed or frozen renews no more: its host is silent when its
// lease is over, and only then another one answers. What comes back waits.
func TestLeaseKilledAndFrozen(t *testing.T) {
	s := newShared(t, conf{election: byLease})
	s.begin(t)
	a := s.ask(t)
	a.serves(t, s.primary, 0)
	taken := func(what string, from, to *host, strike func()) {
		t.Helper()
		epoch := from.status(t).Group("web").Epoch
		before := engineNow()
		strike()
		silent := engineNow().Add(leaseTTL) // it has asked for the last renewal before now
		a.serves(t, to, before)
		a.neverTwo(t, from, to, before)
		a.silentAfter(t, from, silent, "its lease")
		a.took(t, what, from, to, before)
		g := to.becomes(t, "web", report.RoleActive)
		if g.Epoch <= epoch || g.Reason != reason.LeaseExpired {
			t.Errorf("%s: epoch %d after %d, for %q", what, g.Epoch, epoch, g.Reason)
		}
		if first := a.first(to.name, arp, before); first.Sub(before) < leaseTTL/2 {
			t.Errorf("%s: taken over %v after: the lease was not waited for", what, first.Sub(before))
		}
	}
	taken("SIGKILL", s.primary, s.secondary, func() { s.primary.kill(t, true) })
	back := engineNow()
	s.primary.start(t)
	s.holds(t, s.secondary)
	taken("SIGSTOP", s.secondary, s.primary, func() { s.secondary.freeze(t) })
	thawed := engineNow()
	s.secondary.signal(t, syscall.SIGCONT, true)
	s.holds(t, s.primary)
	a.silentAfter(t, s.secondary, thawed, "it went on")
	if first := a.first(s.primary.name, arp, back); first.Sub(back) < leaseTTL/2 {
		t.Errorf("the primary answers %v after its restart", first.Sub(back))
	}
}

// hangs is a share that does not answer, and broken is one that is gone.
var (
	hangs  = share.Faults{Hang: share.Reads | share.Writes}
	broken = share.Faults{Fail: syscall.EIO}
)

// The holder lets go when its share hangs, and the other one takes over; when both
// have lost it nobody serves until it is back.
func TestLeaseStoreLost(t *testing.T) {
	s := newShared(t, conf{election: byLease})
	s.begin(t)
	a := s.ask(t)
	a.serves(t, s.primary, 0)
	before := engineNow()
	s.fail(t, s.primary, hangs)
	s.primary.problem(t, "this node lets go when the lease ends")
	s.secondary.becomes(t, "web", report.RoleActive)
	a.serves(t, s.secondary, before)
	a.neverTwo(t, s.primary, s.secondary, before)
	a.took(t, "the share of the holder hangs", s.primary, s.secondary, before)
	let := s.primary.logged(t, "it let go", func(e *report.Event) bool { return e.Kind == report.BecameStandby })
	if let.Reason != reason.StoreLost {
		t.Errorf("it let go for %q", let.Reason)
	}
	s.primary.problem(t, "so this node cannot take over")
	if up := s.primary.metric(t, `stead_store_up{group="web",store="share"}`); up != "0" {
		t.Errorf("stead_store_up is %q", up)
	}
	healed := engineNow()
	s.fail(t, s.primary, share.Faults{})
	s.holds(t, s.secondary)
	s.primary.calm(t)
	a.silentAfter(t, s.primary, healed, "its share is back")

	s.fail(t, s.primary, broken)
	s.fail(t, s.secondary, broken)
	over := engineNow().Add(leaseTTL)
	s.secondary.becomes(t, "web", report.RoleStandby)
	s.secondary.problem(t, "nobody is active")
	a.asked(t, over.Add(leaseTTL)) // long enough for the other one to claim, if it would
	for _, h := range []*host{s.primary, s.secondary} {
		a.silentAfter(t, h, over, "the lease, without a store")
	}
	healed = engineNow()
	s.fail(t, s.primary, share.Faults{})
	s.fail(t, s.secondary, share.Faults{})
	who := s.oneServes(t)
	a.serves(t, who, healed)
	a.silentAfter(t, s.other(who), healed, "the share is back")
	t.Logf("the share is back: %s answers %s after", who.name, since(healed, a.first(who.name, arp, healed)))
}

// oneServes waits until one of the two serves and the other one knows it.
func (s *shared) oneServes(t testing.TB) *host {
	t.Helper()
	var who *host
	testns.Eventually(t, patience, "one serves", func() bool {
		for _, h := range []*host{s.primary, s.secondary} {
			if g := h.status(t).Group("web"); g.Serves() {
				who = h
				return true
			}
		}
		return false
	})
	s.holds(t, who)
	return who
}

// A holder that goes on without its store is one whom nobody relieves while the
// others do not reach it either. A lease that is deleted has to be waited for; one
// that is garbage is taken by nobody until it is removed.
func TestLeaseHeldDeletedGarbled(t *testing.T) {
	s := newShared(t, conf{election: "{ type: lease, store: share, ttl: 1s, renew: 200ms, on_store_loss: hold }"})
	s.begin(t)
	a := s.ask(t)
	a.serves(t, s.primary, 0)
	before := engineNow()
	s.fail(t, s.primary, broken)
	s.fail(t, s.secondary, hangs)
	s.primary.problem(t, "this node goes on, and another one that reaches it may serve, too")
	s.primary.logged(t, "it goes on", func(e *report.Event) bool { return e.Kind == report.Stretched })
	a.asked(t, engineNow().Add(2*time.Second))
	a.serves(t, s.primary, engineNow())
	s.fail(t, s.primary, share.Faults{})
	s.primary.calm(t)
	s.fail(t, s.secondary, share.Faults{})
	s.secondary.calm(t)
	s.holds(t, s.primary)
	a.silentAfter(t, s.secondary, before, "the share was gone")
	if n := s.primary.count(t, report.BecameStandby, "web"); n != 0 {
		t.Errorf("it let go %d times", n)
	}

	epoch := s.primary.status(t).Group("web").Epoch
	before = engineNow()
	s.remove(t, "groups/web")
	who := s.anew(t, a, before, epoch, time.Second)

	epoch = who.status(t).Group("web").Epoch
	s.garble(t, "groups/web", "no lease")
	for _, h := range []*host{s.primary, s.secondary} {
		h.problem(t, "what is at groups/web in the store share is no lease: nobody becomes active before it is removed")
		h.becomes(t, "web", report.RoleStandby)
	}
	garbage := engineNow()
	a.asked(t, garbage.Add(1500*time.Millisecond))
	for _, h := range []*host{s.primary, s.secondary} {
		a.silentAfter(t, h, garbage, "the lease was garbled")
	}
	before = engineNow()
	s.remove(t, "groups/web")
	who = s.anew(t, a, before, epoch, time.Second)
	s.other(who).calm(t)
	who.calm(t)
}

// anew waits until somebody serves with another epoch, who has waited for a lease
// that nobody can have known of.
func (s *shared) anew(t testing.TB, a *asker, before core.Instant, epoch uint64, ttl time.Duration) *host {
	t.Helper()
	var who *host
	testns.Eventually(t, patience, "somebody serves with a new lease", func() bool {
		for _, h := range []*host{s.primary, s.secondary} {
			if g := h.status(t).Group("web"); g.Serves() && g.Epoch > epoch {
				who = h
			}
		}
		return who != nil
	})
	a.serves(t, who, engineNow())
	s.holds(t, who)
	if pause := a.pause(before); pause < ttl/2 {
		t.Errorf("the longest pause was %v: the lease that was there before may run", pause)
	} else {
		t.Logf("nobody has answered for %v", pause)
	}
	return who
}

// pause is the longest time after a moment in which no question was sent that
// anybody has answered.
func (a *asker) pause(after core.Instant) (longest time.Duration) {
	a.mu.Lock()
	defer a.mu.Unlock()
	sent := []core.Instant{after}
	for _, w := range a.answers {
		if w.kind == arp && w.sent > after {
			sent = append(sent, w.sent)
		}
	}
	slices.Sort(sent)
	for i, at := range sent {
		if i > 0 {
			longest = max(longest, at.Sub(sent[i-1]))
		}
	}
	return longest
}
