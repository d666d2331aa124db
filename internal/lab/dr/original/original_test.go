package original

import (
	"context"
	"os"
	"path/filepath"
	"strconv"
	"testing"
	"time"
)

// written waits until a file is there.
func written(t *testing.T, name string, limit time.Duration) bool {
	t.Helper()
	for end := time.Now().Add(limit); time.Now().Before(end); time.Sleep(time.Millisecond) {
		if _, err := os.Stat(name); err == nil {
			return true
		}
	}
	return false
}

// site starts a site whose workload makes a file.
func site(t *testing.T, opt Options) (started string, stop func()) {
	t.Helper()
	started = filepath.Join(t.TempDir(), "started")
	opt.Command = []string{"sh", "-c", "touch '" + started + "'; exec sleep 60"}
	opt.Beat, opt.Flatline = 100*time.Millisecond, 2*time.Second
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan struct{})
	go func() { defer close(done); _ = Run(ctx, opt) }()
	stop = func() { cancel(); <-done }
	t.Cleanup(stop)
	return started, stop
}

const (
	soon = 30 * time.Second
	long = 3 * time.Second // more than the flatline
)

func TestTakesOverAndThenBothRun(t *testing.T) {
	folder := t.TempDir()
	a, stop := site(t, Options{Folder: folder, This: "a", That: "b", Preferred: true})
	if !written(t, a, soon) || !written(t, heartbeat(folder, "a"), soon) {
		t.Fatal("the preferred site does not start")
	}
	b, _ := site(t, Options{Folder: folder, This: "b", That: "a"})
	if written(t, b, long) {
		t.Fatal("the other site has started beside a live one")
	}
	stop()
	if !written(t, b, soon) {
		t.Fatal("the other site does not start when the first has ended")
	}
	returned, _ := site(t, Options{Folder: folder, This: "a", That: "b", Preferred: true})
	if !written(t, returned, soon) {
		t.Fatal("the preferred site looks before it starts: that is not the construction")
	}
}

func TestClocksDecide(t *testing.T) {
	folder := t.TempDir()
	if err := os.MkdirAll(filepath.Dir(heartbeat(folder, "a")), 0o755); err != nil {
		t.Fatal(err)
	}
	b, _ := site(t, Options{Folder: folder, This: "b", That: "a"})
	behind := ticks(time.Now().Add(-time.Hour)) // of a site that lives, and whose clock is behind
	if err := os.WriteFile(heartbeat(folder, "a"), strconv.AppendInt(nil, behind, 10), 0o644); err != nil {
		t.Fatal(err)
	}
	if !written(t, b, soon) {
		t.Fatal("a site does not start beside one whose clock is an hour behind: that is not the construction")
	}
}
