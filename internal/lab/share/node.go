package share

import (
	"context"
	"os"
	"path/filepath"
	"syscall"

	"github.com/hanwen/go-fuse/v2/fs"
	"github.com/hanwen/go-fuse/v2/fuse"
	"golang.org/x/sys/unix"
)

// node is a file or directory, as one mount sees it.
type node struct {
	fs.Inode
	mount *Mount
}

var _ interface {
	fs.NodeLookuper
	fs.NodeGetattrer
	fs.NodeSetattrer
	fs.NodeReaddirer
	fs.NodeOpener
	fs.NodeCreater
	fs.NodeMkdirer
	fs.NodeUnlinker
	fs.NodeRmdirer
	fs.NodeRenamer
	fs.NodeFsyncer
	fs.NodeStatfser
} = (*node)(nil)

// path is relative to the root of the share.
func (n *node) path() string { return n.Path(n.Root()) }

func (n *node) child(name string) string { return filepath.Join(n.path(), name) }

// staleInode keeps the numbers of what is stale apart from those of what is live.
const staleInode = 1 << 62

// entry makes the node of a path known to the kernel.
func (n *node) entry(ctx context.Context, path string, kind Kind, out *fuse.EntryOut) (*fs.Inode, syscall.Errno) {
	var st syscall.Stat_t
	where := n.mount.where(path, kind)
	if err := syscall.Lstat(where, &st); err != nil {
		return nil, fs.ToErrno(err)
	}
	if where != filepath.Join(n.mount.live, path) {
		st.Ino |= staleInode
	}
	out.Attr.FromStat(&st)
	return n.NewInode(ctx, &node{mount: n.mount}, fs.StableAttr{Mode: st.Mode & syscall.S_IFMT, Ino: st.Ino}), 0
}

func (n *node) Lookup(ctx context.Context, name string, out *fuse.EntryOut) (*fs.Inode, syscall.Errno) {
	if e := n.mount.pass(ctx, Reads); e != 0 {
		return nil, e
	}
	return n.entry(ctx, n.child(name), Reads, out)
}

func (n *node) Getattr(ctx context.Context, h fs.FileHandle, out *fuse.AttrOut) syscall.Errno {
	if e := n.mount.pass(ctx, Reads); e != 0 {
		return e
	}
	var st syscall.Stat_t
	var err error
	if open, ok := h.(*handle); ok {
		err = syscall.Fstat(int(open.file.Fd()), &st)
	} else {
		err = syscall.Lstat(n.mount.where(n.path(), Reads), &st)
	}
	out.Attr.FromStat(&st)
	return fs.ToErrno(err)
}

func (n *node) Setattr(ctx context.Context, _ fs.FileHandle, in *fuse.SetAttrIn, out *fuse.AttrOut) syscall.Errno {
	if e := n.mount.pass(ctx, Writes); e != 0 {
		return e
	}
	path := n.mount.where(n.path(), Writes)
	if size, ok := in.GetSize(); ok {
		if err := os.Truncate(path, int64(size)); err != nil {
			return fs.ToErrno(err)
		}
	}
	if mode, ok := in.GetMode(); ok {
		if err := os.Chmod(path, os.FileMode(mode&0o777)); err != nil {
			return fs.ToErrno(err)
		}
	}
	if modified, ok := in.GetMTime(); ok {
		if err := os.Chtimes(path, modified, modified); err != nil {
			return fs.ToErrno(err)
		}
	}
	n.mount.wrote(n.path())
	var st syscall.Stat_t
	err := syscall.Lstat(path, &st)
	out.Attr.FromStat(&st)
	return fs.ToErrno(err)
}

func (n *node) Readdir(ctx context.Context) (fs.DirStream, syscall.Errno) {
	if e := n.mount.pass(ctx, Reads); e != 0 {
		return nil, e
	}
	entries, err := os.ReadDir(n.mount.where(n.path(), Reads))
	if err != nil {
		return nil, fs.ToErrno(err)
	}
	var list []fuse.DirEntry
	for _, entry := range entries {
		mode := uint32(syscall.S_IFREG)
		if entry.IsDir() {
			mode = syscall.S_IFDIR
		}
		list = append(list, fuse.DirEntry{Name: entry.Name(), Mode: mode})
	}
	return fs.NewListDirStream(list), 0
}

func (n *node) Open(ctx context.Context, flags uint32) (fs.FileHandle, uint32, syscall.Errno) {
	kind := Reads
	if flags&syscall.O_ACCMODE != syscall.O_RDONLY {
		kind = Writes
	}
	if e := n.mount.pass(ctx, kind); e != 0 {
		return nil, 0, e
	}
	return n.open(n.path(), kind, int(flags), 0)
}

// open opens a file past the page cache of the kernel.
func (n *node) open(path string, kind Kind, flags int, mode uint32) (*handle, uint32, syscall.Errno) {
	file, err := os.OpenFile(n.mount.where(path, kind), flags&^syscall.O_APPEND|syscall.O_CLOEXEC, os.FileMode(mode&0o777))
	if err != nil {
		return nil, 0, fs.ToErrno(err)
	}
	return &handle{mount: n.mount, path: path, kind: kind, file: file}, fuse.FOPEN_DIRECT_IO, 0
}

func (n *node) Create(ctx context.Context, name string, flags, mode uint32, out *fuse.EntryOut) (*fs.Inode, fs.FileHandle, uint32, syscall.Errno) {
	if e := n.mount.pass(ctx, Writes); e != 0 {
		return nil, nil, 0, e
	}
	path := n.child(name)
	h, how, e := n.open(path, Writes, int(flags)|syscall.O_CREAT, mode)
	if e != 0 {
		return nil, nil, 0, e
	}
	n.mount.wrote(path)
	inode, e := n.entry(ctx, path, Writes, out)
	if e != 0 {
		_ = h.file.Close()
		return nil, nil, 0, e
	}
	return inode, h, how, 0
}

func (n *node) Mkdir(ctx context.Context, name string, mode uint32, out *fuse.EntryOut) (*fs.Inode, syscall.Errno) {
	if e := n.mount.pass(ctx, Writes); e != 0 {
		return nil, e
	}
	path := n.child(name)
	if err := os.Mkdir(n.mount.where(path, Writes), os.FileMode(mode&0o777)); err != nil {
		return nil, fs.ToErrno(err)
	}
	n.mount.wrote(path)
	return n.entry(ctx, path, Writes, out)
}

func (n *node) Unlink(ctx context.Context, name string) syscall.Errno {
	return n.remove(ctx, name, syscall.Unlink)
}

func (n *node) Rmdir(ctx context.Context, name string) syscall.Errno {
	return n.remove(ctx, name, syscall.Rmdir)
}

func (n *node) remove(ctx context.Context, name string, remove func(string) error) syscall.Errno {
	if e := n.mount.pass(ctx, Writes); e != 0 {
		return e
	}
	path := n.child(name)
	if err := remove(n.mount.where(path, Writes)); err != nil {
		return fs.ToErrno(err)
	}
	n.mount.wrote(path)
	return 0
}

func (n *node) Rename(ctx context.Context, name string, parent fs.InodeEmbedder, newName string, flags uint32) syscall.Errno {
	if e := n.mount.pass(ctx, Writes); e != 0 {
		return e
	}
	from, to := n.child(name), filepath.Join(parent.EmbeddedInode().Path(n.Root()), newName)
	err := unix.Renameat2(unix.AT_FDCWD, n.mount.where(from, Writes), unix.AT_FDCWD, n.mount.where(to, Writes), uint(flags))
	if err != nil {
		return fs.ToErrno(err)
	}
	n.mount.wrote(from, to)
	return 0
}

// Fsync is that of a directory; a file has its own.
func (n *node) Fsync(ctx context.Context, _ fs.FileHandle, _ uint32) syscall.Errno {
	return n.mount.pass(ctx, Writes)
}

func (n *node) Statfs(ctx context.Context, out *fuse.StatfsOut) syscall.Errno {
	if e := n.mount.pass(ctx, Reads); e != 0 {
		return e
	}
	var st syscall.Statfs_t
	err := syscall.Statfs(n.mount.live, &st)
	out.FromStatfsT(&st)
	return fs.ToErrno(err)
}
