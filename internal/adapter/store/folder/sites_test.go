package folder

import (
	"context"
	"errors"
	"sync/atomic"
	"testing"
	"time"

	"stead/internal/adapter/store"
	"stead/internal/adapter/store/storetest"
	"stead/internal/lab/share"
	"stead/internal/lab/share/sharetest"
)

func TestMain(m *testing.M) { sharetest.Main(m) }

// TestStoreOnShares has two sites mount one share: to the kernel they are two file
// systems, with caches of their own.
func TestStoreOnShares(t *testing.T) {
	s := sharetest.New(t, 2)
	var opened atomic.Int64
	storetest.Run(t, func(t *testing.T) store.Store {
		return openFolder(t, s.Sites[opened.Add(1)%2].At())
	})
}

// TestShareThatComesBack hangs one site's share while it swaps, and lets it go on:
// a swap that was given up before its rename is not carried out.
func TestShareThatComesBack(t *testing.T) {
	s := sharetest.New(t, 2)
	east, west := openFolder(t, s.Sites[0].At()).Register("right"), openFolder(t, s.Sites[1].At()).Register("right")
	version, err := east.Swap(t.Context(), "", []byte("one"))
	if err != nil {
		t.Fatal(err)
	}
	s.Set(t, 0, share.Faults{Hang: share.Reads | share.Writes})
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	if _, err := east.Swap(ctx, version, []byte("late")); !errors.Is(err, context.DeadlineExceeded) {
		t.Fatalf("swap on a share that hangs: %v", err)
	}
	s.Set(t, 0, share.Faults{})
	if version, err = west.Swap(t.Context(), version, []byte("two")); err != nil {
		t.Fatal(err)
	}
	if value, again, err := east.Read(t.Context()); err != nil || string(value) != "two" || again != version {
		t.Errorf("read: %q, version %q, %v; want version %q", value, again, err, version)
	}
}

// TestShareWithAStaleCache: a site that sees nothing of what others write writes
// over none of it.
func TestShareWithAStaleCache(t *testing.T) {
	s := sharetest.New(t, 2)
	east, west := openFolder(t, s.Sites[0].At()).Register("right"), openFolder(t, s.Sites[1].At()).Register("right")
	first, err := east.Swap(t.Context(), "", []byte("one"))
	if err != nil {
		t.Fatal(err)
	}
	s.Set(t, 0, share.Faults{Stale: true})
	version := first
	for range 3 * keep {
		if version, err = west.Swap(t.Context(), version, []byte("west")); err != nil {
			t.Fatal(err)
		}
		if next, err := east.Swap(t.Context(), first, []byte("east")); err == nil {
			t.Fatalf("swap of what the cache shows: version %q", next)
		}
		if value, again, err := west.Read(t.Context()); err != nil || string(value) != "west" || again != version {
			t.Fatalf("read: %q, version %q, %v; want version %q", value, again, err, version)
		}
	}
}
