package share

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"time"

	"github.com/hanwen/go-fuse/v2/fs"
	"github.com/hanwen/go-fuse/v2/fuse"
	"golang.org/x/sys/unix"
)

// Mount is one site's mount of a shared directory. Its methods may be called
// from any goroutine.
type Mount struct {
	live   string // the shared directory
	at     string
	on     func(func())
	server *fuse.Server
	served chan struct{}

	mu      sync.Mutex
	faults  Faults
	changed chan struct{} // closed when faults are others
	stale   string        // a copy of live that is read in its place; empty: none
}

// device is the kernel's end of every file system in user space.
const device = "/dev/fuse"

// New mounts a directory that others mount too. Needs CAP_SYS_ADMIN in the user
// namespace that owns the mount namespace, and /dev/fuse. on runs a function on a
// thread of the mount namespace in which the mount is to be, and waits for it;
// nil: this one's.
func New(dir, at string, on func(func())) (*Mount, error) {
	if on == nil {
		on = func(f func()) { f() }
	}
	m := &Mount{live: dir, at: at, on: on, served: make(chan struct{}), changed: make(chan struct{})}
	if err := m.mount(); err != nil {
		return nil, fmt.Errorf("mount the share on %s: %w", at, err)
	}
	return m, nil
}

func (m *Mount) mount() error {
	fd, err := unix.Open(device, unix.O_RDWR|unix.O_CLOEXEC, 0)
	if err != nil {
		return fmt.Errorf("open %s: %w (load the module fuse, or give this user access to it)", device, err)
	}
	data := fmt.Sprintf("fd=%d,rootmode=40755,user_id=%d,group_id=%d,allow_other", fd, os.Geteuid(), os.Getegid())
	m.on(func() {
		err = unix.Mount("share", m.at, "fuse.share", unix.MS_NOSUID|unix.MS_NODEV|unix.MS_NOEXEC, data)
	})
	if err != nil {
		return errors.Join(err, unix.Close(fd))
	}
	var none time.Duration // nothing is kept: what others do is seen at once
	root := &node{mount: m}
	raw := fs.NewNodeFS(root, &fs.Options{EntryTimeout: &none, AttrTimeout: &none, NegativeTimeout: &none})
	m.server, err = fuse.NewServer(raw, fmt.Sprintf("/dev/fd/%d", fd), &fuse.MountOptions{DisableXAttrs: true, DisableReadDirPlus: true})
	if err != nil {
		return errors.Join(err, m.detach())
	}
	go func() {
		defer close(m.served)
		m.server.Serve()
	}()
	if err := m.refusePolls(); err != nil {
		return errors.Join(err, m.detach())
	}
	return nil
}

// refusePolls lets the kernel ask once whether files here can be polled, and know
// from then on that they cannot. It would ask in the midst of Go's own epoll_ctl,
// and a program that serves the share and uses it too would wait for itself.
func (m *Mount) refusePolls() (err error) {
	const known = ".go-fuse-epoll-hack" // the name for which go-fuse answers by itself
	m.on(func() {
		var fd int
		if fd, err = unix.Open(filepath.Join(m.at, known), unix.O_RDONLY|unix.O_CLOEXEC, 0); err != nil {
			return
		}
		_, _ = unix.Poll([]unix.PollFd{{Fd: int32(fd), Events: unix.POLLIN}}, 0)
		err = unix.Close(fd)
	})
	return err
}

// At is the directory on which it is mounted.
func (m *Mount) At() string { return m.at }

func (m *Mount) detach() (err error) {
	m.on(func() { err = unix.Unmount(m.at, unix.MNT_DETACH) })
	return err
}

// closePatience is how long open files may keep an unmounted share alive.
const closePatience = 5 * time.Second

// Close lets everything that hangs go on, and takes the mount away, also while
// somebody uses it.
func (m *Mount) Close() error {
	err := errors.Join(m.Set(Faults{}), m.detach())
	select {
	case <-m.served:
	case <-time.After(closePatience):
		err = errors.Join(err, fmt.Errorf("unmount the share from %s: files are still open in it", m.at))
	}
	return err
}

// where is the file that an operation is about: what is read may be stale.
func (m *Mount) where(path string, kind Kind) string {
	m.mu.Lock()
	defer m.mu.Unlock()
	if kind == Reads && m.stale != "" {
		return filepath.Join(m.stale, path)
	}
	return filepath.Join(m.live, path)
}
