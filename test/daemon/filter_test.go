package daemon

import (
	"runtime"
	"unsafe"

	"golang.org/x/sys/unix"
)

// installFilter puts the calling goroutine's thread, and what it executes, under a
// seccomp filter. The goroutine stays on the thread.
func installFilter(filter []unix.SockFilter) error {
	runtime.LockOSThread()
	if err := unix.Prctl(unix.PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0); err != nil {
		return err
	}
	program := unix.SockFprog{Len: uint16(len(filter)), Filter: &filter[0]}
	return unix.Prctl(unix.PR_SET_SECCOMP, unix.SECCOMP_MODE_FILTER, uintptr(unsafe.Pointer(&program)), 0, 0)
}
