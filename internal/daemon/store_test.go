package daemon

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"stead/internal/config"
	"stead/internal/core"
	"stead/internal/testns"
)

const patience = 10 * time.Second

// opened is a daemon with nothing but a store, and what it logs.
func opened(t testing.TB, dir string) (*Daemon, *strings.Builder, error) {
	t.Helper()
	var said strings.Builder
	d := &Daemon{cfg: &config.Config{Self: "n0"}, log: slog.New(slog.NewTextHandler(&said, nil))}
	d.cfg.State.Dir = dir
	err := d.openStore()
	return d, &said, err
}

// What was put is there after a restart; a ceiling never falls.
func TestStoreOutlivesARestart(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "not", "there", "yet")
	d, said, err := opened(t, dir)
	if err != nil || said.Len() > 0 {
		t.Fatal(err, said)
	}
	d.store.put("web", &core.Persist{EpochCeiling: 64})
	d.store.put("web", &core.Persist{EpochCeiling: 32})
	d.store.put("db", &core.Persist{EpochCeiling: 7})
	d.store.put("", &core.Persist{Group: core.AllGroups, HeldOff: true})
	d.store.flush()
	again, _, err := opened(t, dir)
	if err != nil {
		t.Fatal(err)
	}
	if got := again.store.ceilings(); got["web"] != 64 || got["db"] != 7 || len(got) != 2 || !again.store.state.Drained {
		t.Errorf("%+v", again.store.state)
	}
	files, err := os.ReadDir(dir)
	if err != nil || len(files) != 1 || files[0].Name() != "state.json" {
		t.Errorf("in the directory: %v, %v", files, err)
	}
}

// A damaged file is not taken for an empty one: its epochs were used.
func TestDamagedStore(t *testing.T) {
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "state.json"), []byte(`{"epoch_ceil`), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, _, err := opened(t, dir); err == nil || !strings.Contains(err.Error(), "is damaged") || !strings.Contains(err.Error(), "move it away") {
		t.Errorf("%v", err)
	}
}

// A disk that takes nothing is complained of once, until it has taken something.
func TestStoreComplainsOnce(t *testing.T) {
	dir := t.TempDir()
	mount(t, dir, "size=8k")
	d, _, err := opened(t, dir)
	if err != nil {
		t.Fatal(err)
	}
	ballast := filepath.Join(dir, "ballast")
	full := func() {
		if err := os.WriteFile(ballast, make([]byte, 1<<20), 0o600); !errors.Is(err, syscall.ENOSPC) {
			t.Fatal("the disk is not full: ", err)
		}
	}
	complaints := make(chan error, 16)
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan struct{})
	go func() { defer close(ended); d.store.run(ctx, func(err error) { complaints <- err }) }()
	defer func() { cancel(); <-ended }()
	epoch := uint64(0)
	put := func() {
		epoch++
		d.store.put("web", &core.Persist{EpochCeiling: epoch})
		testns.Eventually(t, patience, "it was tried", func() bool { return len(d.store.wake) == 0 })
	}
	for range 2 {
		full()
		for range 3 {
			put()
		}
		select {
		case err := <-complaints:
			if !strings.Contains(err.Error(), "store in "+dir+": no space left on device") {
				t.Errorf("%v", err)
			}
		case <-time.After(patience):
			t.Fatal("nothing was said of a full disk")
		}
		if err := os.Remove(ballast); err != nil {
			t.Fatal(err)
		}
		put()
		testns.Eventually(t, patience, "it is stored", func() bool {
			text, err := os.ReadFile(filepath.Join(dir, "state.json"))
			return err == nil && strings.Contains(string(text), fmt.Sprintf(`"web": %d`, epoch))
		})
	}
	if n := len(complaints); n != 0 {
		t.Errorf("%d further complaints, the first: %v", n, <-complaints)
	}
}

func mount(t testing.TB, dir, options string) {
	t.Helper()
	if err := syscall.Mount("tmpfs", dir, "tmpfs", 0, options); err != nil {
		testns.Lacking(t, "CAP_SYS_ADMIN to mount a small disk", err)
	}
	t.Cleanup(func() { _ = syscall.Unmount(dir, syscall.MNT_DETACH) })
}
