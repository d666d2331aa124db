package wallclock

import (
	"errors"
	"fmt"
	"os"
	"sync/atomic"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"
)

// Clock is the wall clock of some programs: the machine's, and a step. It may be
// used from any goroutine.
type Clock struct {
	step  atomic.Int64
	asked atomic.Int64 // since the last Step
}

// Step sets by how much the clock is ahead of the machine's.
func (c *Clock) Step(ahead time.Duration) {
	c.step.Store(int64(ahead))
	c.asked.Store(0)
}

// Asked is how often a program has asked for the time since the last step.
func (c *Clock) Asked() int { return int(c.asked.Load()) }

// Files are what a program that calls Exec is to inherit as its third and fourth
// open file. The clock is served until that program and all that it has started
// have ended. The caller closes the first file when the program has been started.
func (c *Clock) Files(program *os.File) ([]*os.File, error) {
	pair, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_SEQPACKET|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return nil, err
	}
	go c.serve(pair[0])
	return []*os.File{os.NewFile(uintptr(pair[1]), "clock"), program}, nil
}

// serve waits for the listener of a program, and answers.
func (c *Clock) serve(socket int) {
	listener, err := receive(socket)
	_ = unix.Close(socket)
	if err != nil {
		return // the program has ended before it asked
	}
	defer unix.Close(listener)
	for c.answer(listener) == nil {
	}
}

func receive(socket int) (int, error) {
	data, rights := make([]byte, 1), make([]byte, unix.CmsgSpace(4))
	for {
		_, n, _, _, err := unix.Recvmsg(socket, data, rights, unix.MSG_CMSG_CLOEXEC)
		if errors.Is(err, unix.EINTR) {
			continue
		}
		if err != nil {
			return -1, err
		}
		messages, err := unix.ParseSocketControlMessage(rights[:n])
		if err != nil || len(messages) != 1 {
			return -1, fmt.Errorf("no listener: %w", err)
		}
		fds, err := unix.ParseUnixRights(&messages[0])
		if err != nil || len(fds) != 1 {
			return -1, fmt.Errorf("no listener: %w", err)
		}
		return fds[0], nil
	}
}

// notification and response are struct seccomp_notif and struct seccomp_notif_resp.
type (
	notification struct {
		ID    uint64
		PID   uint32
		Flags uint32
		Data  struct {
			Number int32
			Arch   uint32
			IP     uint64
			Args   [6]uint64
		}
	}
	response struct {
		ID    uint64
		Value int64
		Error int32
		Flags uint32
	}
)

// answer answers one question. An error says that nobody is left who could ask.
func (c *Clock) answer(listener int) error {
	var question notification
	switch err := ioctl(listener, unix.SECCOMP_IOCTL_NOTIF_RECV, unsafe.Pointer(&question)); {
	case errors.Is(err, unix.EINTR), errors.Is(err, unix.ENOENT):
		return stillAsked(listener)
	case err != nil:
		return err
	}
	reply := response{ID: question.ID}
	ts := unix.NsecToTimespec(time.Now().UnixNano() + c.step.Load())
	if err := write(int(question.PID), uintptr(question.Data.Args[1]), unsafe.Slice((*byte)(unsafe.Pointer(&ts)), unsafe.Sizeof(ts))); err != nil {
		reply.Error = -int32(unix.EFAULT)
	}
	c.asked.Add(1)
	// Who was killed meanwhile gets no answer.
	_ = ioctl(listener, unix.SECCOMP_IOCTL_NOTIF_SEND, unsafe.Pointer(&reply))
	return nil
}

// stillAsked returns an error when all programs have ended.
func stillAsked(listener int) error {
	poll := []unix.PollFd{{Fd: int32(listener), Events: unix.POLLIN}}
	if _, err := unix.Poll(poll, 0); err != nil && !errors.Is(err, unix.EINTR) {
		return err
	}
	if poll[0].Revents&unix.POLLHUP != 0 {
		return unix.ESRCH
	}
	return nil
}

func ioctl(fd int, request uint, argument unsafe.Pointer) error {
	if _, _, errno := unix.Syscall(unix.SYS_IOCTL, uintptr(fd), uintptr(request), uintptr(argument)); errno != 0 {
		return errno
	}
	return nil
}

// write writes into the memory of another process.
func write(pid int, at uintptr, what []byte) error {
	local := []unix.Iovec{{Base: &what[0], Len: uint64(len(what))}}
	remote := []unix.RemoteIovec{{Base: at, Len: len(what)}}
	n, err := unix.ProcessVMWritev(pid, local, remote, 0)
	if err == nil && n != len(what) {
		err = unix.EFAULT
	}
	return err
}
