package folder

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"slices"
	"strings"
	"syscall"

	"stead/internal/adapter/store"
)

// mostRenames is how often a rename is tried that is refused although nothing is in its
// way: SMB does so while one of its clients has the directory open, and a kernel whose
// memory of the directory is older than what another client has done to it.
const mostRenames = 3

// Swap implements store.Register.
func (r *register) Swap(ctx context.Context, version string, value []byte) (string, error) {
	if err := store.CheckKey(r.key); err != nil {
		return "", err
	}
	if err := store.CheckValue(value); err != nil {
		return "", err
	}
	text := string(value)
	next, err := do(ctx, &r.store.calls, func() (token, error) {
		root, mode, err := r.store.enter()
		if err != nil {
			return token{}, err
		}
		defer root.Close()
		number, err := r.after(root, version)
		if err != nil {
			return token{}, err
		}
		next := token{number, nonce(), text}
		return next, r.put(ctx, root, mode, next)
	})
	if err != nil {
		return "", r.store.where("swap", r.key, err)
	}
	return next.version(), nil
}

// after returns the number that follows a version, if it is the newest.
func (r *register) after(root *os.Root, version string) (uint64, error) {
	newest, err := r.newest(root)
	if errors.Is(err, store.ErrAbsent) && version == "" {
		return 1, nil
	}
	if errors.Is(err, store.ErrAbsent) {
		return 0, store.ErrConflict
	}
	if err != nil {
		return 0, err
	}
	number, nonce, ok := parseVersion(version)
	if !ok || number != newest.number || nonce != newest.nonce {
		return 0, store.ErrConflict
	}
	return number + 1, nil
}

// put makes next within its predecessor and renames it to its place.
func (r *register) put(ctx context.Context, root *os.Root, mode fs.FileMode, next token) error {
	source := path.Join(numberName(next.number-1), temporary+next.nonce)
	temp := path.Join(r.dir(), source)
	err := r.prepare(root, mode, temp, next)
	if err == nil {
		// A caller that has given up has begun to count: what it wrote must not come late.
		err = ctx.Err()
	}
	if err != nil {
		_ = root.RemoveAll(temp)
		return err
	}
	for range mostRenames {
		if err = rename(root, r.dir(), source, numberName(next.number)); !again(err) {
			break
		}
		if _, taken := r.read(root, next.number); taken == nil {
			break
		}
	}
	if err != nil {
		if err = r.refused(root, temp, next, err); err != nil {
			return err
		}
	}
	r.store.tidy(func(root *os.Root) { r.forget(root, next.number) })
	return r.store.syncDir(root, r.dir())
}

func again(err error) bool {
	return errors.Is(err, fs.ErrPermission) || errors.Is(err, syscall.EBUSY) || errors.Is(err, syscall.ESTALE)
}

// prepare makes next's two directories. The inner one is no file: a file that was just
// made is kept open by SMB for a while, and what it is in cannot be renamed.
func (r *register) prepare(root *os.Root, mode fs.FileMode, temp string, next token) error {
	err := r.store.mkdir(root, temp, mode)
	if next.number == 1 && within(root, err) {
		if err = r.store.makeDir(root, path.Dir(temp), mode); err == nil {
			err = r.store.mkdir(root, temp, mode)
		}
	}
	// A predecessor that is gone was superseded, and so was the time before the first version.
	if within(root, err) || errors.Is(err, syscall.ENOTDIR) {
		return store.ErrConflict
	}
	if err == nil {
		err = r.store.mkdir(root, path.Join(temp, tokenName(next.nonce, next.value)), mode)
	}
	if err == nil {
		err = r.store.syncDir(root, temp)
	}
	if within(root, err) { // the predecessor was forgotten meanwhile, with what was made in it
		return store.ErrConflict
	}
	return err
}

// refused finds out what a failed rename means. The answer to one that has taken effect can
// have been lost: NFS then asks again, and is told that there is nothing to rename.
func (r *register) refused(root *os.Root, temp string, next token, why error) error {
	found, err := r.read(root, next.number)
	if err == nil && found.nonce == next.nonce {
		return nil
	}
	// With its source gone, a rename that is still on its way does nothing. What is
	// left if it comes in between is an empty directory, which is no version.
	inner := root.Remove(path.Join(temp, tokenName(next.nonce, next.value)))
	_ = root.Remove(temp)
	gone := errors.Is(inner, fs.ErrNotExist) // with the predecessor, when that was forgotten
	switch {
	case gone && (err == nil || errors.Is(why, fs.ErrNotExist) && !r.store.remote()):
		return store.ErrConflict
	case inner != nil:
		return fmt.Errorf("%w; and what became of it is not known: %w", why, inner)
	case err == nil:
		return store.ErrConflict
	default:
		return why
	}
}

// forget removes the versions that are not kept, the oldest first and each as a whole:
// while one is there, so is the next, and nothing can be renamed onto it.
func (r *register) forget(root *os.Root, newest uint64) {
	numbers, err := r.numbers(root)
	if err != nil {
		return
	}
	for _, number := range slices.Backward(numbers) {
		if number+keep > newest {
			return
		}
		if number == 1 && !r.seal(root) {
			return
		}
		if r.remove(root, number) != nil {
			return
		}
	}
}

// seal replaces the predecessor of the first version by a file, for ever: nothing can be
// made in it, and so nothing can take the place of the first version when that is gone.
func (r *register) seal(root *os.Root) bool {
	f, err := root.OpenFile(path.Join(r.dir(), numberName(0)), os.O_WRONLY, 0)
	if err == nil {
		// Somebody has sealed it, and was not done with the first version.
		return f.Close() == nil
	}
	if err := r.remove(root, 0); err != nil && !within(root, err) {
		return false
	}
	f, err = root.OpenFile(path.Join(r.dir(), numberName(0)), os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o644)
	return err == nil && f.Close() == nil
}

func (r *register) remove(root *os.Root, number uint64) error {
	dir := path.Join(r.dir(), numberName(number))
	names, err := list(root, dir)
	if err != nil {
		return err
	}
	for _, name := range names {
		_, _, isToken := parseToken(name)
		if !isToken && !strings.HasPrefix(name, temporary) {
			continue
		}
		if err := root.RemoveAll(path.Join(dir, name)); err != nil {
			return err
		}
	}
	return root.Remove(dir)
}
