package daemon

import (
	"fmt"
	"testing"
	"time"

	"stead/internal/core"
	"stead/internal/core/clock"
	"stead/internal/testns"
)

// last is when the latest question was sent that a host has answered.
func (a *asker) last(host string, k kind) core.Instant {
	a.mu.Lock()
	defer a.mu.Unlock()
	latest := core.Instant(0)
	for _, w := range a.answers {
		if w.host == host && w.kind == k {
			latest = max(latest, w.sent)
		}
	}
	return latest
}

// first is when a host's first answer came to a question that was sent after a moment.
func (a *asker) first(host string, k kind, after core.Instant) core.Instant {
	a.mu.Lock()
	defer a.mu.Unlock()
	for _, w := range a.answers {
		if w.host == host && w.kind == k && w.sent > after {
			return w.at
		}
	}
	return clock.Never
}

// serves waits until a host has answered every kind of question that was sent
// after a moment.
func (a *asker) serves(t testing.TB, h *host, after core.Instant) {
	t.Helper()
	for k, name := range kinds {
		testns.Eventually(t, patience, h.name+" answers "+name, func() bool { return a.first(h.name, k, after) != clock.Never })
	}
}

// silentAfter fails where a host has answered a question that was sent after a
// moment. It waits until questions have been under way for long enough since.
func (a *asker) silentAfter(t testing.TB, h *host, after core.Instant, what string) {
	t.Helper()
	a.asked(t, max(after, engineNow()).Add(100*time.Millisecond))
	for k, name := range kinds {
		if last := a.last(h.name, k); last > after {
			t.Errorf("%s answers %s %v after %s", h.name, name, last.Sub(after), what)
		}
	}
}

// asked waits until a question was sent after a moment.
func (a *asker) asked(t testing.TB, after core.Instant) {
	t.Helper()
	testns.Eventually(t, patience, "questions are sent", func() bool {
		a.mu.Lock()
		defer a.mu.Unlock()
		return len(a.sent) > 0 && a.sent[len(a.sent)-1] > after
	})
}

// neverTwo fails where the old host has answered who has the address to somebody
// who asked after the new one had answered already. since is before the change.
func (a *asker) neverTwo(t testing.TB, from, to *host, since core.Instant) {
	t.Helper()
	for _, k := range []kind{arp, nd} {
		taken := a.first(to.name, k, since)
		if taken == clock.Never {
			t.Errorf("%s has not answered %s", to.name, kinds[k])
			continue
		}
		if last := a.last(from.name, k); last > taken {
			t.Errorf("two holders: %s answers %s %v after %s has", from.name, kinds[k], last.Sub(taken), to.name)
		}
	}
}

// since words a time for a failure.
func since(begin, at core.Instant) string {
	if at == clock.Never {
		return "never"
	}
	return fmt.Sprint(at.Sub(begin))
}
