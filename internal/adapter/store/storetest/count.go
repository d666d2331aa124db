package storetest

import (
	"context"
	"errors"
	"strconv"
	"sync"
	"testing"

	"stead/internal/adapter/store"
)

// count adds to one number from several writers that read and swap as they like:
// no addition is lost, and none is counted twice.
func count(t *testing.T, open func(*testing.T) store.Store) {
	const (
		adders    = 4
		additions = 7
	)
	key := fresh("count")
	last := open(t).Register(key)
	mustSwap(t, last, "", "0")
	var adding sync.WaitGroup
	problems := make(chan error, adders)
	ctx := limited(t)
	for range adders {
		r := open(t).Register(key)
		adding.Go(func() { problems <- add(ctx, r, additions) })
	}
	adding.Wait()
	for range adders {
		if err := <-problems; err != nil {
			t.Fatal(err)
		}
	}
	if value, _, err := last.Read(ctx); err != nil || string(value) != strconv.Itoa(adders*additions) {
		t.Fatalf("counted %q, %v; want %d", value, err, adders*additions)
	}
}

func add(ctx context.Context, r store.Register, times int) error {
	for done := 0; done < times; {
		value, version, err := r.Read(ctx)
		if err != nil {
			return err
		}
		n, err := strconv.Atoi(string(value))
		if err != nil {
			return err
		}
		switch _, err = r.Swap(ctx, version, []byte(strconv.Itoa(n+1))); {
		case err == nil:
			done++
		case !errors.Is(err, store.ErrConflict):
			return err
		}
	}
	return nil
}
