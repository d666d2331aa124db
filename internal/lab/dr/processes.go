package dr

import (
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"syscall"
	"time"

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
