package register

import (
	"context"
	"errors"
	"testing"
	"time"

	"go.uber.org/goleak"

	"stead/internal/adapter/store"
	"stead/internal/core"
	"stead/internal/core/lease"
)

// fake is a register whose calls end when the test says how.
type fake struct {
	calls  chan string
	answer chan error
}

func newFake() *fake { return &fake{calls: make(chan string, 8), answer: make(chan error, 8)} }

func (f *fake) end(ctx context.Context) error {
	select {
	case err := <-f.answer:
		return err
	case <-ctx.Done():
		return ctx.Err()
	}
}

func (f *fake) Read(ctx context.Context) ([]byte, string, error) {
	f.calls <- "read"
	return []byte("value"), "7", f.end(ctx)
}

func (f *fake) Swap(ctx context.Context, version string, value []byte) (string, error) {
	f.calls <- "swap " + version + " " + string(value)
	return "8", f.end(ctx)
}

func (f *fake) Watch(ctx context.Context, changed func()) error {
	changed()
	<-ctx.Done()
	return ctx.Err()
}

type harness struct {
	*Set
	results chan lease.Result
	changed chan string
}

func open(t *testing.T, leases ...Lease) *harness {
	h := &harness{results: make(chan lease.Result, 8), changed: make(chan string, 8)}
	h.Set = Open(Options{
		Leases:  leases,
		Done:    func(_ string, r lease.Result) { h.results <- r },
		Changed: func(group string) { h.changed <- group },
		Now:     func() core.Instant { return 0 },
	})
	t.Cleanup(func() {
		h.Close()
		goleak.VerifyNone(t)
	})
	return h
}

func TestOutcomes(t *testing.T) {
	for _, c := range []struct {
		name string
		swap bool
		err  error
		want lease.Outcome
	}{
		{"read", false, nil, lease.Got},
		{"nothing there", false, store.ErrAbsent, lease.Absent},
		{"read, broken", false, errors.New("broken"), lease.Failed},
		{"read, and a store that says what only a write can", false, store.ErrConflict, lease.Failed},
		{"written", true, nil, lease.Written},
		{"another has written", true, store.ErrConflict, lease.Conflict},
		{"written, and gone", true, store.ErrAbsent, lease.Failed},
		{"written perhaps", true, errors.New("connection lost"), lease.Failed},
	} {
		t.Run(c.name, func(t *testing.T) {
			f := newFake()
			h := open(t, Lease{Group: "web", Store: "s", Register: f, Timeout: time.Minute})
			f.answer <- c.err
			h.Do(&core.StoreOp{Op: lease.Op{ID: 5, Swap: c.swap, Version: "7", Bytes: []byte("new")}})
			if r := <-h.results; r.ID != 5 || r.Outcome != c.want {
				t.Fatalf("%+v, wanted outcome %d", r, c.want)
			}
		})
	}
}

// TestAStoreThatHangsHoldsUpNobody: the caller goes on at once, the other group is
// served, and the operation fails when its time is over.
func TestAStoreThatHangsHoldsUpNobody(t *testing.T) {
	hung, well := newFake(), newFake()
	h := open(t, Lease{Group: "a", Store: "s", Register: hung, Timeout: 20 * time.Millisecond}, Lease{}, Lease{Group: "b", Store: "t", Register: well, Timeout: time.Minute})
	h.Do(&core.StoreOp{Group: 0, Op: lease.Op{ID: 1}})
	<-hung.calls
	well.answer <- nil
	h.Do(&core.StoreOp{Group: 2, Op: lease.Op{ID: 2}})
	outcomes := map[uint64]lease.Outcome{}
	for range 2 {
		r := <-h.results
		outcomes[r.ID] = r.Outcome
		if r.ID == 1 && r.Detail != `store "s": no answer within 20ms` {
			t.Errorf("it is said to be %q", r.Detail)
		}
	}
	if outcomes[1] != lease.Failed || outcomes[2] != lease.Got {
		t.Fatalf("%v", outcomes)
	}
	for _, n := range h.Status() {
		if n.Reads != 1 || (n.Failures == 1) != (n.Group == "a") {
			t.Fatalf("%+v", n)
		}
	}
}

// TestBytesAreTheCallersAgain: the value may be overwritten when Do has returned.
func TestBytesAreTheCallersAgain(t *testing.T) {
	f := newFake()
	h := open(t, Lease{Group: "web", Store: "s", Register: f, Timeout: time.Minute})
	b := []byte("mine")
	h.Do(&core.StoreOp{Op: lease.Op{ID: 1, Swap: true, Version: "3", Bytes: b}})
	copy(b, "XXXX")
	if got := <-f.calls; got != "swap 3 mine" {
		t.Fatal(got)
	}
	f.answer <- nil
	<-h.results
}

// TestReplace keeps what is under way for a group that stays, whatever its number,
// and hears of no other one any more.
func TestReplace(t *testing.T) {
	stays, goes := newFake(), newFake()
	a := Lease{Group: "a", Store: "s", Register: goes, Timeout: time.Minute}
	b := Lease{Group: "b", Store: "s", Register: stays, Timeout: time.Minute}
	h := open(t, a, b)
	h.Do(&core.StoreOp{Group: 0, Op: lease.Op{ID: 1}})
	h.Do(&core.StoreOp{Group: 1, Op: lease.Op{ID: 2}})
	<-goes.calls
	<-stays.calls
	h.Replace([]Lease{b})
	goes.answer <- nil
	stays.answer <- nil
	if r := <-h.results; r.ID != 2 {
		t.Fatalf("%+v", r)
	}
	stays.answer <- nil
	h.Do(&core.StoreOp{Group: 0, Op: lease.Op{ID: 3}})
	if r := <-h.results; r.ID != 3 {
		t.Fatalf("%+v", r)
	}
	if n := h.Status(); len(n) != 1 || n[0].Group != "b" || n[0].Reads != 2 {
		t.Fatalf("%+v", n)
	}
}

func TestChangesAreTold(t *testing.T) {
	h := open(t, Lease{Group: "web", Store: "s", Register: newFake(), Timeout: time.Minute})
	h.Do(&core.StoreOp{Op: lease.Op{ID: 1}})
	if group := <-h.changed; group != "web" {
		t.Fatal(group)
	}
}
