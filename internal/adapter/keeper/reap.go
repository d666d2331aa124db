package keeper

import (
	"os"
	"os/exec"
	"os/signal"
	"sync"

	"golang.org/x/sys/unix"
)

// Adopt makes this process the one that gets the children of those that die below
// it, as process 1 of a container is anyway, and takes leave of them when they end.
// It is for a program that has no children but keepers.
func Adopt() (stop func(), err error) {
	if err := unix.Prctl(unix.PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0); err != nil {
		return nil, os.NewSyscallError("prctl(PR_SET_CHILD_SUBREAPER)", err)
	}
	children := make(chan os.Signal, 1)
	signal.Notify(children, unix.SIGCHLD)
	var done sync.WaitGroup
	done.Go(func() {
		for range children {
			reapOrphans()
		}
	})
	return func() {
		signal.Stop(children)
		close(children)
		done.Wait()
	}, nil
}

// keepers are those of this process, which wait for their own end.
var keepers struct {
	sync.Mutex
	pids map[int]bool
}

// startKeeper starts a keeper, and lets nobody else take leave of it.
func startKeeper(cmd *exec.Cmd) error {
	keepers.Lock()
	defer keepers.Unlock()
	if err := cmd.Start(); err != nil {
		return err
	}
	if keepers.pids == nil {
		keepers.pids = map[int]bool{}
	}
	keepers.pids[cmd.Process.Pid] = true
	return nil
}

// waitKeeper waits for the end of a keeper.
func waitKeeper(cmd *exec.Cmd) error {
	err := cmd.Wait()
	keepers.Lock()
	defer keepers.Unlock()
	delete(keepers.pids, cmd.Process.Pid)
	return err
}

// reapOrphans takes leave of children that have ended.
func reapOrphans() {
	keepers.Lock()
	defer keepers.Unlock()
	self := os.Getpid()
	for _, p := range table() {
		if p.parent == self && p.zombie && !keepers.pids[p.pid] {
			_, _ = unix.Wait4(p.pid, nil, unix.WNOHANG, nil)
		}
	}
}
