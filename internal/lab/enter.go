package lab

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"golang.org/x/sys/unix"
)

// The directories inside. They are in memory and vanish with the lab.
const (
	SharedDir = "/run/lab"   // one for all hosts: configuration, key, logs
	HostDir   = "/run/stead" // each host sees its own here: control socket, state
)

var errNotInit = errors.New("prepare the lab: not the init of a process namespace: start it through `stead lab`")

// Enter prepares the namespaces that Contain made, from within: mounts are
// private from now on, /proc shows the lab's processes, and /run is empty and in
// memory. When the program outside ends, this process ends, and with it, as it
// is the init of its namespace, every process of the lab.
func Enter() error {
	if os.Getpid() != 1 {
		return errNotInit
	}
	go dieWithOutside()
	if err := prepareMounts(); err != nil {
		return adviseNamespaces(fmt.Errorf("prepare the lab: %w", err))
	}
	return nil
}

// dieWithOutside backs up the signal at the parent's death, which the kernel
// drops when a process changes its privileges.
func dieWithOutside() {
	lifeline := os.NewFile(lifelineFD, "lifeline")
	_, _ = lifeline.Read(make([]byte, 1))
	os.Exit(1)
}

// ResultFile is where the program inside writes its result.
func ResultFile() *os.File { return os.NewFile(resultFD, "result") }

func prepareMounts() error {
	if err := unix.Mount("", "/", "", unix.MS_REC|unix.MS_PRIVATE, ""); err != nil {
		return fmt.Errorf("make mounts private: %w", err)
	}
	// In a container whose /proc is masked this is refused. The old /proc then
	// serves: it shows more processes, but its network settings are those of the reader.
	_ = unix.Mount("proc", "/proc", "proc", unix.MS_NOSUID|unix.MS_NODEV|unix.MS_NOEXEC, "")
	if err := mountTmpfs("/run"); err != nil {
		return err
	}
	for _, dir := range []string{SharedDir, HostDir} {
		if err := os.Mkdir(dir, 0o755); err != nil {
			return err
		}
	}
	return nil
}

func mountTmpfs(dir string) error {
	if err := unix.Mount("tmpfs", dir, "tmpfs", unix.MS_NOSUID|unix.MS_NODEV, "mode=755,size=64m"); err != nil {
		return fmt.Errorf("mount a file system in memory on %s: %w", dir, err)
	}
	return nil
}

// shared is a path in SharedDir.
func shared(name string) string { return filepath.Join(SharedDir, name) }
