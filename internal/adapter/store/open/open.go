// Package open opens a store of any kind by its URL. It imports all of them;
// whoever only needs the words of a store imports package store.
package open

import (
	"context"
	"fmt"

	"stead/internal/adapter/store"
)

// Spec is a store as its URL names it.
type Spec = store.Spec

// Options are what every kind of store is opened with.
type Options = store.Options

// Parse reads the URL of a store.
func Parse(url string) (*Spec, error) { return store.Parse(url) }

// opener makes a store of one kind. It reads the files that the URL names and may
// look whether the store is there; it need not be.
type opener func(context.Context, *Spec, Options) (store.Store, error)

// Open opens a store. A store that cannot be reached now is no error where its kind
// can tell later; a mistake in what was configured, such as a missing file, is one.
func Open(ctx context.Context, spec *Spec, options Options) (store.Store, error) {
	open, ok := openers[spec.Kind]
	if !ok {
		return nil, fmt.Errorf("store %s: this program has no store of kind %q", spec, spec.Kind)
	}
	s, err := open(ctx, spec, options.Complete())
	if err != nil {
		return nil, fmt.Errorf("store %s: %w", spec, err)
	}
	return s, nil
}
