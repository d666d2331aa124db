package link

import (
	"fmt"
	"runtime"
	"sync/atomic"

	"golang.org/x/sys/unix"
)

// waker ends the worker's poll from another goroutine.
type waker struct {
	fd     int
	raised atomic.Bool
}

func newWaker() (*waker, error) {
	fd, err := unix.Eventfd(0, unix.EFD_NONBLOCK|unix.EFD_CLOEXEC)
	if err != nil {
		return nil, fmt.Errorf("open an eventfd: %w", err)
	}
	w := &waker{fd: fd}
	// Closed only when nobody can call wake any more: a late call must not
	// write into a file that got the same number.
	runtime.SetFinalizer(w, func(w *waker) { _ = unix.Close(w.fd) })
	return w, nil
}

// wake makes the descriptor readable. It costs a system call only when nobody
// has done so since the last clear.
func (w *waker) wake() {
	if w.raised.Swap(true) {
		return
	}
	one := [8]byte{1}
	_, _ = unix.Write(w.fd, one[:])
	runtime.KeepAlive(w)
}

// clear makes it unreadable. What was asked for before a later wake is seen by
// whoever looks after clear.
func (w *waker) clear() {
	var b [8]byte
	_, _ = unix.Read(w.fd, b[:])
	w.raised.Store(false)
}
