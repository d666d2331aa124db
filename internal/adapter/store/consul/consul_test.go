package consul

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"stead/internal/adapter/store"
	"stead/internal/adapter/store/storetest"
)

func open(t *testing.T, s *kvServer, params string) store.Store {
	t.Helper()
	spec, err := store.Parse("consul://" + strings.TrimPrefix(s.URL, "http://") + "/stead" + params)
	if err != nil {
		t.Fatal(err)
	}
	opened, err := Open(t.Context(), spec, store.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { opened.Close() })
	return opened
}

func TestStore(t *testing.T) {
	s := newServer(t)
	storetest.Run(t, func(t *testing.T) store.Store { return open(t, s, "") })
}

func unknown(t *testing.T, what string, err error) {
	t.Helper()
	if err == nil || errors.Is(err, store.ErrAbsent) || errors.Is(err, store.ErrConflict) {
		t.Errorf("%s: %v; want an error that leaves it open", what, err)
	}
}

func TestToken(t *testing.T) {
	s := newServer(t)
	s.token = "secret"
	file := filepath.Join(t.TempDir(), "token")
	if err := os.WriteFile(file, []byte("wrong\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	r := open(t, s, "?token-file="+file).Register("right")
	_, err := r.Swap(t.Context(), "", []byte("x"))
	unknown(t, "swap with a wrong token", err)
	// A token that was replaced is read again.
	if err := os.WriteFile(file, []byte("secret\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := r.Swap(t.Context(), "", []byte("x")); err != nil {
		t.Error(err)
	}
	if err := os.Chmod(file, 0o644); err != nil {
		t.Fatal(err)
	}
	_, _, err = r.Read(t.Context())
	unknown(t, "read with a token that everybody can read", err)
	spec, _ := store.Parse("consul://127.0.0.1/p?token-file=" + file)
	if _, err := Open(t.Context(), spec, store.Options{}); err == nil || !strings.Contains(err.Error(), "lets others use it") {
		t.Error(err)
	}
}

// TestRolledBackForAnotherReason: that a token may not write says nothing about the version.
func TestRolledBackForAnotherReason(t *testing.T) {
	s := newServer(t)
	r := open(t, s, "").Register("right")
	version, err := r.Swap(t.Context(), "", []byte("x"))
	if err != nil {
		t.Fatal(err)
	}
	s.mu.Lock()
	s.deny = true
	s.mu.Unlock()
	_, err = r.Swap(t.Context(), version, []byte("y"))
	unknown(t, "swap", err)
	if !strings.Contains(err.Error(), "rolled back") {
		t.Errorf("%v; want what the server said", err)
	}
}

func TestServerThatHangs(t *testing.T) {
	s := newServer(t)
	c := open(t, s, "")
	s.hang = make(chan struct{})
	for name, call := range map[string]func(context.Context) error{
		"read":       func(ctx context.Context) error { _, _, err := c.Register("r").Read(ctx); return err },
		"swap":       func(ctx context.Context) error { _, err := c.Register("r").Swap(ctx, "", []byte("x")); return err },
		"read blob":  func(ctx context.Context) error { _, err := c.Blob("b").Read(ctx); return err },
		"write blob": func(ctx context.Context) error { return c.Blob("b").Write(ctx, nil) },
		"watch":      func(ctx context.Context) error { return c.Register("r").(store.Watcher).Watch(ctx, func() {}) },
	} {
		ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
		err := call(ctx)
		cancel()
		unknown(t, name, err)
		if !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("%s: %v; want the end of its context", name, err)
		}
	}
}

func TestMetadata(t *testing.T) {
	if _, err := open(t, newServer(t), "").Metadata(t.Context(), "a", "b"); !errors.Is(err, store.ErrNoMetadata) {
		t.Error(err)
	}
}
