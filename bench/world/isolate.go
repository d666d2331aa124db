package world

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"runtime"
	"syscall"
)

const isolated = "STEAD_BENCH_ISOLATED"

// Isolate runs this program again in process, mount and network namespaces of
// its own, waits for it and exits with its code. In there it returns, and the
// program may go on: whatever it leaves running ends with it.
func Isolate() error {
	if os.Getenv(isolated) != "" {
		return errors.Join(
			syscall.Mount("", "/", "", syscall.MS_PRIVATE|syscall.MS_REC, ""),
			syscall.Mount("proc", "/proc", "proc", 0, ""),
			syscall.Mount("run", "/run", "tmpfs", 0, ""),
			syscall.Mount("tmp", "/var/tmp", "tmpfs", 0, "mode=1777"), // FRR leaves a directory of each run there
		)
	}
	child := exec.Command("/proc/self/exe", os.Args[1:]...)
	child.Env = append(os.Environ(), isolated+"=1")
	child.Stdin, child.Stdout, child.Stderr = os.Stdin, os.Stdout, os.Stderr
	child.SysProcAttr = &syscall.SysProcAttr{
		Cloneflags: syscall.CLONE_NEWPID | syscall.CLONE_NEWNS | syscall.CLONE_NEWNET,
		Pdeathsig:  syscall.SIGKILL,
	}
	if os.Geteuid() != 0 {
		child.SysProcAttr.Cloneflags |= syscall.CLONE_NEWUSER
		child.SysProcAttr.UidMappings = []syscall.SysProcIDMap{{HostID: os.Getuid(), Size: 1}}
		child.SysProcAttr.GidMappings = []syscall.SysProcIDMap{{HostID: os.Getgid(), Size: 1}}
	}
	// The kernel would kill the child when the thread that started it ends.
	runtime.LockOSThread()
	if err := child.Start(); err != nil {
		return fmt.Errorf("make namespaces: %w (run it as root)", err)
	}
	ask := make(chan os.Signal, 1)
	signal.Notify(ask, os.Interrupt, syscall.SIGTERM)
	go func() {
		<-ask
		_ = child.Process.Kill() // and with it everything in its namespace
	}()
	_ = child.Wait()
	os.Exit(max(child.ProcessState.ExitCode(), -child.ProcessState.ExitCode()))
	return nil
}
