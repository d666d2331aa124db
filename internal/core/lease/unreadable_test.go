package lease_test

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"stead/internal/core/clock"
	"stead/internal/core/lease"
)

// What is no record is claimed by nobody however long it stays, and once it is
// removed everybody hears that, and the right goes on with the next epoch.
func TestUnreadable(t *testing.T) {
	m := lease.New(&lease.Config{Self: "a", Session: 7, TTL: 10 * time.Second, Use: 9 * time.Second, Renew: 2 * time.Second, Look: time.Second})
	now := clock.Instant(time.Hour)
	var value []byte
	version := ""
	var kinds []lease.Kind
	pass := func(d time.Duration) {
		for end := now.Add(d); now < end; now = now.Add(100 * time.Millisecond) {
			m.Begin(now)
			out := m.Finish(now)
			for len(out.Ops) > 0 {
				op := out.Ops[0]
				r := lease.Result{ID: op.ID, Outcome: lease.Got, Version: version, Bytes: value}
				switch {
				case !op.Swap && version == "":
					r.Outcome = lease.Absent
				case op.Swap && op.Version != version:
					r.Outcome = lease.Conflict
				case op.Swap:
					value, version = append([]byte(nil), op.Bytes...), fmt.Sprint(now)
					r.Outcome, r.Version = lease.Written, version
				}
				m.Begin(now)
				m.Done(now, &r)
				out = m.Finish(now)
				for _, c := range out.Changes {
					kinds = append(kinds, c.Kind)
				}
			}
		}
	}
	m.Start(now)
	m.SetWilling(true)
	pass(15 * time.Second)
	if !m.Held(now) {
		t.Fatalf("not held: %s", value)
	}
	kinds = nil
	value, version = []byte("nonsense"), "x"
	pass(5 * time.Minute)
	if m.Held(now) || string(value) != "nonsense" || !m.Status(now).Bad {
		t.Fatalf("%s is taken for a right, or written over", value)
	}
	version = ""
	pass(15 * time.Second)
	if want := []lease.Kind{lease.Unreadable, lease.Lost, lease.SawHolder, lease.Reachable, lease.Acquired, lease.SawHolder}; !slices.Equal(kinds, want) {
		t.Errorf("changes %v, want %v", kinds, want)
	}
	if s := m.Status(now); !s.Held || s.Bad || s.Epoch != 2 {
		t.Errorf("%+v", s)
	}
}
