package object

import (
	"context"
	"errors"
	"fmt"

	"stead/internal/adapter/store"
)

// register is an object with a value and the nonce of its last write.
type register struct {
	store *Store
	key   string
}

// Read returns the value; its version is the object's ETag.
func (r *register) Read(ctx context.Context) ([]byte, string, error) {
	if err := store.CheckKey(r.key); err != nil {
		return nil, "", err
	}
	body, etag, err := r.store.bucket.Get(ctx, r.store.prefix+r.key)
	if err != nil {
		return nil, "", err
	}
	value, _, err := unseal(body)
	if err != nil {
		return nil, "", fmt.Errorf("%s: %w", r.key, err)
	}
	return value, etag, nil
}

// Swap replaces the object if it has the ETag version, and creates it if version is empty.
func (r *register) Swap(ctx context.Context, version string, value []byte) (string, error) {
	if err := errors.Join(store.CheckKey(r.key), store.CheckValue(value)); err != nil {
		return "", err
	}
	if err := ctx.Err(); err != nil {
		return "", fmt.Errorf("%s: %w", r.key, err)
	}
	body, nonce := seal(value)
	etag, err := r.store.bucket.Put(ctx, r.store.prefix+r.key, body, Condition{ETag: version, Absent: version == ""})
	switch {
	case err == nil && (etag == "" || etag == version):
		return "", fmt.Errorf("%s: written, but the ETag is %q as before: this service cannot keep a register", r.key, etag)
	case errors.Is(err, ErrRefused):
		return r.judge(ctx, version, nonce, err)
	}
	return etag, err
}

// judge tells what a write has come to whose condition was said not to hold.
func (r *register) judge(ctx context.Context, version, nonce string, refusal error) (string, error) {
	body, etag, err := r.store.bucket.Get(ctx, r.store.prefix+r.key)
	switch {
	case errors.Is(err, store.ErrAbsent):
		if version == "" {
			return "", fmt.Errorf("%s: refused because it was there, and now it is not (%v): try again", r.key, refusal)
		}
		return "", fmt.Errorf("%s: %w: it was deleted", r.key, store.ErrConflict)
	case err != nil:
		return "", fmt.Errorf("%s: refused (%v), and what is there cannot be read: %w", r.key, refusal, err)
	case etag == version:
		return "", fmt.Errorf("%s: refused (%v), but version %s is what is there", r.key, refusal, etag)
	}
	if _, found, err := unseal(body); err == nil && found == nonce {
		return etag, nil
	}
	return "", fmt.Errorf("%s: %w", r.key, store.ErrConflict)
}
