package health_test

import (
	"strings"
	"testing"

	"stead/internal/core"
	"stead/internal/core/health"
	"stead/internal/core/reason"
)

// The core converts its outcomes by value.
func TestOutcomesAreThoseOfTheCore(t *testing.T) {
	for _, p := range []struct {
		ours   health.Outcome
		theirs core.Outcome
	}{
		{health.CouldNotRun, core.CouldNotRun},
		{health.Passed, core.Passed},
		{health.Failed, core.Failed},
	} {
		if uint8(p.ours) != uint8(p.theirs) {
			t.Errorf("health has %d where core has %d", p.ours, p.theirs)
		}
	}
}

// feed plays results to check 0: p passed, f failed, - could not run. It
// returns the states after each: u up, d down, ? unknown.
func feed(s *health.Set, results string) string {
	var b strings.Builder
	for _, r := range results {
		o := map[rune]health.Outcome{'p': health.Passed, 'f': health.Failed, '-': health.CouldNotRun}[r]
		s.Result(0, o)
		b.WriteByte(map[health.State]byte{health.Up: 'u', health.Down: 'd', health.Unknown: '?'}[s.Status(0).State])
	}
	return b.String()
}

func TestRiseAndFall(t *testing.T) {
	for _, c := range []struct {
		name, results, states string
		rise, fall            int
	}{
		{"the first failure decides at once", "f", "d", 3, 3},
		{"the first pass decides at once", "p", "u", 3, 3},
		{"a run that could not be made decides nothing", "--p", "??u", 1, 1},
		{"fall failures in a row take it down", "pffpfff", "uuuuuud", 1, 3},
		{"rise passes in a row bring it up", "fppfppp", "ddddddu", 3, 1},
		{"could not run resets no count of failures", "pf-f", "uuud", 1, 2},
		{"could not run resets no count of passes", "fp-p", "dddu", 2, 1},
		{"a pass resets the count of failures", "pfpf", "uuuu", 1, 2},
		{"rise and fall of 0 count as 1", "pfp", "udu", 0, 0},
		{"the count starts anew after a change", "pffpf", "uuddd", 2, 2},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := health.New([]health.Check{{Name: "web", Rise: c.rise, Fall: c.fall}})
			if got := feed(s, c.results); got != c.states {
				t.Errorf("results %s give states %s, want %s", c.results, got, c.states)
			}
		})
	}
}

func TestChangeIsReportedOnce(t *testing.T) {
	s := health.New([]health.Check{{Name: "a"}, {Name: "b"}})
	change, changed := s.Result(1, health.Failed)
	if want := (health.Change{Check: 1, From: health.Unknown, To: health.Down}); !changed || change != want {
		t.Errorf("first failure: %+v %v, want %+v", change, changed, want)
	}
	if change, changed = s.Result(1, health.Failed); changed {
		t.Errorf("second failure reports a change: %+v", change)
	}
	change, changed = s.Result(1, health.Passed)
	if want := (health.Change{Check: 1, From: health.Down, To: health.Up}); !changed || change != want {
		t.Errorf("pass: %+v %v, want %+v", change, changed, want)
	}
}

func TestUnrunIsCountedAndSeen(t *testing.T) {
	s := health.New([]health.Check{{Name: "web"}})
	feed(s, "--p-")
	if got := s.Status(0); got.Unrun != 3 || got.UnrunInRow != 1 || got.State != health.Up {
		t.Errorf("status %+v, want 3 unrun, 1 of them in a row, up", got)
	}
	feed(s, "f")
	if got := s.Status(0).UnrunInRow; got != 0 {
		t.Errorf("%d unrun in a row after a conclusive result, want 0", got)
	}
}

func TestStrangeInputChangesNothing(t *testing.T) {
	s := health.New([]health.Check{{Name: "web"}})
	for _, c := range []int{-1, 1, 1 << 40} {
		if _, changed := s.Result(c, health.Failed); changed {
			t.Errorf("check %d of a set of one changed something", c)
		}
	}
	if _, changed := s.Result(0, 17); changed || s.Status(0).State != health.Unknown {
		t.Error("an outcome that does not exist changed the check")
	}
}

func TestReady(t *testing.T) {
	checks := []health.Check{{Name: "disk"}, {Name: "web", Fatal: true}, {Name: "db", Fatal: true}}
	for _, c := range []struct {
		name   string
		after  []health.Outcome
		ready  bool
		why    reason.Reason
		detail string
	}{
		{"nothing is known", []health.Outcome{0, 0, 0}, false, reason.CheckUnknown, "web"},
		{"one is unknown", []health.Outcome{0, health.Passed, 0}, false, reason.CheckUnknown, "db"},
		{"down is said before unknown", []health.Outcome{0, 0, health.Failed}, false, reason.CheckFailed, "db"},
		{"all fatal ones are up", []health.Outcome{0, health.Passed, health.Passed}, true, reason.None, ""},
		{"one that is not fatal is down", []health.Outcome{health.Failed, health.Passed, health.Passed}, true, reason.None, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := health.New(checks)
			for i, o := range c.after {
				s.Result(i, o)
			}
			ready, why, detail := s.Ready()
			if ready != c.ready || why != c.why || detail != c.detail {
				t.Errorf("ready %v %q %q, want %v %q %q", ready, why, detail, c.ready, c.why, c.detail)
			}
		})
	}
	if ready, _, _ := health.New(nil).Ready(); !ready {
		t.Error("a group without checks is not ready")
	}
}

func TestPriority(t *testing.T) {
	const (
		none = health.CouldNotRun
		pass = health.Passed
		fail = health.Failed
	)
	for _, c := range []struct {
		name    string
		weights []int
		results []health.Outcome
		base    int
		want    int
	}{
		{"no checks", nil, nil, 100, 100},
		{"a negative weight counts while down", []int{-30}, []health.Outcome{fail}, 100, 70},
		{"and not while up", []int{-30}, []health.Outcome{pass}, 100, 100},
		{"and not while unknown", []int{-30}, []health.Outcome{none}, 100, 100},
		{"a positive weight counts while up", []int{30}, []health.Outcome{pass}, 100, 130},
		{"and not while down", []int{30}, []health.Outcome{fail}, 100, 100},
		{"and not while unknown", []int{30}, []health.Outcome{none}, 100, 100},
		{"weights add up", []int{-30, 50, -20}, []health.Outcome{fail, pass, fail}, 100, 100},
		{"at most 254", []int{100, 100}, []health.Outcome{pass, pass}, 200, 254},
		{"clamped once, at the end", []int{100, -100}, []health.Outcome{pass, fail}, 200, 200},
		{"used up exactly", []int{-100}, []health.Outcome{fail}, 100, 0},
		{"used up by far", []int{-254, -254}, []health.Outcome{fail, fail}, 100, 0},
		{"one is left", []int{-99}, []health.Outcome{fail}, 100, 1},
		{"an owner is not moved", []int{-254}, []health.Outcome{fail}, 255, 255},
		{"no overflow", []int{-1 << 63, 1<<63 - 1}, []health.Outcome{fail, pass}, 100, 100},
	} {
		t.Run(c.name, func(t *testing.T) {
			var checks []health.Check
			for _, w := range c.weights {
				checks = append(checks, health.Check{Weight: w})
			}
			s := health.New(checks)
			for i, o := range c.results {
				s.Result(i, o)
			}
			if got := s.Priority(c.base); got != c.want {
				t.Errorf("priority %d, want %d", got, c.want)
			}
		})
	}
}

func TestStandingNamesTheCheckThatTakesMost(t *testing.T) {
	s := health.New([]health.Check{{Name: "a", Weight: -10}, {Name: "b", Weight: -90}, {Name: "c", Weight: -20}})
	for i := range s.Len() {
		s.Result(i, health.Failed)
	}
	p, ready, why, detail := s.Standing(100)
	if p != 0 || ready || why != reason.PriorityZero || detail != "b" {
		t.Errorf("standing %d %v %q %q, want 0 false %q b", p, ready, why, detail, reason.PriorityZero)
	}
	if p, ready, why, _ = s.Standing(200); p != 80 || !ready || why != reason.None {
		t.Errorf("standing %d %v %q, want 80 and ready", p, ready, why)
	}
}

func TestInherit(t *testing.T) {
	old := health.New([]health.Check{{Name: "web", Fall: 3, Fatal: true}, {Name: "db", Fall: 3}, {Name: "gone"}})
	old.Result(0, health.Passed)
	old.Result(0, health.Failed)
	old.Result(1, health.Passed)
	old.Result(1, health.Failed)
	old.Result(1, health.CouldNotRun)

	s := health.New([]health.Check{{Name: "new"}, {Name: "db", Fall: 2}, {Name: "web", Fall: 3, Fatal: true}})
	s.Inherit(old)
	s.Inherit(nil)
	if got := s.Status(0).State; got != health.Unknown {
		t.Errorf("a new check is %v", got)
	}
	if got := s.Status(1); got.State != health.Up || got.Streak != 0 || got.Unrun != 1 {
		t.Errorf("a check with a new limit has %+v, want up, a new count and 1 unrun", got)
	}
	if got := s.Status(2); got.State != health.Up || got.Streak != 1 {
		t.Errorf("an unchanged check has %+v, want up and its count of 1", got)
	}
}

func TestResultsDoNotAllocate(t *testing.T) {
	s := health.New([]health.Check{{Name: "web", Fall: 2, Fatal: true, Weight: -10}})
	s.Result(0, health.Passed)
	allocs := testing.AllocsPerRun(1000, func() {
		s.Result(0, health.Passed)
		s.Result(0, health.Failed)
		s.Result(0, health.CouldNotRun)
		s.Result(0, health.Passed)
		s.Standing(100)
	})
	if allocs != 0 {
		t.Errorf("%v allocations, want none", allocs)
	}
}
