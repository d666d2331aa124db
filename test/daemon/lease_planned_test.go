package daemon

import (
	"net/http"
	"strings"
	"syscall"
	"testing"

	"stead/internal/core/reason"
	"stead/internal/report"
)

// Two nodes that talk to each other only through a folder: what is planned moves
// the group within some looks, and never two answer.
func TestLeasePlanned(t *testing.T) {
	s := newShared(t, conf{election: byLease, group: "checks:\n  page: { http: \"http://127.0.0.1:3000/\", interval: 400ms, timeout: 400ms, fall: 1, rise: 1, fatal: true }\n"})
	page := s.secondary.serveHTTP(t)
	s.primary.serveHTTP(t)
	begun := engineNow()
	s.begin(t)
	a := s.ask(t)
	a.serves(t, s.primary, 0)
	t.Logf("the first start took %v", engineNow().Sub(begun))
	s.primary.calm(t)
	s.secondary.calm(t)

	epoch := uint64(0)
	moves := func(what string, from, to *host, why reason.Reason, act func()) {
		t.Helper()
		before := engineNow()
		act()
		a.serves(t, to, before)
		s.holds(t, to)
		a.neverTwo(t, from, to, before)
		a.silentAfter(t, from, engineNow(), what)
		a.took(t, what, from, to, before)
		g := to.status(t).Group("web")
		if g.Epoch <= epoch || g.Lease == nil || g.Lease.Epoch != g.Epoch || g.Lease.Holder != to.name || !g.Lease.Held {
			t.Errorf("%s: epoch %d after %d, %+v", what, g.Epoch, epoch, g.Lease)
		}
		if g.Reason != why {
			t.Errorf("%s: %s became active for %q, want %q", what, to.name, g.Reason, why)
		}
		epoch = g.Epoch
	}
	moves("switchover", s.primary, s.secondary, reason.Switchover, func() { s.primary.do(t, "switchover", "web", "--to", "secondary", "--wait") })
	moves("switchover without a name", s.secondary, s.primary, reason.Switchover, func() { s.secondary.do(t, "switchover", "web", "--wait") })
	moves("drain", s.primary, s.secondary, reason.PeerResigned, func() { s.primary.do(t, "drain", "--wait") })
	s.primary.do(t, "resume")
	moves("check", s.secondary, s.primary, reason.PeerResigned, func() {
		page.Store(http.StatusInternalServerError)
	})
	page.Store(http.StatusOK)
	s.secondary.until(t, "it is ready again", func(st *report.Status) bool { return st.Group("web").Ready })
	reloaded(t, s)
	restarted(t, s, a)
	moves("stop", s.primary, s.secondary, reason.PeerResigned, func() {
		s.primary.signal(t, syscall.SIGTERM, false)
		if code := s.primary.ends(t, stopWithin); code != 0 {
			t.Errorf("exit code %d", code)
		}
		s.primary.gone(t)
		s.secondary.becomes(t, "web", report.RoleActive) // back before the other looks, it would have its lease again
		s.primary.start(t)
	})
	s.primary.calm(t)
}

// reloaded changes the lease's time while it is held: nothing moves, and the record
// says so with the next renewal.
func reloaded(t *testing.T, s *shared) {
	t.Helper()
	s.conf.election = strings.Replace(byLease, leaseTTL.String(), "3s", 1)
	for _, h := range []*host{s.secondary, s.primary} {
		h.file(t)
		if out := h.do(t, "reload"); !strings.Contains(out, "ttl") {
			t.Errorf("%s: %s", h.name, out)
		}
	}
	changes := s.primary.count(t, report.BecameStandby, "web")
	s.secondary.until(t, "it waits for the new time", func(st *report.Status) bool {
		l := st.Group("web").Lease
		return l.TTLMS == 3000 && !l.ClaimableAt.IsZero() && l.ClaimableAt.Sub(st.At) > leaseTTL
	})
	s.holds(t, s.primary)
	if n := s.primary.count(t, report.BecameStandby, "web"); n != changes {
		t.Errorf("it let go %d times", n-changes)
	}
}

// restarted ends and starts the daemon of the node that waits: nobody notices.
func restarted(t *testing.T, s *shared, a *asker) {
	t.Helper()
	before := engineNow()
	epoch, changes := s.primary.status(t).Group("web").Epoch, s.primary.count(t, report.BecameStandby, "web")
	s.secondary.kill(t, true)
	s.secondary.start(t)
	s.holds(t, s.primary)
	a.silentAfter(t, s.secondary, before, "its restart")
	if g := s.primary.status(t).Group("web"); g.Epoch != epoch || s.primary.count(t, report.BecameStandby, "web") != changes {
		t.Errorf("epoch %d after %d", g.Epoch, epoch)
	}
}

// A node with a higher priority that comes back asks for the lease when the delay
// is over.
func TestLeasePreempted(t *testing.T) {
	s := newShared(t, conf{election: byLease, preempt: "{ enabled: true, delay: 1s }"})
	s.secondary.start(t)
	s.secondary.becomes(t, "web", report.RoleActive)
	a := s.ask(t)
	a.serves(t, s.secondary, 0)
	before := engineNow()
	s.primary.start(t)
	a.serves(t, s.primary, before)
	s.holds(t, s.primary)
	a.neverTwo(t, s.secondary, s.primary, before)
	if first := a.first(s.primary.name, arp, before); first.Sub(before) < 1e9 {
		t.Errorf("it preempts after %v", first.Sub(before))
	}
	let := s.secondary.logged(t, "it let go", func(e *report.Event) bool { return e.Kind == report.BecameStandby })
	if let.Reason != reason.Preempted {
		t.Errorf("it let go for %q", let.Reason)
	}
}
