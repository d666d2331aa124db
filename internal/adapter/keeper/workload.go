package keeper

import (
	"fmt"
	"os"
	"os/exec"
	"os/user"
	"slices"
	"strconv"
	"strings"
	"syscall"

	"golang.org/x/sys/unix"
)

// startWorkload starts the command in a session of its own, and in its control
// group where there is one. It dies with this thread.
func (w *warden) startWorkload() (int, error) {
	name := w.job.Workload[0]
	path, err := exec.LookPath(name)
	if err != nil {
		return 0, fmt.Errorf("start the workload: %w", err)
	}
	attr := &syscall.SysProcAttr{Setsid: true, Pdeathsig: syscall.SIGKILL}
	if w.job.User != "" {
		if attr.Credential, err = credential(w.job.User); err != nil {
			return 0, fmt.Errorf("start the workload: %w", err)
		}
	}
	if w.job.Group != "" {
		if fd, err := openGroup(w.job.Group); err == nil {
			defer unix.Close(fd)
			attr.UseCgroupFD, attr.CgroupFD = true, fd
		}
	}
	start := &syscall.ProcAttr{Env: w.job.Env, Files: []uintptr{0, 1, 2}, Sys: attr}
	pid, err := syscall.ForkExec(path, w.job.Workload, start)
	if err != nil && attr.UseCgroupFD {
		w.tell(report{What: said, Text: fmt.Sprintf("the workload has no control group of its own: %v", err)})
		attr.UseCgroupFD = false
		pid, err = syscall.ForkExec(path, w.job.Workload, start)
	}
	if err != nil {
		return 0, fmt.Errorf("start the workload: %s: %w", path, err)
	}
	return pid, nil
}

// credential looks a user up, by name or number.
func credential(name string) (*syscall.Credential, error) {
	account, err := user.Lookup(name)
	if err != nil {
		if account, err = user.LookupId(name); err != nil {
			return nil, fmt.Errorf("user %q: there is none", name)
		}
	}
	uid, err := strconv.ParseUint(account.Uid, 10, 32)
	if err != nil {
		return nil, err
	}
	gid, err := strconv.ParseUint(account.Gid, 10, 32)
	if err != nil {
		return nil, err
	}
	c := &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid), NoSetGroups: os.Geteuid() != 0}
	groups, err := account.GroupIds()
	if err != nil {
		return c, nil
	}
	for _, text := range groups {
		if id, err := strconv.ParseUint(text, 10, 32); err == nil {
			c.Groups = append(c.Groups, uint32(id))
		}
	}
	return c, nil
}

// found are the processes of the workload.
func (w *warden) found() []process {
	self := os.Getpid()
	if w.job.Processes != nil {
		return named(table(), w.job.Processes, self, w.job.Gate)
	}
	return slices.DeleteFunc(descendants(table(), self), func(p process) bool { return p.zombie })
}

// ask sends SIGTERM to all of the workload: to the command's process group at
// once, and to whoever has left it. One that is stopped has to go on to hear it.
func (w *warden) ask() {
	w.send(unix.SIGTERM)
	w.send(unix.SIGCONT)
}

// send sends a signal to all of the workload.
func (w *warden) send(s unix.Signal) {
	if w.job.Processes == nil && w.child > 0 {
		_ = unix.Kill(-w.child, s)
	}
	for _, p := range w.found() {
		if group, err := unix.Getpgid(p.pid); err != nil || w.child == 0 || group != w.child {
			_ = unix.Kill(p.pid, s)
		}
	}
}

// pass passes a signal on that the gate was sent. It is for the command alone: its
// children may know no better than to end by it.
func (w *warden) pass(s unix.Signal) {
	if w.job.Processes == nil {
		if w.child > 0 {
			_ = unix.Kill(w.child, s)
		}
		return
	}
	for _, p := range w.found() {
		_ = unix.Kill(p.pid, s)
	}
}

// finish kills all of the workload and returns how many processes it has found
// outside the command's group.
func (w *warden) finish() int {
	if w.child > 0 {
		_ = unix.Kill(-w.child, unix.SIGKILL)
	}
	_ = killGroup(w.job.Group)
	outside := 0
	for _, p := range w.found() {
		if w.child == 0 || p.session != w.child {
			outside++
		}
		if err := unix.Kill(p.pid, unix.SIGKILL); err != nil && err != unix.ESRCH && !w.killed {
			w.tell(report{What: said, Text: fmt.Sprintf("kill process %d (%s): %v", p.pid, printable(p.comm), err)})
		}
	}
	return outside
}

// printable makes a name that a process has chosen fit to show.
func printable(name string) string { return strings.Trim(strconv.QuoteToASCII(name), `"`) }
