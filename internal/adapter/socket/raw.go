package socket

import (
	"time"
	"unsafe"

	"golang.org/x/sys/unix"
)

// The calls below do not tell the Go scheduler that they may block. The engine's
// thread keeps its place in the scheduler while it waits, so that it need not
// queue for one when a heartbeat arrives, and the runtime's monitor has nothing
// to take from it: half the processor time of an idle daemon went into that. A
// collection is not held up: the runtime interrupts the wait by a signal.
//
// The monitor does so as well, every 10 ms, with a goroutine that seems to compute
// for so long. A long wait is therefore told to the scheduler: to get the place
// back costs less than all these interruptions. Measured with an advertisement
// every second 0.8 % of a core in place of 1.5; every 100 ms 1.7 in place of 1.4.

// longWait is from how long on a wait is told to the scheduler.
const longWait = 150 * time.Millisecond

func wait(fds []unix.PollFd, d time.Duration) {
	timeout := unix.NsecToTimespec(int64(max(d, 0)))
	if d < longWait {
		ppoll(fds, &timeout)
		return
	}
	_, _ = unix.Ppoll(fds, &timeout, nil) // an interrupted wait is one that has ended early
}

func ppoll(fds []unix.PollFd, timeout *unix.Timespec) {
	// An interrupted wait is one that has ended early.
	_, _, _ = unix.RawSyscall6(unix.SYS_PPOLL, uintptr(unsafe.Pointer(&fds[0])), uintptr(len(fds)), uintptr(unsafe.Pointer(timeout)), 0, 0, 0)
}

func read(fd int, b []byte) (int, unix.Errno) {
	n, _, errno := unix.RawSyscall(unix.SYS_READ, uintptr(fd), uintptr(unsafe.Pointer(&b[0])), uintptr(len(b)))
	return int(n), errno
}

func write(fd int, b []byte) (int, unix.Errno) {
	n, _, errno := unix.RawSyscall(unix.SYS_WRITE, uintptr(fd), uintptr(unsafe.Pointer(&b[0])), uintptr(len(b)))
	return int(n), errno
}
