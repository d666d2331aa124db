package fence

import (
	"fmt"
	"os"
	"runtime"
	"time"

	"github.com/vishvananda/netlink"
	"github.com/vishvananda/netns"
	"golang.org/x/sys/unix"
)

// watcher sweeps when an interface changes, and at intervals.
type watcher struct {
	attach *attacher
	every  time.Duration
	home   netns.NsHandle // the network namespace that is watched

	quit chan bool  // whether to detach
	done chan error // of the detaching
}

// watch starts a watcher for the calling thread's network namespace.
func watch(a *attacher, every time.Duration) (*watcher, error) {
	home, err := netns.Get()
	if err != nil {
		return nil, fmt.Errorf("open the network namespace: %w", err)
	}
	w := &watcher{attach: a, every: every, home: home, quit: make(chan bool), done: make(chan error)}
	ready := make(chan error)
	go w.run(ready)
	return w, <-ready
}

// stop ends the watcher, which first detaches the programs where asked to.
func (w *watcher) stop(detach bool) error {
	w.quit <- detach
	return <-w.done
}

func (w *watcher) run(ready chan<- error) {
	// The thread is not given back: it may be in another namespace than the rest.
	runtime.LockOSThread()
	defer w.home.Close()
	if err := enter(w.home); err != nil {
		ready <- err
		return
	}
	ended := make(chan struct{})
	changes := subscribe(ended)
	defer func() {
		close(ended)
		if changes == nil {
			return
		}
		// The subscription may be about to send; it closes the channel when it ends.
		go func(last <-chan netlink.LinkUpdate) {
			for range last {
			}
		}(changes)
	}()
	ready <- nil

	tick := time.NewTicker(w.every)
	defer tick.Stop()
	for {
		select {
		case detach := <-w.quit:
			var err error
			if detach {
				err = w.attach.detach()
			}
			w.done <- err
			return
		case _, ok := <-changes:
			if !ok {
				changes = nil // overrun; the next tick sweeps and subscribes again
				continue
			}
			drain(changes)
		case <-tick.C:
			if changes == nil {
				changes = subscribe(ended)
			}
		}
		w.attach.sweep()
	}
}

// subscribe listens for changes of interfaces. Where that is refused, it returns
// nil: sweeps at intervals find them too, only later.
func subscribe(ended <-chan struct{}) chan netlink.LinkUpdate {
	changes := make(chan netlink.LinkUpdate, 64)
	err := netlink.LinkSubscribeWithOptions(changes, ended, netlink.LinkSubscribeOptions{
		ErrorCallback: func(error) {}, // the channel is closed then
	})
	if err != nil {
		return nil
	}
	return changes
}

// drain takes what has queued up: one sweep serves all of it.
func drain(changes <-chan netlink.LinkUpdate) {
	for range cap(changes) {
		select {
		case <-changes:
		default:
			return
		}
	}
}

// enter brings the calling thread into a network namespace. In a daemon it is
// there already, and needs no privilege.
func enter(home netns.NsHandle) error {
	here, err := netns.Get()
	if err != nil {
		return fmt.Errorf("open the network namespace: %w", err)
	}
	defer here.Close()
	if here.Equal(home) {
		return nil
	}
	if err := netns.Set(home); err != nil {
		return fmt.Errorf("enter the network namespace: %w", err)
	}
	return nil
}

// lockName is an abstract socket address, of which each network namespace has
// its own. It is free as soon as the process that bound it is gone.
const lockName = "@stead/fence"

// lockNamespace keeps a second daemon from adopting, and closing, the fence of a
// first one that lives.
func lockNamespace() (int, error) {
	fd, err := unix.Socket(unix.AF_UNIX, unix.SOCK_SEQPACKET|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return -1, fmt.Errorf("lock: %w", err)
	}
	name := &unix.SockaddrUnix{Name: lockName}
	if err := unix.Bind(fd, name); err != nil {
		holder := ""
		if unix.Connect(fd, name) == nil {
			if peer, err := unix.GetsockoptUcred(fd, unix.SOL_SOCKET, unix.SO_PEERCRED); err == nil && int(peer.Pid) != os.Getpid() {
				holder = fmt.Sprintf(" (process %d)", peer.Pid)
			}
		}
		_ = unix.Close(fd)
		return -1, fmt.Errorf("another daemon has the fence of this network namespace%s: %w", holder, err)
	}
	if err := unix.Listen(fd, 1); err != nil {
		_ = unix.Close(fd)
		return -1, fmt.Errorf("lock: %w", err)
	}
	return fd, nil
}
