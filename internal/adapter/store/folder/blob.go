package folder

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"strings"
	"syscall"
	"time"
	"unsafe"

	"stead/internal/adapter/store"
)

// A replacement of a file by a client that cannot do it at once removes the old one
// first. So a file is absent only if it is so a few times.
const (
	looks     = 3
	lookAgain = 5 * time.Millisecond
)

// align is what O_DIRECT wants of addresses and lengths.
const align = 4096

type blob struct {
	store *Store
	key   string
}

func (b *blob) check() error {
	if err := store.CheckBlobKey(b.key); err != nil {
		return err
	}
	for part := range strings.SplitSeq(b.key, "/") {
		if strings.HasSuffix(part, registerSuffix) {
			return fmt.Errorf("key %q: the part %q ends as the directory of a register does", b.key, part)
		}
	}
	return nil
}

// Read implements store.Blob.
func (b *blob) Read(ctx context.Context) ([]byte, error) {
	if err := b.check(); err != nil {
		return nil, err
	}
	value, err := do(ctx, &b.store.calls, func() ([]byte, error) {
		root, _, err := b.store.enter()
		if err != nil {
			return nil, err
		}
		defer root.Close()
		value, err := b.read(root)
		for look := 1; look < looks && errors.Is(err, store.ErrAbsent) && wait(ctx, lookAgain); look++ {
			value, err = b.read(root)
		}
		return value, err
	})
	if err != nil {
		return nil, b.store.where("read", b.key, err)
	}
	return value, nil
}

// wait waits, and tells whether ctx goes on.
func wait(ctx context.Context, d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-ctx.Done():
		return false
	}
}

func (b *blob) read(root *os.Root) ([]byte, error) {
	// A FIFO in the file's place must not keep the open waiting for a writer.
	const flags = os.O_RDONLY | syscall.O_NONBLOCK
	if !b.store.remote() {
		return b.readWith(root, flags)
	}
	value, err := b.readWith(root, flags|syscall.O_DIRECT)
	if errors.Is(err, syscall.EINVAL) || errors.Is(err, syscall.EOPNOTSUPP) {
		return b.readWith(root, flags)
	}
	return value, err
}

func (b *blob) readWith(root *os.Root, flags int) ([]byte, error) {
	f, err := root.OpenFile(b.key, flags, 0)
	if err != nil {
		if within(root, err) {
			return nil, store.ErrAbsent
		}
		return nil, err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return nil, err
	}
	if !info.Mode().IsRegular() {
		return nil, errors.New("is not a regular file")
	}
	buffer := aligned(store.MaxBlob + align)
	length := 0
	for length < len(buffer) {
		n, err := f.Read(buffer[length:])
		length += n
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return nil, err
		}
		// What is not a whole number of blocks is the end: O_DIRECT reads no further from there.
		if flags&syscall.O_DIRECT != 0 && n%align != 0 {
			break
		}
	}
	return buffer[:length:length], store.CheckBlob(buffer[:length])
}

// aligned returns a buffer whose address is a multiple of align.
func aligned(size int) []byte {
	buffer := make([]byte, size+align)
	skip := -int(uintptr(unsafe.Pointer(&buffer[0]))) & (align - 1)
	return buffer[skip : skip+size]
}

// Write implements store.Blob.
func (b *blob) Write(ctx context.Context, value []byte) error {
	if err := b.check(); err != nil {
		return err
	}
	if err := store.CheckBlob(value); err != nil {
		return err
	}
	// A call that is left behind goes on after the caller has its bytes back.
	value = append([]byte(nil), value...)
	_, err := do(ctx, &b.store.calls, func() (struct{}, error) {
		root, mode, err := b.store.enter()
		if err != nil {
			return struct{}{}, err
		}
		defer root.Close()
		return struct{}{}, b.write(ctx, root, mode, value)
	})
	if err != nil {
		return b.store.where("write", b.key, err)
	}
	return nil
}

func (b *blob) write(ctx context.Context, root *os.Root, mode fs.FileMode, value []byte) error {
	dir := path.Dir(b.key)
	temp := path.Join(dir, temporary+nonce())
	f, err := b.create(root, temp, mode)
	if within(root, err) && dir != "." {
		if err = b.store.makeDir(root, dir, mode); err == nil {
			f, err = b.create(root, temp, mode)
		}
	}
	if err != nil {
		return err
	}
	_, err = f.Write(value)
	if err == nil {
		// Without it, a crash of this host can leave an empty file under the name.
		err = f.Sync()
	}
	err = errors.Join(err, f.Close())
	if err == nil {
		// A caller that has given up has begun to count: what it wrote must not come late.
		err = ctx.Err()
	}
	if err == nil {
		err = rename(root, dir, path.Base(temp), path.Base(b.key))
	}
	if err != nil {
		_ = root.Remove(temp)
		return err
	}
	if b.store.due(dir) {
		b.store.tidy(func(root *os.Root) { sweep(root, dir) })
	}
	return b.store.syncDir(root, dir)
}

func (b *blob) create(root *os.Root, name string, mode fs.FileMode) (*os.File, error) {
	mode &= 0o666
	f, err := root.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_EXCL, mode)
	if err == nil && mode&b.store.umask != 0 {
		// Servers without modes refuse: then there is nothing to be set.
		_ = f.Chmod(mode)
	}
	return f, err
}

// Place implements store.Placed.
func (b *blob) Place(ctx context.Context) (uint64, error) { return b.store.Place(ctx) }
