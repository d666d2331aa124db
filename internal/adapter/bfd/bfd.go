// Package bfd carries BFD Control packets (RFC 5881, RFC 5883) and judges none of
// them: which session a packet is for, its TTL and its authentication are looked
// at by internal/core/bfd.
//
// A Set has a socket for each port and family that a session needs, and one for
// each session to send from, with a source port of its own for as long as the
// session is configured. The engine's thread reads and writes them without waiting
// and without allocating. The worker, Run, opens and closes them, tries again what
// has failed, and tells of it. What comes from no configured address is dropped by
// the kernel, but for a sixteenth of it, which is counted and named in the status:
// that a router sends from another address than was thought is the commonest
// mistake.
//
// All sockets belong to the network namespace in which Open is called.
package bfd

import (
	"errors"
	"fmt"
	"log/slog"
	"net/netip"
	"sync"
	"sync/atomic"

	"golang.org/x/sys/unix"

	"stead/internal/adapter/datagram"
	"stead/internal/adapter/netspace"
	"stead/internal/core"
)

// Session is where the packets of one BFD session come from and go to.
type Session struct {
	Name      string     // for people
	Local     netip.Addr // zero: the kernel's choice
	Remote    netip.Addr // of IPv6 also link-local, with a zone or an Interface
	Multihop  bool       // RFC 5883 in place of RFC 5881
	Interface string     // the only one that is sent and listened on; empty: as the routes say
}

// Options are what Open needs.
type Options struct {
	Sessions []Session // a session's place is the number that Send names it by
	Log      *slog.Logger
}

// Set is the sockets of all sessions. Files, Receive, Send and Replace belong to
// the engine's thread.
type Set struct {
	log   *slog.Logger
	space *netspace.Space
	epoll int

	table   atomic.Pointer[table]
	in, out datagram.Message
	heard   core.Control

	received, malformed, strangers atomic.Uint64
	stranger                       atomic.Pointer[netip.Addr]

	kick   chan struct{} // something has changed; capacity 1
	worker worker

	mu     sync.Mutex
	status []Status
	drops  uint64 // by the kernel, at ports that are closed
	closed atomic.Bool
}

// Open opens the sockets. A port that another program has, or an address that is
// not there, is no error: Run tries again, and Status tells.
func Open(o Options) (*Set, error) {
	t, err := newTable(o.Sessions, nil)
	if err != nil {
		return nil, err
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	s := &Set{log: o.Log, epoll: -1, kick: make(chan struct{}, 1)}
	s.table.Store(t)
	if s.epoll, err = unix.EpollCreate1(unix.EPOLL_CLOEXEC); err != nil {
		return nil, fmt.Errorf("bfd: epoll: %w", err)
	}
	if s.space, err = netspace.Here(); err != nil {
		_ = unix.Close(s.epoll)
		return nil, fmt.Errorf("bfd: %w", err)
	}
	s.worker = newWorker(s)
	s.worker.round()
	return s, nil
}

// Files returns the descriptor to poll for input. It is the same for the life of
// the Set.
func (s *Set) Files() []int { return []int{s.epoll} }

// Check tells what Open and Replace would refuse.
func Check(sessions []Session) error {
	_, err := newTable(sessions, nil)
	return err
}

// Replace takes other sessions over, with their numbers. A session whose addresses
// stay keeps its socket and its source port. It does not wait: the worker opens and
// closes. Sessions that Open would refuse change nothing.
func (s *Set) Replace(sessions []Session) error {
	t, err := newTable(sessions, s.table.Load())
	if err != nil {
		return err
	}
	s.table.Store(t)
	s.nudge()
	return nil
}

// nudge has the worker look at everything.
func (s *Set) nudge() {
	select {
	case s.kick <- struct{}{}:
	default:
	}
}

// Send sends a packet of a session, with TTL or hop limit 255. One that the kernel
// does not take is lost and counted, as on a network; the one after it is as good.
func (s *Set) Send(c *core.ControlSend) {
	t := s.table.Load()
	if c.Session < 0 || c.Session >= len(t.sessions) {
		return
	}
	e := t.sessions[c.Session]
	fd := int(e.fd.Load())
	if fd < 0 {
		e.failed.Add(1)
		return
	}
	errno := s.out.Send(fd, c.Bytes, e.Local, e.to, e.index.Load())
	if errno == 0 {
		e.sent.Add(1)
	} else {
		e.failed.Add(1)
	}
	// The worker puts it into words, once.
	if int32(errno) != e.errno.Load() {
		e.errno.Store(int32(errno))
		s.nudge()
	}
}

// Receive calls f with the packets that have arrived, up to burst of each port.
// What is left ends the next wait at once. buf takes one packet; what does not fit
// into it is counted as malformed. The Control, and buf, are used again for the
// next one.
func (s *Set) Receive(buf []byte, burst int, f func(*core.Control)) {
	t := s.table.Load()
	for where, p := range t.ports {
		if p == nil {
			continue
		}
		fd := int(p.fd.Load())
		for n := 0; fd >= 0 && n < burst; n++ {
			size, errno := s.in.Receive(fd, buf)
			if errno == unix.EINTR {
				continue
			}
			if errno != 0 {
				break
			}
			if s.accept(t, place(where), buf[:size]) {
				f(&s.heard)
			}
		}
	}
}

// accept fills heard from a packet and tells whether it is from a configured address.
func (s *Set) accept(t *table, where place, b []byte) bool {
	s.received.Add(1)
	a, ok := s.in.Arrival()
	if !ok || a.TTL < 0 || !a.Destination.IsValid() {
		s.malformed.Add(1)
		return false
	}
	e := t.find(where, a.Source.Addr(), a.Interface)
	if e == nil {
		s.strangers.Add(1)
		if last := s.stranger.Load(); last == nil || *last != a.Source.Addr() {
			stranger := a.Source.Addr()
			s.stranger.Store(&stranger)
		}
		return false
	}
	e.received.Add(1)
	s.heard = core.Control{Local: a.Destination, Remote: a.Source.Addr(), Multihop: where.multihop(), TTL: a.TTL, Bytes: b}
	return true
}

// Close closes the sockets. It is called after Run has ended, and after the last
// call of the engine.
func (s *Set) Close() {
	if s.closed.Swap(true) {
		return
	}
	s.worker.close()
	_ = unix.Close(s.epoll)
	s.space.Close()
}

var errNoInterface = errors.New("no such interface")
