package object

import (
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"

	"stead/internal/adapter/store"
)

// blob is an object that is replaced without a condition.
type blob struct {
	store *Store
	key   string
}

// Read returns the whole object.
func (b *blob) Read(ctx context.Context) ([]byte, error) {
	if err := store.CheckBlobKey(b.key); err != nil {
		return nil, err
	}
	body, _, err := b.store.bucket.Get(ctx, b.store.prefix+b.key)
	return body, err
}

// Write replaces it. It is sent once: the next heartbeat says more than a repetition.
func (b *blob) Write(ctx context.Context, value []byte) error {
	if err := errors.Join(store.CheckBlobKey(b.key), store.CheckBlob(value)); err != nil {
		return err
	}
	if err := ctx.Err(); err != nil {
		return fmt.Errorf("%s: %w", b.key, err)
	}
	_, err := b.store.bucket.Put(ctx, b.store.prefix+b.key, value, Condition{})
	return err
}

// Metadata returns one value of a blob's metadata. Case does not tell two names
// apart, as they travel as names of HTTP header fields.
func (s *Store) Metadata(ctx context.Context, key, name string) (string, error) {
	if err := store.CheckBlobKey(key); err != nil {
		return "", err
	}
	all, err := s.bucket.Metadata(ctx, s.prefix+key)
	if err != nil {
		return "", err
	}
	for _, known := range slices.Sorted(maps.Keys(all)) {
		if strings.EqualFold(known, name) {
			return all[known], nil
		}
	}
	has := "it has none"
	if len(all) > 0 {
		has = "it has " + strings.ToLower(strings.Join(slices.Sorted(maps.Keys(all)), ", "))
	}
	return "", fmt.Errorf("%s: no metadata %q: %s", key, name, has)
}

// ReadAll reads the body of an answer, up to store.MaxBlob bytes.
func ReadAll(body io.Reader) ([]byte, error) {
	read, err := io.ReadAll(io.LimitReader(body, store.MaxBlob+1))
	if err != nil {
		return nil, err
	}
	if len(read) > store.MaxBlob {
		return nil, fmt.Errorf("has more than %d bytes", store.MaxBlob)
	}
	return read, nil
}
