package gate

import (
	"slices"
	"time"

	"stead/internal/core/clock"
)

// leastLooks is how many looks have to show the same before silence counts.
const leastLooks = 3

// maxPast is how many earlier runs of the other site's writer are remembered.
const maxPast = 4

// watch is what is known through one witness.
type watch struct {
	cfg      *Witness
	flatline time.Duration
	never    bool // nothing, for as long as Flatline, is a flatline though nothing was ever seen

	looking bool    // a look is under way
	asked   Instant // when it began, or the last one did
	next    Instant // when the next one is due

	known    bool     // a heartbeat was seen
	last     Sample   // the newest that was
	past     []uint64 // series that a newer one has followed
	foreign  bool     // it was first seen on another file system: silence counts when it has changed there
	changed  bool     // a heartbeat was seen to change
	changeAt Instant  // the last time

	span  span
	blind blind
	since Instant // it tells by itself: since when nothing was heard
}

// span is a row of looks that all showed the same.
type span struct {
	sight Sight // Beaten or Nothing; Unseen: there is none
	place uint64
	from  Instant // the end of the first
	till  Instant // the begin of the last
	looks int
}

// blind is why the last look was no good one.
type blind struct {
	why   blindness
	since Instant
	text  string
}

type blindness uint8

const (
	seeing blindness = iota
	unreadable
	garbled
	stale
	elsewhere
)

// gap is how far apart two good looks may be: whoever was away for longer cannot
// say that nothing has happened.
func (w *watch) gap() time.Duration { return w.flatline / 2 }

func (w *watch) polled() bool { return w.cfg.Every > 0 }

// start begins: the first look is due.
func (w *watch) start(now Instant) {
	w.next, w.since = now, now
	if !w.polled() {
		w.next = clock.Never
	}
}

// restart forgets for how long nothing has changed: this machine was away, and
// whatever kept it may have kept the other one.
func (w *watch) restart(now Instant) { w.span, w.since = span{}, now }

// look asks for a look if one is due.
func (w *watch) look(now Instant) bool {
	if w.looking || now < w.next {
		return false
	}
	w.looking, w.asked, w.next = true, now, now.Add(w.cfg.Every)
	return true
}

// saw takes the end of a look in.
func (w *watch) saw(now Instant, s *Sample) {
	if !w.polled() {
		w.heard(now, s)
		return
	}
	if !w.looking {
		return
	}
	w.looking = false
	w.next = max(w.next, now)
	took := now.Sub(w.asked)
	switch {
	case s.Sight == Unseen:
		w.lose(now, unreadable, s.Detail)
	case s.Sight == Garbled:
		w.lose(now, garbled, s.Detail)
	case took > w.gap():
		w.lose(now, unreadable, "the look took "+text(took))
	case s.Sight == Nothing:
		w.empty(now, s)
	case s.Sight == Beaten:
		w.beaten(now, s)
	}
}

// lose takes in that a look was no good one. The span goes on until its gap is too long.
func (w *watch) lose(now Instant, why blindness, text string) {
	if w.blind.why != why {
		w.blind.since = now
	}
	w.blind.why, w.blind.text = why, text
}

// empty takes in that there is no heartbeat. A place that has never had one tells
// nothing of one that was seen elsewhere: a share may be unmounted.
func (w *watch) empty(now Instant, s *Sample) {
	if w.known && s.Place != w.last.Place {
		w.span = span{}
		w.lose(now, elsewhere, "nothing is there, and the heartbeat was on another file system")
		return
	}
	w.extend(now, Nothing, s.Place)
}

func (w *watch) beaten(now Instant, s *Sample) {
	switch {
	case !w.known:
		appeared := w.span.sight == Nothing && w.span.place == s.Place
		w.adopt(s)
		if appeared {
			w.change(now)
		}
	case w.old(s):
		// A cache is at work: nothing that it shows tells how long nothing has changed.
		w.span = span{}
		w.lose(now, stale, "an older heartbeat is read than before: a cache or a copy is in between")
		return
	case s.Place != w.last.Place:
		w.moved(now, s)
	case s.Mark != w.last.Mark:
		w.adopt(s)
		w.change(now)
	}
	w.extend(now, Beaten, s.Place)
}

// moved takes in what another file system shows than before.
func (w *watch) moved(now Instant, s *Sample) {
	same, later := s.Mark == w.last.Mark, s.Series == w.last.Series && s.Order > w.last.Order
	w.adopt(s)
	switch {
	case later:
		w.change(now)
	case !same:
		w.foreign = true
	}
}

// old tells whether a heartbeat is older than one that was seen.
func (w *watch) old(s *Sample) bool {
	if s.Series == w.last.Series {
		return s.Order < w.last.Order
	}
	return slices.Contains(w.past, s.Series)
}

func (w *watch) adopt(s *Sample) {
	if w.known && s.Series != w.last.Series {
		if len(w.past) == maxPast {
			w.past = slices.Delete(w.past, 0, 1)
		}
		w.past = append(w.past, w.last.Series)
	}
	w.known, w.last = true, *s
}

func (w *watch) change(now Instant) {
	w.changed, w.changeAt, w.foreign, w.span = true, now, false, span{}
}

// extend adds a good look to the span, or begins one.
func (w *watch) extend(now Instant, sight Sight, place uint64) {
	w.blind = blind{}
	s := &w.span
	if s.sight != sight || s.place != place || w.asked.Sub(s.till) > w.gap() {
		*s = span{sight: sight, place: place, from: now}
	}
	s.till = w.asked
	s.looks++
}

// whole tells whether the span is long enough for a flatline.
func (w *watch) whole() bool {
	return w.span.looks >= leastLooks && w.span.till.Sub(w.span.from) >= w.flatline
}

// fresh tells whether the span reaches to the present.
func (w *watch) fresh(now Instant) bool {
	return w.span.sight != Unseen && now.Sub(w.span.till) <= w.gap()
}

// deadline is when a look is due or the verdict may change without one.
func (w *watch) deadline(now Instant) Instant {
	due := clock.Never
	later := func(at Instant) {
		if at > now {
			due = clock.Min(due, at)
		}
	}
	if !w.looking {
		due = clock.Min(due, w.next)
	}
	if w.changed {
		later(w.changeAt.Add(w.flatline))
	}
	if w.polled() && w.span.sight != Unseen {
		later(w.span.till.Add(w.gap() + 1))
	}
	if !w.polled() {
		later(w.since.Add(w.flatline))
	}
	return due
}
