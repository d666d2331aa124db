package object

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"

	"stead/internal/adapter/store"
)

// scripted answers as a test says.
type scripted struct {
	Bucket
	put  func(body []byte) (string, error)
	get  func() ([]byte, string, error)
	last []byte // what was written last
}

func (s *scripted) Put(_ context.Context, _ string, body []byte, _ Condition) (string, error) {
	s.last = body
	return s.put(body)
}

func (s *scripted) Get(context.Context, string) ([]byte, string, error) { return s.get() }

// TestSwap goes through what a service can answer to a write, and to the look at
// what is there after it has refused one.
func TestSwap(t *testing.T) {
	refused := func([]byte) (string, error) { return "", fmt.Errorf("412: %w", ErrRefused) }
	written := func(etag string) func([]byte) (string, error) {
		return func([]byte) (string, error) { return etag, nil }
	}
	other, _ := seal([]byte("somebody else's"))
	is := func(body []byte, etag string, err error) func(*scripted) ([]byte, string, error) {
		return func(*scripted) ([]byte, string, error) { return body, etag, err }
	}
	ours := func(s *scripted) ([]byte, string, error) { return s.last, "v2", nil }
	for name, test := range map[string]struct {
		version string
		put     func([]byte) (string, error)
		get     func(*scripted) ([]byte, string, error)
		want    string // the new version, "conflict", or a part of the error
	}{
		"written":                           {"v1", written("v2"), nil, "v2"},
		"written, with the same ETag":       {"v1", written("v1"), nil, "cannot keep a register"},
		"written, without an ETag":          {"v1", written(""), nil, "cannot keep a register"},
		"refused, and ours is there":        {"v1", refused, ours, "v2"},
		"refused, and another is there":     {"v1", refused, is(other, "v3", nil), "conflict"},
		"refused, and something is there":   {"v1", refused, is([]byte("?"), "v3", nil), "conflict"},
		"refused, and nothing is there":     {"v1", refused, is(nil, "", store.ErrAbsent), "conflict"},
		"refused, and the version is there": {"v1", refused, is(other, "v1", nil), "version v1 is what is there"},
		"refused, and it cannot be read":    {"v1", refused, is(nil, "", errors.New("503")), "cannot be read: 503"},
		"not created, and ours is there":    {"", refused, ours, "v2"},
		"not created, and another is there": {"", refused, is(other, "v3", nil), "conflict"},
		"not created, and nothing is there": {"", refused, is(nil, "", store.ErrAbsent), "try again"},
	} {
		t.Run(name, func(t *testing.T) {
			s := &scripted{put: test.put}
			s.get = func() ([]byte, string, error) { return test.get(s) }
			version, err := New(s, "p").Register("right").Swap(t.Context(), test.version, []byte("turn=2"))
			switch {
			case err == nil:
				if version != test.want {
					t.Errorf("version %q, want %q", version, test.want)
				}
			case errors.Is(err, store.ErrConflict):
				if test.want != "conflict" {
					t.Errorf("%v; want %q", err, test.want)
				}
			case errors.Is(err, store.ErrAbsent) || !strings.Contains(err.Error(), test.want):
				t.Errorf("%v; want %q", err, test.want)
			}
		})
	}
}

func TestSealed(t *testing.T) {
	one, nonce := seal([]byte("turn=1"))
	two, _ := seal([]byte("turn=1"))
	if string(one) == string(two) {
		t.Error("the same value has the same bytes")
	}
	if value, found, err := unseal(one); err != nil || string(value) != "turn=1" || found != nonce {
		t.Errorf("%q, %q, %v", value, found, err)
	}
}

func TestWordsHideURLs(t *testing.T) {
	client := NewClient(store.Options{}.Complete(), nil)
	_, err := client.Get("http://127.0.0.1:1/container?sig=secret")
	if err == nil {
		t.Fatal("somebody listens on port 1")
	}
	if text := Trouble(t.Context(), err).Error(); strings.Contains(text, "secret") || !strings.Contains(text, "connection refused") {
		t.Error(text)
	}
	long := Line(errors.New(strings.Repeat("many words\n", 100)))
	if len(long.Error()) > longest+10 || strings.Contains(long.Error(), "\n") {
		t.Errorf("%q", long)
	}
}
