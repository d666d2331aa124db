package bgp

import (
	"net/netip"
	"sync/atomic"
	"time"

	"golang.org/x/sys/unix"

	"stead/internal/core"
	"stead/internal/core/bgp"
)

// phase of a connection. Only the loop knows it.
type phase int

const (
	connecting phase = iota
	open
	closing // hung up: it is sent what is queued, and what comes is thrown away
	ended
)

// Whose turn it is to use a descriptor. The engine takes its turn only where it is
// nobody's; the loop waits for it, which is for one write.
const (
	nobodys int32 = iota
	engines
	loops
)

// stream is a connection.
type stream struct {
	peer *peer
	conn bgp.Conn
	fd   int

	turn    atomic.Int32
	pending atomic.Int64 // bytes that are queued: the engine adds, the loop subtracts
	failed  atomic.Int32 // what the kernel said of a write of the engine's; 0: nothing
	hung    atomic.Bool  // the engine writes no more
	quiet   atomic.Bool  // no more is told of it
	ends    atomic.Pointer[Connection]

	// The loop's.
	phase    phase
	out      []byte // that is queued
	in       []byte // that was read, up to have
	have     int
	updates  int  // that were counted and not told
	others   int  // messages that were told since the last tick
	ticking  bool // a tick will come
	paused   bool // it has told enough: nothing is read before the next tick
	deaf     bool // what comes cannot be understood: nothing is read any more
	shut     bool // it was told that nothing more comes
	interest uint32
	tick     *time.Timer
	deadline *time.Timer
}

// Limits of time.
const (
	connectLimit = 10 * time.Second
	hangupLimit  = time.Second
	tellEvery    = 100 * time.Millisecond
)

// newStream makes a connection of a descriptor that the loop has not watched yet.
func (s *Set) newStream(p *peer, conn bgp.Conn, fd int, events uint32) (*stream, error) {
	st := &stream{peer: p, conn: conn, fd: fd, interest: events}
	st.turn.Store(loops)
	if err := s.loop.add(fd, events); err != nil {
		return nil, err
	}
	s.files[fd] = st
	p.add(st)
	return st, nil
}

// within has the connection end where its phase is the same after d.
func (s *Set) within(st *stream, d time.Duration, otherwise func()) {
	was := st.phase
	st.deadline = s.after(d, func() {
		if st.phase == was {
			otherwise()
		}
	})
}

// opened tells that a connection is there.
func (s *Set) opened(st *stream) {
	local, remote := ends(st.fd)
	st.ends.Store(&Connection{Conn: st.conn, Local: local, Remote: remote})
	st.phase, st.in = open, make([]byte, readBuffer)
	s.cancel(st.deadline)
	setUserTimeout(st.fd, st.peer.settings.Load())
	s.watch(st)
	st.peer.say("")
	st.turn.Store(nobodys)
	s.tell(st, core.Stream{Kind: core.StreamOpened, Local: local.Addr()})
	s.flush(st)
}

// tell posts what a connection does, unless it was hung up.
func (s *Set) tell(st *stream, e core.Stream) {
	if st.quiet.Load() {
		return
	}
	e.Conn = st.conn
	s.post(st.peer.name, &e)
}

// told tells that a connection is over, once.
func (s *Set) told(st *stream, why string) {
	s.tellUpdates(st)
	s.tell(st, core.Stream{Kind: core.StreamClosed, Detail: why})
	st.quiet.Store(true)
}

// take waits for the loop's turn. The engine has it for the length of one write.
func (st *stream) take() {
	for !st.turn.CompareAndSwap(nobodys, loops) && st.turn.Load() != loops {
		pause()
	}
}

// refused returns what the kernel has said of a write of the engine's. It says it
// once: who reads after that finds the end of the stream.
func (st *stream) refused() unix.Errno {
	st.take()
	st.turn.Store(nobodys)
	return unix.Errno(st.failed.Load())
}

// flush writes what is queued, as far as the kernel takes it.
func (s *Set) flush(st *stream) {
	if st.phase == connecting || st.phase == ended {
		return
	}
	for len(st.out) > 0 {
		n, errno := send(st.fd, st.out)
		if errno == unix.EINTR {
			continue
		}
		if again(errno) {
			break
		}
		if errno != 0 {
			s.fail(st, errno)
			return
		}
		st.out = st.out[n:]
		// The next write may be the engine's as soon as nothing is pending.
		st.pending.Add(-int64(n))
		st.peer.out.Add(uint64(n))
		s.tell(st, core.Stream{Kind: core.StreamSent, Count: n})
	}
	if len(st.out) == 0 {
		st.out = nil
	}
	if st.phase == closing && len(st.out) == 0 && !st.shut {
		st.shut = true
		_ = unix.Shutdown(st.fd, unix.SHUT_WR)
	}
	s.watch(st)
}

// watch asks the kernel for what the connection can do something with.
func (s *Set) watch(st *stream) {
	var events uint32
	if st.phase == closing || !st.paused && !st.deaf {
		events |= unix.EPOLLIN
	}
	if len(st.out) > 0 {
		events |= unix.EPOLLOUT
	}
	if events != st.interest && s.loop.change(st.fd, events) == nil {
		st.interest = events
	}
}

// hangup closes a connection of a peer when what is queued has been sent.
func (s *Set) hangup(p *peer, conn bgp.Conn) {
	for _, st := range p.list() {
		if st.conn == conn && st.phase != closing {
			st.quiet.Store(true)
			s.leave(st)
			return
		}
	}
}

// leave sends what is queued and the end of the stream, waits for the peer to read
// it and to end the stream as well, for a second at most, and closes then. To close
// with something unread would have the kernel throw away what is under way.
func (s *Set) leave(st *stream) {
	switch st.phase {
	case connecting:
		s.end(st, "")
	case open:
		st.hung.Store(true)
		st.phase = closing
		s.cancel(st.tick)
		s.within(st, hangupLimit, func() { s.end(st, "") })
		s.flush(st)
	}
}

// end closes a connection and tells why.
func (s *Set) end(st *stream, why string) {
	if st.phase == ended {
		return
	}
	s.told(st, why)
	st.hung.Store(true)
	st.take()
	st.phase = ended
	s.cancel(st.tick)
	s.cancel(st.deadline)
	delete(s.files, st.fd)
	st.peer.remove(st)
	_ = unix.Close(st.fd)
}

// after has the loop call f after d.
func (s *Set) after(d time.Duration, f func()) *time.Timer {
	s.timers.Add(1)
	return time.AfterFunc(d, func() { defer s.timers.Done(); s.loop.push(f) })
}

// cancel stops a timer of after, which may be nil.
func (s *Set) cancel(t *time.Timer) {
	if t != nil && t.Stop() {
		s.timers.Done()
	}
}

// ends returns the addresses of a connection, without zones.
func ends(fd int) (local, remote netip.AddrPort) {
	if name, err := unix.Getsockname(fd); err == nil {
		local = addrPort(name)
	}
	if name, err := unix.Getpeername(fd); err == nil {
		remote = addrPort(name)
	}
	return local, remote
}
