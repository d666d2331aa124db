package share_test

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"stead/internal/lab/share"
	"stead/internal/lab/share/sharetest"
)

func TestMain(m *testing.M) { sharetest.Main(m) }

const patience = 30 * time.Second

func write(t *testing.T, name, text string) {
	t.Helper()
	if err := os.WriteFile(name, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
}

func wantText(t *testing.T, name, text string) {
	t.Helper()
	if got, err := os.ReadFile(name); err != nil || string(got) != text {
		t.Errorf("%s holds %q, %v; want %q", name, got, err, text)
	}
}

// two are the paths of one name in two mounts.
func two(s *sharetest.Share, name string) (a, b string) {
	return filepath.Join(s.Sites[0].At(), name), filepath.Join(s.Sites[1].At(), name)
}

func TestWhatOneSiteDoesTheOtherSees(t *testing.T) {
	s := sharetest.New(t, 2)
	dirA, dirB := two(s, "east")
	if err := os.Mkdir(dirA, 0o755); err != nil {
		t.Fatal(err)
	}
	a, b := filepath.Join(dirA, "heartbeat.txt"), filepath.Join(dirB, "heartbeat.txt")
	for _, text := range []string{"one", "two, which is longer", "3"} {
		write(t, a, text)
		wantText(t, b, text)
		write(t, a+".new", text+" renamed")
		if err := os.Rename(a+".new", a); err != nil {
			t.Fatal(err)
		}
		wantText(t, b, text+" renamed")
	}
	if entries, err := os.ReadDir(dirB); err != nil || len(entries) != 1 || entries[0].Name() != "heartbeat.txt" {
		t.Errorf("listed %v, %v", entries, err)
	}
	if dir, err := os.Open(dirA); err != nil || errors.Join(dir.Sync(), dir.Close()) != nil {
		t.Error("a directory cannot be synced")
	}
	if err := os.Remove(b); err != nil {
		t.Fatal(err)
	}
	if _, err := os.ReadFile(a); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("what the other site has removed can be read: %v", err)
	}
}

// Of two that rename the same file, each to a name of its own, or create it
// exclusively, one succeeds.
func TestRenameIsCompareAndSwap(t *testing.T) {
	s := sharetest.New(t, 2)
	a, b := two(s, "0")
	if file, err := os.OpenFile(a, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o644); err != nil || file.Close() != nil {
		t.Fatal(err)
	}
	if _, err := os.OpenFile(b, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o644); !errors.Is(err, os.ErrExist) {
		t.Fatalf("both have created the file: %v", err)
	}
	from := "0"
	for i := range 100 {
		results := make(chan error, 2)
		rename := func(site int) error {
			return os.Rename(filepath.Join(s.Sites[site].At(), from), filepath.Join(s.Sites[site].At(), fmt.Sprintf("%d-by-%d", i, site)))
		}
		go func() { results <- rename(1) }()
		mine := rename(0)
		other := <-results
		if (mine == nil) == (other == nil) {
			t.Fatalf("rename %d: %v and %v, want one to succeed", i, mine, other)
		}
		if failed := errors.Join(mine, other); !errors.Is(failed, os.ErrNotExist) {
			t.Fatalf("rename %d: %v", i, failed)
		}
		winner := 0
		if mine != nil {
			winner = 1
		}
		from = fmt.Sprintf("%d-by-%d", i, winner)
		if entries, err := os.ReadDir(s.Dir); err != nil || len(entries) != 1 || entries[0].Name() != from {
			t.Fatalf("rename %d: there is %v, %v; want %s", i, entries, err, from)
		}
	}
}

func TestUnreachable(t *testing.T) {
	s := sharetest.New(t, 2)
	a, b := two(s, "f")
	write(t, a, "x")
	const delay = 30 * time.Millisecond
	s.Set(t, 0, share.Faults{Fail: syscall.EIO, Delay: delay})
	begin := time.Now()
	if _, err := os.ReadFile(a); !errors.Is(err, syscall.EIO) {
		t.Errorf("read: %v", err)
	}
	if took := time.Since(begin); took < delay {
		t.Errorf("the error came after %v, want %v at least", took, delay)
	}
	if err := os.WriteFile(a, []byte("y"), 0o644); !errors.Is(err, syscall.EIO) {
		t.Errorf("write: %v", err)
	}
	if err := os.Rename(a, a+"2"); !errors.Is(err, syscall.EIO) {
		t.Errorf("rename: %v", err)
	}
	wantText(t, b, "x")
	s.Set(t, 0, share.Faults{})
	wantText(t, a, "x")
}

// What hangs takes place when the fault ends, however late.
func TestHang(t *testing.T) {
	s := sharetest.New(t, 2)
	a, b := two(s, "f")
	write(t, a, "x")
	s.Set(t, 0, share.Faults{Hang: share.Writes})
	wantText(t, a, "x")
	done := make(chan error, 1)
	go func() { done <- os.Rename(a, a+"2") }()
	select {
	case err := <-done:
		t.Fatalf("the rename did not hang: %v", err)
	case <-time.After(50 * time.Millisecond):
	}
	wantText(t, b, "x")
	s.Set(t, 0, share.Faults{})
	select {
	case err := <-done:
		if err != nil {
			t.Fatal(err)
		}
	case <-time.After(patience):
		t.Fatal("the rename still hangs")
	}
	wantText(t, b+"2", "x")
}

// A program that is killed while it hangs ends.
func TestKilledWhileItHangs(t *testing.T) {
	s := sharetest.New(t, 1)
	name := filepath.Join(s.Sites[0].At(), "f")
	write(t, name, "x")
	s.Set(t, 0, share.Faults{Hang: share.Reads})
	cmd := exec.Command("cat", name)
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() { ended <- cmd.Wait() }()
	select {
	case err := <-ended:
		t.Fatalf("it did not hang: %v", err)
	case <-time.After(50 * time.Millisecond):
	}
	_ = cmd.Process.Kill()
	select {
	case <-ended:
	case <-time.After(patience):
		t.Fatal("it cannot be killed")
	}
}

func TestStale(t *testing.T) {
	s := sharetest.New(t, 2)
	a, b := two(s, "f")
	write(t, a, "old")
	s.Set(t, 1, share.Faults{Stale: true})
	write(t, a, "new")
	write(t, a+"2", "another")
	wantText(t, b, "old")
	if _, err := os.Stat(b + "2"); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("a new name is seen: %v", err)
	}
	if err := os.Remove(a); err != nil {
		t.Fatal(err)
	}
	wantText(t, b, "old")
	// The server knows better: what is stale is only what is read.
	if err := os.Rename(b, b+"3"); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("renamed what is gone: %v", err)
	}
	write(t, b+"4", "mine")
	wantText(t, b+"4", "mine")
	wantText(t, a+"4", "mine")
	s.Set(t, 1, share.Faults{})
	wantText(t, b+"2", "another")
	if _, err := os.Stat(b); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("the old name is still seen: %v", err)
	}
}

func TestTorn(t *testing.T) {
	s := sharetest.New(t, 2)
	a, b := two(s, "f")
	s.Set(t, 0, share.Faults{Torn: true})
	write(t, a, "12345678")
	wantText(t, b, "1234")
	s.Set(t, 0, share.Faults{Torn: true, TornFor: 20 * time.Millisecond})
	write(t, a+".new", "abcdefgh")
	if err := os.Rename(a+".new", a); err != nil {
		t.Fatal(err)
	}
	for end := time.Now().Add(patience); ; time.Sleep(time.Millisecond) {
		text, err := os.ReadFile(b)
		if err != nil || !strings.HasPrefix("abcdefgh", string(text)) || time.Now().After(end) {
			t.Fatalf("%q, %v", text, err)
		}
		if string(text) == "abcdefgh" {
			return
		}
	}
}

func TestReadOnly(t *testing.T) {
	s := sharetest.New(t, 1)
	name := filepath.Join(s.Sites[0].At(), "f")
	write(t, name, "x")
	s.Set(t, 0, share.Faults{ReadOnly: true})
	wantText(t, name, "x")
	for what, err := range map[string]error{
		"write": os.WriteFile(name, nil, 0o644), "create": os.Mkdir(name+"d", 0o755), "remove": os.Remove(name), "rename": os.Rename(name, name+"2"),
	} {
		if !errors.Is(err, syscall.EROFS) {
			t.Errorf("%s: %v", what, err)
		}
	}
}

// A mount goes away though a file in it is open and somebody hangs in it.
func TestCloseInUse(t *testing.T) {
	dir, at := t.TempDir(), t.TempDir()
	write(t, filepath.Join(dir, "f"), "x")
	m, err := share.New(dir, at, nil)
	if err != nil {
		t.Fatal(err)
	}
	if err := m.Set(share.Faults{Hang: share.Reads}); err != nil {
		t.Fatal(err)
	}
	hung := make(chan struct{})
	go func() {
		_, _ = os.ReadFile(filepath.Join(at, "f"))
		close(hung)
	}()
	if err := m.Close(); err != nil {
		t.Fatal(err)
	}
	select {
	case <-hung:
	case <-time.After(patience):
		t.Fatal("who hung still hangs")
	}
	var st unix.Statfs_t
	if err := unix.Statfs(at, &st); err != nil || st.Type == unix.FUSE_SUPER_MAGIC {
		t.Errorf("the mount is left: %v", err)
	}
}
