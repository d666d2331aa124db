package daemon

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"stead/internal/adapter/store"
	"stead/internal/adapter/store/open"
	"stead/internal/core"
	"stead/internal/lab/share"
	"stead/internal/lab/share/sharetest"
	"stead/internal/report"
	"stead/internal/testns"
)

// The lease of the tests' groups, and how long one operation on it may take.
const (
	leaseTTL     = 2 * time.Second
	leaseRenew   = 200 * time.Millisecond
	storeTimeout = 400 * time.Millisecond
)

// shared is a trial whose two members have a folder on a share between them, each
// through a mount of its own.
type shared struct {
	*trial
	share *sharetest.Share
}

// byLease is the election of the group web by a record on the share.
var byLease = fmt.Sprintf("{ type: lease, store: share, ttl: %s, renew: %s }", leaseTTL, leaseRenew)

// newShared builds the network and the share. Nothing runs yet.
func newShared(t testing.TB, c conf) *shared {
	t.Helper()
	testns.Privileged(t)
	s := &shared{share: sharetest.New(t, 2)}
	c.noWitness = true
	c.stores = func(host string) string {
		return fmt.Sprintf("share: { url: \"folder:%s/stead\", timeout: %s }\n", s.share.Sites[site(host)].At(), storeTimeout)
	}
	if err := os.Mkdir(filepath.Join(s.share.Dir, "stead"), 0o755); err != nil {
		t.Fatal(err)
	}
	s.trial = newTrial(t, c)
	return s
}

// site is the place of a host's mount of the share.
func site(host string) int {
	if host == "primary" {
		return 0
	}
	return 1
}

// fail lets a host's mount go wrong.
func (s *shared) fail(t testing.TB, h *host, f share.Faults) {
	t.Helper()
	s.share.Set(t, site(h.name), f)
}

// begin starts both and waits until the primary, which comes first, serves.
func (s *shared) begin(t testing.TB) {
	t.Helper()
	s.primary.start(t)
	s.secondary.start(t)
	s.holds(t, s.primary)
}

// holds waits until one serves, and the other knows and does not.
func (s *shared) holds(t testing.TB, h *host) {
	t.Helper()
	h.becomes(t, "web", report.RoleActive)
	s.other(h).until(t, "it sees that "+h.name+" is active", func(st *report.Status) bool {
		g := st.Group("web")
		return g.Role == report.RoleStandby && g.ActiveNode == h.name
	})
}

func (s *shared) other(h *host) *host {
	if h == s.primary {
		return s.secondary
	}
	return s.primary
}

// record is the register of a key on the share, past all faults.
func (s *shared) record(t testing.TB, key string) store.Register {
	t.Helper()
	spec, err := open.Parse("folder:" + filepath.Join(s.share.Dir, "stead"))
	if err != nil {
		t.Fatal(err)
	}
	opened, err := open.Open(t.Context(), spec, open.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = opened.Close() })
	return opened.Register(key)
}

// garble puts something into a record that Stead has not written there. Whoever
// renews it meanwhile makes it begin again.
func (s *shared) garble(t testing.TB, key, text string) {
	t.Helper()
	r := s.record(t, key)
	testns.Eventually(t, patience, "the record is replaced", func() bool {
		ctx, cancel := context.WithTimeout(t.Context(), patience)
		defer cancel()
		_, version, err := r.Read(ctx)
		if err == nil {
			_, err = r.Swap(ctx, version, []byte(text))
		}
		if err != nil && !errors.Is(err, store.ErrConflict) {
			t.Fatal(err)
		}
		return err == nil
	})
}

// remove takes a record away.
func (s *shared) remove(t testing.TB, key string) {
	t.Helper()
	where := filepath.Join(s.share.Dir, "stead", key+".*")
	testns.Eventually(t, patience, "the record is gone", func() bool { // whoever renews it meanwhile puts something in
		found, err := filepath.Glob(where)
		if err != nil {
			t.Fatal(err)
		}
		for _, path := range found {
			_ = os.RemoveAll(path)
		}
		return len(found) == 0
	})
}

// problem waits until a host says that something is wrong.
func (h *host) problem(t testing.TB, text string) {
	t.Helper()
	h.until(t, "it says: "+text, func(s *report.Status) bool {
		return slices.ContainsFunc(s.Problems(), func(p string) bool { return strings.Contains(p, text) })
	})
}

// calm fails where a host has a problem.
func (h *host) calm(t testing.TB) {
	t.Helper()
	h.until(t, "all is well", func(s *report.Status) bool { return len(s.Problems()) == 0 })
}

// took logs for how long the address was silent at a change.
func (a *asker) took(t testing.TB, what string, from, to *host, begin core.Instant) {
	t.Helper()
	a.mu.Lock()
	last := core.Instant(0)
	for _, w := range a.answers {
		if w.host == from.name && w.kind == arp {
			last = max(last, w.sent)
		}
	}
	a.mu.Unlock()
	first := a.first(to.name, arp, begin)
	t.Logf("%s: %s answers %s after, %s after the last answer of %s", what, to.name, since(begin, first), since(last, first), from.name)
}
