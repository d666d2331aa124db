package s3

import (
	"context"
	"errors"
	"fmt"

	"stead/internal/adapter/store/object"
)

// nowhere is an ETag that no object has.
const nowhere = `"00000000000000000000000000000000"`

// tryConditions finds out, until it is known, whether the service keeps to
// conditions. Whoever comes meanwhile waits.
func (b *bucket) tryConditions(ctx context.Context) error {
	select {
	case known := <-b.tried:
		var err error
		if !known {
			err = b.conditions(ctx)
		}
		b.tried <- known || err == nil
		return err
	case <-ctx.Done():
		return fmt.Errorf("%s: no answer in time: %w", b.bucket, ctx.Err())
	}
}

// conditions writes to an object of its own what must be refused.
func (b *bucket) conditions(ctx context.Context) error {
	body := []byte("Stead tries out here whether this service keeps to the conditions of a write.\n")
	create, replace := object.Condition{Absent: true}, object.Condition{ETag: nowhere}
	// Where there is no object yet the first one is right to succeed.
	if _, err := b.put(ctx, b.probe, body, create); err != nil && !errors.Is(err, object.ErrRefused) {
		return err
	} else if err == nil {
		if err := b.refused(ctx, body, create, "If-None-Match"); err != nil {
			return err
		}
	}
	return b.refused(ctx, body, replace, "If-Match")
}

func (b *bucket) refused(ctx context.Context, body []byte, on object.Condition, name string) error {
	switch _, err := b.put(ctx, b.probe, body, on); {
	case errors.Is(err, object.ErrRefused):
		return nil
	case err != nil:
		return err
	}
	return fmt.Errorf("%s/%s: this service does not keep to %s, so that two nodes could hold the same right: use another store for rights (heartbeats work)",
		b.bucket, b.probe, name)
}
