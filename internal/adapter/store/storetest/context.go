package storetest

import (
	"context"
	"errors"
	"testing"
	"time"

	"stead/internal/adapter/store"
)

// soon is how long a call with a context that has ended may take on a busy machine.
const soon = 5 * time.Second

// canceled calls everything with a context that has ended: nothing is written, and
// the error has no meaning that a caller could act upon.
func canceled(t *testing.T, open func(*testing.T) store.Store) {
	s := open(t)
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	r, b := s.Register(fresh("right")), s.Blob(fresh("heartbeat.txt"))
	version := mustSwap(t, r, "", "first")
	calls := map[string]func() error{
		"read register": func() error { _, _, err := r.Read(ended); return err },
		"swap":          func() error { _, err := r.Swap(ended, version, []byte("second")); return err },
		"read blob":     func() error { _, err := b.Read(ended); return err },
		"write blob":    func() error { return b.Write(ended, []byte("x")) },
	}
	for name, call := range calls {
		returned := make(chan error, 1)
		go func() { returned <- call() }()
		select {
		case err := <-returned:
			mustRefuse(t, name, err)
			if !errors.Is(err, context.Canceled) {
				t.Errorf("%s: %v; want an error that says that the context has ended", name, err)
			}
		case <-time.After(soon):
			t.Errorf("%s: goes on after its context has ended", name)
		}
	}
	mustRead(t, r, "first", version)
}

// watch tells a change that somebody else has made, and ends with its context.
func watch(t *testing.T, open func(*testing.T) store.Store) {
	key := fresh("right")
	w, ok := open(t).Register(key).(store.Watcher)
	if !ok {
		return // the kind offers none: its users poll
	}
	writer := open(t).Register(key)
	version := mustSwap(t, writer, "", "0")
	ctx, cancel := context.WithCancel(limited(t))
	defer cancel()
	told := make(chan struct{}, 1)
	ended := make(chan error, 1)
	go func() {
		ended <- w.Watch(ctx, func() {
			select {
			case told <- struct{}{}:
			default:
			}
		})
	}()
	// A watch that has begun late has missed changes before: change until one is told.
	tick := time.NewTicker(100 * time.Millisecond)
	defer tick.Stop()
	for heard := 0; heard < 3; {
		select {
		case <-told:
			heard++
		case err := <-ended:
			t.Fatalf("the watch has ended: %v", err)
		case <-tick.C:
		case <-ctx.Done():
			t.Fatal("no change was told")
		}
		version = mustSwap(t, writer, version, "next")
	}
	cancel()
	select {
	case <-ended:
	case <-time.After(soon):
		t.Fatal("the watch goes on after its context has ended")
	}
}

func metadata(t *testing.T, open func(*testing.T) store.Store) {
	s := open(t)
	_, err := s.Metadata(limited(t), fresh("checkpoint"), "Offset")
	if err == nil {
		t.Fatal("metadata of a blob that does not exist: no error")
	}
}
