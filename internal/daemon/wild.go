package daemon

import (
	"context"
	"os"
	"os/signal"
	"syscall"

	"stead/internal/adapter/sched"
)

// wild is what status says after a thread has gone wild.
const wild = "given up: a thread of the daemon has used a processor for 2 s without waiting; restart the daemon, and report it with its log"

// tameThreads waits for the kernel's warning that a thread has gone wild at
// real-time priority, and gives that up for all: a daemon that may be late is
// better than one that the kernel ends.
func (d *Daemon) tameThreads(ctx context.Context) {
	warned := make(chan os.Signal, 1)
	signal.Notify(warned, syscall.SIGXCPU)
	defer signal.Stop(warned)
	select {
	case <-ctx.Done():
	case <-warned:
		err := sched.Relinquish()
		d.mu.Lock()
		d.realtime.Active, d.realtime.Priority, d.realtime.Detail = false, 0, wild
		d.mu.Unlock()
		d.log.Error("real-time priority", "problem", wild)
		d.complain(err)
		d.refresh()
	}
}
