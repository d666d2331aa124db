package gate

import (
	"fmt"
	"testing"
	"time"

	"pgregory.net/rapid"

	"stead/internal/core/clock"
	"stead/internal/core/lease"
	"stead/internal/core/reason"
)

// guarded is a gate to which anything may happen, and what has to hold whatever does.
type guarded struct {
	t       *rapid.T
	m       *Machine
	cfg     Config
	now     Instant
	ops     []lease.Op
	record  []byte
	version int
	runs    bool
	ending  bool
	kill    Instant
}

// TestProperties has anything happen to a gate, in any order:
//
//   - nothing is claimed while nothing can be told of the other site, unless the right
//     is this site's own, or was given up for it;
//   - the workload is told to be gone before the right ends, and never later than that;
//   - the right is given up only after the workload has ended;
//   - the gate opens with the right only;
//   - work that stands still ends the workload only where the other site lives.
func TestProperties(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		g := &guarded{t: t, kill: clock.Never, cfg: Config{
			Site: "east", Other: "west", Preferred: rapid.Bool().Draw(t, "preferred"), Any: rapid.Bool().Draw(t, "any"),
			Flatline: 10 * time.Second, Grace: time.Second, Beat: 2 * time.Second,
			StopAfter: rapid.SampledFrom([]time.Duration{0, 6 * time.Second}).Draw(t, "stop after"),
			Mute:      rapid.Bool().Draw(t, "mute"),
			Witnesses: []Witness{{Name: "share", Every: time.Second}, {Name: "network"}}[:rapid.IntRange(1, 2).Draw(t, "witnesses")],
			Right:     &lease.Config{Self: "east", Session: 7, TTL: 8 * time.Second, Use: 6 * time.Second, Renew: 2 * time.Second, Look: time.Second},
		}}
		g.m = New(&g.cfg)
		g.step(func() { g.m.Start(g.now) })
		for range rapid.IntRange(1, 120).Draw(t, "steps") {
			g.happen()
		}
	})
}

func (g *guarded) happen() {
	switch rapid.IntRange(0, 10).Draw(g.t, "what") {
	case 0, 1, 2:
		d := rapid.SampledFrom([]time.Duration{0, time.Millisecond, 400 * time.Millisecond, time.Second, 7 * time.Second, time.Minute}).Draw(g.t, "time")
		g.pass(g.now.Add(d))
	case 3:
		g.pass(min(g.m.Deadline(), g.now.Add(time.Hour)))
	case 4, 5:
		g.answer()
	case 6:
		g.see()
	case 7:
		ok := rapid.Bool().Draw(g.t, "written")
		g.step(func() { g.m.Wrote(g.now, ok, "no") })
	case 8:
		g.others()
	case 9:
		if g.runs && g.ending {
			g.end()
		}
	case 10:
		failed := rapid.Bool().Draw(g.t, "stalled")
		g.step(func() { g.m.Progress(g.now, failed, "it stands still") })
	}
}

// pass lets time pass; the keeper kills the workload on the way.
func (g *guarded) pass(till Instant) {
	if g.runs && g.kill < till {
		g.now = max(g.now, g.kill)
		g.end()
	}
	g.now = max(g.now, till)
	g.step(func() { g.m.Tick(g.now) })
}

func (g *guarded) end() {
	g.runs = false
	g.step(func() { g.m.Ended(g.now) })
}

// answer ends an operation on the register, one way or another.
func (g *guarded) answer() {
	if len(g.ops) == 0 {
		return
	}
	op := g.ops[0]
	g.ops = g.ops[:0]
	version := ""
	if g.record != nil {
		version = fmt.Sprint(g.version)
	}
	r := lease.Result{ID: op.ID, Version: version, Bytes: g.record}
	lost := rapid.IntRange(0, 3).Draw(g.t, "lost") == 0
	switch {
	case lost && (!op.Swap || rapid.Bool().Draw(g.t, "nothing")):
	case op.Swap && op.Version != version:
		r.Outcome = lease.Conflict
	case op.Swap:
		g.version++
		g.record = op.Bytes
		if !lost {
			r.Outcome, r.Version = lease.Written, fmt.Sprint(g.version)
		}
	case version == "":
		r.Outcome = lease.Absent
	default:
		r.Outcome = lease.Got
	}
	g.step(func() { g.m.Done(g.now, &r) })
}

// see has a witness show something.
func (g *guarded) see() {
	s := Sample{
		Sight: Sight(rapid.IntRange(0, 3).Draw(g.t, "sight")), Order: uint64(rapid.IntRange(0, 5).Draw(g.t, "order")),
		Series: uint64(rapid.IntRange(1, 2).Draw(g.t, "series")), Place: uint64(rapid.IntRange(0, 1).Draw(g.t, "place")),
		Epoch: uint64(rapid.IntRange(0, 1).Draw(g.t, "epoch")), Witness: rapid.IntRange(0, len(g.cfg.Witnesses)-1).Draw(g.t, "witness"),
	}
	s.Mark = fmt.Sprint(s.Series, s.Order)
	g.step(func() { g.m.Saw(g.now, &s) })
}

// others has somebody else do something.
func (g *guarded) others() {
	rec := lease.Record{Epoch: 1, Holder: "west", Session: 3, TTL: 8 * time.Second, State: lease.Held}
	if old, err := lease.Parse(g.record); err == nil {
		rec.Epoch, rec.Turn = old.Epoch+1, old.Turn+1
	}
	switch rapid.IntRange(0, 5).Draw(g.t, "who") {
	case 0:
		g.step(func() { g.m.HandOver(g.now, "west") })
		return
	case 1:
		if rapid.IntRange(0, 9).Draw(g.t, "seldom") == 0 {
			g.step(func() { g.m.Stop(g.now, rapid.Bool().Draw(g.t, "park")) })
		}
		return
	case 2:
		rec.State = lease.Free
	case 3:
		rec.State, rec.To = lease.Free, "east"
	case 4:
		rec.State = lease.Parked
	}
	g.version++
	g.record = rec.Append(nil)
	g.step(func() { g.m.Refresh(g.now) })
}

func (g *guarded) step(input func()) {
	g.m.Begin(g.now)
	input()
	o := g.m.Finish(g.now)
	st := g.m.State(g.now)
	for i := range o.Ops {
		g.allows(&o.Ops[i], &st)
		op := o.Ops[i]
		op.Bytes = append([]byte(nil), op.Bytes...)
		g.ops = append(g.ops[:0], op)
	}
	for i := range o.Changes {
		switch c := &o.Changes[i]; c.Kind {
		case Opened:
			if !st.Right.Held && st.Phase == Open {
				g.t.Fatalf("opened without the right: %+v", st)
			}
			g.runs, g.ending = true, false
		case MustEnd:
			g.ending = true
			if c.By > g.now.Add(g.cfg.Grace) || c.By > g.kill {
				g.t.Fatalf("is killed at %v, later than %v or grace", c.By, g.kill)
			}
		case Closed:
			if g.runs {
				g.t.Fatal("closed, and the workload runs")
			}
		case Judged, Noted:
		}
	}
	g.kill = o.Kill
	for i := range o.Changes {
		if c := &o.Changes[i]; c.Kind == MustEnd && c.Reason == reason.CheckFailed && c.Verdict != Alive {
			g.t.Fatalf("gives way to a site that is %v", c.Verdict)
		}
	}
	if st.Phase == Open && (o.Kill > st.Right.Until || o.End > o.Kill) {
		g.t.Fatalf("told at %v, killed at %v, and the right ends at %v", o.End, o.Kill, st.Right.Until)
	}
	if g.m.Deadline() < g.now {
		g.t.Fatalf("the deadline %v has passed at %v", g.m.Deadline(), g.now)
	}
}

// allows judges a write of the register.
func (g *guarded) allows(op *lease.Op, st *State) {
	if !op.Swap {
		return
	}
	after, err := lease.Parse(op.Bytes)
	if err != nil {
		g.t.Fatalf("%q: %v", op.Bytes, err)
	}
	if g.runs && (after.State == lease.Free || after.State == lease.Parked) && after.Holder == "east" {
		g.t.Fatalf("gives the right up while the workload runs: %q", op.Bytes)
	}
	before := st.Right.Record
	if after.State != lease.Held || after.Holder != "east" || before.Epoch == after.Epoch || st.Verdict != CannotTell {
		return
	}
	mine := before.Holder == "east" && (before.State == lease.Held || before.State == lease.Parked)
	if !mine && (before.State != lease.Free || before.To != "east") {
		g.t.Fatalf("claims %+v though it cannot tell", before)
	}
}
