package etcd

import (
	"context"
	"errors"
	"strconv"

	clientv3 "go.etcd.io/etcd/client/v3"

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
	value, revision, err := r.store.get(ctx, r.key)
	if err != nil {
		return nil, "", r.store.where("read", r.key, err)
	}
	return value, strconv.FormatInt(revision, 10), nil
}

func (s *Store) get(ctx context.Context, key string) (value []byte, revision int64, err error) {
	err = s.ask(ctx, func(ctx context.Context, client *clientv3.Client) error {
		answer, err := client.Get(ctx, s.path(key))
		if err != nil {
			return err
		}
		if len(answer.Kvs) == 0 {
			return store.ErrAbsent
		}
		value, revision = answer.Kvs[0].Value, answer.Kvs[0].ModRevision
		return nil
	})
	return value, revision, err
}

// Swap implements store.Register. A key that is not there has the revision 0.
func (r register) Swap(ctx context.Context, version string, value []byte) (string, error) {
	if err := store.CheckKey(r.key); err != nil {
		return "", err
	}
	if err := store.CheckValue(value); err != nil {
		return "", err
	}
	revision := int64(0)
	if version != "" {
		var err error
		if revision, err = strconv.ParseInt(version, 10, 64); err != nil || revision <= 0 {
			return "", r.store.where("swap", r.key, store.ErrConflict)
		}
	}
	path := r.store.path(r.key)
	err := r.store.tell(ctx, r.key, func(ctx context.Context, client *clientv3.Client) error {
		answer, err := client.Txn(ctx).
			If(clientv3.Compare(clientv3.ModRevision(path), "=", revision)).
			Then(clientv3.OpPut(path, string(value))).
			Commit()
		if err != nil {
			return err
		}
		if !answer.Succeeded {
			return store.ErrConflict
		}
		revision = answer.Header.Revision
		return nil
	})
	if err != nil {
		return "", r.store.where("swap", r.key, err)
	}
	return strconv.FormatInt(revision, 10), nil
}

// Watch implements store.Watcher.
func (r register) Watch(ctx context.Context, changed func()) error {
	if err := store.CheckKey(r.key); err != nil {
		return err
	}
	if err := r.watch(ctx, changed); err != nil {
		return r.store.where("watch", r.key, err)
	}
	return nil
}

func (r register) watch(ctx context.Context, changed func()) error {
	// The client keeps what it needs for a watch until this ends.
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	m := r.store.member()
	left := r.store.leaving(m)
	client, err := m.connect(ctx)
	if err != nil {
		return err
	}
	// A member that has lost the majority ends the watch instead of keeping still.
	answers := client.Watch(clientv3.WithRequireLeader(ctx), r.store.path(r.key), clientv3.WithCreatedNotify())
	for {
		select {
		case answer, open := <-answers:
			if err := ctx.Err(); err != nil {
				return err
			}
			if !open {
				return errors.New("the connection is lost")
			}
			if err := answer.Err(); err != nil {
				return err
			}
			changed()
		case <-left:
			return errors.New("the member does not answer")
		case <-ctx.Done():
			return ctx.Err()
		}
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
	value, _, err := b.store.get(ctx, b.key)
	if err == nil {
		err = store.CheckBlob(value)
	}
	if err != nil {
		return nil, b.store.where("read", b.key, err)
	}
	return value, nil
}

// Write implements store.Blob.
func (b blob) Write(ctx context.Context, value []byte) error {
	if err := store.CheckBlobKey(b.key); err != nil {
		return err
	}
	if err := store.CheckBlob(value); err != nil {
		return err
	}
	err := b.store.tell(ctx, b.key, func(ctx context.Context, client *clientv3.Client) error {
		_, err := client.Put(ctx, b.store.path(b.key), string(value))
		return err
	})
	if err != nil {
		return b.store.where("write", b.key, err)
	}
	return nil
}
