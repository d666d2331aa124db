package keeper

import (
	"bufio"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

// groupPrefix begins the name of a workload's control group. What follows names
// the gate that made it: the namespace of its process ID, that ID, its start.
const groupPrefix = "stead-gate-"

// ownGroups begins the names of the groups that gates in this namespace of process
// IDs have made: of others nobody here can tell whether they live.
func ownGroups() (string, error) {
	space, err := os.Readlink("/proc/self/ns/pid") // pid:[4026531836]
	if err != nil {
		return "", err
	}
	return groupPrefix + strings.Trim(strings.TrimPrefix(space, "pid:"), "[]") + "-", nil
}

// makeGroup makes a control group below the one of this process.
func makeGroup() (string, error) {
	home, err := ownGroup()
	if err != nil {
		return "", err
	}
	prefix, err := ownGroups()
	if err != nil {
		return "", err
	}
	sweepGroups(home, prefix)
	self, ok := readProcess(strconv.Itoa(os.Getpid()))
	if !ok {
		return "", errors.New("read /proc/self/stat: not mounted")
	}
	dir := filepath.Join(home, fmt.Sprintf("%s%d-%s", prefix, self.pid, self.began))
	if err := os.Mkdir(dir, 0o755); err != nil && !errors.Is(err, fs.ErrExist) {
		return "", err
	}
	if _, err := os.Stat(filepath.Join(dir, "cgroup.kill")); err != nil {
		_ = os.Remove(dir)
		return "", errors.New("the kernel has no cgroup.kill (it came with Linux 5.14)")
	}
	return dir, nil
}

// ownGroup is the directory of this process's control group of version 2.
func ownGroup() (string, error) {
	text, err := os.ReadFile("/proc/self/cgroup")
	if err != nil {
		return "", err
	}
	for entry := range strings.Lines(string(text)) {
		if path, ok := strings.CutPrefix(strings.TrimSpace(entry), "0::"); ok {
			return mountOf(path)
		}
	}
	return "", errors.New("no control groups of version 2")
}

// mountOf finds where a control group is mounted (proc_pid_mountinfo(5)).
func mountOf(path string) (string, error) {
	file, err := os.Open("/proc/self/mountinfo")
	if err != nil {
		return "", err
	}
	defer file.Close()
	for lines := bufio.NewScanner(file); lines.Scan(); {
		before, after, ok := strings.Cut(lines.Text(), " - ")
		fields := strings.Fields(before)
		if !ok || len(fields) < 5 || !strings.HasPrefix(after, "cgroup2 ") {
			continue
		}
		root, point := fields[3], fields[4]
		if rel, err := filepath.Rel(root, path); err == nil && rel != ".." && !strings.HasPrefix(rel, "../") {
			return filepath.Join(point, rel), nil
		}
	}
	return "", errors.New("no control groups of version 2 are mounted")
}

// sweepGroups kills what gates that have died have left running: nobody guards
// it, and it would run beside the next workload.
func sweepGroups(home, prefix string) {
	left, err := filepath.Glob(filepath.Join(home, prefix+"*"))
	if err != nil {
		return
	}
	for _, dir := range left {
		id := strings.TrimPrefix(filepath.Base(dir), prefix)
		pid, began, _ := strings.Cut(id, "-")
		if p, ok := readProcess(pid); ok && p.began == began {
			continue
		}
		_ = killGroup(dir)
		_ = os.Remove(dir)
	}
}

// killGroup kills every process of a control group.
func killGroup(dir string) error {
	if dir == "" {
		return nil
	}
	return os.WriteFile(filepath.Join(dir, "cgroup.kill"), []byte("1"), 0)
}

// openGroup opens a control group to start a process in.
func openGroup(dir string) (int, error) {
	return unix.Open(dir, unix.O_PATH|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
}

// groupPeople are the processes of a control group.
func groupPeople(dir string) []int {
	if dir == "" {
		return nil
	}
	text, err := os.ReadFile(filepath.Join(dir, "cgroup.procs"))
	if err != nil {
		return nil
	}
	var found []int
	for _, word := range strings.Fields(string(text)) {
		if pid, err := strconv.Atoi(word); err == nil && pid > 0 {
			found = append(found, pid)
		}
	}
	return found
}
