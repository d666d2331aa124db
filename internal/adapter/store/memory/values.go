package memory

import (
	"context"

	"stead/internal/adapter/store"
)

type register struct {
	client *Client
	key    string
}

func (r register) Read(ctx context.Context) (value []byte, version string, err error) {
	if err := store.CheckKey(r.key); err != nil {
		return nil, "", err
	}
	err = r.client.do(ctx, Op{ReadRegister, r.key}, func() error {
		value, version, err = r.client.server.get(r.key)
		return err
	})
	if err != nil {
		return nil, "", err
	}
	return value, version, nil
}

func (r register) Swap(ctx context.Context, version string, value []byte) (string, error) {
	if err := store.CheckKey(r.key); err != nil {
		return "", err
	}
	if err := store.CheckValue(value); err != nil {
		return "", err
	}
	// A write that takes effect late does so after the caller has its bytes back.
	value = append([]byte(nil), value...)
	next := make(chan string, 1)
	err := r.client.do(ctx, Op{Swap, r.key}, func() error {
		v, err := r.client.server.swap(r.key, version, value)
		next <- v
		return err
	})
	if err != nil {
		return "", err
	}
	return <-next, nil
}

func (r register) Watch(ctx context.Context, changed func()) error {
	if err := store.CheckKey(r.key); err != nil {
		return err
	}
	_, seen, _ := r.client.server.get(r.key)
	for {
		next := r.client.server.next()
		if _, version, _ := r.client.server.get(r.key); version != seen {
			seen = version
			changed()
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-next:
		}
	}
}

type blob struct {
	client *Client
	key    string
}

func (b blob) Read(ctx context.Context) (value []byte, err error) {
	if err := store.CheckBlobKey(b.key); err != nil {
		return nil, err
	}
	err = b.client.do(ctx, Op{ReadBlob, b.key}, func() error {
		value, _, err = b.client.server.get(b.key)
		return err
	})
	if err != nil {
		return nil, err
	}
	return value, store.CheckBlob(value)
}

func (b blob) Write(ctx context.Context, value []byte) error {
	if err := store.CheckBlobKey(b.key); err != nil {
		return err
	}
	if err := store.CheckBlob(value); err != nil {
		return err
	}
	value = append([]byte(nil), value...)
	return b.client.do(ctx, Op{WriteBlob, b.key}, func() error {
		b.client.server.Put(b.key, value)
		return nil
	})
}

// Place implements store.Placed.
func (b blob) Place(ctx context.Context) (uint64, error) { return b.client.Place(ctx) }
