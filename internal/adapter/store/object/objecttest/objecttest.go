// Package objecttest tells whether a store in an object store says the truth about
// a write when something goes wrong on the way: never that somebody else has
// written where this write has taken effect or still may, never that it has taken
// effect where it has not.
package objecttest

import (
	"context"
	"crypto/rand"
	"errors"
	"net/http"
	"testing"
	"time"

	"stead/internal/adapter/store"
	"stead/test/stores"
)

// Place is a store behind a proxy.
type Place struct {
	Proxy *stores.Proxy
	Open  func(*testing.T) store.Store
	Busy  stores.Fault // what the service answers when it is asked too often
}

// brief is the deadline of a call that gets no answer, generous that of one that does.
const (
	brief    = 500 * time.Millisecond
	generous = 20 * time.Second
)

// Run tests each fault.
func Run(t *testing.T, p Place) {
	tests := []struct {
		name string
		test func(*testing.T)
	}{
		{"the answer to a swap is lost", p.lost},
		{"the answer to the first swap is lost", p.lostFirst},
		{"a swap takes effect after its deadline", p.late},
		{"a late swap comes after somebody else's", p.lateLoses},
		{"something on the way repeats a swap", p.repeated},
		{"something on the way repeats the first swap", p.repeatedFirst},
		{"a conflict that cannot be looked at", p.blind},
		{"errors of the service", p.errors},
		{"a store that hangs", p.hangs},
		{"a connection that was dropped", p.dropped},
		{"the same value again", p.again},
		{"keys that others have chosen", p.oddKeys},
	}
	for _, test := range tests {
		t.Run(test.name, test.test)
	}
}

func within(t *testing.T, limit time.Duration) context.Context {
	ctx, cancel := context.WithTimeout(t.Context(), limit)
	t.Cleanup(cancel)
	return ctx
}

// held opens a register that nobody has used, and another one on the same key.
func (p Place) held(t *testing.T) (r, other store.Register, version string) {
	t.Helper()
	key := "f" + rand.Text() + "/right"
	r, other = p.Open(t).Register(key), p.Open(t).Register(key)
	return r, other, mustSwap(t, r, "", "turn=1")
}

// unused opens a register that does not exist, in a store that has made its first swap.
func (p Place) unused(t *testing.T) store.Register {
	t.Helper()
	s := p.Open(t)
	mustSwap(t, s.Register("f"+rand.Text()), "", "turn=1")
	return s.Register("f" + rand.Text() + "/right")
}

func mustSwap(t *testing.T, r store.Register, version, value string) string {
	t.Helper()
	next, err := r.Swap(within(t, generous), version, []byte(value))
	if err != nil || next == "" || next == version {
		t.Fatalf("swap %q for %q: %q, %v", version, value, next, err)
	}
	return next
}

// mustBeOpen wants a swap that says neither that it has succeeded nor that
// somebody else has written.
func mustBeOpen(t *testing.T, ctx context.Context, r store.Register, version string) {
	t.Helper()
	next, err := r.Swap(ctx, version, []byte("turn=2"))
	if err == nil || errors.Is(err, store.ErrConflict) || errors.Is(err, store.ErrAbsent) {
		t.Fatalf("swap: %q, %v; want an error that leaves it open", next, err)
	}
	t.Log(err)
}

func mustConflict(t *testing.T, r store.Register, version string) {
	t.Helper()
	if next, err := r.Swap(within(t, generous), version, []byte("turn=3")); !errors.Is(err, store.ErrConflict) {
		t.Fatalf("swap: %q, %v; want a conflict", next, err)
	}
}

func mustRead(t *testing.T, r store.Register, want string) (version string) {
	t.Helper()
	value, version, err := r.Read(within(t, generous))
	if err != nil || string(value) != want {
		t.Fatalf("read %q, %v; want %q", value, err, want)
	}
	return version
}

func (p Place) puts() int { return p.Proxy.Requests(http.MethodPut) }
