// Package bgp carries the TCP connections of BGP sessions (RFC 4271): it dials,
// listens, frames messages and writes. What the messages say is the business of
// internal/core/bgp; UPDATEs of peers are counted and never looked at.
//
// The engine's thread calls Write, Dial, Hangup and Replace, and waits for nobody:
// it writes to a socket itself where nothing is queued for it, so that a withdrawal
// is with the kernel before the call returns, and leaves everything else to one
// goroutine, Run, by a queue. That goroutine has all sockets in an epoll of its own.
// The runtime's poller would put a lock around each descriptor, which the engine
// could find held. Whose turn it is to use a socket is one atomic word instead:
// where it is not the engine's, the engine queues and goes on.
//
// All sockets belong to the network namespace in which Open is called.
package bgp

import (
	"bytes"
	"errors"
	"fmt"
	"log/slog"
	"net/netip"
	"sync"
	"sync/atomic"
	"time"

	"stead/internal/adapter/netspace"
	"stead/internal/core"
)

// Peer is a router that connections go to and come from.
type Peer struct {
	Name   string // names the peer over a reload
	Remote netip.AddrPort
	Source netip.Addr // zero: the kernel's choice
	TTL    int        // or hop limit of what is sent: 1 to 255
	MinTTL int        // the least of what is accepted (GTSM, RFC 5082); 0: any
	MD5    []byte     // key of the TCP MD5 signature (RFC 2385): up to 80 bytes; empty: none

	// Passive says that connections have to come from the peer, so that it is a
	// problem of this peer where none can be taken.
	Passive bool

	// UserTimeout is for how long what was sent may stay unacknowledged before the
	// connection is given up (RFC 5482): about the hold time. 0: 30 s.
	UserTimeout time.Duration
}

// Options are what Open needs.
type Options struct {
	Peers  []Peer // a peer's place is the number that calls name it by
	Listen uint16 // the port where connections are taken; 0: none are

	// Post takes what a connection does. It is called by the goroutine of Run, and
	// with StreamSent by the engine's thread: it must not wait. Peer is not set:
	// the number is that of the table by the time the engine takes the event.
	Post func(peer string, e *core.Stream)

	Log *slog.Logger // nil: none
}

// Set is the connections of all peers. Write, Dial, Hangup and Replace belong to
// the engine's thread.
type Set struct {
	log   *slog.Logger
	post  func(peer string, e *core.Stream)
	space *netspace.Space
	loop  loop

	peers []*peer // the engine's thread's

	present   atomic.Pointer[[]*peer] // the loop's, for Status
	strangers atomic.Uint64
	stranger  atomic.Pointer[netip.Addr]

	// The loop's.
	all       []*peer // also those that are gone, while they have connections
	files     map[int]*stream
	listeners [2]listener
	listen    uint16
	ending    bool
	timers    sync.WaitGroup // those that may still push
	patience  time.Duration  // with an attempt: connectLimit

	deaf   atomic.Pointer[string] // why no connection can be taken; empty: they can, or need not
	closed atomic.Bool
}

// Open prepares everything and opens no socket of TCP before Run.
func Open(o Options) (*Set, error) {
	if o.Post == nil {
		return nil, errors.New("bgp: no post given")
	}
	if err := Check(o.Peers); err != nil {
		return nil, err
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	s := &Set{log: o.Log, post: o.Post, files: map[int]*stream{}, patience: connectLimit}
	s.deaf.Store(new(string))
	s.listeners = [2]listener{{fd: -1}, {fd: -1, ipv6: true}}
	s.present.Store(&[]*peer{})
	var err error
	if s.space, err = netspace.Here(); err != nil {
		return nil, fmt.Errorf("bgp: %w", err)
	}
	if err := s.loop.open(); err != nil {
		s.space.Close()
		return nil, fmt.Errorf("bgp: %w", err)
	}
	return s, s.Replace(o.Peers, o.Listen)
}

// Replace takes other peers over, with their numbers, and another port. A peer
// whose name and addresses stay keeps its connections, and has a new TTL, password
// or timeout at once; the connections of others are hung up. It does not wait.
// Peers that Open would refuse change nothing.
func (s *Set) Replace(peers []Peer, listen uint16) error {
	if err := Check(peers); err != nil {
		return err
	}
	known := map[string]*peer{}
	for _, p := range s.peers {
		known[p.name] = p
	}
	s.peers = make([]*peer, len(peers))
	list := make([]Peer, len(peers))
	for i, given := range peers {
		list[i] = given.plain()
		if s.peers[i] = known[given.Name]; s.peers[i] == nil {
			s.peers[i] = newPeer(given.Name)
		}
	}
	now := s.peers
	s.loop.push(func() { s.adopt(now, list, listen) })
	return nil
}

// maxQueued is how much may wait for a peer that does not read.
const maxQueued = 1 << 20

// Write sends bytes on a connection, after those before. What the kernel has taken
// is told by StreamSent. Where more than 1 MiB would be waiting the connection ends.
// Bytes for a connection that there is not, or that was hung up, are dropped.
func (s *Set) Write(w *core.StreamWrite) {
	st := s.find(w.StreamConn)
	if st == nil || len(w.Bytes) == 0 {
		return
	}
	b := w.Bytes
	if st.pending.Load() == 0 && st.turn.CompareAndSwap(nobodys, engines) {
		n, errno := send(st.fd, b)
		failed := errno != 0 && !again(errno)
		if failed {
			st.failed.Store(int32(errno))
		}
		st.turn.Store(nobodys)
		if failed {
			st.hung.Store(true)
			s.loop.push(func() { s.fail(st, errno) })
			return
		}
		if n > 0 {
			s.sent(st, n)
		}
		b = b[n:]
	}
	if len(b) == 0 {
		return
	}
	if st.pending.Load()+int64(len(b)) > maxQueued {
		st.hung.Store(true)
		s.loop.push(func() { s.end(st, "given up: the peer does not read what is sent, and 1 MiB is waiting for it") })
		return
	}
	st.pending.Add(int64(len(b)))
	rest := bytes.Clone(b)
	s.loop.push(func() { st.out = append(st.out, rest...); s.flush(st) })
}

// sent tells that the kernel has taken n bytes.
func (s *Set) sent(st *stream, n int) {
	st.peer.out.Add(uint64(n))
	s.post(st.peer.name, &core.Stream{Conn: st.conn, Kind: core.StreamSent, Count: n})
}

// Dial opens a connection to a peer. StreamOpened or StreamClosed is the answer, at
// the latest after 10 s.
func (s *Set) Dial(c core.StreamConn) {
	if c.Peer < 0 || c.Peer >= len(s.peers) {
		return
	}
	p := s.peers[c.Peer]
	s.loop.push(func() { s.dial(p, c.Conn) })
}

// Hangup closes a connection when what was written to it has been sent, at the
// latest after a second. No more is told of the connection but what is on its way
// to the engine already, and its number may be used again. One that is still being
// opened ends at once.
func (s *Set) Hangup(c core.StreamConn) {
	if c.Peer < 0 || c.Peer >= len(s.peers) {
		return
	}
	p := s.peers[c.Peer]
	if st := s.find(c); st != nil {
		st.hung.Store(true)
		st.quiet.Store(true)
	}
	// A connection that is not there yet is when the loop gets here.
	s.loop.push(func() { s.hangup(p, c.Conn) })
}

// find returns a connection that was not hung up, or nil.
func (s *Set) find(c core.StreamConn) *stream {
	if c.Peer < 0 || c.Peer >= len(s.peers) {
		return nil
	}
	for _, st := range s.peers[c.Peer].list() {
		if st.conn == c.Conn && !st.hung.Load() {
			return st
		}
	}
	return nil
}

// Close frees what Open has made. It is called after Run has ended, and after the
// last call of the engine.
func (s *Set) Close() {
	if s.closed.Swap(true) {
		return
	}
	s.timers.Wait()
	s.loop.close()
	s.space.Close()
}
