package core

import "testing"

// A check that says nothing leaves no mark behind its name.
func TestNoteOfACheckThatSaysNothing(t *testing.T) {
	b := newBench(t, 2, 0, false, func(g *Group) { g.Checks = []Check{{Name: "web", Rise: 1, Fall: 1, Fatal: true}} })
	for _, c := range []struct {
		outcome Outcome
		detail  string
		kind    NoteKind
		want    string
	}{
		{Passed, "", CheckUp, "web"},
		{Failed, "refused", CheckDown, "web: refused"},
		{CouldNotRun, "", CheckUnrun, "web"},
		{Passed, "200", CheckUp, "web: 200"},
		{CouldNotRun, "no such file", CheckUnrun, "web: no such file"},
	} {
		from := len(b.notes)
		b.step(0, CheckResult{Outcome: c.outcome, Detail: c.detail})
		got := "no note"
		for _, n := range b.notes[from:] {
			if n.Kind == c.kind {
				got = n.Detail
			}
		}
		if got != c.want {
			b.fail("%v %q: %q, want %q", c.outcome, c.detail, got, c.want)
		}
	}
}
