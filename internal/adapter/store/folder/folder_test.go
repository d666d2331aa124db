package folder

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"stead/internal/adapter/store"
	"stead/internal/adapter/store/storetest"
)

func openFolder(t *testing.T, dir string) *Store {
	t.Helper()
	s, err := Open(t.Context(), store.Folder(dir), store.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	return s.(*Store)
}

func TestStore(t *testing.T) {
	dir := t.TempDir()
	storetest.Run(t, func(t *testing.T) store.Store { return openFolder(t, dir) })
}

// TestStoreOnTmpfs is the same on another file system, where the machine has one.
func TestStoreOnTmpfs(t *testing.T) {
	dir, err := os.MkdirTemp("/dev/shm", "stead-folder-")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	storetest.Run(t, func(t *testing.T) store.Store { return openFolder(t, dir) })
}

func TestHeartbeatIsAPlainFile(t *testing.T) {
	dir := t.TempDir()
	s := openFolder(t, dir)
	if err := s.Blob("east/heartbeat.txt").Write(t.Context(), []byte("638000000000000000")); err != nil {
		t.Fatal(err)
	}
	data, err := os.ReadFile(filepath.Join(dir, "east", "heartbeat.txt"))
	if err != nil || string(data) != "638000000000000000" {
		t.Fatalf("%q, %v", data, err)
	}
	// And one that somebody else has written in place is read.
	if err := os.WriteFile(filepath.Join(dir, "east", "heartbeat.txt"), []byte("7"), 0o600); err != nil {
		t.Fatal(err)
	}
	if value, err := s.Blob("east/heartbeat.txt").Read(t.Context()); err != nil || string(value) != "7" {
		t.Fatalf("%q, %v", value, err)
	}
}

func TestFolderThatIsNotThere(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "share")
	s := openFolder(t, dir)
	_, _, err := s.Register("right").Read(t.Context())
	mustFail(t, "read register", err)
	_, err = s.Register("right").Swap(t.Context(), "", []byte("x"))
	mustFail(t, "swap", err)
	_, err = s.Blob("a/heartbeat.txt").Read(t.Context())
	mustFail(t, "read blob", err)
	mustFail(t, "write blob", s.Blob("a/heartbeat.txt").Write(t.Context(), nil))
	if _, err := os.Stat(dir); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("the folder was made: %v", err)
	}
	if err := os.Mkdir(dir, 0o750); err != nil {
		t.Fatal(err)
	}
	if _, _, err := s.Register("right").Read(t.Context()); !errors.Is(err, store.ErrAbsent) {
		t.Errorf("with the folder there: %v; want absent", err)
	}
}

func mustFail(t *testing.T, what string, err error) {
	t.Helper()
	if err == nil || errors.Is(err, store.ErrAbsent) || errors.Is(err, store.ErrConflict) || errors.Is(err, os.ErrNotExist) {
		t.Errorf("%s: %v; want an error that says neither absent nor conflict", what, err)
	}
}

func TestWhatIsNoHeartbeat(t *testing.T) {
	dir := t.TempDir()
	s := openFolder(t, dir)
	if err := syscall.Mkfifo(filepath.Join(dir, "fifo"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Mkdir(filepath.Join(dir, "dir"), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink("/etc/passwd", filepath.Join(dir, "link")); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "huge"), make([]byte, store.MaxBlob+1), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, key := range []string{"fifo", "dir", "link", "huge", "a.right/0000000001"} {
		ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
		_, err := s.Blob(key).Read(ctx)
		cancel()
		mustFail(t, key, err)
		if errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("%s: hangs", key)
		}
	}
}

func TestModesFollowTheFolder(t *testing.T) {
	dir := t.TempDir()
	s := openFolder(t, dir)
	for folder, want := range map[os.FileMode][2]os.FileMode{
		0o700: {0o700, 0o600}, 0o770: {0o770, 0o660}, 0o755: {0o755, 0o644}, 0o777: {0o775, 0o664},
	} {
		if err := os.Chmod(dir, folder); err != nil {
			t.Fatal(err)
		}
		site := "s" + strings.ReplaceAll(folder.String(), "-", "_")
		if err := s.Blob(site+"/heartbeat.txt").Write(t.Context(), nil); err != nil {
			t.Fatal(err)
		}
		if _, err := s.Register(site+"/right").Swap(t.Context(), "", []byte("x")); err != nil {
			t.Fatal(err)
		}
		for name, want := range map[string]os.FileMode{site: want[0], site + "/right.right": want[0], site + "/right.right/0000000001": want[0], site + "/heartbeat.txt": want[1]} {
			info, err := os.Stat(filepath.Join(dir, name))
			if err != nil || info.Mode().Perm() != want {
				t.Errorf("folder %v: %s has %v, %v; want %v", folder, name, info.Mode().Perm(), err, want)
			}
		}
	}
}

func TestLeftoversAreSwept(t *testing.T) {
	dir := t.TempDir()
	old, young := filepath.Join(dir, "east", temporary+"00112233445566aa"), filepath.Join(dir, "east", temporary+"00112233445566bb")
	foreign := filepath.Join(dir, "east", temporary+"notes")
	if err := os.MkdirAll(filepath.Join(dir, "east"), 0o750); err != nil {
		t.Fatal(err)
	}
	long := time.Now().Add(-leftover - time.Minute)
	for _, path := range []string{old, young, foreign} {
		if err := os.WriteFile(path, nil, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	for _, path := range []string{old, foreign} {
		if err := os.Chtimes(path, long, long); err != nil {
			t.Fatal(err)
		}
	}
	s := openFolder(t, dir)
	if err := s.Blob("east/heartbeat.txt").Write(t.Context(), nil); err != nil {
		t.Fatal(err)
	}
	s.Close() // waits for the sweep
	for path, want := range map[string]bool{old: false, young: true, foreign: true} {
		if _, err := os.Lstat(path); (err == nil) != want {
			t.Errorf("%s: %v; want it there: %v", path, err, want)
		}
	}
}

func TestMetadata(t *testing.T) {
	if _, err := openFolder(t, t.TempDir()).Metadata(t.Context(), "a", "b"); !errors.Is(err, store.ErrNoMetadata) {
		t.Error(err)
	}
}
