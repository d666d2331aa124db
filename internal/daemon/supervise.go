package daemon

import (
	"context"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"stead/internal/adapter/systemd"
	"stead/internal/core"
	"stead/internal/report"
)

// statusEvery is how often a change of who is active is looked for to tell the
// service manager: it is for people, and costs nothing while nothing changes.
const statusEvery = 500 * time.Millisecond

// supervisor tells the service manager how the daemon is. Without a manager it
// does nothing.
type supervisor struct {
	notify   *systemd.Notifier
	log      *slog.Logger
	stopping atomic.Bool

	mu      sync.Mutex
	said    string // the status that was told last
	refused bool   // the last reload was
	problem string // of telling, so that it is logged once
}

// openSupervisor takes what the manager asks for out of the environment, before
// anything is started that would inherit it. A manager that cannot be told is no
// reason not to serve.
func (d *Daemon) openSupervisor() error {
	notify, err := systemd.FromEnvironment()
	d.manager.notify, d.manager.log = notify, d.log
	d.manager.tell(err)
	return nil
}

// supervise says that the daemon is ready when its engine answers, and from then
// on who is active and that it still answers, until ctx ends.
func (d *Daemon) supervise(ctx context.Context) {
	m := &d.manager
	if m.notify == nil || !d.answers(ctx) {
		return
	}
	m.tell(m.notify.Ready(m.status(d.Snapshot())))
	var alive <-chan time.Time
	watchdog := m.notify.Watchdog()
	if watchdog > 0 {
		tick := time.NewTicker(watchdog / 2)
		defer tick.Stop()
		alive = tick.C
		m.tell(m.notify.Alive())
	}
	look := time.NewTicker(statusEvery)
	defer look.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-look.C:
			m.changed(d.Snapshot())
		case <-alive:
			bound, cancel := context.WithTimeout(ctx, watchdog/4)
			// An end has bounds of its own, and the engine is gone before the rest is.
			if d.answers(bound) || m.stopping.Load() {
				m.tell(m.notify.Alive())
			}
			cancel()
		}
	}
}

// answers waits until the engine's loop has come round, or ctx ends.
func (d *Daemon) answers(ctx context.Context) bool {
	round := make(chan struct{})
	d.engine.Between(func(core.Instant) { close(round) })
	select {
	case <-round:
		return true
	case <-ctx.Done():
		return false
	}
}

// reloading says that a reload begins; what it returns says that it has ended.
func (m *supervisor) reloading() (ended func(s *report.Status, refused error)) {
	if m.notify == nil {
		return func(*report.Status, error) {}
	}
	m.tell(m.notify.Reloading())
	return func(s *report.Status, refused error) {
		m.mu.Lock()
		m.refused = refused != nil
		m.mu.Unlock()
		m.tell(m.notify.Ready(m.status(s)))
	}
}

// stops says, once, that the daemon has begun to end, and within what time it will.
func (m *supervisor) stops(within time.Duration) {
	if !m.stopping.Swap(true) {
		m.tell(m.notify.Stopping("hands over and ends", within))
	}
}

// changed tells a status that differs from the one told last.
func (m *supervisor) changed(s *report.Status) {
	m.mu.Lock()
	was := m.said
	m.mu.Unlock()
	if now := m.status(s); now != was && !m.stopping.Load() {
		m.tell(m.notify.Status(now))
	}
}

// tell logs an error of telling, once.
func (m *supervisor) tell(err error) {
	if err == nil {
		return
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.problem != err.Error() {
		m.problem = err.Error()
		m.log.Warn("service manager", "problem", err)
	}
}

// status is what is going to be told: one sentence about who is active.
func (m *supervisor) status(s *report.Status) string {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.said = sentence(s)
	if m.refused {
		m.said += "; the last reload was refused"
	}
	return m.said
}

// groupsNamed is up to how many groups are told one by one.
const groupsNamed = 3

// sentence says in a few words who is active.
func sentence(s *report.Status) string {
	if s == nil {
		return "runs"
	}
	var words []string
	here, nobody := 0, 0
	for i := range s.Groups {
		g := &s.Groups[i]
		switch {
		case g.Role == report.RoleActive:
			here++
			words = append(words, g.Name+": active")
		case g.ActiveNode != "":
			words = append(words, g.Name+": "+g.ActiveNode+" is active")
		case g.ActiveAddress != "": // a router that is no node of ours
			words = append(words, g.Name+": "+g.ActiveAddress+" is active")
		default:
			nobody++
			words = append(words, g.Name+": nobody is active")
		}
	}
	text := strings.Join(words, ", ")
	switch {
	case len(words) == 0:
		text = "no groups"
	case len(words) > groupsNamed:
		text = fmt.Sprintf("active for %d of %d groups", here, len(words))
		if nobody > 0 {
			text += fmt.Sprintf(", nobody is for %d", nobody)
		}
	}
	if s.Draining {
		text += "; drained"
	}
	return text
}
