package lease_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"stead/internal/core/clock"
	"stead/internal/core/lease"
)

// askers is some nodes that ask a holder for its right again and again, and a
// register that answers at once.
type askers struct {
	now     clock.Instant
	nodes   []*lease.Machine
	value   []byte
	version int
	writes  int
}

func (w *askers) add(name string) *lease.Machine {
	const ttl = 10 * time.Second
	m := lease.New(&lease.Config{Self: name, Session: uint64(len(w.nodes) + 1), TTL: ttl, Use: ttl - ttl/32, Renew: ttl / 5, Look: ttl / 10})
	m.SetWilling(true)
	m.Start(w.now)
	w.nodes = append(w.nodes, m)
	return m
}

// pass lets time go by. Nodes that do not hold the right ask for it at every step.
func (w *askers) pass(d time.Duration, alive ...*lease.Machine) {
	for end := w.now.Add(d); w.now < end; w.now = w.now.Add(100 * time.Millisecond) {
		for _, m := range alive {
			m.Begin(w.now)
			if s := m.Status(w.now); s.Present && !s.Held && s.Record.State == lease.Held && m != w.nodes[0] {
				m.Request([]string{"a", "b", "c"}[w.index(m)])
			}
			for ops := m.Finish(w.now).Ops; len(ops) > 0; ops = m.Finish(w.now).Ops {
				op := ops[0]
				op.Bytes = append([]byte(nil), op.Bytes...)
				m.Begin(w.now)
				m.Done(w.now, w.carryOut(&op))
			}
		}
	}
}

func (w *askers) index(m *lease.Machine) int {
	for i := range w.nodes {
		if w.nodes[i] == m {
			return i
		}
	}
	return -1
}

func (w *askers) carryOut(op *lease.Op) *lease.Result {
	there := ""
	if w.value != nil {
		there = fmt.Sprint(w.version)
	}
	switch {
	case !op.Swap && there == "":
		return &lease.Result{ID: op.ID, Outcome: lease.Absent}
	case !op.Swap:
		return &lease.Result{ID: op.ID, Outcome: lease.Got, Version: there, Bytes: w.value}
	case op.Version != there:
		return &lease.Result{ID: op.ID, Outcome: lease.Conflict}
	}
	w.version++
	w.writes++
	w.value = op.Bytes
	return &lease.Result{ID: op.ID, Outcome: lease.Written, Version: fmt.Sprint(w.version)}
}

// TestAskersLetADeadHolderGo has two nodes ask for the right of a holder that has
// died: one of them has it soon after it has run out. Before, each wrote its own name
// over the other's, and what both then waited for never came.
func TestAskersLetADeadHolderGo(t *testing.T) {
	w := &askers{now: clock.Instant(time.Hour)}
	a, b, c := w.add("a"), w.add("b"), w.add("c")
	w.pass(15*time.Second, a)
	if !a.Held(w.now) {
		t.Fatalf("a does not hold the right: %s", w.value)
	}
	w.pass(time.Second, a, b, c)
	if !strings.Contains(string(w.value), "to=") && !strings.Contains(string(w.value), "holder=a") {
		t.Fatalf("nobody asks a live holder: %s", w.value)
	}
	writes := w.writes
	w.pass(17*time.Second, b, c)
	if !b.Held(w.now) && !c.Held(w.now) {
		t.Fatalf("17 s after the holder has died nobody has its right for 10 s: %d writes, %s", w.writes-writes, w.value)
	}
}

// TestAskedHolderDoesNotRenewFirst asks a holder whose renewal is due: it gives the
// right up with its next write, and renews it where it does not want to.
func TestAskedHolderDoesNotRenewFirst(t *testing.T) {
	for _, gives := range []bool{true, false} {
		w := &askers{now: clock.Instant(time.Hour)}
		a := w.add("a")
		w.pass(15*time.Second, a)
		w.pass(3*time.Second, w.add("b")) // a is late with its renewal, and b asks
		var states []lease.State
		for ; len(states) < 2 && w.now < clock.Instant(2*time.Hour); w.now = w.now.Add(time.Second) {
			a.Begin(w.now)
			ops := a.Finish(w.now).Ops
			for len(ops) > 0 {
				op := ops[0]
				op.Bytes = append([]byte(nil), op.Bytes...)
				if op.Swap {
					rec, err := lease.Parse(op.Bytes)
					if err != nil {
						t.Fatal(err)
					}
					states = append(states, rec.State)
				}
				answer := w.carryOut(&op)
				if !op.Swap {
					w.now = w.now.Add(2 * time.Second) // the next renewal is due when it comes
				}
				a.Begin(w.now)
				a.Done(w.now, answer)
				ops = nil
				out := a.Finish(w.now)
				for _, c := range out.Changes {
					if c.Kind == lease.Asked && gives {
						a.Release(c.Holder)
						out = a.Finish(w.now)
					}
				}
				ops = append(ops, out.Ops...)
			}
		}
		// The first write replaces what b has replaced already.
		want := []lease.State{lease.Held, lease.Held}
		if gives {
			want[1] = lease.Free
		}
		if len(states) != 2 || states[0] != want[0] || states[1] != want[1] {
			t.Errorf("gives %t: writes %v, want %v", gives, states, want)
		}
	}
}
