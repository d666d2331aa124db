package daemon

import (
	"context"
	"log/slog"
	"os"
	"sync"
	"time"

	"stead/internal/adapter/probe"
	"stead/internal/config"
	"stead/internal/core"
	"stead/internal/engine"
	"stead/internal/report"
)

// tell takes what the engine has left for the rest of the daemon. It runs on the
// teller's goroutine, in order, and may take its time.
func (d *Daemon) tell(t engine.Told) {
	switch {
	case t.Note != nil:
		d.tellNote(t.Note)
	case t.Reply != nil:
		if waiter, ok := d.waiting.LoadAndDelete(t.Reply.ID); ok {
			waiter.(chan core.Reply) <- *t.Reply
		}
	case t.Persist != nil:
		group := ""
		if t.Persist.Group >= 0 {
			group = d.named().Groups[t.Persist.Group]
		}
		d.store.put(group, t.Persist)
	case t.Want != nil:
		d.tellWant(t.Want)
	case t.Do != nil:
		t.Do()
	case t.Problem != nil:
		d.complain(t.Problem)
	}
}

func (d *Daemon) tellNote(n *core.Note) {
	if n.Kind == core.Unstalled {
		d.stalls.Add(1)
	}
	e := report.FromNote(*n, *d.named(), engine.Now(), time.Now())
	d.events.Append(e)
	d.outside(d.changes.noted(n, nameOf(d.named(), n.Node)), e.Wall)
	d.refresh()
}

// nameOf names a node; nobody is empty.
func nameOf(names *report.Names, id core.NodeID) string {
	if int(id) < len(names.Nodes) {
		return names.Nodes[id]
	}
	return ""
}

// tellWant takes a change of what this node is to hold.
func (d *Daemon) tellWant(w *core.Want) {
	if w.Held && !w.Active && !w.Stay {
		d.preparing.Store(d.named().Groups[w.Group], *w)
	}
	d.outside(d.changes.wanted(w, nameOf(d.named(), d.named().Self)), time.Now())
}

// end says to everybody that the daemon has ended. The engine and its teller have.
func (d *Daemon) end(signals <-chan os.Signal) {
	d.outside(d.changes.ended(), time.Now())
	delivered := make(chan struct{})
	go func() { d.notifier.stop(); close(delivered) }()
	d.endHooks(signals)
	<-delivered
}

// logEvent writes what a person would want to see at night. It is called by
// whoever appends an event, never by the engine.
func (d *Daemon) logEvent(e report.Event) {
	level := slog.LevelInfo
	switch e.Kind {
	case report.HoldFailed, report.HookFailed, report.DualSeen, report.Stalled, report.Repaired, report.CheckUnrun, report.NotifyFailed,
		report.SessionDown, report.SessionRefused, report.PathDown, report.Damped:
		level = slog.LevelWarn
	case report.Announcing, report.InPlace:
		level = slog.LevelDebug
	}
	attrs := []slog.Attr{}
	add := func(key, value string) {
		if value != "" {
			attrs = append(attrs, slog.String(key, value))
		}
	}
	add("group", e.Group)
	add("peer", e.Peer)
	add("reason", string(e.Reason))
	add("detail", e.Detail)
	if e.Epoch > 0 {
		attrs = append(attrs, slog.Uint64("epoch", e.Epoch))
	}
	if e.TookUS > 0 {
		attrs = append(attrs, slog.Float64("took_ms", float64(e.TookUS)/1000))
	}
	d.log.LogAttrs(context.Background(), level, string(e.Kind), attrs...)
}

// outside tells hooks, mail and webhooks of changes. At is when they happened.
func (d *Daemon) outside(all []told, at time.Time) {
	for _, t := range all {
		e := d.event(&t, at)
		d.hooks[t.group].Push(e)
		d.notifier.tell(&e)
	}
}

// checkTimes remembers when each check has run last, for people.
type checkTimes struct {
	mu   sync.Mutex
	last map[[2]int]checkRun
}

type checkRun struct {
	at     time.Time
	detail string
}

func (t *checkTimes) note(group core.GroupID, check int, detail string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.last == nil {
		t.last = map[[2]int]checkRun{}
	}
	t.last[[2]int{int(group), check}] = checkRun{time.Now(), detail}
}

func (t *checkTimes) of(group, check int) checkRun {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.last[[2]int{group, check}]
}

func (d *Daemon) startChecks() (err error) {
	d.checks, err = probe.Start(d.cfg.Self, d.checkGroups(d.cfg), d.checkRan)
	return err
}

func (d *Daemon) checkGroups(cfg *config.Config) []probe.Group {
	var groups []probe.Group
	for i := range cfg.Groups {
		if g := &cfg.Groups[i]; holdsGroup(g, cfg.Self) {
			groups = append(groups, probe.Group{ID: core.GroupID(i), Name: g.Name, Checks: g.Checks, Stores: d.stores.store})
		}
	}
	return groups
}

func (d *Daemon) checkRan(group core.GroupID, check int, r probe.Result) {
	d.ran.note(group, check, r.Detail)
	d.engine.Post(core.CheckResult{Group: group, Check: check, Outcome: r.Outcome, Value: r.Value, Detail: r.Detail})
}

func (d *Daemon) config() *config.Config {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.cfg
}
