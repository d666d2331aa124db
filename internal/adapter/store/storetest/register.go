package storetest

import (
	"errors"
	"strings"
	"testing"

	"stead/internal/adapter/store"
)

func absent(t *testing.T, open func(*testing.T) store.Store) {
	s := open(t)
	if value, version, err := s.Register(fresh("right")).Read(limited(t)); !errors.Is(err, store.ErrAbsent) {
		t.Errorf("register: %q, version %q, %v; want it absent", value, version, err)
	}
	if value, err := s.Blob(fresh("heartbeat.txt")).Read(limited(t)); !errors.Is(err, store.ErrAbsent) {
		t.Errorf("blob: %q, %v; want it absent", value, err)
	}
}

func create(t *testing.T, open func(*testing.T) store.Store) {
	key := fresh("right")
	r, other := open(t).Register(key), open(t).Register(key)
	v1 := mustSwap(t, r, "", "first")
	mustRead(t, other, "first", v1)
	mustConflict(t, other, "", "second")
	mustConflict(t, r, "", "first")
	mustRead(t, r, "first", v1)
}

func swap(t *testing.T, open func(*testing.T) store.Store) {
	key := fresh("right")
	r, other := open(t).Register(key), open(t).Register(key)
	v1 := mustSwap(t, r, "", "one")
	v2 := mustSwap(t, other, v1, "two")
	mustConflict(t, r, v1, "three")
	mustRead(t, r, "two", v2)
	// The version of another register is a wrong one, and so is any where there is none.
	elsewhere := open(t).Register(fresh("right"))
	mustConflict(t, elsewhere, v2, "four")
	foreign := mustSwap(t, elsewhere, "", "other")
	if foreign != v2 {
		mustConflict(t, r, foreign, "five")
	}
	mustRead(t, r, "two", v2)
	v3 := mustSwap(t, r, v2, "two")
	mustRead(t, other, "two", v3)
}

// versions goes back to the same value again and again: each time it is another one.
func versions(t *testing.T, open func(*testing.T) store.Store) {
	r := open(t).Register(fresh("right"))
	seen := map[string]bool{}
	version := ""
	for i := range 12 {
		next := mustSwap(t, r, version, []string{"A", "B"}[i%2])
		if seen[next] {
			t.Fatalf("version %q was there before", next)
		}
		seen[next] = true
		if version != "" {
			mustConflict(t, r, version, "late")
		}
		version = next
	}
	for old := range seen {
		if old != version {
			mustConflict(t, r, old, "late")
		}
	}
	mustRead(t, r, "B", version)
}

const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789 =.,_/:-"

func values(t *testing.T, open func(*testing.T) store.Store) {
	r := open(t).Register(fresh("right"))
	version := ""
	for _, value := range []string{
		"x", alphabet, " ", ".", "..", "/", "-", " a ", "a.", ".a", "a b  c", "../../x", "=,=", "v=1,e=2 h=east:9",
		strings.Repeat("/", store.MaxRegister), strings.Repeat(":", store.MaxRegister), strings.Repeat(" ", store.MaxRegister),
		strings.Repeat("=", store.MaxRegister), strings.Repeat("Z9", store.MaxRegister/2),
	} {
		version = mustSwap(t, r, version, value)
		mustRead(t, r, value, version)
	}
}

func refusedValues(t *testing.T, open func(*testing.T) store.Store) {
	r := open(t).Register(fresh("right"))
	version := mustSwap(t, r, "", "first")
	for _, value := range []string{"", strings.Repeat("x", store.MaxRegister+1), "a\nb", "a\x00", "ü", "100%", "a+b", "a~b", "{}", `a\b`, `"`} {
		_, err := r.Swap(limited(t), version, []byte(value))
		mustRefuse(t, "swap for "+value, err)
	}
	mustRead(t, r, "first", version)
}

func keys(t *testing.T, open func(*testing.T) store.Store) {
	s := open(t)
	for _, name := range []string{"a", "groups/web", "a/b/c/d", "X_1-2.3", strings.Repeat("k", 63), strings.Repeat("p", 63) + "/" + strings.Repeat("q", 63)} {
		key := fresh(name)
		version := mustSwap(t, s.Register(key), "", "of "+name[:1])
		mustRead(t, s.Register(key), "of "+name[:1], version)
		blobKey := fresh(name)
		if err := s.Blob(blobKey).Write(limited(t), []byte(name)); err != nil {
			t.Fatalf("write blob %s: %v", blobKey, err)
		}
		if value, err := s.Blob(blobKey).Read(limited(t)); err != nil || string(value) != name {
			t.Fatalf("read blob %s: %q, %v", blobKey, value, err)
		}
	}
	// One is not the beginning of another.
	base := fresh("a")
	one := mustSwap(t, s.Register(base), "", "one")
	two := mustSwap(t, s.Register(base+"b"), "", "two")
	mustRead(t, s.Register(base), "one", one)
	mustRead(t, s.Register(base+"b"), "two", two)
}

func refusedKeys(t *testing.T, open func(*testing.T) store.Store) {
	s := open(t)
	for _, key := range []string{"", "/", "/a", "a/", "a//b", "..", "../a", "a/../b", ".", "a/./b", ".a", "a\x00b", "a\nb", `a\b`, "ü"} {
		_, _, err := s.Register(key).Read(limited(t))
		mustRefuse(t, "read register "+key, err)
		_, err = s.Register(key).Swap(limited(t), "", []byte("x"))
		mustRefuse(t, "swap register "+key, err)
		_, err = s.Blob(key).Read(limited(t))
		mustRefuse(t, "read blob "+key, err)
		mustRefuse(t, "write blob "+key, s.Blob(key).Write(limited(t), []byte("x")))
	}
	for _, key := range []string{"a b", "a:b", "a$b", "a%2fb", "a*"} {
		_, _, err := s.Register(key).Read(limited(t))
		mustRefuse(t, "read register "+key, err)
	}
}
