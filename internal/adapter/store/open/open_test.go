package open

import (
	"errors"
	"os"
	"strings"
	"testing"

	"stead/internal/adapter/store"
)

func TestOpenFolder(t *testing.T) {
	spec, err := Parse("folder:" + t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	s, err := Open(t.Context(), spec, Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	if _, _, err := s.Register("right").Read(t.Context()); !errors.Is(err, store.ErrAbsent) {
		t.Error(err)
	}
}

// TestKinds: what Parse reads, Open opens.
func TestKinds(t *testing.T) {
	if names := store.Kinds(); len(names) != len(openers) {
		t.Errorf("Parse knows %v, Open has %d", names, len(openers))
	}
	for _, kind := range store.Kinds() {
		if openers[kind] == nil {
			t.Errorf("there is no line for %s", kind)
		}
	}
}

func TestOpenNamesTheStore(t *testing.T) {
	spec, err := Parse("etcd://127.0.0.1/p?ca=/nonexistent/ca.pem")
	if err != nil {
		t.Fatal(err)
	}
	_, err = Open(t.Context(), spec, Options{})
	if !errors.Is(err, os.ErrNotExist) || !strings.HasPrefix(err.Error(), "store etcd://127.0.0.1/p?ca=") {
		t.Error(err)
	}
	if _, err := Open(t.Context(), &Spec{Kind: "nothing"}, Options{}); err == nil || !strings.Contains(err.Error(), "no store of kind") {
		t.Error(err)
	}
}
