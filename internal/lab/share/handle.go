package share

import (
	"context"
	"io"
	"os"
	"syscall"
	"time"

	"github.com/hanwen/go-fuse/v2/fs"
	"github.com/hanwen/go-fuse/v2/fuse"
)

// handle is an open file.
type handle struct {
	mount *Mount
	path  string // when it was opened
	kind  Kind
	file  *os.File
}

var _ interface {
	fs.FileReader
	fs.FileWriter
	fs.FileFlusher
	fs.FileFsyncer
	fs.FileReleaser
} = (*handle)(nil)

func (h *handle) Read(ctx context.Context, dest []byte, offset int64) (fuse.ReadResult, syscall.Errno) {
	if e := h.mount.pass(ctx, Reads); e != 0 {
		return nil, e
	}
	n, err := h.file.ReadAt(dest, offset)
	if err != nil && err != io.EOF {
		return nil, fs.ToErrno(err)
	}
	return fuse.ReadResultData(dest[:n]), 0
}

func (h *handle) Write(ctx context.Context, data []byte, offset int64) (uint32, syscall.Errno) {
	if e := h.mount.pass(ctx, Writes); e != 0 {
		return 0, e
	}
	now := data
	if f, _ := h.mount.now(); f.Torn {
		now = data[:len(data)/2]
		if f.TornFor > 0 {
			if e := h.later(data[len(now):], offset+int64(len(now)), f.TornFor); e != 0 {
				return 0, e
			}
		}
	}
	if _, err := h.file.WriteAt(now, offset); err != nil {
		return 0, fs.ToErrno(err)
	}
	h.mount.wrote(h.path)
	return uint32(len(data)), 0
}

// later writes the rest of a torn write, to the same file under whichever name it has then.
func (h *handle) later(rest []byte, offset int64, after time.Duration) syscall.Errno {
	fd, err := syscall.Dup(int(h.file.Fd()))
	if err != nil {
		return fs.ToErrno(err)
	}
	syscall.CloseOnExec(fd)
	file, rest := os.NewFile(uintptr(fd), h.path), append([]byte(nil), rest...)
	time.AfterFunc(after, func() {
		_, _ = file.WriteAt(rest, offset)
		_ = file.Close()
	})
	return 0
}

// Flush is the close of a file, which tells errors of writing.
func (h *handle) Flush(ctx context.Context) syscall.Errno {
	if h.kind != Writes {
		return 0
	}
	return h.mount.pass(ctx, Writes)
}

func (h *handle) Fsync(ctx context.Context, _ uint32) syscall.Errno {
	if e := h.mount.pass(ctx, Writes); e != 0 {
		return e
	}
	return fs.ToErrno(h.file.Sync())
}

func (h *handle) Release(context.Context) syscall.Errno {
	return fs.ToErrno(h.file.Close())
}
