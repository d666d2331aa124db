package kubernetes

import (
	"context"
	"errors"
	"strings"
	"sync/atomic"

	"stead/internal/adapter/store"
)

// register is a Lease as a register.
type register struct {
	lease
	epoch atomic.Pointer[string] // of the record that was written last
}

// Read returns the value that etcd's majority has.
func (r *register) Read(ctx context.Context) ([]byte, string, error) {
	o, err := r.get(ctx)
	if err != nil {
		return nil, "", err
	}
	value, err := o.value()
	if err != nil {
		return nil, "", r.wrap("read", err)
	}
	return value, o.version(), nil
}

// Swap replaces the value of this version. A Lease that was deleted meanwhile has
// another one.
func (r *register) Swap(ctx context.Context, version string, value []byte) (string, error) {
	if err := store.CheckValue(value); err != nil {
		return "", r.wrap("write", err)
	}
	spec := r.spec(value)
	var o *object
	var err error
	if version == "" {
		o, err = r.create(ctx, value, spec)
	} else {
		o, err = r.patch(ctx, version, value, spec)
	}
	if errors.Is(err, store.ErrAbsent) {
		return "", r.wrap("write", store.ErrConflict)
	}
	if err != nil {
		return "", err
	}
	return o.version(), nil
}

// spec is that of the record, with acquireTime in the first write of an epoch.
func (r *register) spec(value []byte) fields {
	s := spec(value)
	_, rest, _ := strings.Cut(" "+string(value), " epoch=")
	epoch, _, _ := strings.Cut(rest, " ")
	if before := r.epoch.Swap(&epoch); before == nil || *before != epoch {
		s["acquireTime"] = s["renewTime"]
	}
	return s
}

// blob is a Lease as a blob.
type blob struct{ lease }

// Read returns the value that etcd's majority has.
func (b *blob) Read(ctx context.Context) ([]byte, error) {
	o, err := b.get(ctx)
	if err != nil {
		return nil, err
	}
	value, err := o.value()
	if err == nil {
		err = store.CheckBlob(value)
	}
	if err != nil {
		return nil, b.wrap("read", err)
	}
	return value, nil
}

// Write replaces the value without a condition, and makes the Lease where there
// is none.
func (b *blob) Write(ctx context.Context, value []byte) error {
	if err := store.CheckBlob(value); err != nil {
		return b.wrap("write", err)
	}
	spec := fields{"renewTime": stamp()}
	_, err := b.patch(ctx, "", value, spec)
	if errors.Is(err, store.ErrAbsent) {
		_, err = b.create(ctx, value, spec)
	}
	if errors.Is(err, store.ErrConflict) { // made by somebody else in between
		_, err = b.patch(ctx, "", value, spec)
	}
	return err
}
