package folder

import (
	"fmt"
	"os"
	"path"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

// leftover is how old something is that was never put in its place before it is
// taken for what a writer left that died. By then its writer has given up.
const leftover = time.Hour

// tidy runs work in the background, unless something is being tidied up already:
// the next write brings another occasion.
func (s *Store) tidy(work func(*os.Root)) {
	select {
	case s.cleaning <- struct{}{}:
	default:
		return
	}
	go func() {
		defer func() { <-s.cleaning }()
		root, _, err := s.enter()
		if err != nil {
			return
		}
		defer root.Close()
		work(root)
	}()
}

// sweepEvery is after how many writes to a directory leftovers are looked for again.
const sweepEvery = 1000

// due tells whether leftovers of a directory are to be looked for: with its first
// write, and then once in a while.
func (s *Store) due(dir string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	writes := s.writes[dir]
	s.writes[dir] = writes + 1
	return writes%sweepEvery == 0
}

// sweep removes what dead writers left in a directory that was just written to. The
// age is that by the server's clock: the directory has the time of the last write.
func sweep(root *os.Root, dir string) {
	names, err := list(root, dir)
	if err != nil {
		return
	}
	written, err := root.Stat(dir)
	if err != nil {
		return
	}
	for _, name := range names {
		own, ok := strings.CutPrefix(name, temporary)
		if !ok || !isNonce(own) {
			continue
		}
		info, err := root.Lstat(path.Join(dir, name))
		if err == nil && written.ModTime().Sub(info.ModTime()) > leftover {
			_ = root.RemoveAll(path.Join(dir, name))
		}
	}
}

// list returns the names in a directory. It is opened anew each time, see the
// package's comment.
func list(root *os.Root, dir string) ([]string, error) {
	f, err := root.Open(dir)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return f.Readdirnames(-1)
}

// rename gives what is in a directory another name there. The server decides whether
// that can be; os.Root.Rename looks itself before, and refuses every directory that
// is in the way, also an empty one.
func rename(root *os.Root, dir, from, to string) error {
	err := control(root, dir, func(fd int) error { return unix.Renameat(fd, from, fd, to) })
	if err != nil {
		return fmt.Errorf("rename %s to %s: %w", from, to, err)
	}
	return nil
}

// syncDir puts a change of a directory's names on disk. Servers have done so when they
// answer, and some refuse to be asked.
func (s *Store) syncDir(root *os.Root, dir string) error {
	if s.remote() {
		return nil
	}
	f, err := root.Open(dir)
	if err != nil {
		return err
	}
	defer f.Close()
	return f.Sync()
}
