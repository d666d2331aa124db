// Package sharetest gives tests a share that two sites and more have mounted, and
// that goes wrong on purpose.
//
//	func TestMain(m *testing.M) { sharetest.Main(m) }
//
//	func TestX(t *testing.T) {
//		s := sharetest.New(t, 2)
//		s.Sites[0].Set(share.Faults{Hang: share.Reads})
//		... os.ReadFile(s.Sites[0].At() + "/file") does not return ...
//	}
//
// The tests run in a mount namespace of their own: whatever becomes of them, no
// mount is left.
package sharetest

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"

	"stead/internal/lab/share"
	"stead/internal/testns"
)

// inside marks the child that Main starts.
const inside = "STEAD_SHARETEST_CHILD"

// Main runs the tests of a package in a mount namespace of their own.
func Main(m *testing.M) { os.Exit(Run(m)) }

// Run is Main for a package that has to clean up: it returns the exit code.
func Run(m *testing.M) int {
	if os.Getenv(inside) != "" {
		if err := unix.Mount("", "/", "", unix.MS_REC|unix.MS_PRIVATE, ""); err != nil {
			fmt.Fprintln(os.Stderr, "keep mounts private:", err)
			return 1
		}
		return m.Run()
	}
	child := exec.Command("/proc/self/exe", os.Args[1:]...)
	child.Env = append(os.Environ(), inside+"=1")
	child.Stdin, child.Stdout, child.Stderr = os.Stdin, os.Stdout, os.Stderr
	child.SysProcAttr = &syscall.SysProcAttr{Cloneflags: syscall.CLONE_NEWNS, Pdeathsig: syscall.SIGKILL}
	if os.Geteuid() != 0 {
		child.SysProcAttr.Cloneflags |= syscall.CLONE_NEWUSER
		child.SysProcAttr.UidMappings = []syscall.SysProcIDMap{{HostID: os.Getuid(), Size: 1}}
		child.SysProcAttr.GidMappings = []syscall.SysProcIDMap{{HostID: os.Getgid(), Size: 1}}
	}
	if err := child.Start(); err != nil {
		return m.Run()
	}
	_ = child.Wait()
	if code := child.ProcessState.ExitCode(); code >= 0 {
		return code
	}
	return 1
}

// Share is a directory and the mounts of it.
type Share struct {
	Dir   string // the directory itself, as its server sees it: no fault touches it
	Sites []*share.Mount
}

// New mounts a new directory as often as there are sites. The mounts go away with the test.
func New(t testing.TB, sites int) *Share {
	t.Helper()
	if os.Getenv(inside) == "" {
		testns.Lacking(t, "a mount namespace of its own (CAP_SYS_ADMIN)", nil)
	}
	s := &Share{Dir: t.TempDir()}
	for i := range sites {
		at := filepath.Join(t.TempDir(), fmt.Sprintf("site-%d", i+1))
		if err := os.Mkdir(at, 0o755); err != nil {
			t.Fatal(err)
		}
		mount, err := share.New(s.Dir, at, nil)
		if err != nil {
			testns.Lacking(t, "file systems in user space (/dev/fuse)", err)
		}
		s.Sites = append(s.Sites, mount)
		t.Cleanup(func() {
			if err := mount.Close(); err != nil {
				t.Error(err)
			}
		})
	}
	return s
}

// Set sets the faults of one site, counted from 0.
func (s *Share) Set(t testing.TB, site int, f share.Faults) {
	t.Helper()
	if err := s.Sites[site].Set(f); err != nil {
		t.Fatal(err)
	}
}
