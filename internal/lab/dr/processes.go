package dr

import (
	"bufio"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"stead/internal/lab"
)

// processesOn are those that run on a host, whoever started them: all that are in
// its network namespace and are not the lab itself.
func processesOn(h *lab.Host) (list []int) {
	var space string
	h.Do(func() { space, _ = os.Readlink("/proc/thread-self/ns/net") })
	entries, _ := os.ReadDir("/proc")
	for _, entry := range entries {
		pid, err := strconv.Atoi(entry.Name())
		if err != nil || pid == os.Getpid() {
			continue
		}
		if of, err := os.Readlink(filepath.Join("/proc", entry.Name(), "ns/net")); err == nil && of == space {
			list = append(list, pid)
		}
	}
	return list
}

// signalAll sends a signal to all processes of a host.
func signalAll(h *lab.Host, sig syscall.Signal) {
	for _, pid := range processesOn(h) {
		_ = syscall.Kill(pid, sig)
	}
}

// killAll ends all processes of a host, as a power failure does, and waits for
// that. What is started meanwhile is ended too. A process that has ended is in no
// namespace any more, also while nobody has asked how it did.
func killAll(h *lab.Host) error {
	const limit, pause = 5 * time.Second, time.Millisecond
	for end := time.Now().Add(limit); time.Now().Before(end); time.Sleep(pause) {
		left := processesOn(h)
		if len(left) == 0 {
			return nil
		}
		for _, pid := range left {
			_ = syscall.Kill(pid, syscall.SIGKILL)
		}
	}
	return fmt.Errorf("processes on %s do not end", h.Name)
}

// hideGroups keeps the calling thread's host from the control groups of the
// machine. They have no part in the lab's namespaces: what is made there would
// outlive the lab, and what looks there for leftovers finds those of others.
func hideGroups() error {
	file, err := os.Open("/proc/thread-self/mountinfo")
	if err != nil {
		return err
	}
	defer file.Close()
	for lines := bufio.NewScanner(file); lines.Scan(); {
		before, after, _ := strings.Cut(lines.Text(), " - ")
		fields := strings.Fields(before)
		if len(fields) < 5 || !strings.HasPrefix(after, "cgroup2 ") {
			continue
		}
		if err := unix.Mount("tmpfs", fields[4], "tmpfs", unix.MS_RDONLY|unix.MS_NOSUID|unix.MS_NODEV|unix.MS_NOEXEC, "size=4k"); err != nil {
			return fmt.Errorf("hide the control groups on %s: %w", fields[4], err)
		}
	}
	return nil
}
