package bgp

import (
	"bytes"

	"golang.org/x/sys/unix"

	"stead/internal/core"
	"stead/internal/core/bgp"
)

const (
	readBuffer  = 1 << 16 // of a connection: many messages
	readsAtOnce = 8       // buffers of one connection before the others have their turn
	maxOthers   = 32      // messages of a connection that are told in tellEvery, beside counts of UPDATEs
)

// read reads what has arrived, up to a bound: what is left is still there in the
// next turn of the loop.
func (s *Set) read(st *stream) {
	for range readsAtOnce {
		if st.phase == open && (st.paused || st.deaf) {
			return
		}
		if st.phase == closing {
			st.have = 0 // nobody wants it
		}
		n, err := unix.Read(st.fd, st.in[st.have:])
		switch {
		case err == unix.EINTR:
			continue
		case err == unix.EAGAIN:
			return
		case err != nil:
			s.fail(st, err.(unix.Errno))
			return
		case n == 0:
			if errno := st.refused(); errno != 0 {
				s.fail(st, errno)
			} else {
				s.end(st, "closed by the peer")
			}
			return
		}
		st.peer.in.Add(uint64(n))
		st.have += n
		if st.phase == open {
			s.frames(st)
		}
	}
}

// frames takes the whole messages out of what was read.
func (s *Set) frames(st *stream) {
	b := st.in[:st.have]
	for len(b) >= bgp.HeaderLen && !st.deaf {
		kind, length, problem := bgp.ParseHeader(b)
		if problem != nil {
			// Where the next message begins is not known any more.
			st.deaf, length = true, bgp.HeaderLen
		}
		if len(b) < length {
			break
		}
		if kind == bgp.TypeUpdate && problem == nil {
			st.updates++
			s.arm(st)
			b = b[length:]
			continue
		}
		if st.others >= maxOthers {
			st.paused = true
			break
		}
		st.others++
		s.arm(st)
		s.tellUpdates(st)
		s.tell(st, core.Stream{Kind: core.StreamMessage, Bytes: bytes.Clone(b[:length])})
		b = b[length:]
	}
	st.have = copy(st.in, b)
	s.watch(st)
}

// arm has the counts told, and reading go on, a little later.
func (s *Set) arm(st *stream) {
	if st.ticking {
		return
	}
	st.ticking = true
	st.tick = s.after(tellEvery, func() { s.onTick(st) })
}

func (s *Set) onTick(st *stream) {
	st.ticking = false
	if st.phase != open {
		return
	}
	s.tellUpdates(st)
	st.others = 0
	if st.paused {
		st.paused = false
		s.frames(st)
	}
}

// tellUpdates tells how many UPDATEs have arrived since the last time.
func (s *Set) tellUpdates(st *stream) {
	if st.updates > 0 {
		s.tell(st, core.Stream{Kind: core.StreamUpdates, Count: st.updates})
		st.updates = 0
	}
}
