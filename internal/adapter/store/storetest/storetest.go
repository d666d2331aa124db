// Package storetest tells whether a store keeps what package store promises. Every
// kind of store passes the same tests, against a real server where there is one.
package storetest

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"testing"
	"time"

	"stead/internal/adapter/store"
)

// patience is how long one call may take in these tests; a call that takes longer hangs.
const patience = 20 * time.Second

// Run tests a store. open returns one that reaches the same place each time, and
// closes it when its test ends; what is there already is left alone.
func Run(t *testing.T, open func(*testing.T) store.Store) {
	tests := []struct {
		name string
		test func(*testing.T, func(*testing.T) store.Store)
	}{
		{"absent", absent},
		{"create", create},
		{"swap", swap},
		{"versions", versions},
		{"values", values},
		{"refused values", refusedValues},
		{"race", race},
		{"race to create", raceToCreate},
		{"count", count},
		{"keys", keys},
		{"refused keys", refusedKeys},
		{"blob", blob},
		{"blob sizes", blobSizes},
		{"torn", torn},
		{"canceled", canceled},
		{"watch", watch},
		{"metadata", metadata},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) { test.test(t, open) })
	}
}

// fresh is a key that nothing was kept under before.
func fresh(name string) string {
	nonce := make([]byte, 6)
	rand.Read(nonce)
	return "t" + hex.EncodeToString(nonce) + "/" + name
}

func limited(t *testing.T) context.Context {
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	t.Cleanup(cancel)
	return ctx
}

func mustRead(t *testing.T, r store.Register, want, version string) {
	t.Helper()
	value, v, err := r.Read(limited(t))
	if err != nil || string(value) != want || v != version {
		t.Fatalf("read: %q, version %q, %v; want %q, version %q", value, v, err, want, version)
	}
}

func mustSwap(t *testing.T, r store.Register, version, value string) string {
	t.Helper()
	next, err := r.Swap(limited(t), version, []byte(value))
	if err != nil {
		t.Fatalf("swap version %q for %q: %v", version, value, err)
	}
	if next == "" || next == version {
		t.Fatalf("swap version %q for %q: the new version is %q", version, value, next)
	}
	return next
}

func mustConflict(t *testing.T, r store.Register, version, value string) {
	t.Helper()
	if next, err := r.Swap(limited(t), version, []byte(value)); !errors.Is(err, store.ErrConflict) {
		t.Fatalf("swap version %q for %q: version %q, %v; want a conflict", version, value, next, err)
	}
}

// mustRefuse wants an error that is none of those with a meaning: a wrong call is a mistake.
func mustRefuse(t *testing.T, what string, err error) {
	t.Helper()
	if err == nil || errors.Is(err, store.ErrAbsent) || errors.Is(err, store.ErrConflict) {
		t.Fatalf("%s: %v; want it refused", what, err)
	}
}
