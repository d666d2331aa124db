package daemon

import (
	"context"
	"fmt"
	"log/slog"
	"os"
	"sync"
	"syscall"
	"time"

	"stead/internal/adapter/hook"
	"stead/internal/adapter/probe"
	"stead/internal/config"
	"stead/internal/core"
	"stead/internal/core/reason"
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
		d.tellHooks(t.Want)
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
	d.events.Append(report.FromNote(*n, *d.named(), engine.Now(), time.Now()))
	d.refresh()
}

// logEvent writes what a person would want to see at night. It is called by
// whoever appends an event, never by the engine.
func (d *Daemon) logEvent(e report.Event) {
	level := slog.LevelInfo
	switch e.Kind {
	case report.HoldFailed, report.HookFailed, report.DualSeen, report.Stalled, report.Repaired, report.CheckUnrun:
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

func (d *Daemon) lookUpHooks() error {
	queues, err := d.hookQueues(d.cfg, nil)
	d.hooks = queues
	return err
}

// hookQueues makes the queue of every group of a configuration. A group that was
// there before keeps its queue; its new hooks are taken over by adopt.
func (d *Daemon) hookQueues(cfg *config.Config, before map[string]*hook.Queue) ([]*hook.Queue, error) {
	var queues []*hook.Queue
	for i := range cfg.Groups {
		g := &cfg.Groups[i]
		// Looked up here in any case: what could never run is an error before
		// anything has changed.
		q, err := hook.New(g.Name, hooksOf(g, cfg.Self), d.hookEnded)
		if err != nil {
			return nil, err
		}
		if kept := before[g.Name]; kept != nil {
			q = kept
		}
		queues = append(queues, q)
	}
	return queues, nil
}

// hooksOf are the hooks of a group on a node: none where it is no member.
func hooksOf(g *config.Group, node string) map[config.HookKind]config.Hook {
	if !holdsGroup(g, node) {
		return nil
	}
	return g.Hooks
}

// tellHooks runs what the user has named for a change of a group.
func (d *Daemon) tellHooks(w *core.Want) {
	last := d.told[w.Group]
	d.told[w.Group] = *w
	if last.Generation != 0 && last.Held == w.Held && last.Active == w.Active {
		return // another epoch or slot: nothing that hooks are told of
	}
	if w.Held && !w.Active {
		d.preparing.Store(d.named().Groups[w.Group], *w)
	}
	g := &d.config().Groups[w.Group]
	activeNode := ""
	if w.Active {
		activeNode = d.named().Nodes[d.named().Self]
	}
	d.hooks[w.Group].Push(hook.Event{
		Kind: hook.KindOf(w.Held, w.Active, w.Reason), Group: g.Name, Node: d.named().Nodes[d.named().Self],
		Epoch: w.Epoch, Reason: w.Reason, Addresses: prefixes(g), ActiveNode: activeNode,
	})
}

func (d *Daemon) hookEnded(r hook.Result) {
	if r.Event.Kind == config.HookPrepare {
		if w, ok := d.preparing.Load(r.Event.Group); ok {
			prepared := w.(core.Want)
			d.engine.Post(core.HookDone{Group: prepared.Group, Generation: prepared.Generation, OK: r.Outcome == hook.OK})
		}
	}
	e := report.Event{Kind: report.HookRan, Group: r.Event.Group, Epoch: r.Event.Epoch, Detail: string(r.Event.Kind), TookUS: r.Took.Microseconds()}
	if r.Outcome != hook.OK {
		e.Kind, e.Reason = report.HookFailed, reason.HookFailed
		e.Detail = fmt.Sprintf("%s: %s: %s", r.Event.Kind, r.Outcome, r.Detail)
	}
	d.say(e)
}

// hookPatience bounds how long the end of the daemon waits for its hooks.
const hookPatience = 5 * time.Second

// endHooks waits for the hooks that are still to run. A further signal to end
// cuts them short.
func (d *Daemon) endHooks(signals <-chan os.Signal) {
	ctx, cancel := context.WithTimeout(context.Background(), hookPatience)
	defer cancel()
	var all sync.WaitGroup
	for _, q := range d.hooks {
		all.Add(1)
		go func() { defer all.Done(); _ = q.Stop(ctx) }()
	}
	done := make(chan struct{})
	go func() { all.Wait(); close(done) }()
	for {
		select {
		case <-done:
			return
		case s := <-signals:
			if s != syscall.SIGHUP {
				cancel()
			}
		}
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
	d.checks, err = probe.Start(d.cfg.Self, checkGroups(d.cfg), d.checkRan)
	return err
}

func checkGroups(cfg *config.Config) []probe.Group {
	var groups []probe.Group
	for i := range cfg.Groups {
		if g := &cfg.Groups[i]; holdsGroup(g, cfg.Self) {
			groups = append(groups, probe.Group{ID: core.GroupID(i), Name: g.Name, Checks: g.Checks})
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
