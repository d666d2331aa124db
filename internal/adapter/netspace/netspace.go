// Package netspace keeps the network namespace in which a part of the daemon was
// opened, for those of its sockets that are opened later, by another thread.
package netspace

import (
	"fmt"
	"runtime"

	"golang.org/x/sys/unix"
)

// Space is an open network namespace.
type Space struct {
	fd int
}

const own = "/proc/thread-self/ns/net"

// Here returns the namespace of the calling thread.
func Here() (*Space, error) {
	fd, err := unix.Open(own, unix.O_RDONLY|unix.O_CLOEXEC, 0)
	if err != nil {
		return nil, fmt.Errorf("open the network namespace: %w", err)
	}
	return &Space{fd}, nil
}

// Enter keeps the calling goroutine on its thread, and that in the namespace. The
// goroutine never unlocks it: the thread ends with it. The error is nil wherever
// the thread is in the namespace already.
func (s *Space) Enter() error {
	runtime.LockOSThread()
	var is, want unix.Stat_t
	if unix.Stat(own, &is) == nil && unix.Fstat(s.fd, &want) == nil && is.Dev == want.Dev && is.Ino == want.Ino {
		return nil
	}
	if err := unix.Setns(s.fd, unix.CLONE_NEWNET); err != nil {
		return fmt.Errorf("enter the network namespace: %w (needs CAP_SYS_ADMIN)", err)
	}
	return nil
}

// Close lets go of the namespace. It may be called again.
func (s *Space) Close() {
	if s.fd >= 0 {
		_ = unix.Close(s.fd)
		s.fd = -1
	}
}
