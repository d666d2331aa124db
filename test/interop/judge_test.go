package interop

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"stead/internal/core/clock"
	"stead/internal/testns"
)

// underWay is how long an answer may take on a busy machine. Younger rounds are
// not judged yet.
const underWay = 20 * time.Millisecond

// view is what was seen from a moment on.
type view struct {
	rounds    []round
	adverts   []advert
	announced []announcement
}

// since copies what was seen from a moment on.
func (w *watch) since(from clock.Instant) view {
	w.mu.Lock()
	defer w.mu.Unlock()
	var v view
	for i := len(w.rounds) - 1; i >= 0 && w.rounds[i].sent >= from; i-- {
		v.rounds = w.rounds[i:]
	}
	for i := len(w.adverts) - 1; i >= 0 && w.adverts[i].at >= from; i-- {
		v.adverts = w.adverts[i:]
	}
	for i := len(w.announced) - 1; i >= 0 && w.announced[i].at >= from; i-- {
		v.announced = w.announced[i:]
	}
	v.announced = append([]announcement(nil), v.announced...)
	v.rounds = append([]round(nil), v.rounds...)
	v.adverts = append([]advert(nil), v.adverts...)
	return v
}

// has tells whether a host has answered a round.
func (r *round) has(h *host) bool { return r.by[0] == h.name || r.by[1] == h.name }

// took is when the first question was sent that a host answered; Never.
func (v *view) took(h *host) clock.Instant {
	for i := range v.rounds {
		if v.rounds[i].has(h) {
			return v.rounds[i].sent
		}
	}
	return clock.Never
}

// two is how long two hosts answered: each such round counts as the time between two.
func (v *view) two() time.Duration {
	n := 0
	for i := range v.rounds {
		if v.rounds[i].by[1] != "" {
			n++
		}
	}
	return time.Duration(n) * asking
}

// none is the longest time in which nobody answered.
func (v *view) none() (longest time.Duration) {
	var last clock.Instant
	for i := range v.rounds {
		if i == 0 || v.rounds[i].by[0] != "" {
			if i > 0 {
				longest = max(longest, v.rounds[i].sent.Sub(last)-asking)
			}
			last = v.rounds[i].sent
		}
	}
	return longest
}

// stalled is how long this program, which asks, was held up: so may have been all
// the others.
func (v *view) stalled() (total time.Duration) {
	for i := 1; i < len(v.rounds); i++ {
		total += max(0, v.rounds[i].sent.Sub(v.rounds[i-1].sent)-5*asking)
	}
	return total
}

// claims are the advertisements of a host that say that it is active.
func (v *view) claims(h *host) (all []advert) {
	for _, a := range v.adverts {
		if a.host == h.name && a.priority > 0 {
			all = append(all, a)
		}
	}
	return all
}

// resigned tells whether a host has sent an advertisement of priority 0.
func (v *view) resigned(h *host) bool {
	for _, a := range v.adverts {
		if a.host == h.name && a.priority == 0 {
			return true
		}
	}
	return false
}

// alone tells whether one host only has answered and advertised in a view, and
// has answered every round of it that is old enough. What an isolated host
// advertises nobody hears.
func (v *view) alone(h *host) bool {
	end, n := now().Add(-underWay), 0
	for i := range v.rounds {
		switch by := v.rounds[i].by; {
		case by[0] != "" && by[0] != h.name, by[1] != "":
			return false
		case by[0] == "" && v.rounds[i].sent < end:
			return false
		}
		n++
	}
	for _, other := range h.lan.routers() {
		if other != h && !other.isolated && len(v.claims(other)) > 0 {
			return false
		}
	}
	return n > 0 && len(v.claims(h)) > 0
}

// settles waits until a host alone has been active for two intervals and more.
func (w *watch) settles(t testing.TB, h *host, s settings) {
	t.Helper()
	window := max(5*s.interval/2, 200*time.Millisecond)
	w.alone(t, h, window, 0)
}

// alone waits until a host alone has been active for a time that begins after a moment.
func (w *watch) alone(t testing.TB, h *host, window time.Duration, after clock.Instant) {
	t.Helper()
	start := now()
	for {
		from := now().Add(-window - underWay)
		v := w.since(from)
		if from >= after && from >= w.begun() && v.alone(h) {
			return
		}
		if now().Sub(start) > patience+3*window {
			t.Fatalf("%s is not active alone for %v within %v:\n%s", h.name, window, patience+3*window, w.story(start))
		}
		time.Sleep(asking)
	}
}

// begun is when the first question was sent.
func (w *watch) begun() clock.Instant {
	w.mu.Lock()
	defer w.mu.Unlock()
	if len(w.rounds) == 0 {
		return clock.Never
	}
	return w.rounds[0].sent
}

// takes waits until a host answers a question that was sent after a moment.
func (w *watch) takes(t testing.TB, h *host, after clock.Instant) clock.Instant {
	t.Helper()
	at := clock.Never
	for start := now(); at == clock.Never; time.Sleep(asking) {
		v := w.since(after)
		if at = v.took(h); now().Sub(start) > patience {
			t.Fatalf("%s does not answer within %v:\n%s", h.name, patience, w.story(after))
		}
	}
	return at
}

// passes waits until questions that were sent before a moment have been answered,
// or will not be.
func (w *watch) passes(t testing.TB, at clock.Instant) {
	t.Helper()
	testns.Eventually(t, patience, "questions are sent", func() bool {
		w.mu.Lock()
		defer w.mu.Unlock()
		return len(w.rounds) > 0 && w.rounds[len(w.rounds)-1].sent > at.Add(underWay)
	})
}

// story tells what was seen since a moment: each change of who answers, and each
// change of what is advertised.
func (w *watch) story(from clock.Instant) string {
	type line struct {
		at   clock.Instant
		text string
	}
	var lines []line
	v := w.since(from)
	before := "?"
	for i := range v.rounds {
		by := v.rounds[i].by[0] + " answers"
		switch {
		case v.rounds[i].by[1] != "":
			by = "both answer"
		case v.rounds[i].by[0] == "":
			by = "nobody answers"
		}
		if by != before {
			lines = append(lines, line{v.rounds[i].sent, by})
		}
		before = by
	}
	for _, a := range v.announced {
		lines = append(lines, line{a.at, a.host + " announces"})
	}
	latest := map[string]advert{}
	for _, a := range v.adverts {
		was := latest[a.host]
		if was.String() != a.String() || a.at.Sub(was.at) > 3*a.interval/2 {
			lines = append(lines, line{a.at, "heard: " + a.String()})
		}
		latest[a.host] = a
	}
	for host, a := range latest {
		lines = append(lines, line{a.at, host + " was heard last"})
	}
	var text strings.Builder
	for len(lines) > 0 {
		first := 0
		for i := range lines {
			if lines[i].at < lines[first].at {
				first = i
			}
		}
		fmt.Fprintf(&text, "%9.1f ms  %s\n", float64(lines[first].at.Sub(from).Microseconds())/1000, lines[first].text)
		lines = append(lines[:first], lines[first+1:]...)
	}
	return testns.Tail(text.String(), 80)
}
