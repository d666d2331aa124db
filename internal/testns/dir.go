package testns

import (
	"os"
	"os/user"
	"path/filepath"
	"strconv"
	"testing"
)

// Dir is a directory for the files of several hosts. t.TempDir is too long for
// the path of a socket, and other users may not enter it.
type Dir string

// NewDir makes a directory. It goes away with the test.
func NewDir(t testing.TB) Dir {
	t.Helper()
	dir, err := os.MkdirTemp("", "interop-")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	if err := os.Chmod(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	return Dir(dir)
}

// Path is that of a file in it.
func (d Dir) Path(name string) string { return filepath.Join(string(d), name) }

// Write writes a file that everybody may read and returns its path. It is
// replaced as a whole.
func (d Dir) Write(t testing.TB, name, text string) string {
	t.Helper()
	path := d.Path(name)
	if err := os.WriteFile(path+".new", []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
	if err := os.Rename(path+".new", path); err != nil {
		t.Fatal(err)
	}
	return path
}

// Secret is Write for a file that only its owner may read.
func (d Dir) Secret(t testing.TB, name, text string) string {
	t.Helper()
	path := d.Write(t, name, text)
	if err := os.Chmod(path, 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// Make makes an empty directory that belongs to a user, in place of an older
// one, and returns its path.
func (d Dir) Make(t testing.TB, name, owner string) string {
	t.Helper()
	path := d.Path(name)
	if err := os.RemoveAll(path); err != nil {
		t.Fatal(err)
	}
	if err := os.Mkdir(path, 0o755); err != nil {
		t.Fatal(err)
	}
	account, err := user.Lookup(owner)
	if err != nil {
		t.Fatal(err)
	}
	uid, _ := strconv.Atoi(account.Uid)
	gid, _ := strconv.Atoi(account.Gid)
	if err := os.Chown(path, uid, gid); err != nil {
		t.Fatal(err)
	}
	return path
}
