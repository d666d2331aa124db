package doctor

import (
	"fmt"
	"os"
	"strconv"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"

	"stead/internal/adapter/sched"
	"stead/internal/core"
)

// tryRealtime asks for a real-time priority on a thread that ends at once.
func tryRealtime(priority int) error {
	failed := make(chan error)
	go func() { failed <- sched.Own(priority) }()
	return <-failed
}

// sampleLateness has a thread of its own woken every so often and returns how late
// it was each time. The thread keeps its place in the Go scheduler while it sleeps,
// as the engine's does: what is measured is the kernel.
func sampleLateness(now func() core.Instant, s Sample) ([]time.Duration, error) {
	type result struct {
		late []time.Duration
		err  error
	}
	done := make(chan result)
	if s.Priority > 0 {
		// The thread gets its goroutine back from others of this process now and then.
		if err := sched.All(); err != nil {
			return nil, err
		}
		defer ordinary()
	}
	go func() {
		if s.Priority > 0 {
			if err := sched.Own(s.Priority); err != nil {
				done <- result{nil, err}
				return
			}
		} else {
			sched.Ordinary()
		}
		late, err := wakeUp(now, s)
		done <- result{late, err}
	}()
	r := <-done
	return r.late, r.err
}

// ordinary makes every thread of this process an ordinary one again. A second look
// finds those that were started during the first.
func ordinary() {
	for range 2 {
		tasks, _ := os.ReadDir("/proc/self/task")
		for _, task := range tasks {
			if tid, err := strconv.Atoi(task.Name()); err == nil {
				_ = unix.SchedSetAttr(tid, &unix.SchedAttr{Size: unix.SizeofSchedAttr, Policy: unix.SCHED_NORMAL}, 0)
			}
		}
	}
}

func wakeUp(now func() core.Instant, s Sample) ([]time.Duration, error) {
	late := make([]time.Duration, 0, s.During/s.Period)
	for at, end := now().Add(s.Period), now().Add(s.During); at < end; at = at.Add(s.Period) {
		woken := now()
		if woken > at {
			continue // what was missed while it was late counts once
		}
		ts := unix.NsecToTimespec(int64(at))
		for woken < at {
			_, _, errno := unix.RawSyscall6(unix.SYS_CLOCK_NANOSLEEP, unix.CLOCK_BOOTTIME, unix.TIMER_ABSTIME, uintptr(unsafe.Pointer(&ts)), 0, 0, 0)
			if errno != 0 && errno != unix.EINTR {
				return nil, fmt.Errorf("sleep: %w", errno)
			}
			woken = now()
		}
		late = append(late, woken.Sub(at))
	}
	return late, nil
}
