package daemon

import (
	"context"
	"fmt"
	"os"
	"sync"
	"syscall"
	"time"

	"stead/internal/adapter/hook"
	"stead/internal/config"
	"stead/internal/core"
	"stead/internal/core/reason"
	"stead/internal/report"
)

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

// event puts a change into the words of those who are told of it.
func (d *Daemon) event(t *told, at time.Time) hook.Event {
	g, s, names := &d.config().Groups[t.group], &d.changes.groups[t.group], d.named()
	return hook.Event{
		Kind: t.kind, At: at.UTC(), Group: g.Name, Sync: g.Sync, Node: names.Nodes[names.Self], Epoch: s.want.Epoch,
		Priority: s.priority, Reason: t.reason, Detail: report.Printable(t.detail, 500), Addresses: prefixes(g), ActiveNode: s.active,
	}
}

// hookTally counts how the hooks of each group have ended.
type hookTally struct {
	mu     sync.Mutex
	counts map[string]report.HookCounts
}

func (t *hookTally) count(group string, ok bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.counts == nil {
		t.counts = map[string]report.HookCounts{}
	}
	c := t.counts[group]
	if ok {
		c.OK++
	} else {
		c.Failed++
	}
	t.counts[group] = c
}

// hookCounts are those of the groups that have hooks on this node.
func (d *Daemon) hookCounts() (out []report.HookCounts) {
	d.mu.Lock()
	cfg, queues := d.cfg, d.hooks
	d.mu.Unlock()
	d.hookTally.mu.Lock()
	defer d.hookTally.mu.Unlock()
	for i := range min(len(cfg.Groups), len(queues)) {
		g := &cfg.Groups[i]
		if len(hooksOf(g, cfg.Self)) == 0 {
			continue
		}
		c := d.hookTally.counts[g.Name]
		c.Group, c.Dropped = g.Name, queues[i].Dropped()
		out = append(out, c)
	}
	return out
}

func (d *Daemon) hookEnded(r hook.Result) {
	if r.Event.Kind == config.HookPrepare {
		if w, ok := d.preparing.Load(r.Event.Group); ok {
			prepared := w.(core.Want)
			d.engine.Post(core.HookDone{Group: prepared.Group, Generation: prepared.Generation, OK: r.Outcome == hook.OK})
		}
	}
	d.hookTally.count(r.Event.Group, r.Outcome == hook.OK)
	what := string(r.Hook)
	if r.Hook != r.Event.Kind {
		what = fmt.Sprintf("%s, for %s", r.Hook, r.Event.Kind)
	}
	e := report.Event{Kind: report.HookRan, Group: r.Event.Group, Epoch: r.Event.Epoch, Detail: what, TookUS: r.Took.Microseconds()}
	if r.Outcome != hook.OK {
		e.Kind, e.Reason = report.HookFailed, reason.HookFailed
		e.Detail = fmt.Sprintf("%s: %s: %s", what, r.Outcome, r.Detail)
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
