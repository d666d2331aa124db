package folder

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/fnv"
	"io/fs"
	"os"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

// place is a file system.
type place struct {
	device uint64
	kind   int64 // the kernel's magic number of the type of file system
}

// Place implements store.Placed: the number says which file system the folder is
// on. It changes when a share is unmounted, and when it is mounted again.
func (s *Store) Place(ctx context.Context) (uint64, error) {
	number, err := do(ctx, &s.calls, func() (uint64, error) {
		root, _, err := s.enter()
		if err != nil {
			return 0, err
		}
		defer root.Close()
		return placeNumber(root)
	})
	if err != nil {
		return 0, fmt.Errorf("look where %s is: %w", s.path, err)
	}
	return number, nil
}

func placeNumber(root *os.Root) (uint64, error) {
	file, err := fstat(root)
	if err != nil {
		return 0, err
	}
	stat, err := statfs(root)
	if err != nil {
		return 0, err
	}
	sum := fnv.New64a()
	var raw []byte
	raw = binary.BigEndian.AppendUint64(raw, file.Dev)
	raw = binary.BigEndian.AppendUint32(raw, uint32(stat.Fsid.Val[0]))
	raw = binary.BigEndian.AppendUint32(raw, uint32(stat.Fsid.Val[1]))
	sum.Write(raw)
	return sum.Sum64(), nil
}

// checkPlace refuses the directory that a share was mounted on, which is there when
// the share is not: it is on a file system of another type than the folder was at first.
func (s *Store) checkPlace(root *os.Root, device uint64) error {
	if s.mounted {
		var system unix.Stat_t
		if err := unix.Stat("/", &system); err == nil && system.Dev == device {
			return errors.New("no share is mounted there: it is on the file system of the root directory (mounted=true)")
		}
	}
	s.mu.Lock()
	first := s.first
	s.mu.Unlock()
	if first != nil && first.device == device {
		return nil
	}
	stat, err := statfs(root)
	if err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.first != nil && s.first.kind != int64(stat.Type) {
		return fmt.Errorf("is on a file system of type %#x, and was on one of type %#x: mount the share again, or restart what uses it", stat.Type, s.first.kind)
	}
	if s.first == nil && int64(stat.Type) == unix.FUSE_SUPER_MAGIC {
		s.log.Warn("a folder on FUSE is safe only where its server renames directories at once: object stores do not", "folder", s.path)
	}
	s.first = &place{device, int64(stat.Type)}
	return nil
}

// remote tells whether the folder is on a server whose files the page cache may be behind.
func (s *Store) remote() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.first == nil {
		return false
	}
	switch s.first.kind {
	case unix.NFS_SUPER_MAGIC, unix.SMB_SUPER_MAGIC, unix.CIFS_SUPER_MAGIC, unix.SMB2_SUPER_MAGIC,
		unix.FUSE_SUPER_MAGIC, unix.CEPH_SUPER_MAGIC, unix.AFS_SUPER_MAGIC, unix.V9FS_MAGIC:
		return true
	}
	return false
}

// control runs f on the descriptor of a directory in root, which is opened for it.
func control(root *os.Root, name string, f func(fd int) error) error {
	dir, err := root.Open(name)
	if err != nil {
		return err
	}
	defer dir.Close()
	raw, err := dir.SyscallConn()
	if err != nil {
		return err
	}
	var failed error
	err = raw.Control(func(fd uintptr) { failed = f(int(fd)) })
	return errors.Join(err, failed)
}

func fstat(root *os.Root) (stat unix.Stat_t, err error) {
	err = control(root, ".", func(fd int) error { return unix.Fstat(fd, &stat) })
	return stat, err
}

func statfs(root *os.Root) (stat unix.Statfs_t, err error) {
	err = control(root, ".", func(fd int) error { return unix.Fstatfs(fd, &stat) })
	return stat, err
}

// umask is that of this process. It is read where that has no side effect: to set
// it, which is the only other way, would change it for all threads meanwhile.
func umask() fs.FileMode {
	const unknown = 0o777
	status, err := os.ReadFile("/proc/self/status")
	if err != nil {
		return unknown
	}
	for line := range strings.Lines(string(status)) {
		if digits, ok := strings.CutPrefix(line, "Umask:"); ok {
			if mask, err := strconv.ParseUint(strings.TrimSpace(digits), 8, 32); err == nil {
				return fs.FileMode(mask)
			}
		}
	}
	return unknown
}
