package health_test

import (
	"testing"

	"pgregory.net/rapid"

	"stead/internal/core/health"
)

// model is the rule of one check said differently: it keeps every conclusive
// result and looks at the tail.
type model struct {
	rise, fall int
	state      health.State
	since      []health.Outcome // conclusive results since the last change
	value      int              // last read
}

func (m *model) result(o health.Outcome) {
	if o == health.CouldNotRun {
		return
	}
	m.since = append(m.since, o)
	want, to, need := health.Failed, health.Down, m.fall
	if m.state == health.Down {
		want, to, need = health.Passed, health.Up, m.rise
	}
	if m.state == health.Unknown {
		m.state = map[health.Outcome]health.State{health.Passed: health.Up, health.Failed: health.Down}[o]
		m.since = nil
		return
	}
	if len(m.since) < need {
		return
	}
	for _, r := range m.since[len(m.since)-need:] {
		if r != want {
			return
		}
	}
	m.state, m.since = to, nil
}

func drawChecks(t *rapid.T) []health.Check {
	return rapid.SliceOfN(rapid.Custom(func(t *rapid.T) health.Check {
		return health.Check{
			Name:   rapid.StringMatching(`[a-d]`).Draw(t, "name"),
			Rise:   rapid.IntRange(1, 5).Draw(t, "rise"),
			Fall:   rapid.IntRange(1, 5).Draw(t, "fall"),
			Weight: rapid.IntRange(-300, 300).Draw(t, "weight"),
			Fatal:  rapid.Bool().Draw(t, "fatal"),
			Number: rapid.Bool().Draw(t, "number"),
		}
	}), 1, 5).Draw(t, "checks")
}

func TestSetFollowsTheModel(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		checks := drawChecks(t)
		s := health.New(checks)
		models := make([]model, len(checks))
		for i, c := range checks {
			models[i] = model{rise: c.Rise, fall: c.Fall}
		}
		for range rapid.IntRange(0, 60).Draw(t, "results") {
			i := rapid.IntRange(0, len(checks)-1).Draw(t, "check")
			o := health.Outcome(rapid.IntRange(0, 2).Draw(t, "outcome"))
			before := models[i].state
			models[i].result(o)
			change, changed := s.Result(i, o)
			if changed != (before != models[i].state) {
				t.Fatalf("check %d: changed %v, the model went from %v to %v", i, changed, before, models[i].state)
			}
			if changed && change != (health.Change{Check: i, From: before, To: models[i].state}) {
				t.Fatalf("check %d: change %+v, the model went from %v to %v", i, change, before, models[i].state)
			}
			if checks[i].Number && o == health.Passed {
				models[i].value = rapid.IntRange(-600, 600).Draw(t, "value")
				s.Read(i, models[i].value)
			}
		}
		compare(t, s, checks, models)
	})
}

func compare(t *rapid.T, s *health.Set, checks []health.Check, models []model) {
	ready, sum := true, 0
	for i, c := range checks {
		if got := s.Status(i).State; got != models[i].state {
			t.Fatalf("check %d is %v, the model says %v", i, got, models[i].state)
		}
		unread := c.Number && c.Weight == 0 && models[i].state == health.Unknown // counts as 0
		ready = ready && (!c.Fatal || models[i].state == health.Up || unread)
		switch product := c.Weight * models[i].value; {
		case c.Number && (product <= -254 || c.Weight == 0 && c.Fatal && models[i].value != 0):
			ready = false
		case c.Number:
			sum += min(product, 253)
		case (c.Weight < 0 && models[i].state == health.Down) || (c.Weight > 0 && models[i].state == health.Up):
			sum += c.Weight
		}
	}
	if got, _, _ := s.Ready(); got != ready {
		t.Fatalf("ready %v, the model says %v", got, ready)
	}
	base := rapid.IntRange(1, 254).Draw(t, "base")
	if got, want := s.Priority(base), min(max(base+sum, 0), 254); got != want {
		t.Fatalf("priority %d, the model says %d", got, want)
	}
	p, standing, _, _ := s.Standing(base)
	if standing != (ready && p > 0) {
		t.Fatalf("standing ready %v with priority %d and fatal checks ready %v", standing, p, ready)
	}
}

// FuzzResult feeds any bytes as results: nothing panics, a reported change is
// a true one, and the bounds hold.
func FuzzResult(f *testing.F) {
	f.Add([]byte{1, 2, 2, 0, 1}, 3, 2, -50, 100)
	f.Add([]byte{255, 4, 8}, -1, 0, 1<<62, 255)
	f.Fuzz(func(t *testing.T, results []byte, rise, fall, weight, base int) {
		s := health.New([]health.Check{
			{Name: "a", Rise: rise, Fall: fall, Weight: weight, Fatal: true},
			{Name: "b", Rise: fall, Fall: rise, Weight: -weight},
		})
		for _, r := range results {
			check := int(r>>4)%4 - 1
			var before health.State
			if check >= 0 && check < s.Len() {
				before = s.Status(check).State
			}
			change, changed := s.Result(check, health.Outcome(r&3))
			if changed && (change.From != before || change.To == before || change.To == health.Unknown) {
				t.Fatalf("change %+v of a check that was %v", change, before)
			}
			p, ready, _, detail := s.Standing(base)
			if p < 0 || p > 255 || ready && (p == 0 || detail != "") {
				t.Fatalf("priority %d, ready %v, detail %q", p, ready, detail)
			}
		}
	})
}
