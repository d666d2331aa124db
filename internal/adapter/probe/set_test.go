package probe

import (
	"context"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"stead/internal/config"
	"stead/internal/core"
)

// scripted is a probe that a test steers: each run takes as long as told.
type scripted struct {
	mu     sync.Mutex
	starts []time.Time
	take   time.Duration
	inside int
	closed bool
}

func (s *scripted) probe() Probe {
	return Probe{
		Run: func(ctx context.Context, _ time.Time) Result {
			s.mu.Lock()
			s.starts = append(s.starts, time.Now())
			s.inside++
			overlap, take := s.inside > 1, s.take
			s.mu.Unlock()
			select {
			case <-time.After(take):
			case <-ctx.Done():
			}
			s.mu.Lock()
			s.inside--
			s.mu.Unlock()
			if overlap {
				return failed("two runs at once")
			}
			return passed()
		},
		Close: func() { s.closed = true },
	}
}

func timed(interval, timeout time.Duration) Target {
	return Target{Check: config.Check{Interval: interval, Timeout: timeout}}
}

// The schedule is absolute: what runs take does not move it, and what is missed
// is left out.
func TestSchedule(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const interval = 10 * time.Millisecond
		s := &scripted{take: 3 * time.Millisecond}
		var results []Result
		began := time.Now()
		r := startRunner(timed(interval, interval), s.probe(), func(r Result) { results = append(results, r) })
		time.Sleep(95 * time.Millisecond)
		s.mu.Lock()
		s.take = 25 * time.Millisecond // longer than two intervals
		s.mu.Unlock()
		time.Sleep(100 * time.Millisecond)
		r.stop()
		if !s.closed {
			t.Error("the probe was not closed")
		}
		if first := s.starts[0].Sub(began); first < 0 || first >= interval {
			t.Errorf("first run after %v, want within one interval", first)
		}
		for i, at := range s.starts {
			since := at.Sub(s.starts[0])
			if since%interval != 0 {
				t.Errorf("run %d starts %v after the first: off the schedule", i, since)
			}
			if i > 0 && i < 8 && at.Sub(s.starts[i-1]) != interval {
				t.Errorf("run %d starts %v after the one before", i, at.Sub(s.starts[i-1]))
			}
		}
		for _, r := range results {
			if r.Outcome != core.Passed {
				t.Error(r.Detail)
			}
		}
		if n := len(s.starts); n < 11 || n > 15 {
			t.Errorf("%d runs, want 9 to 10 short and 3 to 4 long ones", n)
		}
	})
}

func TestNextLeavesOutWhatWasMissed(t *testing.T) {
	start := time.Unix(1000, 0)
	for _, c := range []struct{ at, want time.Duration }{
		{0, 10}, {3, 10}, {10, 10}, {11, 20}, {20, 20}, {95, 100}, {100, 100},
	} {
		got := next(start, start.Add(c.at*time.Millisecond), 10*time.Millisecond)
		if got != start.Add(c.want*time.Millisecond) {
			t.Errorf("at %d ms the next run is at %v, want %d ms", c.at, got.Sub(start), c.want)
		}
	}
}

// A timeout that was noticed later than its own length proves nothing, but a
// process that is always late does not hide a dead service for ever.
func TestTimeoutOfAStarvedProcess(t *testing.T) {
	r := &runner{timeout: 40 * time.Millisecond}
	late := func(d time.Duration) core.Outcome { return r.excuse(timedOut("no answer"), d).Outcome }
	if got := late(40 * time.Millisecond); got != core.Failed {
		t.Errorf("late by the timeout: %d", got)
	}
	for i := range starvedInRow {
		if got := late(time.Second); got != core.CouldNotRun {
			t.Errorf("starved run %d: %d, want could not run", i, got)
		}
	}
	if got := late(time.Second); got != core.Failed {
		t.Errorf("starved for ever: %d, want failed", got)
	}
	if got := r.excuse(failed("refused"), time.Second).Outcome; got != core.Failed {
		t.Errorf("a refusal noticed late: %d, want failed", got)
	}
	if got := late(time.Second); got != core.CouldNotRun {
		t.Errorf("starved again: %d, want could not run", got)
	}
}

// seen is one reported result.
type seen struct {
	group core.GroupID
	check int
	core.Outcome
	detail string
}

// sink collects results, and drops those that nobody waits for.
type sink chan seen

func (s sink) report(group core.GroupID, check int, r Result) {
	select {
	case s <- seen{group, check, r.Outcome, r.Detail}:
	default:
	}
}

// await returns the first result that f accepts.
func (s sink) await(t *testing.T, f func(seen) bool) seen {
	t.Helper()
	limit := time.After(generous)
	for {
		select {
		case r := <-s:
			if f(r) {
				return r
			}
		case <-limit:
			t.Fatal("no such result")
		}
	}
}

func quick(name, target string) config.Check {
	return config.Check{
		Name: name, Kind: config.CheckFile, Target: target, Interval: 10 * time.Millisecond, Timeout: generous,
	}
}

func TestSetReportsUnderTheRightPlace(t *testing.T) {
	results := make(sink, 100)
	s, err := Start("primary", []Group{
		{ID: 7, Name: "web", Checks: []config.Check{quick("here", "/"), {Name: "path", Kind: config.CheckBFD, Target: "192.0.2.1"}, quick("gone", "/nonexistent")}},
	}, results.report)
	if err != nil {
		t.Fatal(err)
	}
	defer s.Stop()
	r := results.await(t, func(r seen) bool { return r.check == 2 })
	if r.group != 7 || r.Outcome != core.Failed || !strings.Contains(r.detail, "no such file") {
		t.Errorf("%+v", r)
	}
	r = results.await(t, func(r seen) bool { return r.check == 0 })
	if r.group != 7 || r.Outcome != core.Passed {
		t.Errorf("%+v", r)
	}
	if len(s.running) != 2 {
		t.Errorf("%d checks have a probe, want 2: that by BFD needs none", len(s.running))
	}
}

func TestReplaceKeepsWhatHasNotChanged(t *testing.T) {
	results := make(sink, 100)
	a, b := quick("a", "/"), quick("b", "/")
	s, err := Start("primary", []Group{{ID: 0, Name: "web", Checks: []config.Check{a, b}}}, results.report)
	if err != nil {
		t.Fatal(err)
	}
	defer s.Stop()
	kept, changed := s.running[key{"web", "a"}].runner, s.running[key{"web", "b"}].runner

	b.Target = "/nonexistent"
	swapped := false
	err = s.Replace([]Group{
		{ID: 0, Name: "new", Checks: []config.Check{quick("c", "/")}},
		{ID: 1, Name: "web", Checks: []config.Check{b, a}},
	}, func() {
		swapped = true
		for len(results) > 0 { // what was reported under the old places
			<-results
		}
	})
	if err != nil || !swapped {
		t.Fatalf("replace: %v, swapped %v", err, swapped)
	}
	if s.running[key{"web", "a"}].runner != kept {
		t.Error("an unchanged check was started anew")
	}
	if s.running[key{"web", "b"}].runner == changed {
		t.Error("a changed check goes on as it was")
	}
	select {
	case <-changed.done:
	default:
		t.Error("the old run of a changed check goes on")
	}
	count := 0
	results.await(t, func(r seen) bool {
		if r.group == 1 && r.check == 0 && r.Outcome != core.Failed || r.group == 1 && r.check == 1 && r.Outcome != core.Passed {
			t.Errorf("a result under a wrong place: %+v", r)
		}
		count++
		return count == 20
	})
}

func TestReplaceWithABadCheckChangesNothing(t *testing.T) {
	results := make(sink, 100)
	a := quick("a", "/")
	s, err := Start("primary", []Group{{Name: "web", Checks: []config.Check{a}}}, results.report)
	if err != nil {
		t.Fatal(err)
	}
	defer s.Stop()
	kept := s.running[key{"web", "a"}].runner
	err = s.Replace([]Group{{Name: "web", Checks: []config.Check{quick("b", "/"), quick("c", ""), {Name: "d", Kind: "smoke"}}}}, func() {
		t.Error("swapped all the same")
	})
	if err == nil || !strings.Contains(err.Error(), `check "c"`) || !strings.Contains(err.Error(), `check "d"`) {
		t.Errorf("error %v, want one that names both", err)
	}
	if len(s.running) != 1 || s.running[key{"web", "a"}].runner != kept {
		t.Error("the running checks have changed")
	}
	results.await(t, func(r seen) bool { return r.Outcome == core.Passed })
}

func TestNothingIsReportedAfterStop(t *testing.T) {
	var mu sync.Mutex
	stopped := false
	s, err := Start("primary", []Group{{Name: "web", Checks: []config.Check{
		quick("a", "/"),
		{Name: "hangs", Kind: config.CheckExec, Command: []string{"sleep", "600"}, Interval: 10 * time.Millisecond, Timeout: time.Hour},
	}}}, func(core.GroupID, int, Result) {
		mu.Lock()
		defer mu.Unlock()
		if stopped {
			t.Error("reported after Stop")
		}
	})
	if err != nil {
		t.Fatal(err)
	}
	s.Stop()
	mu.Lock()
	stopped = true
	mu.Unlock()
	s.Stop()
}

// A run that ends after its check was replaced reports nothing under the new place.
func TestLateResultOfAReplacedCheck(t *testing.T) {
	var reported []seen
	s := &Set{running: map[key]*member{}, report: func(g core.GroupID, c int, r Result) {
		reported = append(reported, seen{g, c, r.Outcome, r.Detail})
	}}
	k := key{"web", "a"}
	old, current := &member{group: 1, index: 1}, &member{group: 2, index: 2}
	s.running[k] = current
	s.deliver(k, old, passed())
	s.deliver(key{"web", "gone"}, old, passed())
	s.deliver(k, current, failed("refused"))
	if len(reported) != 1 || reported[0] != (seen{2, 2, core.Failed, "refused"}) {
		t.Errorf("reported %+v", reported)
	}
}
