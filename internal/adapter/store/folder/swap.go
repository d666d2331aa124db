package folder

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"syscall"

	"stead/internal/adapter/store"
)

// mostRenames is how often a rename is tried that a server refuses although nothing
// is in its way: SMB does while one of its clients has the directory open.
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

// put makes next under another name and renames it to its place.
func (r *register) put(ctx context.Context, root *os.Root, mode fs.FileMode, next token) error {
	temp := path.Join(r.dir(), temporary+next.nonce)
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
		if err = rename(root, r.dir(), path.Base(temp), numberName(next.number)); !errors.Is(err, fs.ErrPermission) && !errors.Is(err, syscall.EBUSY) {
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
	if err := r.store.syncDir(root, r.dir()); err != nil {
		return err
	}
	return r.confirm(root, next)
}

// prepare makes next's two directories under another name. The inner one is no file: a file that
// was just made is kept open by SMB for a while, and what it is in cannot be renamed.
func (r *register) prepare(root *os.Root, mode fs.FileMode, temp string, next token) error {
	err := r.store.mkdir(root, temp, mode)
	if within(root, err) {
		if err = r.store.makeDir(root, r.dir(), mode); err == nil {
			err = r.store.mkdir(root, temp, mode)
		}
	}
	if err != nil {
		return err
	}
	if err := r.store.mkdir(root, path.Join(temp, tokenName(next.nonce, next.value)), mode); err != nil {
		return err
	}
	return r.store.syncDir(root, temp)
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
	switch {
	case inner != nil:
		return fmt.Errorf("%w; and what became of it is not known: %w", why, inner)
	case err == nil:
		return store.ErrConflict
	default:
		return why
	}
}

// confirm looks whether next has come in time: its number can have been taken,
// superseded and removed before. Then there are newer ones, as many as are kept.
func (r *register) confirm(root *os.Root, next token) error {
	numbers, err := r.numbers(root)
	if err != nil {
		return err
	}
	if len(numbers) == 0 || numbers[0] < next.number {
		return errors.New("what was written is not to be seen: a cache lies, or somebody has removed it")
	}
	if numbers[0] >= next.number+keep {
		return fmt.Errorf("version %d is there already: whether %d was written in time is not known", numbers[0], next.number)
	}
	dir := r.dir()
	r.store.tidy(func(root *os.Root) {
		r.forget(root, next.number)
		if r.store.due(dir) {
			sweep(root, dir)
		}
	})
	return nil
}

// forget removes the versions that are not kept.
func (r *register) forget(root *os.Root, newest uint64) {
	numbers, err := r.numbers(root)
	if err != nil {
		return
	}
	for _, number := range numbers {
		if number+keep > newest {
			continue
		}
		dir := path.Join(r.dir(), numberName(number))
		names, err := list(root, dir)
		if err != nil {
			continue
		}
		for _, name := range names {
			if _, _, ok := parseToken(name); ok {
				_ = root.Remove(path.Join(dir, name))
			}
		}
		_ = root.Remove(dir)
	}
}
