package engine

import (
	"golang.org/x/sys/unix"

	"stead/internal/core"
)

// Now reads CLOCK_BOOTTIME, the one clock of the daemon. It counts suspended
// time, never steps, and is what bpf_ktime_get_boot_ns reads in the fence.
func Now() core.Instant {
	var ts unix.Timespec
	if err := unix.ClockGettime(unix.CLOCK_BOOTTIME, &ts); err != nil {
		panic("read CLOCK_BOOTTIME: " + err.Error()) // Linux has had it since 2.6.39
	}
	return core.Instant(ts.Nano())
}
