package gate

import (
	"log/slog"
	"strings"
	"time"

	"stead/internal/core/clock"
	"stead/internal/core/gate"
	"stead/internal/core/lease"
	"stead/internal/core/reason"
)

// Status is how things are with a gate. Times are in seconds.
type Status struct {
	Site      string          `json:"site"`
	Other     string          `json:"other"`
	Preferred bool            `json:"preferred"`
	Phase     string          `json:"phase"`
	Open      bool            `json:"open"` // the workload may run
	Verdict   string          `json:"verdict"`
	Reason    string          `json:"reason"`
	Detail    string          `json:"detail"`
	Epoch     uint64          `json:"epoch"`           // of the right with which the workload runs; 0: it does not
	Ends      *float64        `json:"ends,omitempty"`  // in how long the workload is told to stop unless that is moved
	Kills     *float64        `json:"kills,omitempty"` // and killed
	Right     *RightStatus    `json:"right,omitempty"`
	Witnesses []WitnessStatus `json:"witnesses"`
	Heartbeat HeartbeatStatus `json:"heartbeat"`
	Workload  WorkloadStatus  `json:"workload"`
	Progress  *ProgressStatus `json:"progress,omitempty"` // none: the work is not judged
	Healthy   bool            `json:"healthy"`
	Trouble   string          `json:"trouble,omitempty"` // why it is not

	at   Instant
	lost bool // a workload that should run was stopped
}

// RightStatus is the right to run, as it was read or written last.
type RightStatus struct {
	Known   bool    `json:"known"` // it was read
	Holder  string  `json:"holder"`
	State   string  `json:"state"` // held, parked, free or none
	Epoch   uint64  `json:"epoch"`
	Mine    bool    `json:"mine"`
	Age     float64 `json:"unchanged_seconds"`
	TTL     float64 `json:"ttl_seconds"`
	Trouble string  `json:"trouble,omitempty"` // what is wrong with its store
}

// WitnessStatus is what one witness says.
type WitnessStatus struct {
	Name    string   `json:"name"`
	Verdict string   `json:"verdict"`
	Reason  string   `json:"reason"`
	Detail  string   `json:"detail"`
	Age     *float64 `json:"changed_seconds_ago,omitempty"` // since a heartbeat was seen to change; none: it was not
	Epoch   uint64   `json:"epoch"`                         // that the other site says it has
}

// HeartbeatStatus is this site's own heartbeat.
type HeartbeatStatus struct {
	Every    float64  `json:"every_seconds"` // 0: none is written
	Age      *float64 `json:"written_seconds_ago,omitempty"`
	Trouble  string   `json:"trouble,omitempty"`
	Written  uint64   `json:"written"`
	Unproven uint64   `json:"not_written"` // or not certainly
}

// WorkloadStatus is what is guarded.
type WorkloadStatus struct {
	Kind    string `json:"kind"` // command, processes, watched, or none: the gate ends when it opens
	Running bool   `json:"running"`
	Keeper  int    `json:"keeper_pid,omitempty"`
}

// mark is what is remembered of a witness.
type mark struct {
	text      string
	absent    bool // there was none
	changedAt Instant
}

// Status returns how things are. It may be called by several goroutines.
func (g *Gate) Status() *Status {
	g.mu.Lock()
	defer g.mu.Unlock()
	s := g.status
	return &s
}

// publish keeps the status for others.
func (g *Gate) publish(now Instant) {
	st := &g.state
	s := Status{
		Site: g.set.Site, Other: g.set.Other, Preferred: g.set.Preferred,
		Phase: st.Phase.String(), Open: st.Phase == gate.Open || st.Phase == gate.Resuming,
		Verdict: st.Verdict.String(), Reason: string(st.Reason), Detail: st.Detail, Epoch: st.Epoch,
		Ends: until(now, st.End), Kills: until(now, st.Kill), at: now,
		Heartbeat: g.status.Heartbeat, Workload: g.workloadStatus(), lost: st.Phase == gate.Ending && !g.stopped,
	}
	if st.Phase == gate.Waiting || st.Phase == gate.Giving {
		s.Epoch = 0
	}
	s.Heartbeat.Every, s.Heartbeat.Trouble, s.Heartbeat.Age = g.set.Timing.Beat.Seconds(), st.Unwritten, nil
	if st.Written >= 0 {
		s.Heartbeat.Age = seconds(st.Written)
	}
	if g.register != nil {
		s.Right = g.rightStatus(&st.Right)
	}
	for i, w := range st.Witnesses {
		ws := WitnessStatus{Name: w.Name, Verdict: w.Verdict.String(), Reason: string(w.Reason), Detail: w.Detail, Epoch: w.Epoch}
		if g.marks[i].changedAt != 0 {
			ws.Age = seconds(now.Sub(g.marks[i].changedAt))
		}
		s.Witnesses = append(s.Witnesses, ws)
	}
	if g.set.Progress != nil {
		work := g.work
		s.Progress = &work
	}
	s.Trouble = g.trouble(&s, st)
	s.Healthy = s.Trouble == ""
	g.mu.Lock()
	g.status = s
	g.mu.Unlock()
}

// trouble is why the gate does not do its work; empty: it does.
func (g *Gate) trouble(s *Status, st *gate.State) string {
	t := g.set.Timing
	limit := t.StopAfter
	if limit == 0 {
		limit = 3 * t.Beat
	}
	beats := g.register != nil || st.Phase == gate.Open || st.Phase == gate.Ending
	switch {
	case t.Beat > 0 && beats && st.Written < 0 && s.at.Sub(g.beginAt) > limit, t.Beat > 0 && beats && st.Written > limit:
		return strings.TrimSuffix("the heartbeat could not be written for "+limit.String()+": "+st.Unwritten, ": ")
	case s.lost:
		return "the workload may not run any more"
	}
	return ""
}

func (g *Gate) rightStatus(r *lease.Status) *RightStatus {
	return &RightStatus{
		Known: r.Known, Holder: r.Record.Holder, State: r.Record.State.String(), Epoch: r.Record.Epoch, Mine: r.Held,
		Age: r.Age.Seconds(), TTL: r.Record.TTL.Seconds(), Trouble: r.Store,
	}
}

func (g *Gate) workloadStatus() WorkloadStatus {
	w := WorkloadStatus{Kind: "none"}
	switch {
	case len(g.set.Command) > 0:
		w.Kind, w.Running = "command", g.workload != nil
	case len(g.set.Processes) > 0:
		w.Kind, w.Running = "processes", g.present
	case g.set.Watch:
		w.Kind = "watched"
	}
	if g.workload != nil {
		w.Keeper = g.workload.PID()
	}
	return w
}

// noteSample remembers when a heartbeat was seen to change.
func (g *Gate) noteSample(now Instant, s *gate.Sample) {
	m := &g.marks[s.Witness]
	switch {
	case s.Sight == gate.Nothing:
		m.absent = true
	case s.Sight == gate.Beaten && s.Mark != m.text:
		// The first one may be old, unless there was none before.
		if m.text != "" || m.absent || g.sources[s.Witness] == nil {
			m.changedAt = now
		}
		m.text = s.Mark
	}
}

// noteWrite counts a heartbeat.
func (g *Gate) noteWrite(trouble string) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if trouble == "" {
		g.status.Heartbeat.Written++
	} else {
		g.status.Heartbeat.Unproven++
	}
}

// tell writes a change to the log.
func (g *Gate) tell(now Instant, c *gate.Change) {
	message := map[gate.Kind]string{
		gate.Judged: "verdict", gate.Opened: "open", gate.MustEnd: "end", gate.Closed: "closed", gate.Noted: "note",
	}[c.Kind]
	level := slog.LevelInfo
	if c.Kind == gate.MustEnd && !g.stopped || c.Kind == gate.Judged && c.Verdict == gate.CannotTell || c.Kind == gate.Noted && c.Reason != reason.None {
		level = slog.LevelWarn
	}
	args := []any{"site", g.set.Site, "other", g.set.Other, "verdict", c.Verdict.String(), "reason", string(c.Reason), "epoch", c.Epoch}
	if c.Detail != "" {
		args = append(args, "detail", c.Detail)
	}
	if c.Kind == gate.MustEnd && c.By != clock.Never {
		args = append(args, "killed_in", max(0, c.By.Sub(now)).Round(time.Millisecond).String())
	}
	g.log.Log(g.ctx, level, message, args...)
	g.metrics.changes.WithLabelValues(message).Inc()
}

// until is how long it is until a moment that may be none.
func until(now, at Instant) *float64 {
	if at == clock.Never {
		return nil
	}
	return seconds(at.Sub(now))
}

func seconds(d time.Duration) *float64 {
	s := d.Seconds()
	return &s
}
