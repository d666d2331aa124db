package workload

import (
	"runtime"
	"time"

	"golang.org/x/sys/unix"

	"stead/internal/core/clock"
)

// Now reads CLOCK_BOOTTIME, the clock of the daemon's event log.
func Now() clock.Instant {
	var ts unix.Timespec
	if err := unix.ClockGettime(unix.CLOCK_BOOTTIME, &ts); err != nil {
		panic("read CLOCK_BOOTTIME: " + err.Error())
	}
	return clock.Instant(ts.Nano())
}

// WallTime is the wall time of an earlier moment.
func WallTime(at clock.Instant) time.Time {
	return time.Now().Add(-Now().Sub(at))
}

// sleepUntil blocks the calling thread until a moment. It may wake up early.
func sleepUntil(at clock.Instant) {
	ts := unix.NsecToTimespec(int64(at))
	_ = unix.ClockNanosleep(unix.CLOCK_BOOTTIME, unix.TIMER_ABSTIME, &ts, nil)
}

// probePriority is below that of the daemon: a client that measures must not
// take the processor from what it measures.
const probePriority = 10

// lockThread keeps the goroutine on one thread and, where asked for and
// permitted, gives it real-time priority. It reports whether it did. The thread
// ends with the goroutine.
func lockThread(realtime bool) bool {
	runtime.LockOSThread()
	if !realtime {
		return false
	}
	attr := unix.SchedAttr{Size: unix.SizeofSchedAttr, Policy: unix.SCHED_FIFO, Priority: probePriority}
	return unix.SchedSetAttr(0, &attr, 0) == nil
}
