package folder

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"stead/internal/adapter/store"
)

// inMounts tells the program that it runs in a mount namespace of its own.
const inMounts = "STEAD_TEST_IN_MOUNTS"

// ownMounts runs the test again in a mount namespace of its own, where mounts vanish
// with it, and tells whether this is that run.
func ownMounts(t *testing.T) bool {
	t.Helper()
	if os.Getenv(inMounts) != "" {
		if err := syscall.Mount("none", "/", "", syscall.MS_REC|syscall.MS_PRIVATE, ""); err != nil {
			t.Fatal(err)
		}
		return true
	}
	if os.Geteuid() != 0 && os.Getenv("STEAD_UNPRIVILEGED") == "1" {
		t.Skip("mounting needs CAP_SYS_ADMIN")
	}
	ctx, cancel := context.WithTimeout(t.Context(), 4*time.Minute)
	defer cancel()
	again := exec.CommandContext(ctx, os.Args[0], "-test.run=^"+t.Name()+"$", "-test.v")
	again.Env = append(os.Environ(), inMounts+"=1")
	again.SysProcAttr = &syscall.SysProcAttr{Cloneflags: syscall.CLONE_NEWNS, Pdeathsig: syscall.SIGKILL}
	if out, err := again.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	return false
}

// hang mounts a file system whose server never answers.
func hang(t *testing.T, dir string) *os.File {
	t.Helper()
	server, err := os.OpenFile("/dev/fuse", os.O_RDWR, 0)
	if err != nil {
		t.Fatal(err)
	}
	if err := syscall.Mount("none", dir, "fuse", 0, fmt.Sprintf("fd=%d,rootmode=40000,user_id=0,group_id=0", server.Fd())); err != nil {
		t.Fatal(err)
	}
	return server
}

func TestShareThatHangs(t *testing.T) {
	if !ownMounts(t) {
		return
	}
	dir := t.TempDir()
	s := openFolder(t, dir)
	if err := s.Blob("east/heartbeat.txt").Write(t.Context(), []byte("x")); err != nil {
		t.Fatal(err)
	}
	s.Close()
	server := hang(t, dir)
	calls := []func(context.Context) error{
		func(ctx context.Context) error { _, err := s.Blob("east/heartbeat.txt").Read(ctx); return err },
		func(ctx context.Context) error { return s.Blob("east/heartbeat.txt").Write(ctx, []byte("y")) },
		func(ctx context.Context) error { _, _, err := s.Register("right").Read(ctx); return err },
		func(ctx context.Context) error { _, err := s.Register("right").Swap(ctx, "", []byte("y")); return err },
		func(ctx context.Context) error { _, err := s.Place(ctx); return err },
	}
	for i := 0; s.calls.count() < mostStuck; i++ {
		ctx, cancel := context.WithTimeout(t.Context(), 5*time.Millisecond)
		if err := calls[i%len(calls)](ctx); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("call %d: %v; want the end of its context", i, err)
		}
		cancel()
	}
	// Without a deadline, this one would hang for ever.
	for i, call := range calls {
		err := call(t.Context())
		mustFail(t, fmt.Sprint("call ", i), err)
	}
	// The server is gone for good: what was left behind returns, and calls are answered again.
	if err := server.Close(); err != nil {
		t.Fatal(err)
	}
	deadline := time.Now().Add(time.Minute)
	for s.calls.count() > 0 {
		if time.Now().After(deadline) {
			t.Fatalf("%d calls are still left behind", s.calls.count())
		}
		time.Sleep(time.Millisecond)
	}
	_, err := s.Blob("east/heartbeat.txt").Read(t.Context())
	mustFail(t, "read without a server", err)
	if err := syscall.Unmount(dir, syscall.MNT_DETACH); err != nil {
		t.Fatal(err)
	}
	if value, err := s.Blob("east/heartbeat.txt").Read(t.Context()); err != nil || string(value) != "x" {
		t.Fatalf("read afterwards: %q, %v", value, err)
	}
}

func TestShareThatIsUnmounted(t *testing.T) {
	if !ownMounts(t) {
		return
	}
	dir := t.TempDir()
	early, err := Open(t.Context(), mountedSpec(dir), store.Options{})
	if err != nil {
		t.Fatal(err)
	}
	_, _, err = early.Register("right").Read(t.Context())
	mustFail(t, "read before it is mounted, with mounted=true", err)
	t.Cleanup(func() { _ = syscall.Unmount(dir, syscall.MNT_DETACH) })
	mount := func() {
		t.Helper()
		if err := syscall.Mount("none", dir, "tmpfs", 0, "size=1m"); err != nil {
			t.Fatal(err)
		}
	}
	mount()
	s := openFolder(t, dir)
	if _, _, err := early.Register("right").Read(t.Context()); !errors.Is(err, store.ErrAbsent) {
		t.Errorf("read when it is mounted: %v", err)
	}
	version, err := s.Register("right").Swap(t.Context(), "", []byte("x"))
	if err != nil {
		t.Fatal(err)
	}
	place, err := s.Place(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	s.Close() // what is tidied up keeps the share busy for a moment
	if err := syscall.Unmount(dir, 0); err != nil {
		t.Fatal("a share that nobody uses is kept busy: ", err)
	}
	_, _, err = s.Register("right").Read(t.Context())
	mustFail(t, "read register", err)
	_, err = s.Register("right").Swap(t.Context(), version, []byte("y"))
	mustFail(t, "swap", err)
	mustFail(t, "write blob", s.Blob("east/heartbeat.txt").Write(t.Context(), nil))
	_, err = s.Place(t.Context())
	mustFail(t, "place", err)
	if entries, err := os.ReadDir(dir); err != nil || len(entries) > 0 {
		t.Errorf("something was written below the mount point: %v, %v", entries, err)
	}
	mount()
	if _, _, err := s.Register("right").Read(t.Context()); !errors.Is(err, store.ErrAbsent) {
		t.Errorf("read of another, empty share: %v", err)
	}
	if again, err := s.Place(t.Context()); err != nil || again == place {
		t.Errorf("place of another share: %d, %v; it was %d", again, err, place)
	}
}

func mountedSpec(dir string) *store.Spec {
	spec := store.Folder(dir)
	spec.Params["mounted"] = "true"
	return spec
}

// TestFolderThatIsReplaced removes the folder that a call has opened.
func TestFolderThatIsReplaced(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "share")
	if err := os.Mkdir(dir, 0o750); err != nil {
		t.Fatal(err)
	}
	s := openFolder(t, dir)
	root, _, err := s.enter()
	if err != nil {
		t.Fatal(err)
	}
	defer root.Close()
	if err := os.Remove(dir); err != nil {
		t.Fatal(err)
	}
	_, err = (&register{s, "web"}).newest(root)
	if err == nil || errors.Is(err, store.ErrAbsent) {
		t.Errorf("register: %v; want an error that does not say absent", err)
	}
	_, err = (&blob{s, "web"}).read(root)
	if err == nil || errors.Is(err, store.ErrAbsent) {
		t.Errorf("blob: %v; want an error that does not say absent", err)
	}
}
