package keeper

import (
	"os"
	"os/signal"
	"sync"

	"golang.org/x/sys/unix"
)

// Adopt makes this process the one that gets the children of those that die below
// it, as process 1 of a container is anyway, and takes leave of them when they end.
// It is for a program that has no children but its keeper. except are the process
// IDs of children that somebody else waits for.
func Adopt(except func(pid int) bool) (stop func(), err error) {
	if err := unix.Prctl(unix.PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0); err != nil {
		return nil, os.NewSyscallError("prctl(PR_SET_CHILD_SUBREAPER)", err)
	}
	children := make(chan os.Signal, 1)
	signal.Notify(children, unix.SIGCHLD)
	var done sync.WaitGroup
	done.Go(func() {
		for range children {
			reapOrphans(except)
		}
	})
	return func() {
		signal.Stop(children)
		close(children)
		done.Wait()
	}, nil
}

// reapOrphans takes leave of children that have ended.
func reapOrphans(except func(pid int) bool) {
	self := os.Getpid()
	for _, p := range table() {
		if p.parent == self && p.zombie && !except(p.pid) {
			_, _ = unix.Wait4(p.pid, nil, unix.WNOHANG, nil)
		}
	}
}
