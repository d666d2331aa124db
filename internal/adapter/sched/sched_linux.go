// Package sched gives threads their place: the engine's before everything, the
// daemon's others before ordinary programs, and what must be ordinary back among
// those.
//
// Why all threads: the Go runtime takes a locked goroutine off its thread some
// hundred times a second and gives it back by way of another thread. Were that
// one ordinary, the engine would wait with it behind every busy program of the
// machine. Measured with four busy loops on two processors: up to 33 ms late
// with only the engine's thread raised, below 2.2 ms with all of them.
package sched

import (
	"fmt"
	"os"
	"runtime"
	"strconv"

	"golang.org/x/sys/unix"
)

// Base is the real-time priority of the daemon's other threads: the lowest.
const Base = 1

// How long in microseconds a thread may use a processor at real-time priority
// without ever waiting. Nothing here does so for a tenth of the first; a thread
// that does has gone wild, or waits in a loop for one that it keeps from running.
// At the first the process gets SIGXCPU, and Relinquish is what to do then. At the
// second the kernel ends it before it takes the machine; the fence then closes
// with the lease.
const (
	spinWarning = 2_000_000
	spinLimit   = 5_000_000
)

// All gives SCHED_FIFO at Base to every thread of the process. Those that the
// runtime starts later inherit it.
func All() error {
	limit := unix.Rlimit{Cur: spinWarning, Max: spinLimit}
	if err := unix.Setrlimit(unix.RLIMIT_RTTIME, &limit); err != nil {
		return fmt.Errorf("limit of real-time processor use: %w", err)
	}
	if err := each(unix.SCHED_FIFO, Base); err != nil {
		return refused(Base, err)
	}
	return nil
}

// Relinquish makes every thread of the process an ordinary one.
func Relinquish() error { return each(unix.SCHED_NORMAL, 0) }

// each sets the policy of every thread that there is.
func each(policy uint32, priority int) error {
	tasks, err := os.ReadDir("/proc/self/task")
	if err != nil {
		return err
	}
	for _, task := range tasks {
		tid, err := strconv.Atoi(task.Name())
		if err != nil {
			continue
		}
		if err := set(tid, policy, priority, 0); err != nil && err != unix.ESRCH {
			return err
		}
	}
	return nil
}

// Own keeps the calling goroutine on its thread and gives that SCHED_FIFO at a
// priority from 1 to 99.
func Own(priority int) error {
	runtime.LockOSThread()
	// The kernel's default slack of 50 µs does not apply to real-time threads;
	// it matters where the priority is refused.
	_ = unix.Prctl(unix.PR_SET_TIMERSLACK, 1, 0, 0, 0)
	if err := set(0, unix.SCHED_FIFO, priority, unix.SCHED_FLAG_RESET_ON_FORK); err != nil {
		return refused(priority, err)
	}
	return nil
}

// Ordinary keeps the calling goroutine on its thread and makes that an ordinary
// one, for what must not run at real-time priority: programs of users, whose
// processes inherit it, and writes to net sysctls, which can spin for ever. The
// thread ends with the goroutine, if that never unlocks it.
func Ordinary() {
	runtime.LockOSThread()
	_ = set(0, unix.SCHED_NORMAL, 0, 0) // lowering is always allowed
}

// Memory keeps the daemon's pages in memory as they are touched, so that no page
// fault waits for a disk while a lease runs.
func Memory() error {
	if err := unix.Mlockall(unix.MCL_CURRENT | unix.MCL_FUTURE | unix.MCL_ONFAULT); err != nil {
		return fmt.Errorf("lock memory: %w (needs CAP_IPC_LOCK or a higher RLIMIT_MEMLOCK)", err)
	}
	return nil
}

func set(tid int, policy uint32, priority int, flags uint64) error {
	attr := unix.SchedAttr{Size: unix.SizeofSchedAttr, Policy: policy, Priority: uint32(priority), Flags: flags}
	return unix.SchedSetAttr(tid, &attr, 0)
}

func refused(priority int, err error) error {
	return fmt.Errorf("real-time priority %d: %w (needs CAP_SYS_NICE or a limit of RLIMIT_RTPRIO)", priority, err)
}
