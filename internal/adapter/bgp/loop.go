package bgp

import (
	"context"
	"sync/atomic"

	"golang.org/x/sys/unix"
)

// loop is what the goroutine of Run waits on: an epoll, and a queue of what others
// ask it to do. Neither side of the queue ever waits for the other.
type loop struct {
	epoll, event int // event wakes
	head         atomic.Pointer[task]
}

type task struct {
	do   func()
	next *task
}

func (l *loop) open() (err error) {
	if l.epoll, err = unix.EpollCreate1(unix.EPOLL_CLOEXEC); err != nil {
		return err
	}
	if l.event, err = unix.Eventfd(0, unix.EFD_NONBLOCK|unix.EFD_CLOEXEC); err == nil {
		err = l.add(l.event, unix.EPOLLIN)
		if err != nil {
			_ = unix.Close(l.event)
		}
	}
	if err != nil {
		_ = unix.Close(l.epoll)
	}
	return err
}

func (l *loop) close() {
	_ = unix.Close(l.event)
	_ = unix.Close(l.epoll)
}

// push has the loop call do, after what was pushed before.
func (l *loop) push(do func()) {
	t := &task{do: do}
	for {
		t.next = l.head.Load()
		if l.head.CompareAndSwap(t.next, t) {
			break
		}
	}
	wake(l.event)
}

// drain does what was pushed.
func (l *loop) drain() {
	var first *task
	for t := l.head.Swap(nil); t != nil; {
		next := t.next
		t.next = first
		first, t = t, next
	}
	for ; first != nil; first = first.next {
		first.do()
	}
}

func (l *loop) add(fd int, events uint32) error {
	return unix.EpollCtl(l.epoll, unix.EPOLL_CTL_ADD, fd, &unix.EpollEvent{Events: events, Fd: int32(fd)})
}

func (l *loop) change(fd int, events uint32) error {
	return unix.EpollCtl(l.epoll, unix.EPOLL_CTL_MOD, fd, &unix.EpollEvent{Events: events, Fd: int32(fd)})
}

// Run carries all connections until ctx ends, and hangs them up then, which takes a
// second at most. It is called once.
func (s *Set) Run(ctx context.Context) {
	if err := s.space.Enter(); err != nil {
		s.log.Error("bgp: there are no connections", "problem", err)
		<-ctx.Done()
		return
	}
	s.timers.Add(1)
	unwatch := context.AfterFunc(ctx, func() { defer s.timers.Done(); s.loop.push(s.stop) })
	defer func() {
		if unwatch() {
			s.timers.Done()
		}
	}()
	events := make([]unix.EpollEvent, 64)
	for !s.ending || len(s.files) > 0 {
		n, err := unix.EpollWait(s.loop.epoll, events, -1)
		if err != nil && err != unix.EINTR {
			s.log.Error("bgp: epoll", "problem", err)
			return
		}
		for _, e := range events[:max(n, 0)] {
			s.ready(int(e.Fd), e.Events)
		}
		s.loop.drain()
	}
}

// ready deals with a descriptor. An event may be of one that was closed, and whose
// number another has got, since the kernel told of it: that finds nothing to do.
func (s *Set) ready(fd int, events uint32) {
	if fd == s.loop.event {
		var n [8]byte
		_, _ = unix.Read(fd, n[:])
		return
	}
	for i := range s.listeners {
		if s.listeners[i].fd == fd {
			s.accept(&s.listeners[i])
			return
		}
	}
	st := s.files[fd]
	if st == nil {
		return
	}
	if st.phase == connecting {
		s.connected(st)
		return
	}
	if events&unix.EPOLLOUT != 0 {
		s.flush(st)
	}
	switch {
	case st.phase == ended:
	case events&unix.EPOLLIN != 0:
		s.read(st)
	case events&(unix.EPOLLERR|unix.EPOLLHUP) != 0:
		s.broken(st)
	}
}

// stop hangs everything up and takes no more.
func (s *Set) stop() {
	s.ending = true
	s.listenOn(0, nil)
	for _, p := range s.all {
		for _, st := range p.list() {
			st.quiet.Store(true)
			s.leave(st)
		}
	}
}

// adopt makes other peers the present ones.
func (s *Set) adopt(peers []*peer, settings []Peer, listen uint16) {
	if s.ending {
		return
	}
	stays := map[*peer]bool{}
	for i, p := range peers {
		stays[p] = true
		was := p.settings.Swap(&settings[i])
		if was.Remote != settings[i].Remote || was.Source != settings[i].Source {
			s.leaveAll(p, "hung up: the configuration has other addresses")
			continue
		}
		for _, st := range p.list() {
			if err := adjust(st.fd, was, &settings[i]); err != nil {
				p.say(err.Error())
			}
			if st.phase == open {
				setUserTimeout(st.fd, &settings[i])
			}
		}
	}
	for _, p := range s.all {
		if !stays[p] {
			s.leaveAll(p, "hung up: the configuration has not got the peer")
		}
	}
	s.all = peers
	s.present.Store(&peers)
	s.listenOn(listen, peers)
}

// leaveAll hangs up all connections of a peer that have not been.
func (s *Set) leaveAll(p *peer, why string) {
	for _, st := range p.list() {
		if st.phase != closing {
			s.told(st, why)
			s.leave(st)
		}
	}
}

// say stores what is wrong with a peer; empty: nothing.
func (p *peer) say(problem string) { p.problem.Store(&problem) }
