package health_test

import (
	"testing"

	"stead/internal/core/health"
	"stead/internal/core/reason"
)

func TestNumber(t *testing.T) {
	for _, c := range []struct {
		name    string
		weight  int
		fatal   bool
		values  []int
		want    int // of a priority of 100
		ready   bool
		changed bool // by the last value
	}{
		{"nothing was read", 1, false, nil, 100, true, false},
		{"it adds", 1, false, []int{20}, 120, true, true},
		{"it takes away", 1, false, []int{-20}, 80, true, true},
		{"the weight is a factor", -3, false, []int{20}, 40, true, true},
		{"the last value counts", 1, false, []int{20, -20}, 80, true, true},
		{"the same value changes nothing", 1, false, []int{20, 20}, 120, true, false},
		{"0 takes it back", 1, false, []int{20, 0}, 100, true, true},
		{"at most 254", 2, false, []int{100}, 254, true, true},
		{"-253 is no fault", 1, false, []int{-253}, 1, true, true},
		{"-254 is a fault and adds nothing", 1, false, []int{-254}, 100, false, true},
		{"the product counts", 2, false, []int{-127}, 100, false, true},
		{"254 times -1 as well", -1, false, []int{254}, 100, false, true},
		{"a fault ends", 1, false, []int{-300, -1}, 99, true, true},
		{"a worse fault changes nothing", 1, false, []int{-300, -400}, 100, false, false},
		{"253 and above are the same", 1, false, []int{253, 9000}, 254, true, false},
		{"fatal without a weight: 0 is well", 0, true, []int{1, 0}, 100, true, true},
		{"fatal without a weight: another number is a fault", 0, true, []int{1}, 100, false, true},
		{"so is a negative one", 0, true, []int{-1}, 100, false, true},
		{"neither weight nor fatal: shown only", 0, false, []int{7}, 100, true, false},
		{"no overflow", -1 << 63, false, []int{-1 << 63}, 254, true, true},
		{"no overflow downwards", 1<<63 - 1, false, []int{-1 << 63}, 100, false, true},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := health.New([]health.Check{{Name: "file", Weight: c.weight, Fatal: c.fatal, Number: true}})
			s.AtLeast(1)
			s.Result(0, health.Passed)
			changed := false
			for _, v := range c.values {
				changed = s.Read(0, v)
			}
			p, ready, why, detail := s.Standing(100)
			if p != c.want || ready != c.ready || changed != c.changed {
				t.Errorf("priority %d, ready %v, changed %v; want %d, %v, %v", p, ready, changed, c.want, c.ready, c.changed)
			}
			if !ready && (why != reason.CheckFailed || detail != "file") {
				t.Errorf("not ready because %q %q", why, detail)
			}
			if n := len(c.values); n > 0 && s.Status(0).Value != c.values[n-1] {
				t.Errorf("status says %d", s.Status(0).Value)
			}
		})
	}
}

// Where every number but 0 is a fault, a file that was never there is none, as in
// keepalived. A check that the file is too old for is down, and that is one.
func TestNoNumberIsNoFault(t *testing.T) {
	s := health.New([]health.Check{{Name: "file", Fatal: true, Number: true}})
	for _, c := range []struct {
		outcome health.Outcome
		ready   bool
	}{{health.CouldNotRun, true}, {health.Failed, false}, {health.CouldNotRun, false}, {health.Passed, true}} {
		s.Result(0, c.outcome)
		if ready, why, _ := s.Ready(); ready != c.ready {
			t.Errorf("after outcome %d: ready %v (%q)", c.outcome, ready, why)
		}
	}
}

// A number that cannot be read any more goes on counting; so does one whose check
// is down, which is a fault of its own where it is fatal.
func TestNumberStays(t *testing.T) {
	s := health.New([]health.Check{{Name: "file", Weight: 1, Number: true}})
	s.Result(0, health.Passed)
	s.Read(0, -30)
	for _, o := range []health.Outcome{health.CouldNotRun, health.Failed} {
		s.Result(0, o)
		if p := s.Priority(100); p != 70 {
			t.Errorf("priority %d after outcome %d, want 70", p, o)
		}
	}
}

func TestNumberIsReadWhereOneIsExpected(t *testing.T) {
	s := health.New([]health.Check{{Name: "web", Weight: 10}, {Name: "file", Weight: 10, Number: true}})
	for _, check := range []int{-1, 0, 2} {
		if s.Read(check, 5) {
			t.Errorf("check %d took a number", check)
		}
	}
	if p := s.Priority(100); p != 100 {
		t.Errorf("priority %d, want 100", p)
	}
}

func TestNumberIsInherited(t *testing.T) {
	old := health.New([]health.Check{{Name: "a", Weight: 1, Number: true}, {Name: "b", Weight: 1, Number: true}})
	old.Read(0, 5)
	old.Read(1, 7)
	s := health.New([]health.Check{{Name: "b", Weight: 1}, {Name: "a", Weight: -2, Number: true}})
	s.Inherit(old)
	if p := s.Priority(100); p != 90 {
		t.Errorf("priority %d, want 90: only a is still a number, with its new weight", p)
	}
}

// VRRP has no priority that weights could use up.
func TestAtLeast(t *testing.T) {
	s := health.New([]health.Check{{Name: "web", Weight: -200}})
	s.Result(0, health.Failed)
	if p, ready, why, _ := s.Standing(100); p != 0 || ready || why != reason.PriorityZero {
		t.Errorf("standing %d %v %q, want 0, not ready, %q", p, ready, why, reason.PriorityZero)
	}
	s.AtLeast(1)
	if p, ready, _, _ := s.Standing(100); p != 1 || !ready {
		t.Errorf("standing %d %v, want 1 and ready", p, ready)
	}
}

// The numbers come from files that anybody may write.
func FuzzNumber(f *testing.F) {
	f.Add(1, -254, 100, false)
	f.Add(0, 1, 255, true)
	f.Add(-1<<63, 1<<62, 1, true)
	f.Fuzz(func(t *testing.T, weight, value, base int, fatal bool) {
		s := health.New([]health.Check{{Name: "file", Weight: weight, Fatal: fatal, Number: true}})
		s.AtLeast(1)
		s.Result(0, health.Passed)
		before, was, _, _ := s.Standing(base)
		changed := s.Read(0, value)
		p, ready, _, _ := s.Standing(base)
		switch {
		case p < 1 || p > 255:
			t.Fatalf("priority %d", p)
		case !changed && (p != before || ready != was):
			t.Fatalf("a change that was not told: %d %v → %d %v", before, was, p, ready)
		case s.Read(0, value):
			t.Fatal("the same number changed something")
		}
	})
}
