package eventlog

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"testing/synctest"

	"github.com/google/go-cmp/cmp"

	"stead/internal/report"
)

func fill(l *Log, n int) {
	for range n {
		l.Append(report.Event{Kind: report.Claiming})
	}
}

func seqs(events []report.Event) []uint64 {
	var out []uint64
	for _, e := range events {
		if e.Kind == report.Lost {
			out = append(out, 0)
			continue
		}
		out = append(out, e.Seq)
	}
	return out
}

func TestRing(t *testing.T) {
	tests := []struct {
		name   string
		events int
		last   int
		want   []uint64
	}{
		{"empty", 0, 0, nil},
		{"one", 1, 0, []uint64{1}},
		{"full", 4, 0, []uint64{1, 2, 3, 4}},
		{"one over", 5, 0, []uint64{2, 3, 4, 5}},
		{"many over", 11, 0, []uint64{8, 9, 10, 11}},
		{"last two", 11, 2, []uint64{10, 11}},
		{"more than there are", 2, 9, []uint64{1, 2}},
		{"more than are kept", 11, 9, []uint64{8, 9, 10, 11}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			l := New(4)
			fill(l, tt.events)
			if diff := cmp.Diff(tt.want, seqs(l.Last(tt.last))); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestFollow(t *testing.T) {
	tests := []struct {
		name   string
		before int // events before the cursor is made
		since  uint64
		after  int // events before it is read
		want   []uint64
	}{
		{"all that are kept", 3, 0, 0, []uint64{1, 2, 3}},
		{"from a number", 3, 2, 0, []uint64{3}},
		{"from the newest", 3, 3, 1, []uint64{1, 2, 3, 4}[3:]},
		{"a number of an earlier run", 3, 500, 0, []uint64{1, 2, 3}},
		{"overtaken", 1, 1, 9, []uint64{0, 7, 8, 9, 10}},
		{"a number that is gone", 10, 2, 0, []uint64{0, 7, 8, 9, 10}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			l := New(4)
			fill(l, tt.before)
			var c *Cursor
			if tt.since == uint64(tt.before) {
				c = l.FollowNew()
			} else {
				c = l.Follow(tt.since)
			}
			fill(l, tt.after)
			if diff := cmp.Diff(tt.want, seqs(c.Ready())); diff != "" {
				t.Error(diff)
			}
			if again := c.Ready(); len(again) != 0 {
				t.Errorf("read twice: %v", seqs(again))
			}
		})
	}
}

func TestLostSaysHowMany(t *testing.T) {
	l := New(4)
	c := l.Follow(0)
	fill(l, 10)
	got := c.Ready()[0]
	if want := "6 events were overwritten before they were read"; got.Detail != want {
		t.Errorf("got %q, want %q", got.Detail, want)
	}
}

// A reader that does not read holds nobody up, and one that waits is woken.
func TestNextWaitsAndIsWoken(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := New(4)
		l.FollowNew()
		got := make(chan []report.Event)
		for range 3 {
			c := l.FollowNew()
			go func() {
				events, err := c.Next(t.Context())
				if err != nil {
					t.Error(err)
				}
				got <- events
			}()
		}
		synctest.Wait()
		fill(l, 1)
		for range 3 {
			if diff := cmp.Diff([]uint64{1}, seqs(<-got)); diff != "" {
				t.Error(diff)
			}
		}
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		if _, err := l.FollowNew().Next(ctx); err == nil {
			t.Error("Next returned without an event after its context had ended")
		}
	})
}

func TestObserversSeeEveryEventInOrder(t *testing.T) {
	l := New(1)
	var seen []uint64
	l.Observe(func(e report.Event) { seen = append(seen, e.Seq) })
	var wg sync.WaitGroup
	for range 4 {
		wg.Go(func() { fill(l, 25) })
	}
	wg.Wait()
	for i, seq := range seen {
		if seq != uint64(i+1) {
			t.Fatalf("event %d was seen as number %d", seq, i+1)
		}
	}
	if len(seen) != 100 {
		t.Fatalf("saw %d of 100", len(seen))
	}
}

// Every event is written once, and the file that has reached its limit is put aside.
func TestRecord(t *testing.T) {
	path := filepath.Join(t.TempDir(), "events.jsonl")
	l := New(64)
	cursor := l.FollowNew()
	fill(l, 3)
	// A context that has ended stops the recorder at the first wait, with all written.
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	for range 2 {
		if err := record(ctx, cursor, path, 400); err != nil {
			t.Fatal(err)
		}
		fill(l, 2)
	}
	if err := record(ctx, cursor, path, 400); err != nil {
		t.Fatal(err)
	}
	var got []uint64
	for _, name := range []string{path + ".1", path} {
		got = append(got, readSeqs(t, name)...)
	}
	if diff := cmp.Diff([]uint64{1, 2, 3, 4, 5, 6, 7}, got); diff != "" {
		t.Error(diff)
	}
}

func TestRecordSaysWhatFails(t *testing.T) {
	err := record(t.Context(), New(1).FollowNew(), filepath.Join(t.TempDir(), "none", "events.jsonl"), 1)
	if err == nil || !errors.Is(err, os.ErrNotExist) {
		t.Fatalf("got %v", err)
	}
}

func readSeqs(t *testing.T, name string) []uint64 {
	t.Helper()
	data, err := os.ReadFile(name)
	if errors.Is(err, os.ErrNotExist) {
		return nil
	}
	if err != nil {
		t.Fatal(err)
	}
	var events []report.Event
	for line := range bytes.Lines(data) {
		var e report.Event
		if err := json.Unmarshal(line, &e); err != nil {
			t.Fatalf("%s: %v", line, err)
		}
		events = append(events, e)
	}
	return seqs(events)
}
