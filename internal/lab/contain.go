package lab

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"runtime"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// Container is this program, run once more as the init of namespaces of its own.
type Container struct {
	Args   []string // of the command line, without the name of the program
	Env    []string // added to the environment
	Stderr io.Writer
	Stdout io.Writer
	// Result is where what the program writes to ResultFile goes. It may be nil.
	Result func(io.Reader) error
}

// The files that the program inside finds open beside its standard ones.
const (
	lifelineFD = 3 // reads end-of-file when the program outside has gone
	resultFD   = 4
)

// endPatience is how long a container that was asked to end may take.
const endPatience = 15 * time.Second

// Run runs the container until it ends, or until ctx does: then it is asked to
// end, by SIGTERM to it alone, and killed after 15 s. The error of a program that failed is an *exec.ExitError.
func (c *Container) Run(ctx context.Context) error {
	cmd := exec.Command("/proc/self/exe", c.Args...)
	cmd.Args[0] = os.Args[0]
	cmd.Env = append(os.Environ(), c.Env...)
	cmd.Stdout, cmd.Stderr = c.Stdout, c.Stderr
	cmd.SysProcAttr = namespaces()
	lifeline, held, err := os.Pipe()
	if err != nil {
		return fmt.Errorf("open a pipe: %w", err)
	}
	defer held.Close()
	result, results, err := os.Pipe()
	if err != nil {
		return errors.Join(fmt.Errorf("open a pipe: %w", err), lifeline.Close())
	}
	defer result.Close()
	cmd.ExtraFiles = []*os.File{lifeline, results}

	// The signal at the parent's death is tied to the thread that started the child.
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	err = cmd.Start()
	_, _ = lifeline.Close(), results.Close()
	if err != nil {
		return adviseNamespaces(fmt.Errorf("start the lab in namespaces of its own: %w", err))
	}
	stop := context.AfterFunc(ctx, func() {
		_ = cmd.Process.Signal(syscall.SIGTERM)
		time.AfterFunc(endPatience, func() { _ = cmd.Process.Kill() })
	})
	defer stop()
	var readErr error
	if c.Result != nil {
		readErr = c.Result(result)
	}
	if _, err := io.Copy(io.Discard, result); err != nil {
		readErr = errors.Join(readErr, err)
	}
	return errors.Join(cmd.Wait(), readErr)
}

// namespaces are those of the lab. Only who lacks CAP_SYS_ADMIN needs a user
// namespace: in it, the kernel permits less (no eBPF, no real-time priority).
func namespaces() *syscall.SysProcAttr {
	attr := &syscall.SysProcAttr{
		Cloneflags: unix.CLONE_NEWNET | unix.CLONE_NEWNS | unix.CLONE_NEWPID | unix.CLONE_NEWIPC | unix.CLONE_NEWUTS,
		Pdeathsig:  syscall.SIGKILL,
	}
	if !Privileged() {
		attr.Cloneflags |= unix.CLONE_NEWUSER
		attr.UidMappings = []syscall.SysProcIDMap{{HostID: os.Getuid(), Size: 1}}
		attr.GidMappings = []syscall.SysProcIDMap{{HostID: os.Getgid(), Size: 1}}
	}
	return attr
}

// Privileged tells whether this process may make namespaces without a user namespace.
func Privileged() bool {
	header := unix.CapUserHeader{Version: unix.LINUX_CAPABILITY_VERSION_3}
	var data [2]unix.CapUserData
	if err := unix.Capget(&header, &data[0]); err != nil {
		return false
	}
	const needed = 1<<unix.CAP_SYS_ADMIN | 1<<unix.CAP_NET_ADMIN
	return data[0].Effective&needed == needed
}

// adviseNamespaces says what to do where the kernel does not let an ordinary user have namespaces.
func adviseNamespaces(err error) error {
	if Privileged() {
		return err
	}
	switch {
	case errors.Is(err, unix.EPERM), errors.Is(err, unix.EACCES):
		return fmt.Errorf("%w (this kernel keeps user namespaces from ordinary users: run it as root, or set kernel.apparmor_restrict_unprivileged_userns=0 or kernel.unprivileged_userns_clone=1, whichever sysctl exists)", err)
	case errors.Is(err, unix.ENOSPC):
		return fmt.Errorf("%w (no user namespaces are allowed: run it as root, or raise the sysctl user.max_user_namespaces)", err)
	case errors.Is(err, unix.EINVAL):
		return fmt.Errorf("%w (this kernel has no user namespaces: run it as root)", err)
	}
	return err
}
