package engine

import (
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"stead/internal/core"
	"stead/internal/core/reason"
	"stead/internal/testns"
)

// Taking: the addresses are in place before the fence opens, and only then it is
// announced. Letting go: the fence closes first.
func TestOrders(t *testing.T) {
	active, standby := start(t, newNodes(t, 3))
	if got := active.done(0); !slices.Equal(got, []string{"held true", "fence opens", "announce"}) {
		t.Errorf("taking: %v", got)
	}
	mark := active.mark()
	if err := stop(active, core.Abort); err != nil {
		t.Error(err)
	}
	if got := active.done(mark); !slices.Equal(got, []string{"fence closes", "held false"}) {
		t.Errorf("letting go: %v", got)
	}
	testns.Eventually(t, patience, "another one takes over", func() bool { return standby[0].view().Groups[0].Open || standby[1].view().Groups[0].Open })
}

// stop ends an engine by a command, and waits for it.
func stop(h *node, verb core.Verb) error {
	h.engine.Post(core.Command{ID: h.engine.CommandID(), Verb: verb, Group: core.AllGroups})
	return h.ends()
}

// Stop hands over: somebody serves before Run ends, and the last thing that is
// told is the answer to the command.
func TestStopHandsOver(t *testing.T) {
	active, standby := start(t, newNodes(t, 3))
	id := active.engine.CommandID()
	active.engine.Post(core.Command{ID: id, Verb: core.Stop, Group: core.AllGroups})
	if err := active.ends(); err != nil {
		t.Fatal(err)
	}
	answered := false
	active.mu.Lock()
	for _, told := range active.told {
		answered = answered || told.Reply != nil && told.Reply.ID == id && told.Reply.OK
	}
	active.mu.Unlock()
	if !answered {
		t.Error("the command was not answered")
	}
	testns.Eventually(t, patience, "another one serves", func() bool { return standby[0].view().Groups[0].Open || standby[1].view().Groups[0].Open })
	for _, h := range standby {
		for _, n := range h.notes(core.BecameActive) {
			if n.Reason != reason.Stopping {
				t.Errorf("%s serves for %q: that is no hand-over", h.name, n.Reason)
			}
		}
	}
}

// Replies go back to who has asked, accepted or refused.
func TestReplies(t *testing.T) {
	active, standby := start(t, newNodes(t, 3))
	to := slices.IndexFunc([]string{"n0", "n1", "n2"}, func(name string) bool { return name == standby[1].name })
	if r := active.command(core.Switchover, core.NodeID(to)); !r.OK || r.To != core.NodeID(to) {
		t.Errorf("%+v", r)
	}
	standby[1].becomes(true)
	active.becomes(false)
	active.mu.Lock()
	if active.gaps > 0 {
		t.Error("packets under way met a closed fence before the slot that lets them in")
	}
	active.mu.Unlock()
	for _, h := range []*node{active, standby[0]} {
		if err := stop(h, core.Abort); err != nil {
			t.Error(err)
		}
	}
	standby[1].becomes(false) // no majority is left
	if r := standby[1].command(core.Switchover, core.NoNode); r.OK || r.Why == reason.None {
		t.Errorf("%+v", r)
	}
}

// hold keeps the engine's thread from its loop for so long.
func hold(h *node, d time.Duration) {
	held := make(chan struct{})
	h.engine.Between(func(now core.Instant) {
		for Now() < now.Add(d) {
			runtime.Gosched()
		}
		close(held)
	})
	<-held
}

// A deadline that was met late is counted, by how much.
func TestLatenessIsCounted(t *testing.T) {
	h := newNodes(t, 1)[0]
	h.run()
	h.becomes(true) // and repeats its announcement from then on
	before := h.view().Late
	const late = 50 * time.Millisecond
	h.engine.Between(func(core.Instant) {
		for due := h.engine.core.Deadline(); Now() < due.Add(late); {
			runtime.Gosched()
		}
	})
	after := h.view()
	testns.Eventually(t, patience, "the deadline is met", func() bool {
		after = h.view()
		return after.Late.Total() > before.Total()
	})
	if after.Late.MaxUS < uint64(late.Microseconds()) {
		t.Errorf("%v late, and at most %d µs are counted", late, after.Late.MaxUS)
	}
	if after.Steps == 0 || after.Announced == 0 {
		t.Errorf("%d steps, %d announcements", after.Steps, after.Announced)
	}
}

// A standby that did not run for longer than the detection time takes in what has
// waited before it judges: nobody was silent.
func TestInputComesBeforeTheDeadline(t *testing.T) {
	active, standby := start(t, newNodes(t, 3))
	for _, h := range standby {
		epoch := h.view().Groups[0].Epoch
		hold(h, 3*lease)
		v := h.view()
		if v.Groups[0].Open || v.Groups[0].Epoch != epoch || len(h.notes(core.Claiming)) > 0 && h.notes(core.Claiming)[0].Reason == reason.PeerSilent {
			t.Errorf("%s has taken its own sleep for silence: %+v", h.name, v.Groups[0].GroupState)
		}
	}
	if n := len(active.notes(core.BecameStandby)); n != 0 {
		t.Errorf("the active node was replaced %d times", n)
	}
}

// An active node that did not run for longer than its lease has lost the group:
// its fence was never open for longer than that, and another one serves.
func TestTheFenceClosesUnderALateEngine(t *testing.T) {
	active, standby := start(t, newNodes(t, 3))
	if left := active.view().Groups[0].Until.Sub(Now()); left > lease {
		t.Errorf("the fence is open for %v without a renewal", left)
	}
	hold(active, 3*lease)
	testns.Eventually(t, patience, "another one serves", func() bool { return standby[0].view().Groups[0].Open || standby[1].view().Groups[0].Open })
	active.becomes(false)
}

// A fence that does not obey is told of, once for each way.
func TestFenceProblems(t *testing.T) {
	nodes := newNodes(t, 3)
	for _, h := range nodes {
		h.refuse = errRefused
	}
	active, _ := start(t, nodes)
	testns.Eventually(t, patience, "the lease was renewed often", func() bool { return active.view().Counters.Sent > 50 })
	active.mu.Lock()
	defer active.mu.Unlock()
	var problems []string
	for _, told := range active.told {
		if told.Problem != nil {
			problems = append(problems, told.Problem.Error())
		}
	}
	if !slices.Equal(problems, []string{"fence: the kernel refuses"}) {
		t.Errorf("told: %q", problems)
	}
}

// A panic of the core lets go of everything, tells the others, and comes back as
// an error.
func TestPanicReleases(t *testing.T) {
	active, standby := start(t, newNodes(t, 3))
	mark := active.mark()
	active.engine.Between(func(core.Instant) { panic("not today") })
	err := active.ends()
	if err == nil || !strings.Contains(err.Error(), "panicked") || !strings.Contains(err.Error(), "not today") {
		t.Errorf("the error does not say what happened, and where: %v", err)
	}
	if got := active.done(mark); !slices.Equal(got, []string{"fence closes", "held false"}) {
		t.Errorf("released: %v", got)
	}
	active.mu.Lock()
	for slot, closed := range active.closed {
		if !closed {
			t.Errorf("slot %d is open", slot)
		}
	}
	active.mu.Unlock()
	testns.Eventually(t, patience, "another one serves", func() bool { return standby[0].view().Groups[0].Open || standby[1].view().Groups[0].Open })
	for _, h := range standby {
		for _, n := range h.notes(core.BecameActive) {
			if n.Reason == reason.PeerSilent {
				t.Errorf("%s had to miss the node that panicked", h.name)
			}
		}
	}
}

// The fence itself panics, in the release as well: Run comes back all the same.
func TestPanicOfTheFence(t *testing.T) {
	active, _ := start(t, newNodes(t, 3))
	active.mu.Lock()
	active.broken = true
	active.mu.Unlock()
	if err := active.ends(); err == nil || !strings.Contains(err.Error(), "the fence is broken") {
		t.Errorf("%v", err)
	}
}

// A new configuration takes effect between two steps, and the teller hears of it
// in between what was told under the old one and under the new.
func TestReconfigure(t *testing.T) {
	active, _ := start(t, newNodes(t, 3))
	self := slices.Index([]string{"n0", "n1", "n2"}, active.name)
	cfg := config(self, 3)
	second := cfg.Groups[0]
	second.Name = "second"
	cfg.Groups = []core.Group{second, cfg.Groups[0]}
	var order []string
	active.engine.Reconfigure(cfg, func() { order = append(order, "before") }, func() { order = append(order, "then") })
	if !slices.Equal(order, []string{"before", "then"}) {
		t.Errorf("called: %v", order)
	}
	v := active.view()
	if len(v.Groups) != 2 || !v.Groups[1].Open || v.Groups[0].Open {
		t.Errorf("%+v", v.Groups)
	}
}

// Nobody waits for an engine that does not run, or has ended.
func TestPostNeverWaits(t *testing.T) {
	h := newNodes(t, 1)[0]
	for range 10_000 {
		h.engine.Post(core.Tick{})
		h.engine.Between(func(core.Instant) {})
		h.engine.Inspect()
	}
	h.run()
	if err := stop(h, core.Stop); err != nil {
		t.Fatal(err)
	}
	for range 10_000 {
		h.engine.Post(core.Tick{})
		h.engine.Inspect()
	}
}

// A reload that comes when the loop has ended does not wait for it.
func TestReconfigureAfterTheEnd(t *testing.T) {
	active, _ := start(t, newNodes(t, 1))
	if err := stop(active, core.Stop); err != nil {
		t.Fatal(err)
	}
	ended := make(chan bool)
	go func() { ended <- active.engine.Reconfigure(config(0, 1), func() {}, func() {}) }()
	select {
	case ok := <-ended:
		if ok {
			t.Error("it says that it was done")
		}
	case <-time.After(patience):
		t.Error("it waits for ever")
	}
}
