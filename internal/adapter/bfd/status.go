package bfd

import (
	"errors"
	"fmt"
	"net/netip"

	"golang.org/x/sys/unix"
)

// Status is what there is to tell of a session.
type Status struct {
	Name          string
	SourcePort    uint16 // 49152 to 65535; 0: none yet
	Problem       string // why nothing can be sent or received; empty: none
	Sent, Failed  uint64 // packets that the kernel has taken, and has not
	Received      uint64 // from the session's address; of one of several with that address
	LastErrorCode string // of the last packet, such as ENETUNREACH; empty: it was sent
}

// Status returns how each session is, in the order of the sessions. It may be
// called from any goroutine.
func (s *Set) Status() []Status {
	s.mu.Lock()
	defer s.mu.Unlock()
	t := s.table.Load()
	all := make([]Status, len(t.sessions))
	for i, e := range t.sessions {
		// The worker may not have seen the table yet.
		if i < len(s.status) && s.status[i].Name == e.Name {
			all[i] = s.status[i]
		}
		all[i].Name, all[i].SourcePort = e.Name, uint16(e.source.Load())
		all[i].Sent, all[i].Failed, all[i].Received = e.sent.Load(), e.failed.Load(), e.received.Load()
		if errno := e.errno.Load(); errno != 0 {
			all[i].LastErrorCode = unix.ErrnoName(unix.Errno(errno))
		}
	}
	return all
}

// Counters count packets since Open. They only grow.
type Counters struct {
	Received  uint64 // at all ports
	Malformed uint64 // of those: too long, or without what the kernel should say of them
	Strangers uint64 // of those: from no configured address; about a sixteenth of all such
	Dropped   uint64 // by the kernel: from no configured address, or since the daemon did not read for long

	LastStranger netip.Addr // whom the last one of Strangers came from; zero: nobody
}

// Counters may be called from any goroutine.
func (s *Set) Counters() Counters {
	s.mu.Lock()
	c := Counters{Dropped: s.drops}
	for _, p := range s.table.Load().ports {
		if p != nil && p.fd.Load() >= 0 {
			c.Dropped += dropped(int(p.fd.Load()))
		}
	}
	s.mu.Unlock()
	c.Received, c.Malformed, c.Strangers = s.received.Load(), s.malformed.Load(), s.strangers.Load()
	if a := s.stranger.Load(); a != nil {
		c.LastStranger = *a
	}
	return c
}

// problem puts into words what is wrong: with the session's socket, with its port,
// or with the last packet.
func (e *session) problem(own, port error) string {
	errno := unix.Errno(e.errno.Load())
	switch {
	case errors.Is(own, unix.EADDRNOTAVAIL):
		return fmt.Sprintf("source %s is not an address of this host that can be used: add it, or correct source in the configuration", e.Local)
	case errors.Is(own, errNoInterface):
		return own.Error()
	case own != nil:
		return fmt.Sprintf("socket to %s: %v", e.Remote, own)
	case port != nil:
		return fmt.Sprintf("%s: %v", e.place(), port)
	case errno == 0, errno == unix.EAGAIN, errno == unix.ENOBUFS:
		return ""
	case errno == unix.EPERM, errno == unix.EACCES:
		return fmt.Sprintf("send to %s: %v: a packet filter or a prohibiting route refuses it", e.Remote, errno)
	case errno == unix.ENETUNREACH, errno == unix.EHOSTUNREACH, errno == unix.ENETDOWN:
		return fmt.Sprintf("send to %s: %v: see the routes and whether the interface is up", e.Remote, errno)
	}
	return fmt.Sprintf("send to %s: %v", e.Remote, errno)
}
