package spawn

import (
	"fmt"
	"os"
	"path/filepath"
	"syscall"
)

// checkWritable refuses a program that everybody could replace: the file, and
// every directory on the way to it, followed as named and as resolved.
func checkWritable(path string) error {
	resolved, err := filepath.EvalSymlinks(path)
	if err != nil {
		return err
	}
	for _, p := range []string{path, resolved} {
		if err := checkChain(p); err != nil {
			return err
		}
	}
	return nil
}

func checkChain(path string) error {
	info, err := os.Lstat(path)
	if err != nil {
		return err
	}
	if info.Mode()&os.ModeSymlink == 0 && worldWritable(info) {
		return fmt.Errorf("%s: everybody may write it, and root would run it (try chmod o-w)", path)
	}
	for entry := info; path != "/"; entry = info {
		path = filepath.Dir(path)
		if info, err = os.Stat(path); err != nil {
			return err
		}
		if worldWritable(info) && !protected(info, entry) {
			return fmt.Errorf("%s: everybody may write this directory, and root would run a program below it (try chmod o-w)", path)
		}
	}
	return nil
}

func worldWritable(info os.FileInfo) bool { return info.Mode().Perm()&0o002 != 0 }

// protected reports whether the directory keeps others from replacing the entry:
// in a sticky one, such as /tmp, only the owner of an entry may do that.
func protected(dir, entry os.FileInfo) bool {
	owner, ok := entry.Sys().(*syscall.Stat_t)
	return ok && dir.Mode()&os.ModeSticky != 0 && int(owner.Uid) == os.Geteuid()
}
