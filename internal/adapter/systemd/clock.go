package systemd

import (
	"time"

	"golang.org/x/sys/unix"
)

// now bounds how long a message may wait.
func now() time.Time { return time.Now() }

// monotonic is the time in microseconds by the clock that the manager compares a
// reload with.
func monotonic() (usec int64, err error) {
	var ts unix.Timespec
	err = unix.ClockGettime(unix.CLOCK_MONOTONIC, &ts)
	return ts.Nano() / 1000, err
}
