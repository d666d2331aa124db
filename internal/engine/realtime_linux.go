package engine

import (
	"fmt"
	"runtime"

	"golang.org/x/sys/unix"
)

// Realtime asks for SCHED_FIFO at a priority (1 to 99) for the calling thread,
// which the goroutine keeps from then on. Threads started by it are ordinary
// again, so that nothing that it causes can keep a processor for itself.
func Realtime(priority int) error {
	runtime.LockOSThread()
	// The kernel's default slack of 50 µs does not apply to real-time threads;
	// it matters where the priority is refused.
	_ = unix.Prctl(unix.PR_SET_TIMERSLACK, 1, 0, 0, 0)
	attr := unix.SchedAttr{Size: unix.SizeofSchedAttr, Policy: unix.SCHED_FIFO, Priority: uint32(priority), Flags: unix.SCHED_FLAG_RESET_ON_FORK}
	if err := unix.SchedSetAttr(0, &attr, 0); err != nil {
		return fmt.Errorf("real-time priority %d: %w (needs CAP_SYS_NICE or a limit of RLIMIT_RTPRIO)", priority, err)
	}
	return nil
}

// LockMemory keeps the daemon's pages in memory as they are touched, so that no
// page fault waits for a disk while a lease runs.
func LockMemory() error {
	if err := unix.Mlockall(unix.MCL_CURRENT | unix.MCL_FUTURE | unix.MCL_ONFAULT); err != nil {
		return fmt.Errorf("lock memory: %w (needs CAP_IPC_LOCK or a higher RLIMIT_MEMLOCK)", err)
	}
	return nil
}
