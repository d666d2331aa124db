package vrrp

import (
	"fmt"
	"runtime"

	"golang.org/x/sys/unix"
)

// space is the network namespace of the Set.
type space struct {
	fd int
}

const ownSpace = "/proc/thread-self/ns/net"

// here returns the namespace of the calling thread.
func here() (*space, error) {
	fd, err := unix.Open(ownSpace, unix.O_RDONLY|unix.O_CLOEXEC, 0)
	if err != nil {
		return nil, fmt.Errorf("open the network namespace: %w", err)
	}
	return &space{fd}, nil
}

// enter keeps the calling goroutine on its thread, and that in the namespace. The
// goroutine never unlocks it: the thread ends with it.
func (n *space) enter() error {
	runtime.LockOSThread()
	var own, want unix.Stat_t
	if unix.Stat(ownSpace, &own) == nil && unix.Fstat(n.fd, &want) == nil && own.Dev == want.Dev && own.Ino == want.Ino {
		return nil
	}
	if err := unix.Setns(n.fd, unix.CLONE_NEWNET); err != nil {
		return fmt.Errorf("enter the network namespace: %w (needs CAP_SYS_ADMIN)", err)
	}
	return nil
}

func (n *space) close() { closeFile(&n.fd) }
