package bfd

import (
	"context"
	"fmt"
	"net/netip"
	"slices"
	"time"

	"golang.org/x/sys/unix"
)

// retryEvery is how often what has failed is tried again.
const retryEvery = 250 * time.Millisecond

// worker opens and closes the sockets. It belongs to Open, then to Run, then to
// Close. A descriptor is closed only when the engine's thread has another table.
type worker struct {
	s       *Set
	table   *table // of the last round
	states  map[*state]string
	ports   map[*port]place
	trouble map[*state]string // what was logged
}

func newWorker(s *Set) worker {
	return worker{s: s, states: map[*state]string{}, ports: map[*port]place{}, trouble: map[*state]string{}}
}

// Run opens and closes sockets as sessions come and go, and tries again what has
// failed, until ctx ends. It is called once.
func (s *Set) Run(ctx context.Context) {
	if err := s.space.Enter(); err != nil {
		s.log.Error("bfd: what is not open stays closed", "problem", err)
		<-ctx.Done()
		return
	}
	again := time.NewTimer(0)
	defer again.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-s.kick:
		case <-again.C:
		}
		if s.worker.round() {
			again.Reset(retryEvery)
		} else {
			again.Stop()
		}
	}
}

// round makes everything as it should be, and reports whether it has to be looked
// at again without a reason.
func (w *worker) round() (again bool) {
	t := w.s.table.Load()
	fresh := t != w.table
	w.table = t
	w.closeOthers(t)
	var problems [places]error
	for where, p := range t.ports {
		if p == nil {
			continue
		}
		problems[where] = w.port(t, place(where), p, fresh)
	}
	used := map[uint32]bool{}
	for _, e := range t.sessions {
		used[e.source.Load()] = true
	}
	status := make([]Status, 0, len(t.sessions))
	for _, e := range t.sessions {
		err := w.session(e, used)
		st := Status{Name: e.Name, Problem: e.problem(err, problems[e.place()])}
		again = again || st.Problem != "" || e.Interface != ""
		if st.Problem != "" && st.Problem != w.trouble[e.state] {
			w.s.log.Warn("bfd", "session", e.Name, "problem", st.Problem)
		}
		w.trouble[e.state] = st.Problem
		status = append(status, st)
	}
	w.s.mu.Lock()
	defer w.s.mu.Unlock()
	w.s.status = status
	return again
}

// closeOthers closes what the table has not got.
func (w *worker) closeOthers(t *table) {
	w.s.mu.Lock() // Counters asks the ports
	defer w.s.mu.Unlock()
	for p, where := range w.ports {
		if t.ports[where] != p {
			w.s.drops += dropped(int(p.fd.Load()))
			_ = unix.Close(int(p.fd.Swap(-1)))
			delete(w.ports, p)
		}
	}
	for st := range w.states {
		if !slices.ContainsFunc(t.sessions, func(e *session) bool { return e.state == st }) {
			_ = unix.Close(int(st.fd.Swap(-1)))
			delete(w.states, st)
			delete(w.trouble, st)
		}
	}
}

// port opens the socket of a port, or tells it of the addresses of the sessions.
func (w *worker) port(t *table, where place, p *port, fresh bool) error {
	var remotes []netip.Addr
	for a := range t.from[where] {
		remotes = append(remotes, a)
	}
	if fd := int(p.fd.Load()); fd >= 0 {
		if fresh {
			attach(fd, where, remotes)
		}
		return nil
	}
	fd, err := openPort(where, remotes)
	if err != nil {
		return err
	}
	if err := unix.EpollCtl(w.s.epoll, unix.EPOLL_CTL_ADD, fd, &unix.EpollEvent{Events: unix.EPOLLIN, Fd: int32(fd)}); err != nil {
		_ = unix.Close(fd)
		return fmt.Errorf("epoll: %w", err)
	}
	w.ports[p] = where
	p.fd.Store(int32(fd))
	return nil
}

// session opens the socket of a session, and again where its interface is another one.
func (w *worker) session(e *session, used map[uint32]bool) error {
	index := indexOf(e.Interface)
	if e.Interface != "" && index == 0 {
		return fmt.Errorf("%s: %w: make it, or correct interface in the configuration", e.Interface, errNoInterface)
	}
	was := int(e.fd.Load())
	if was >= 0 && index == e.index.Load() {
		if e.errno.Load() != 0 && e.Local.IsValid() {
			return sourceIsThere(e, index)
		}
		return nil
	}
	fd, source, err := openSession(e, index, e.source.Load(), used)
	if err != nil {
		return err
	}
	used[source] = true
	e.source.Store(source)
	e.index.Store(index)
	e.errno.Store(0)
	if was < 0 {
		w.states[e.state] = e.Name
		e.fd.Store(int32(fd))
		return nil
	}
	// The engine's thread may be using the number: it goes on to be that of a
	// socket of this session.
	defer unix.Close(fd)
	return unix.Dup3(fd, was, unix.O_CLOEXEC)
}

func (w *worker) close() {
	w.closeOthers(&table{})
}
