package consul

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"strconv"
	"strings"

	"github.com/hashicorp/consul/api"

	"stead/internal/adapter/store"
)

type register struct {
	store *Store
	key   string
}

// Read implements store.Register.
func (r register) Read(ctx context.Context) ([]byte, string, error) {
	if err := store.CheckKey(r.key); err != nil {
		return nil, "", err
	}
	pair, _, err := r.store.get(ctx, r.key, 0, 0)
	if err != nil {
		return nil, "", r.store.where("read", r.key, err)
	}
	return pair.Value, version(pair.ModifyIndex), nil
}

func version(index uint64) string { return strconv.FormatUint(index, 10) }

// Swap implements store.Register.
func (r register) Swap(ctx context.Context, replaced string, value []byte) (string, error) {
	if err := store.CheckKey(r.key); err != nil {
		return "", err
	}
	if err := store.CheckValue(value); err != nil {
		return "", err
	}
	next, err := r.swap(ctx, replaced, value)
	if err != nil {
		return "", r.store.where("swap", r.key, err)
	}
	return next, nil
}

func (r register) swap(ctx context.Context, replaced string, value []byte) (string, error) {
	// The same value again is no write for Consul and keeps its index: the flags make each one another.
	pair := &api.KVPair{Key: r.store.path(r.key), Value: value, Flags: rand.Uint64()}
	if replaced != "" {
		index, err := strconv.ParseUint(replaced, 10, 64)
		if err != nil || index == 0 {
			return "", store.ErrConflict
		}
		pair.ModifyIndex = index
	}
	options, err := r.store.writeOptions(ctx)
	if err != nil {
		return "", err
	}
	// A transaction, and not a write with ?cas=, because its answer names the new index.
	done, answer, _, err := r.store.client.Txn().Txn(api.TxnOps{{KV: &api.KVTxnOp{
		Verb: api.KVCAS, Key: pair.Key, Value: pair.Value, Flags: pair.Flags, Index: pair.ModifyIndex,
	}}}, (&api.QueryOptions{Token: options.Token}).WithContext(ctx))
	if err != nil {
		return "", ended(ctx, err)
	}
	if !done {
		return "", r.refused(ctx, pair.ModifyIndex, answer)
	}
	if len(answer.Results) != 1 || answer.Results[0].KV == nil || answer.Results[0].KV.ModifyIndex <= pair.ModifyIndex {
		return "", errors.New("the answer names no new index")
	}
	return version(answer.Results[0].KV.ModifyIndex), nil
}

// refused finds out why a transaction was rolled back: only that the index is another
// one is a conflict, and not that the token may not write.
func (r register) refused(ctx context.Context, index uint64, answer *api.TxnResponse) error {
	have := uint64(0)
	pair, _, err := r.store.get(ctx, r.key, 0, 0)
	if err != nil && !errors.Is(err, store.ErrAbsent) {
		return err
	}
	if pair != nil {
		have = pair.ModifyIndex
	}
	if have != index {
		return store.ErrConflict
	}
	var why []string
	for _, e := range answer.Errors {
		why = append(why, e.What)
	}
	return fmt.Errorf("refused: %s", strings.Join(why, ", "))
}

// Watch implements store.Watcher.
func (r register) Watch(ctx context.Context, changed func()) error {
	if err := store.CheckKey(r.key); err != nil {
		return err
	}
	index := uint64(0)
	for {
		_, next, err := r.store.get(ctx, r.key, index, watchWait)
		if err != nil && !errors.Is(err, store.ErrAbsent) {
			return r.store.where("watch", r.key, err)
		}
		if next != index {
			changed()
		}
		if next < index {
			// The servers were restored: begin anew.
			next = 0
		}
		// With the index 0, the server would answer at once, again and again.
		index = max(next, 1)
	}
}

type blob struct {
	store *Store
	key   string
}

// Read implements store.Blob.
func (b blob) Read(ctx context.Context) ([]byte, error) {
	if err := store.CheckBlobKey(b.key); err != nil {
		return nil, err
	}
	pair, _, err := b.store.get(ctx, b.key, 0, 0)
	if err == nil {
		err = store.CheckBlob(pair.Value)
	}
	if err != nil {
		return nil, b.store.where("read", b.key, err)
	}
	return pair.Value, nil
}

// Write implements store.Blob.
func (b blob) Write(ctx context.Context, value []byte) error {
	if err := store.CheckBlobKey(b.key); err != nil {
		return err
	}
	if err := store.CheckBlob(value); err != nil {
		return err
	}
	options, err := b.store.writeOptions(ctx)
	if err == nil {
		_, err = b.store.client.KV().Put(&api.KVPair{Key: b.store.path(b.key), Value: value}, options)
		if err != nil {
			err = ended(ctx, err)
		}
	}
	if err != nil {
		return b.store.where("write", b.key, err)
	}
	return nil
}
