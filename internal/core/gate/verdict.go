package gate

import (
	"strings"
	"time"

	"stead/internal/core/reason"
)

// The reasons of verdicts, by what they say here.
const (
	alive     = reason.OtherAlive
	flat      = reason.Flatlined
	watching  = reason.Watching
	neverSeen = reason.NeverSeen
)

// finding is a verdict and why.
type finding struct {
	verdict Verdict
	why     reason.Reason
	text    string
}

func cannot(why reason.Reason, text string) finding { return finding{CannotTell, why, text} }

// judge is what a witness says of the other site.
func (w *watch) judge(now Instant) finding {
	if w.changed {
		if ago := now.Sub(w.changeAt); ago < w.flatline {
			return finding{Alive, alive, "changed " + text(ago) + " ago"}
		}
	}
	switch {
	case !w.polled():
		return w.silent(now)
	case !w.fresh(now):
		return w.blinded(now)
	case w.span.sight == Nothing:
		return w.nothing()
	case w.foreign && w.whole():
		return cannot(reason.Stale, "another file system than before shows a heartbeat that does not change there")
	}
	return w.unchanged("unchanged")
}

// nothing is the verdict where there is no heartbeat.
func (w *watch) nothing() finding {
	switch {
	case w.known:
		return w.unchanged("gone")
	case w.never:
		return w.unchanged("nothing is there, and was not seen before,")
	}
	return cannot(neverSeen, "there has never been a heartbeat")
}

func (w *watch) unchanged(how string) finding {
	lasted := text(max(0, w.span.till.Sub(w.span.from)))
	if w.whole() {
		return finding{Flatlined, flat, how + " for " + lasted}
	}
	return cannot(watching, how+" for "+lasted+" of "+text(w.flatline))
}

// blinded is the verdict where there is no good look.
func (w *watch) blinded(now Instant) finding {
	b := &w.blind
	lasted := text(now.Sub(b.since))
	switch b.why {
	case unreadable:
		return cannot(reason.Unreadable, "cannot be read for "+lasted+": "+b.text)
	case garbled:
		return cannot(reason.Garbled, "what is there is no heartbeat, for "+lasted+": "+b.text)
	case stale, elsewhere:
		return cannot(reason.Stale, b.text)
	}
	if w.looking && now.Sub(w.asked) > w.cfg.Every { // the first look takes its time, too
		return cannot(reason.Unreadable, "no answer for "+text(now.Sub(w.asked)))
	}
	return cannot(watching, "not looked at for long enough")
}

// combine joins what the witnesses say. Where all have to agree a single one that
// has seen the other site is enough to know that it lives.
func combine(of []finding, names []Witness, anyFlat bool) finding {
	var count [Flatlined + 1]int
	var first [Flatlined + 1]int
	texts := make([]string, len(of))
	for i, f := range of {
		if count[f.verdict] == 0 {
			first[f.verdict] = i
		}
		count[f.verdict]++
		texts[i] = names[i].Name + ": " + f.text
	}
	verdict := CannotTell
	switch {
	case len(of) == 0:
		return cannot(neverSeen, "there is no witness")
	case anyFlat && count[Flatlined] > 0, count[Flatlined] == len(of):
		verdict = Flatlined
	case count[Alive] > 0:
		verdict = Alive
	}
	return finding{verdict, of[first[verdict]].why, strings.Join(texts, "; ")}
}

// text is a duration as people read it.
func text(d time.Duration) string { return d.Round(100 * time.Millisecond).String() }
