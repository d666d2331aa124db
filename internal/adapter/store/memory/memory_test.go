package memory_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"stead/internal/adapter/store"
	"stead/internal/adapter/store/memory"
	"stead/internal/adapter/store/storetest"
)

func TestStore(t *testing.T) {
	server := memory.New()
	storetest.Run(t, func(*testing.T) store.Store { return server.Client() })
}

func only(kind memory.Kind, fault memory.Fault) func(memory.Op) memory.Fault {
	return func(op memory.Op) memory.Fault {
		if op.Kind == kind {
			return fault
		}
		return memory.Fault{}
	}
}

func TestFaultsOfWrites(t *testing.T) {
	refusal := errors.New("refused")
	closed := make(chan struct{})
	close(closed)
	for name, test := range map[string]struct {
		fault memory.Fault
		want  error  // nil: written
		after string // what is there then
	}{
		"none":    {memory.Fault{}, nil, "new"},
		"fail":    {memory.Fault{Fail: refusal}, refusal, "old"},
		"hang":    {memory.Fault{Hang: true}, context.DeadlineExceeded, "old"},
		"delay":   {memory.Fault{Delay: closed}, nil, "new"},
		"never":   {memory.Fault{Delay: make(chan struct{})}, context.DeadlineExceeded, "old"},
		"lost":    {memory.Fault{Lose: true}, memory.ErrLost, "new"},
		"delayed": {memory.Fault{Late: closed}, context.DeadlineExceeded, "new"},
	} {
		t.Run(name, func(t *testing.T) {
			server := memory.New()
			server.Put("r", []byte("old"))
			c := server.Client()
			_, version, err := c.Register("r").Read(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			c.Inject(only(memory.Swap, test.fault))
			ctx, cancel := context.WithTimeout(t.Context(), 10*time.Millisecond)
			defer cancel()
			_, err = c.Register("r").Swap(ctx, version, []byte("new"))
			if !errors.Is(err, test.want) {
				t.Errorf("swap: %v; want %v", err, test.want)
			}
			c.Landed()
			if value, _ := server.Value("r"); string(value) != test.after {
				t.Errorf("then it holds %q; want %q", value, test.after)
			}
		})
	}
}

func TestLateWriteMeetsWhatIsThereThen(t *testing.T) {
	server := memory.New()
	a, b := server.Client(), server.Client()
	server.Put("r", []byte("old"))
	_, version, _ := a.Register("r").Read(t.Context())
	land := make(chan struct{})
	a.Inject(only(memory.Swap, memory.Fault{Late: land}))
	ctx, cancel := context.WithCancel(t.Context())
	time.AfterFunc(time.Millisecond, cancel)
	if _, err := a.Register("r").Swap(ctx, version, []byte("late")); !errors.Is(err, context.Canceled) {
		t.Fatal(err)
	}
	if _, err := b.Register("r").Swap(t.Context(), version, []byte("newer")); err != nil {
		t.Fatal(err)
	}
	close(land)
	a.Landed()
	if value, _ := server.Value("r"); string(value) != "newer" {
		t.Errorf("the late write has replaced a newer value: %q", value)
	}
}

func TestMetadataAndPlace(t *testing.T) {
	server := memory.New()
	c := server.Client()
	server.SetMetadata("checkpoint/0", "Offset", "42")
	if value, err := c.Metadata(t.Context(), "checkpoint/0", "Offset"); err != nil || value != "42" {
		t.Errorf("metadata: %q, %v", value, err)
	}
	before, _ := c.Place(t.Context())
	server.SetPlace(7)
	if after, err := c.Place(t.Context()); err != nil || after == before {
		t.Errorf("place: %d, %v; want another one than %d", after, err, before)
	}
}
