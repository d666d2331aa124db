package socket

import (
	"unsafe"

	"golang.org/x/sys/unix"
)

// The calls below do not tell the Go scheduler that they may block. The engine's
// thread keeps its place in the scheduler while it waits, so that it need not
// queue for one when a heartbeat arrives, and the runtime's monitor has nothing
// to take from it: half the processor time of an idle daemon went into that. A
// collection is not held up: the runtime interrupts the wait by a signal.

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
